use jiff::civil::Date;

use super::events::*;
use crate::event::Aggregate;
use crate::ids::UserId;
use crate::text::TextError;

/// Days of one occasion.
pub const LONGEST_OCCASION_DAYS: i64 = 366;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceRefusal {
    #[error("there is no such occasion in this business")]
    NoSuchOccasion,
    #[error("there is no such causal model in this business")]
    NoSuchModel,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("the occasion ends on {last}, before it begins on {first}")]
    EndsBeforeItBegins { first: Date, last: Date },
    #[error("an occasion of {days} days: at most {most} are allowed")]
    TooLong { days: i64, most: i64 },
    #[error("{kept} occasions are kept; at most {bound} may be")]
    TooMany { kept: usize, bound: usize },
    #[error("the years {first_year} to {last_year}: from 1990 to 2100, and at most {most} in order, are allowed")]
    Years { first_year: i16, last_year: i16, most: i16 },
    #[error("`{key}` is no metric of this model; there are: {known}")]
    NotInModel { key: String, known: String },
    #[error("a metric is no cause of itself within a day")]
    SameMetric,
    #[error("occasions and edges are set by a person or an API key")]
    NotAPerson,
}

/// What the events of a stream `occasion-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occasion {
    pub recorded: Option<OccasionRecorded>,
    pub removed: bool,
}

impl Aggregate for Occasion {
    type Event = OccasionEvent;

    fn evolve(mut self, event: &OccasionEvent) -> Self {
        match event {
            OccasionEvent::OccasionRecorded(fact) => self.recorded = Some(fact.clone()),
            OccasionEvent::OccasionRemoved(_) => self.removed = true,
        }
        self
    }
}

/// Records an occasion once.
pub fn record(occasion: &Occasion, fact: OccasionRecorded) -> Result<Vec<OccasionEvent>, EvidenceRefusal> {
    let OccasionRecorded { first, last, .. } = fact;
    if last < first {
        return Err(EvidenceRefusal::EndsBeforeItBegins { first, last });
    }
    let days = i64::from((last - first).get_days()) + 1;
    if days > LONGEST_OCCASION_DAYS {
        return Err(EvidenceRefusal::TooLong { days, most: LONGEST_OCCASION_DAYS });
    }
    match occasion.recorded {
        Some(_) => Ok(vec![]),
        None => Ok(vec![fact.into()]),
    }
}

pub fn remove(occasion: &Occasion, by: UserId) -> Result<Vec<OccasionEvent>, EvidenceRefusal> {
    match occasion {
        Occasion { recorded: None, .. } => Err(EvidenceRefusal::NoSuchOccasion),
        Occasion { removed: true, .. } => Ok(vec![]),
        _ => Ok(vec![OccasionRemoved { removed_by: by }.into()]),
    }
}

/// What the events of a stream `causal_model-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CausalModel {
    pub defined: Option<CausalModelDefined>,
    /// In the order in which they were made.
    pub edits: Vec<CausalEdgeEdited>,
}

impl Aggregate for CausalModel {
    type Event = CausalModelEvent;

    fn evolve(mut self, event: &CausalModelEvent) -> Self {
        match event {
            CausalModelEvent::CausalModelDefined(fact) => self.defined = Some(fact.clone()),
            CausalModelEvent::CausalEdgeEdited(fact) => self.edits.push(fact.clone()),
        }
        self
    }
}

impl CausalModel {
    /// The edits that stand: the last of each pair of metrics, without those that were taken back.
    pub fn standing(&self) -> Vec<&CausalEdgeEdited> {
        let pair = |edit: &CausalEdgeEdited| {
            let (a, b) = (edit.from.clone(), edit.to.clone());
            if a <= b { (a, b) } else { (b, a) }
        };
        let last = |i: usize| !self.edits[i + 1..].iter().any(|later| pair(later) == pair(&self.edits[i]));
        self.edits
            .iter()
            .enumerate()
            .filter(|(i, edit)| last(*i) && edit.edit != EdgeEdit::Reset)
            .map(|(_, edit)| edit)
            .collect()
    }
}

/// Defines a model, or changes how it is learnt; the same again changes nothing.
pub fn define(model: &CausalModel, fact: CausalModelDefined) -> Vec<CausalModelEvent> {
    let same = |was: &CausalModelDefined| CausalModelDefined { defined_by: fact.defined_by, ..was.clone() } == fact;
    match &model.defined {
        Some(was) if same(was) => vec![],
        _ => vec![fact.into()],
    }
}

