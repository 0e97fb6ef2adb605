//! Runs of the engines: what was asked, how it stands, what was answered.

mod projector;
mod queries;

pub use projector::RunsProjector;
pub use queries::*;
