//! Runs of the engines: asked for, worked on in the background, answered. A run's answer is a fact with all that made
//! it: what was asked, the position of the history it read, the method's version and the seed.

mod decide;
mod events;
mod state;

pub use decide::*;
pub use events::*;
pub use state::*;
