//! Metrics and their points.

mod leaf;
mod points;
mod projector;
mod queries;

pub use projector::MetricsProjector;
pub use queries::*;
