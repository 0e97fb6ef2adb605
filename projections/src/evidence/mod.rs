//! Occasions of a business, and its models of what causes what.

mod projector;
mod queries;

pub use projector::EvidenceProjector;
pub use queries::*;
