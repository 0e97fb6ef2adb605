//! HiGHS as a back-end, for mixed-integer models larger than this crate's own search is good for.

use highs::{HighsModelStatus, RowProblem, Sense as HighsSense};

use super::{Backend, SolveError, made_whole};
use crate::effort::{Effort, WORK_PER_SECOND};
use crate::lp::Status;
use crate::mip::relative_gap;
use crate::model::{Model, Sense};
use crate::solve::{Answer, OPTIMAL_GAP};

pub(super) fn solve(model: &Model, seed: u64, effort: &mut Effort) -> Result<Answer, SolveError> {
    model.validate()?;
    let mut problem = RowProblem::default();
    let columns: Vec<_> = model
        .columns
        .iter()
        .map(|c| {
            if c.integer {
                problem.add_integer_column(c.cost, c.lower..=c.upper)
            } else {
                problem.add_column(c.cost, c.lower..=c.upper)
            }
        })
        .collect();
    for row in &model.rows {
        let terms: Vec<_> = row.terms.iter().map(|&(j, v)| (columns[j], v)).collect();
        problem.add_row(row.lower..=row.upper, &terms);
    }
    let mut solver = problem.optimise(match model.sense {
        Sense::Min => HighsSense::Minimise,
        Sense::Max => HighsSense::Maximise,
    });
    let seconds = (effort.limit - effort.spent.min(effort.limit)) as f64 / WORK_PER_SECOND as f64;
    solver.make_quiet();
    solver.set_option("time_limit", seconds);
    solver.set_option("threads", 1);
    solver.set_option("random_seed", (seed % i32::MAX as u64) as i32);
    solver.set_option("mip_rel_gap", OPTIMAL_GAP / 10.0);
    let solved = solver.solve();
    let status = solved.status();
    let gap = solved.mip_gap();
    let mut answer = Answer {
        status: Status::Unknown,
        objective: None,
        bound: None,
        gap: None,
        solver: "highs",
        nodes: 0,
        work: effort.spent,
        x: None,
        basis: None,
    };
    match status {
        HighsModelStatus::Infeasible => answer.status = Status::Infeasible,
        HighsModelStatus::Unbounded => answer.status = Status::Unbounded,
        HighsModelStatus::Optimal | HighsModelStatus::ReachedTimeLimit | HighsModelStatus::ReachedSolutionLimit => {
            let point = solved.get_solution();
            let x = point.columns();
            if x.len() == model.columns.len()
                && let Some(x) = made_whole(model, x, effort)
            {
                let objective = model.objective(&x);
                answer.objective = Some(objective);
                if status == HighsModelStatus::Optimal {
                    answer.status = Status::Optimal;
                    answer.bound = Some(objective);
                    answer.gap = Some(0.0);
                } else {
                    answer.status = Status::Feasible;
                    if gap.is_finite() {
                        let bound = objective - model.sense.sign() * gap * objective.abs();
                        answer.bound = Some(bound);
                        answer.gap = Some(relative_gap(objective, bound));
                    }
                }
                answer.x = Some(x);
            }
        }
        other => {
            return Err(SolveError::Failed { backend: Backend::Highs, message: format!("{other:?}") });
        }
    }
    Ok(answer)
}
