//! Why metrics changed, what would happen if, what causes what.

mod mutations;
mod types;

pub use mutations::EvidenceMutation;
pub use types::{CausalGraph, ChangeExplanation, Intervention};
