//! What to order, whom to schedule, where to spend.

mod constraints;
mod files;
mod following;
mod inputs;
mod mutations;
mod queries;
mod types;

pub use files::PlanFile;
pub use following::PlanFollowing;
pub use mutations::OptimizationMutation;
pub use queries::OptimizationQuery;
pub use types::PlanReport;
