//! Solving any model: continuous by the simplex, integer by the search; the answer is checked
//! against the model before it is given.

use serde::Serialize;

use crate::effort::Effort;
use crate::lp::{self, Status};
use crate::mip::{self, Guidance, Problem};
use crate::model::{Model, ModelError, check};

/// What a run of a solver found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub status: Status,
    /// Objective of the plan, in the model's own sense.
    pub objective: Option<f64>,
    /// No plan can be better than this.
    pub bound: Option<f64>,
    /// Relative distance between objective and bound.
    pub gap: Option<f64>,
    pub solver: &'static str,
    pub nodes: u64,
    /// Deterministic work, see [`crate::effort::WORK_PER_SECOND`].
    pub work: u64,
    /// The plan: one value for each column of the model.
    #[serde(skip)]
    pub x: Option<Vec<f64>>,
    /// Linear models: where the simplex ended, so that prices need no second solve.
    #[serde(skip)]
    pub(crate) basis: Option<lp::Basis>,
}

/// Relative gap at which a plan counts as optimal.
pub const OPTIMAL_GAP: f64 = 1e-6;

/// Solves a model with this crate's own solver.
pub fn solve(model: &Model, seed: u64, effort: &mut Effort) -> Result<Answer, ModelError> {
    solve_guided(model, None, None, seed, effort)
}

pub(crate) fn solve_guided(
    model: &Model,
    start: Option<Vec<f64>>,
    separator: Option<&dyn mip::Separator>,
    seed: u64,
    effort: &mut Effort,
) -> Result<Answer, ModelError> {
    model.validate()?;
    let sign = model.sense.sign();
    if !model.has_integers() {
        let solution = lp::solve_lp(model, effort);
        let good = solution.status == Status::Optimal;
        return Ok(Answer {
            status: solution.status,
            objective: good.then_some(solution.objective),
            bound: good.then_some(solution.objective),
            gap: good.then_some(0.0),
            solver: "simplex",
            nodes: 0,
            work: effort.spent,
            x: good.then_some(solution.x),
            basis: good.then_some(solution.basis),
        });
    }
    let problem = Problem::from_model(model);
    let guidance =
        Guidance { separator, start, gap: OPTIMAL_GAP / 10.0, seed, sign, offset: model.offset, ..Guidance::default() };
    let found = mip::solve(&problem, &guidance, effort);
    let mut answer = Answer {
        status: found.status,
        objective: None,
        bound: found.bound.is_finite().then_some(sign * found.bound + model.offset),
        gap: None,
        solver: "branch-and-cut",
        nodes: found.nodes,
        work: effort.spent,
        x: None,
        basis: None,
    };
    if let Some(x) = found.x {
        debug_assert!(check(model, &x).is_empty(), "{:?}", check(model, &x));
        let objective = model.objective(&x);
        answer.objective = Some(objective);
        if answer.status == Status::Optimal {
            let bound = answer.bound.unwrap_or(objective);
            answer.gap = Some(mip::relative_gap(objective, bound));
        } else {
            answer.gap = answer.bound.map(|b| mip::relative_gap(objective, b));
        }
        answer.x = Some(x);
    }
    Ok(answer)
}
