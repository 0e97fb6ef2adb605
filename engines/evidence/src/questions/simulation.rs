//! What would happen if a factor were changed?

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::explain::calendar::Calendar;
use crate::explain::simulation::{Action, Simulation, simulate};
use crate::progress::Progress;
use crate::table::Table;

/// The question, complete: `factor` is raised by `impact` units from the point after the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulationInput {
    /// The metric, one value per point of time, equally spaced, no gaps, oldest first.
    pub values: Vec<f64>,
    /// The factor to change and those to hold where they are, rows as `values`.
    pub factors: Table,
    #[serde(default)]
    pub calendar: Calendar,
    pub factor: String,
    pub impact: f64,
    /// Points from the factor to its effect.
    #[serde(default)]
    pub lag: usize,
    /// Points to look ahead, at least 1.
    pub horizon: usize,
    #[serde(default)]
    pub seed: u64,
}

/// Answers the question.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_intervention(input: &SimulationInput, progress: &mut Progress<'_>) -> Result<Simulation> {
    let action = Action {
        factor: &input.factor,
        impact: input.impact,
        lag: input.lag,
        horizon: input.horizon,
        seed: input.seed,
    };
    simulate(&input.values, &input.factors, &input.calendar, action, progress)
}
