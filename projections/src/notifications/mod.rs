//! What people are told without asking: alerts of goals, and what was noticed about metrics, as a feed.

mod projector;
mod queries;

pub use projector::NotificationsProjector;
pub use queries::*;
