//! SMART goals.

mod goal;
mod inputs;
pub mod load;
mod mutations;
mod queries;
mod subscription;
mod types;

pub use goal::{Goal, Milestone};
pub use mutations::GoalsMutation;
pub use queries::GoalsQuery;
pub use subscription::GoalsSubscription;
pub use types::{Feasibility, GoalStatus, Objective};
