//! What was noticed about metrics without anybody asking.

mod projector;
mod queries;

pub use projector::ForecastingProjector;
pub use queries::*;
