//! Global ids: opaque to clients, unique over all types.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The types that `node(id)` finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Business,
    User,
    Invitation,
    ApiKey,
    Metric,
    Import,
    Upload,
    Goal,
    Milestone,
    Run,
    Constraint,
    Occasion,
    CausalModel,
    Event,
}

impl Kind {
    const ALL: [Kind; 14] = [
        Kind::Business,
        Kind::User,
        Kind::Invitation,
        Kind::ApiKey,
        Kind::Metric,
        Kind::Import,
        Kind::Upload,
        Kind::Goal,
        Kind::Milestone,
        Kind::Run,
        Kind::Constraint,
        Kind::Occasion,
        Kind::CausalModel,
        Kind::Event,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::Business => "Business",
            Kind::User => "User",
            Kind::Invitation => "Invitation",
            Kind::ApiKey => "ApiKey",
            Kind::Metric => "Metric",
            Kind::Import => "Import",
            Kind::Upload => "Upload",
            Kind::Goal => "Goal",
            Kind::Milestone => "Milestone",
            Kind::Run => "Run",
            Kind::Constraint => "Constraint",
            Kind::Occasion => "Occasion",
            Kind::CausalModel => "CausalModel",
            Kind::Event => "Event",
        }
    }

    pub fn id(self, uuid: impl Into<Uuid>) -> ID {
        ID(URL_SAFE_NO_PAD.encode(format!("{}:{}", self.name(), uuid.into().simple())))
    }
}

/// What an id names, if it is one of ours.
pub fn parse(id: &str) -> Option<(Kind, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (name, uuid) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
    Some((kind, Uuid::try_parse(uuid).ok()?))
}

/// The id of a thing of one type as an argument. An id that is none of ours, or of another type, names nothing, which
/// is what the caller is told; whether it exists elsewhere is not.
pub fn of<T: From<Uuid>>(kind: Kind, id: &ID) -> Option<T> {
    parse(id).filter(|(found, _)| *found == kind).map(|(_, uuid)| T::from(uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_type() {
        let uuid = Uuid::now_v7();
        for kind in Kind::ALL {
            assert_eq!(parse(&kind.id(uuid)), Some((kind, uuid)));
        }
        assert_eq!(of::<Uuid>(Kind::Goal, &Kind::Metric.id(uuid)), None);
    }

    #[test]
    fn other_texts_name_nothing() {
        let long = "A".repeat(10_000);
        let foreign = URL_SAFE_NO_PAD.encode("Goal:not-a-uuid");
        for text in ["", "1", "\0", "R29hbA", &foreign, &long, "🦀", "../../etc/passwd", "' or 1=1 --"] {
            assert_eq!(parse(text), None);
        }
    }
}
