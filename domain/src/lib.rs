//! Events, deciders and value types of every context. Pure: no I/O, no clock, no randomness.
//!
//! Each context is a folder: `events.rs` holds what happened, `decide.rs` the rules that turn a command into
//! events, `state.rs` what the events add up to.

pub mod clock;
pub mod connectors;
pub mod event;
pub mod evidence;
pub mod forecasting;
pub mod goals;
pub mod identity;
pub mod ids;
pub mod metrics;
pub mod optimization;
pub mod personal;
pub mod runs;
pub mod text;
pub mod time_zone;

pub use clock::{Clock, ManualClock};
pub use personal::Personal;

#[cfg(test)]
mod golden_tests;
