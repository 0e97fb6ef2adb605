//! Who may do what in a business: its people, invitations, API keys and sessions.

mod decide;
mod events;
mod state;

pub use decide::*;
pub use events::*;
pub use state::*;
