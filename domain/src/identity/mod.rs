//! Who may do what in a business: its people, invitations, API keys and sessions.

mod events;

pub use events::*;
