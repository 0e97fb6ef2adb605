//! Why a number changed, and what would happen if something else were changed.
//!
//! The calendar is separated first. Then the effect of each candidate factor is learnt from the time
//! *before* the change only: a factor that merely began to move at the same time as the number
//! cannot earn evidence from that coincidence.

pub mod business;
pub mod calendar;
pub mod change;
pub mod history;
mod not_testable;
pub mod simulation;
