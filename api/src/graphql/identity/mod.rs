//! A business, its people, invitations, API keys and sessions.

mod api_key_mutations;
pub mod load;
mod mutations;
mod people_mutations;
mod queries;
mod types;

pub use api_key_mutations::ApiKeysMutation;
pub use mutations::IdentityMutation;
pub use people_mutations::PeopleMutation;
pub use queries::IdentityQuery;
pub use types::*;
