use super::events::*;
use crate::event::Aggregate;
use crate::ids::UserId;
use crate::text::TextError;

/// What the events of a stream `constraint-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraint {
    pub saved: Option<ConstraintSaved>,
    pub removed: bool,
}

impl Aggregate for Constraint {
    type Event = ConstraintEvent;

    fn evolve(mut self, event: &ConstraintEvent) -> Self {
        match event {
            ConstraintEvent::ConstraintSaved(saved) => self.saved = Some(saved.clone()),
            ConstraintEvent::ConstraintRemoved(_) => self.removed = true,
        }
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintRefusal {
    #[error("there is no such constraint in this business")]
    NotFound,
    #[error("the constraint was removed")]
    Removed,
    #[error("a constraint about {was} plans cannot become one about {now} plans")]
    OtherFamily { was: PlanFamily, now: PlanFamily },
    #[error(transparent)]
    Text(#[from] TextError),
    /// The limit cannot be kept by any plan, or is none.
    #[error("{reason}")]
    Limit { reason: String },
    #[error("{kept} constraints are kept; at most {bound} may be")]
    TooMany { kept: usize, bound: usize },
    #[error("a constraint is set by a person or an API key")]
    NotAPerson,
}

/// Keeps a constraint, or changes one; saving what is kept already changes nothing.
pub fn save(constraint: &Constraint, saved: ConstraintSaved) -> Result<Vec<ConstraintEvent>, ConstraintRefusal> {
    match constraint {
        Constraint { removed: true, .. } => Err(ConstraintRefusal::Removed),
        Constraint { saved: Some(was), .. } if was.family != saved.family => {
            Err(ConstraintRefusal::OtherFamily { was: was.family, now: saved.family })
        }
        Constraint { saved: Some(was), .. } if was.limit == saved.limit && was.says.value() == saved.says.value() => {
            Ok(vec![])
        }
        _ => Ok(vec![saved.into()]),
    }
}

pub fn remove(constraint: &Constraint, by: UserId) -> Result<Vec<ConstraintEvent>, ConstraintRefusal> {
    match constraint {
        Constraint { saved: None, .. } => Err(ConstraintRefusal::NotFound),
        Constraint { removed: true, .. } => Ok(vec![]),
        _ => Ok(vec![ConstraintRemoved { removed_by: by }.into()]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::ids::ConstraintId;
    use crate::personal::Personal;

    fn by() -> UserId {
        UserId::from(Uuid::nil())
    }

    fn saved(family: PlanFamily, says: &str) -> ConstraintSaved {
        ConstraintSaved {
            constraint_id: ConstraintId::from(Uuid::nil()),
            family,
            says: Personal::of(by(), says.to_owned()),
            limit: json!({"kind": "total", "atMost": 5000.0}),
            saved_by: by(),
        }
    }

    fn given(events: &[ConstraintEvent]) -> Constraint {
        events.iter().fold(Constraint::default(), |state, event| state.evolve(event))
    }

    #[test]
    fn saving_the_same_again_changes_nothing() {
        let first = saved(PlanFamily::Budget, "Never more than USD 5,000 on ads");
        assert_eq!(save(&Constraint::default(), first.clone()), Ok(vec![first.clone().into()]));
        assert_eq!(save(&given(&[first.clone().into()]), first.clone()), Ok(vec![]));
        let other = saved(PlanFamily::Budget, "At most 5,000 on ads");
        assert_eq!(save(&given(&[first.into()]), other.clone()), Ok(vec![other.into()]));
    }

    #[test]
    fn a_constraint_keeps_its_family_and_its_end() {
        let first: ConstraintEvent = saved(PlanFamily::Budget, "a").into();
        let refused = save(&given(std::slice::from_ref(&first)), saved(PlanFamily::Roster, "a"));
        assert_eq!(refused, Err(ConstraintRefusal::OtherFamily { was: PlanFamily::Budget, now: PlanFamily::Roster }));
        let removed: ConstraintEvent = ConstraintRemoved { removed_by: by() }.into();
        let gone = given(&[first, removed]);
        assert_eq!(save(&gone, saved(PlanFamily::Budget, "a")), Err(ConstraintRefusal::Removed));
        assert_eq!(remove(&gone, by()), Ok(vec![]));
        assert_eq!(remove(&Constraint::default(), by()), Err(ConstraintRefusal::NotFound));
    }
}
