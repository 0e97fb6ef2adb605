//! Where data comes from: file imports, and what is read from them.

mod events;
pub mod format;

pub use events::*;
