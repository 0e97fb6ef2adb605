//! What to order, whom to schedule, where to spend; and the constraints that plans must keep.

mod constraints;
mod plan;

pub use constraints::SaveConstraint;
pub use dyocense_optimization::business::{Difference, Term, compare};
pub use dyocense_optimization::lp::Status;
pub use plan::{PlanAnswer, PlanRequest};

pub(crate) use plan::Planning;
