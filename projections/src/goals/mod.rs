//! Goals, their milestones, progress and revisions.

mod erasure;
mod projector;
mod queries;

pub use projector::GoalsProjector;
pub use queries::*;
