//! What people are told without asking: alerts of goals, as a feed.

mod projector;
mod queries;

pub use projector::NotificationsProjector;
pub use queries::*;
