//! Why a metric changed, what would happen if, and what causes what.

mod change;
mod graph;
mod intervention;
mod model;
mod occasions;
mod parts;
mod table;
mod words;

pub use change::{ChangeAnswer, ChangeRequest, OccasionSource, SeriesSource};
use std::time::Duration;

use dyocense_domain::evidence::EvidenceRefusal;
use dyocense_eventlog::Idempotency;
pub use dyocense_evidence::explain::change::{Factor, Verdict};
pub use dyocense_evidence::questions::{Background, CausalEdge, EdgeSource, Edit, EditKind};
pub use graph::{GraphAnswer, GraphRequest};
pub use intervention::{GoalOutlook, GoalScenario, InterventionAnswer, InterventionRequest};
pub use model::{EditDraft, Learning, ModelDraft, ModelRefusal};
pub use parts::SalesParts;

pub(crate) use change::ChangeExplaining;
pub(crate) use graph::GraphLearning;
pub(crate) use intervention::Simulating;

use crate::caller::Caller;

const READ_MODELS_WAIT: Duration = Duration::from_secs(10);

/// The caller in a later step of the same request, under a key of its own.
fn step(caller: &Caller, name: &str) -> Caller {
    let mut caller = caller.clone();
    if let Some(Idempotency { key, .. }) = &mut caller.idempotency {
        *key = format!("{key}:{name}");
    }
    caller
}

/// Refuses a key that is no metric of a model.
fn in_model(key: &str, keys: &[String]) -> Result<(), EvidenceRefusal> {
    match keys.iter().any(|known| known == key) {
        true => Ok(()),
        false => Err(EvidenceRefusal::NotInModel { key: key.to_owned(), known: keys.join(", ") }),
    }
}

/// Recorded with every answer; raised when the same input would be answered otherwise.
const METHOD: &str = concat!("dyocense-evidence ", env!("CARGO_PKG_VERSION"));
