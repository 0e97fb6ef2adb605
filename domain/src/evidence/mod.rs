//! What a business knows beside its numbers: occasions that its calendar does not hold (promotions, holidays,
//! closures), and models of what causes what, with what people decided about them.

mod decide;
mod events;

pub use decide::*;
pub use events::*;
