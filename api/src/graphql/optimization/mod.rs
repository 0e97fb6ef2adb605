//! What to order, whom to schedule, where to spend.

mod constraints;
mod mutations;
mod queries;
mod types;

pub use mutations::OptimizationMutation;
pub use queries::OptimizationQuery;
pub use types::PlanReport;
