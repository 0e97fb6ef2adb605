//! Why a plan is what it is, and why there is none: prices, ranges, conflicts and repairs.

mod conflict;
mod sensitivity;

pub use conflict::{Conflict, Member, Repair, conflict, repairs};
pub(crate) use sensitivity::sensitivity_from;
pub use sensitivity::{Binding, CostRange, LimitRange, Sensitivity, sensitivity};
