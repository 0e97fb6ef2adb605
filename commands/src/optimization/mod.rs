//! What to order, whom to schedule, where to spend; and the constraints that plans must keep.

mod accept;
mod calendar;
mod constraints;
mod family;
mod from_metrics;
mod plan;
mod scenario;
mod today;

pub use accept::{AcceptPlanRefusal, FollowPlan};
pub use calendar::{PlanCalendar, ShiftTimes};
pub use constraints::SaveConstraint;
pub use dyocense_optimization::business::{Difference, Term, compare};
pub use dyocense_optimization::lp::Status;
pub use family::family_name;
pub use from_metrics::{Foreseen, StockTarget, Supposed};
pub use plan::{PlanAnswer, PlanRequest};

pub(crate) use plan::Planning;
