//! Why a metric changed, what would happen if, and what causes what.

mod change;
mod graph;
mod intervention;
mod table;

pub use change::{ChangeAnswer, ChangeRequest};
pub use dyocense_evidence::explain::change::{Factor, Verdict};
pub use dyocense_evidence::questions::{Background, CausalEdge, EdgeSource, Edit, EditKind};
pub use graph::{GraphAnswer, GraphRequest};
pub use intervention::{InterventionAnswer, InterventionRequest};

pub(crate) use change::ChangeExplaining;
pub(crate) use graph::GraphLearning;
pub(crate) use intervention::Simulating;

/// Recorded with every answer; raised when the same input would be answered otherwise.
const METHOD: &str = concat!("dyocense-evidence ", env!("CARGO_PKG_VERSION"));
