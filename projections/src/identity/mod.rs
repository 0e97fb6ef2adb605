//! The business, its people, invitations, API keys and sessions.

mod projector;
mod queries;

pub use projector::IdentityProjector;
pub use queries::*;
