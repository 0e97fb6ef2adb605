//! Why metrics changed, what would happen if, what causes what.

pub mod load;
mod models;
mod mutations;
mod occasion_mutations;
mod occasions;
mod queries;
mod types;

pub use models::CausalModel;
pub use mutations::EvidenceMutation;
pub use occasion_mutations::OccasionMutation;
pub use queries::EvidenceQuery;
pub use types::{CausalGraph, ChangeExplanation, Intervention};
