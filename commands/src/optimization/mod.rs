//! What to order, whom to schedule, where to spend; and the constraints that plans must keep.

mod accept;
mod calendar;
mod constraints;
mod from_metrics;
mod plan;
mod scenario;
mod today;

pub use accept::{AcceptPlanRefusal, FollowPlan};
pub use calendar::{PlanCalendar, ShiftTimes};
pub use constraints::SaveConstraint;
pub use dyocense_optimization::business::{Difference, Term, compare};
pub use dyocense_optimization::lp::Status;
pub use from_metrics::{Foreseen, StockTarget, Supposed};
pub use plan::{PlanAnswer, PlanRequest};

pub(crate) use plan::Planning;

use dyocense_domain::runs::RunKind;

/// As the engine calls the family of a run's plan; None: the run makes no plan.
pub fn family_name(kind: RunKind) -> Option<&'static str> {
    use dyocense_domain::optimization::PlanFamily;
    let family = match kind {
        RunKind::Inventory => PlanFamily::Inventory,
        RunKind::Staffing => PlanFamily::Staffing,
        RunKind::Roster => PlanFamily::Roster,
        RunKind::Budget => PlanFamily::Budget,
        _ => return None,
    };
    Some(constraints::name(family))
}
