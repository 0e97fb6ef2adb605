//! A business, its people, invitations, API keys and sessions.

pub mod load;
mod mutations;
mod queries;
mod types;

pub use mutations::IdentityMutation;
pub use queries::IdentityQuery;
pub use types::*;
