//! Linear programming: a bounded revised simplex with sparse LU factors.

mod dual;
mod lu;
mod primal;
pub(crate) mod simplex;
mod sparse;

use serde::{Deserialize, Serialize};

use crate::effort::Effort;
use crate::model::Model;
pub(crate) use simplex::{Basis, LpInput, Outcome, Simplex};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Proven: no plan is better (within the gap that is reported).
    Optimal,
    /// A plan that keeps every promise; a better one may exist.
    Feasible,
    /// Proven: no plan keeps every promise.
    Infeasible,
    /// Proven: the objective can be improved without end.
    Unbounded,
    /// The run ended before it found a plan or a proof.
    Unknown,
}

/// The optimum of a linear program with its prices.
#[derive(Debug, Clone)]
pub struct LpSolution {
    pub status: Status,
    /// In the model's own sense, constant included.
    pub objective: f64,
    pub x: Vec<f64>,
    /// Change of the objective per unit of a row's right-hand side, in the model's own sense.
    pub row_duals: Vec<f64>,
    /// Change of the objective per unit of a decision that is forced up from its bound.
    pub reduced_costs: Vec<f64>,
    pub iterations: u64,
    pub(crate) basis: Basis,
}

/// The computational form of a model's linear relaxation, always a minimisation.
pub(crate) fn relaxation(model: &Model) -> Simplex {
    let sign = model.sense.sign();
    let cost: Vec<f64> = model.columns.iter().map(|c| c.cost * sign).collect();
    let lower: Vec<f64> = model.columns.iter().map(|c| c.lower).collect();
    let upper: Vec<f64> = model.columns.iter().map(|c| c.upper).collect();
    let rows: Vec<Vec<(usize, f64)>> = model.rows.iter().map(|r| r.terms.clone()).collect();
    let row_lower: Vec<f64> = model.rows.iter().map(|r| r.lower).collect();
    let row_upper: Vec<f64> = model.rows.iter().map(|r| r.upper).collect();
    Simplex::new(&LpInput {
        cost: &cost,
        lower: &lower,
        upper: &upper,
        rows: &rows,
        row_lower: &row_lower,
        row_upper: &row_upper,
    })
}

/// Solves the linear relaxation of a valid model (integrality is ignored).
pub fn solve_lp(model: &Model, effort: &mut Effort) -> LpSolution {
    let mut simplex = relaxation(model);
    let outcome = simplex.solve(effort);
    let sign = model.sense.sign();
    let status = match outcome {
        Outcome::Optimal => Status::Optimal,
        Outcome::Infeasible => Status::Infeasible,
        Outcome::Unbounded => Status::Unbounded,
        Outcome::CutOff | Outcome::Limit | Outcome::Trouble => Status::Unknown,
    };
    let x = simplex.values();
    LpSolution {
        status,
        objective: model.objective(&x),
        row_duals: (0..model.rows.len()).map(|i| sign * simplex.row_dual(i)).collect(),
        reduced_costs: (0..model.columns.len()).map(|j| sign * simplex.reduced_cost(j)).collect(),
        x,
        iterations: simplex.iterations,
        basis: simplex.basis(),
    }
}
