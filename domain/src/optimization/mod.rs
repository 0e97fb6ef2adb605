//! The constraints that every plan of a business must keep, in the words of whoever set them.

mod decide;
mod events;

pub use decide::*;
pub use events::*;
