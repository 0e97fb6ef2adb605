//! The constraints of a business's plans.

mod projector;
mod queries;

pub use projector::OptimizationProjector;
pub use queries::*;
