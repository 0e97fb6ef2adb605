//! The `microlp` crate as a back-end. Its time limit is soft and it reports no duals; its "optimal"
//! uses slack on integrality, so plans are rounded, fixed, solved again and checked here.

use std::time::Duration;

use microlp::{ComparisonOp, Error, LinearExpr, OptimizationDirection, Problem, SolveOptions};

use super::{Backend, SolveError, made_whole};
use crate::effort::{Effort, WORK_PER_SECOND};
use crate::lp::Status;
use crate::mip::relative_gap;
use crate::model::{Model, Sense};
use crate::solve::Answer;

pub(super) fn solve(model: &Model, effort: &mut Effort) -> Result<Answer, SolveError> {
    model.validate()?;
    let mut problem = Problem::new(match model.sense {
        Sense::Min => OptimizationDirection::Minimize,
        Sense::Max => OptimizationDirection::Maximize,
    });
    let clamp = |v: f64| v.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
    let variables: Vec<_> = model
        .columns
        .iter()
        .map(|c| {
            if c.integer {
                problem.add_integer_var(c.cost, (clamp(c.lower.ceil()), clamp(c.upper.floor())))
            } else {
                problem.add_var(c.cost, (c.lower, c.upper))
            }
        })
        .collect();
    for row in &model.rows {
        let expression = || {
            let mut sum = LinearExpr::empty();
            for &(j, v) in &row.terms {
                sum.add(variables[j], v);
            }
            sum
        };
        if row.lower == row.upper {
            problem.add_constraint(expression(), ComparisonOp::Eq, row.lower);
            continue;
        }
        if row.lower.is_finite() {
            problem.add_constraint(expression(), ComparisonOp::Ge, row.lower);
        }
        if row.upper.is_finite() {
            problem.add_constraint(expression(), ComparisonOp::Le, row.upper);
        }
    }
    let seconds = (effort.limit - effort.spent.min(effort.limit)) as f64 / WORK_PER_SECOND as f64;
    let mut options = SolveOptions::default();
    options.time_limit = Some(Duration::from_secs_f64(seconds.clamp(0.01, 86_400.0)));
    let mut answer = Answer {
        status: Status::Unknown,
        objective: None,
        bound: None,
        gap: None,
        solver: "microlp",
        nodes: 0,
        work: 0,
        x: None,
        basis: None,
    };
    match problem.solve_with(options) {
        Ok(outcome) => {
            let stats = outcome.stats();
            answer.nodes = stats.nodes_solved;
            let claimed_optimal = outcome.is_optimal();
            answer.bound = stats.best_bound.map(|b| b + model.offset);
            if let Some(solution) = outcome.solution() {
                let x: Vec<f64> = variables.iter().map(|&v| solution.var_value(v)).collect();
                let claimed = solution.objective() + model.offset;
                if let Some(x) = made_whole(model, &x, effort) {
                    let objective = model.objective(&x);
                    let bound = if claimed_optimal { Some(claimed) } else { answer.bound };
                    answer.objective = Some(objective);
                    answer.x = Some(x);
                    answer.bound = bound;
                    answer.gap = bound.map(|b| relative_gap(objective, b));
                    answer.status = match answer.gap {
                        Some(gap) if claimed_optimal && gap <= 1e-6 => Status::Optimal,
                        _ => Status::Feasible,
                    };
                }
            }
        }
        Err(Error::Infeasible) => answer.status = Status::Infeasible,
        Err(Error::Unbounded) => answer.status = Status::Unbounded,
        Err(error) => {
            return Err(SolveError::Failed { backend: Backend::Microlp, message: error.to_string() });
        }
    }
    answer.work = effort.spent;
    Ok(answer)
}
