//! Runs of the engines in the background: asked for by a command, queued fairly among businesses, worked on off the
//! async threads, shown while they go on, stopped when asked.

mod analysis;
mod control;
mod request;
mod worker;

pub(crate) use analysis::{Analysis, analysis};
pub use analysis::{Computed, Gathered, NoAnswer};
pub(crate) use control::Going;
pub use control::{Control, Progress, Search};
