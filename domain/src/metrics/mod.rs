//! Numbers that a business follows over time.

mod events;

pub use events::*;