/// Lays a person's decision over the model; one that stands already changes nothing. `keys` are those of its metrics.
pub fn edit(
    model: &CausalModel,
    keys: &[String],
    fact: CausalEdgeEdited,
) -> Result<Vec<CausalModelEvent>, EvidenceRefusal> {
    if model.defined.is_none() {
        return Err(EvidenceRefusal::NoSuchModel);
    }
    for key in [&fact.from, &fact.to] {
        if !keys.contains(key) {
            return Err(EvidenceRefusal::NotInModel { key: key.clone(), known: keys.join(", ") });
        }
    }
    if fact.from == fact.to {
        return Err(EvidenceRefusal::SameMetric);
    }
    match model.standing().contains(&&fact) {
        true => Ok(vec![]),
        false => Ok(vec![fact.into()]),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use crate::ids::{CausalModelId, OccasionId};
    use crate::personal::Personal;

    fn by() -> UserId {
        UserId::from(Uuid::nil())
    }

    fn sale(first: Date, last: Date) -> OccasionRecorded {
        OccasionRecorded {
            occasion_id: OccasionId::from(Uuid::nil()),
            kind: OccasionKind::Promotion,
            name: "Summer sale".into(),
            first,
            last,
            recorded_by: by(),
        }
    }

    fn edited(from: &str, to: &str, edit: EdgeEdit) -> CausalEdgeEdited {
        let reason = Personal::of(by(), "we know".to_owned());
        CausalEdgeEdited { from: from.into(), to: to.into(), edit, reason, edited_by: by() }
    }

    fn defined() -> CausalModelDefined {
        CausalModelDefined {
            model_id: CausalModelId::from(Uuid::nil()),
            metrics: vec![],
            max_lag: 3,
            alpha: 0.05,
            repeats: 0,
            background: CausalBackground::default(),
            seed: 1,
            defined_by: by(),
        }
    }

    fn model(events: &[CausalModelEvent]) -> CausalModel {
        events.iter().fold(CausalModel::default(), |model, event| model.evolve(event))
    }

    #[test]
    fn an_occasion_ends_after_it_begins_and_within_a_year() {
        let none = Occasion::default();
        let fine = sale(date(2026, 7, 1), date(2026, 7, 1));
        assert_eq!(record(&none, fine.clone()), Ok(vec![fine.into()]));
        let backwards = record(&none, sale(date(2026, 7, 2), date(2026, 7, 1)));
        assert!(matches!(backwards, Err(EvidenceRefusal::EndsBeforeItBegins { .. })));
        let endless = record(&none, sale(date(2026, 1, 1), date(2027, 1, 2)));
        assert_eq!(endless, Err(EvidenceRefusal::TooLong { days: 367, most: 366 }));
    }

    #[test]
    fn an_occasion_is_removed_once() {
        let fact: OccasionEvent = sale(date(2026, 7, 1), date(2026, 7, 9)).into();
        let there = Occasion::default().evolve(&fact);
        let removed: OccasionEvent = OccasionRemoved { removed_by: by() }.into();
        assert_eq!(remove(&there, by()), Ok(vec![removed.clone()]));
        assert_eq!(remove(&there.evolve(&removed), by()), Ok(vec![]));
        assert_eq!(remove(&Occasion::default(), by()), Err(EvidenceRefusal::NoSuchOccasion));
    }

    #[test]
    fn the_later_edit_of_a_pair_stands_and_a_reset_takes_it_back() {
        let events = [
            edited("ads", "sales", EdgeEdit::Confirm).into(),
            edited("rain", "sales", EdgeEdit::Remove).into(),
            edited("sales", "ads", EdgeEdit::Remove).into(),
            edited("rain", "sales", EdgeEdit::Reset).into(),
        ];
        let standing: Vec<(String, EdgeEdit)> =
            model(&events).standing().iter().map(|edit| (edit.from.clone(), edit.edit)).collect();
        assert_eq!(standing, [("sales".to_owned(), EdgeEdit::Remove)]);
    }

    #[test]
    fn an_edge_joins_metrics_of_the_model() {
        let keys = ["ads".to_owned(), "sales".to_owned()];
        let there = model(&[defined().into()]);
        let fine = edited("ads", "sales", EdgeEdit::Confirm);
        assert_eq!(edit(&there, &keys, fine.clone()), Ok(vec![fine.clone().into()]));
        assert_eq!(edit(&CausalModel::default(), &keys, fine), Err(EvidenceRefusal::NoSuchModel));
        let foreign = edit(&there, &keys, edited("rain", "sales", EdgeEdit::Confirm));
        assert!(matches!(foreign, Err(EvidenceRefusal::NotInModel { key, .. }) if key == "rain"));
        let itself = edit(&there, &keys, edited("ads", "ads", EdgeEdit::Confirm));
        assert_eq!(itself, Err(EvidenceRefusal::SameMetric));
    }

    #[test]
    fn defining_the_same_model_again_changes_nothing() {
        assert_eq!(define(&model(&[defined().into()]), defined()), []);
        let other = CausalModelDefined { alpha: 0.01, ..defined() };
        assert_eq!(define(&model(&[defined().into()]), other.clone()), [other.into()]);
    }
}
