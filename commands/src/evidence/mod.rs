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
pub use dyocense_evidence::explain::change::{Factor, Verdict};
pub use dyocense_evidence::questions::{Background, CausalEdge, EdgeSource, Edit, EditKind};
pub use graph::{GraphAnswer, GraphRequest};
pub use intervention::{GoalOutlook, GoalScenario, InterventionAnswer, InterventionRequest};
pub use model::{EditDraft, Learning, ModelDraft, ModelRefusal};
pub use parts::SalesParts;

pub(crate) use change::ChangeExplaining;
pub(crate) use graph::GraphLearning;
pub(crate) use intervention::Simulating;

const READ_MODELS_WAIT: Duration = Duration::from_secs(10);

/// Refuses a key that is no metric of a model.
fn in_model(key: &str, keys: &[String]) -> Result<(), EvidenceRefusal> {
    match keys.iter().any(|known| known == key) {
        true => Ok(()),
        false => Err(EvidenceRefusal::NotInModel { key: key.to_owned(), known: keys.join(", ") }),
    }
}

/// Recorded with every answer; raised when the same input would be answered otherwise.
const METHOD: &str = concat!("dyocense-evidence ", env!("CARGO_PKG_VERSION"));
