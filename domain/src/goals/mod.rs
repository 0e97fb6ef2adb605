//! SMART goals: specific, measurable, achievable, relevant, time-bound.

mod assessment;
mod events;
mod plan;

pub use assessment::*;
pub use events::*;
pub use plan::*;
