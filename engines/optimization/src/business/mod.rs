//! Problem problems as their owners state them: what to order, whom to schedule, where to spend.
//!
//! Each turns into a model whose rows carry the owner's words, and each has a checker written from
//! the problem, not from the model.

mod answer;
mod budget;
mod heads;
mod inventory;
mod lots;
mod plan;
mod queue;
mod relaxed;
mod roster;
mod rules;
mod staffing;
mod weekday;

pub(crate) use answer::explained;
pub use answer::{Answer, BindingLimit, BindingRule, ConflictMember, Way, WhyNot, solve};
pub use budget::{BudgetPlanProblem, Channel, Goal};
pub use inventory::{InventoryProblem, Product};
pub use plan::{
    Assignment, BudgetPlan, ChannelPlan, Difference, InventoryPlan, OvertimeHour, Plan, ProductPlan, RosterPlan,
    ShortHour, StaffingPlan, Term, TourHeads, compare,
};
pub use queue::{QueueDemand, QueueService, ServiceQueue};
pub use roster::{Fairness, RosterPenalties, RosterProblem};
pub use rules::{BudgetRule, InventoryRule, Limit, RosterRule, Rule, Span, StaffingRule};
pub use staffing::{Overtime, StaffingProblem, Tour, TourPattern, Workforce};
pub use weekday::Weekday;

pub use crate::refusal::Refusal;

use serde::{Deserialize, Serialize};

use crate::effort::Effort;
use crate::model::{Model, ModelError};
use crate::solve::{self, solve_guided};

/// A business problem of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Problem {
    Inventory(InventoryProblem),
    Staffing(StaffingProblem),
    Roster(RosterProblem),
    Budget(BudgetPlanProblem),
}

/// The kinds of problem, as files name them.
pub const KINDS: [&str; 4] = ["inventory", "staffing", "roster", "budget"];

impl Problem {
    /// Reads a problem whose `kind` is known and checks every number of it.
    pub fn from_json(kind: &str, value: serde_json::Value) -> Result<Self, ModelError> {
        let bad = |error: serde_json::Error| ModelError::Malformed(format!("{kind} problem: {error}"));
        let problem = match kind {
            "inventory" => Problem::Inventory(serde_json::from_value(value).map_err(bad)?),
            "staffing" => {
                let stated: StaffingProblem = serde_json::from_value(value).map_err(bad)?;
                Problem::Staffing(stated.expanded()?)
            }
            "roster" => Problem::Roster(serde_json::from_value(value).map_err(bad)?),
            "budget" => {
                let stated: BudgetPlanProblem = serde_json::from_value(value).map_err(bad)?;
                Problem::Budget(stated.expanded()?)
            }
            other => {
                return Err(ModelError::OutOfRange {
                    field: "kind".into(),
                    value: format!("{other:?}"),
                    bound: format!("one of {}", KINDS.join(", ")),
                });
            }
        };
        problem.validate()?;
        Ok(problem)
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Problem::Inventory(_) => KINDS[0],
            Problem::Staffing(_) => KINDS[1],
            Problem::Roster(_) => KINDS[2],
            Problem::Budget(_) => KINDS[3],
        }
    }

    /// # Errors
    /// Names the field and the bound it breaks.
    pub fn validate(&self) -> Result<(), ModelError> {
        match self {
            Problem::Inventory(p) => p.validate(),
            Problem::Staffing(p) => p.validate(),
            Problem::Roster(p) => p.validate(),
            Problem::Budget(p) => p.validate(),
        }
    }

    /// The problem as a model with the owner's words on its rows.
    pub fn model(&self) -> Model {
        match self {
            Problem::Inventory(p) => p.model(),
            Problem::Staffing(p) => p.model(),
            Problem::Roster(p) => p.model(),
            Problem::Budget(p) => p.model(),
        }
    }

    /// Searches for the best plan without rules or explanation; `x` of the answer is over the columns
    /// of [`Problem::model`]. See [`solve`](fn@solve) for the whole answer.
    pub fn search(&self, seed: u64, effort: &mut Effort) -> Result<solve::Answer, ModelError> {
        self.validate()?;
        let model = self.model();
        match self {
            Problem::Inventory(p) => p.solved(&model, None, seed, effort),
            Problem::Staffing(p) => {
                let start = p.good_plan(seed, effort);
                solve_guided(&model, start, None, seed, effort)
            }
            _ => solve_guided(&model, None, None, seed, effort),
        }
    }

    /// What a plan breaks, in words; written from the problem itself.
    pub fn check(&self, x: &[f64]) -> Vec<String> {
        match self {
            Problem::Inventory(p) => p.check(x),
            Problem::Staffing(p) => p.check(x),
            Problem::Roster(p) => p.check(x),
            Problem::Budget(p) => p.check(x),
        }
    }
}
