//! Mixed-integer programming: presolve, cuts, diving and neighbourhood search around a
//! branch-and-bound over the dual simplex.

mod branch;
mod components;
mod cuts;
mod dive;
mod efficacy;
mod gomory;
mod implied;
mod mir;
mod mod_k;
mod neighbourhood;
mod plans;
mod presolve;
pub(crate) mod problem;
mod propagate;
mod pseudo_cost;
mod tree;
mod zero_half;

use crate::effort::{Effort, Progress};
use crate::lp::Status;
pub(crate) use neighbourhood::Random;
pub(crate) use problem::Problem;
use tree::Tree;

/// A row that every whole plan keeps, found where a relaxation breaks it.
pub(crate) struct Cut {
    pub terms: Vec<(usize, f64)>,
    pub lower: f64,
    pub upper: f64,
}

/// Finds cuts that only the author of a formulation can know.
pub(crate) trait Separator {
    /// Cuts over the columns of the problem handed to [`solve`], violated by `x`.
    fn separate(&self, x: &[f64]) -> Vec<Cut>;
}

/// What the caller knows beyond the rows.
#[derive(Default)]
pub(crate) struct Guidance<'a> {
    pub separator: Option<&'a dyn Separator>,
    /// A plan to start from; it is checked before it is believed.
    pub start: Option<Vec<f64>>,
    /// Stop when the relative gap is at most this.
    pub gap: f64,
    /// Give up after this many nodes.
    pub node_limit: Option<u64>,
    /// Only plans better than this are of use (minimisation).
    pub cutoff: Option<f64>,
    /// How deep inside another search this one runs.
    pub depth: u32,
    pub seed: u64,
    /// How to say objectives: sign of the caller's sense and constant.
    pub sign: f64,
    pub offset: f64,
}

/// The end of a search, as a minimisation.
#[derive(Debug, Clone)]
pub(crate) struct MipAnswer {
    pub status: Status,
    pub x: Option<Vec<f64>>,
    pub objective: f64,
    /// No plan is below this.
    pub bound: f64,
    pub nodes: u64,
}

/// Searches for the best whole plan.
pub(crate) fn solve(problem: &Problem, guidance: &Guidance, effort: &mut Effort) -> MipAnswer {
    let failed = |status| MipAnswer {
        status,
        x: None,
        objective: f64::INFINITY,
        bound: if status == Status::Infeasible { f64::INFINITY } else { f64::NEG_INFINITY },
        nodes: 0,
    };
    let (small, restore) = match presolve::presolve(problem, effort) {
        presolve::Presolved::Infeasible => return failed(Status::Infeasible),
        presolve::Presolved::Reduced(reduced) => *reduced,
    };
    let fixed_cost = problem.objective(&restore.expand(&vec![0.0; small.columns()]));
    if small.columns() == 0 {
        let x = restore.expand(&[]);
        return if problem.accepts(&x) {
            MipAnswer { status: Status::Optimal, objective: fixed_cost, bound: fixed_cost, x: Some(x), nodes: 0 }
        } else {
            failed(Status::Infeasible)
        };
    }
    let start = guidance.start.as_ref().filter(|x| problem.accepts(x)).map(|x| restore.shrink(x));
    let in_parts = Guidance {
        start: start.clone(),
        separator: guidance.separator,
        gap: guidance.gap,
        node_limit: guidance.node_limit,
        cutoff: None,
        depth: guidance.depth,
        seed: guidance.seed,
        sign: guidance.sign,
        offset: 0.0,
    };
    if let Some(mut answer) = components::solve_parts(&small, &in_parts, effort) {
        answer.bound += fixed_cost;
        if let Some(x) = &answer.x {
            let x = restore.expand(x);
            answer.objective = problem.objective(&x);
            answer.bound = answer.bound.min(answer.objective);
            answer.x = Some(x);
        }
        return answer;
    }
    let mut tree = Tree::new(&small, &restore, guidance, fixed_cost);
    let status = tree.search(start, effort);
    let mut answer =
        MipAnswer { status, x: None, objective: f64::INFINITY, bound: tree.bound + fixed_cost, nodes: tree.nodes };
    if let Some(x) = &tree.incumbent {
        let x = restore.expand(x);
        answer.objective = problem.objective(&x);
        answer.bound = answer.bound.min(answer.objective);
        answer.x = Some(x);
    }
    // A starting plan that presolve's reductions cut off (an equally good one remains) still counts.
    if let Some(x) = guidance.start.as_ref().filter(|x| problem.accepts(x)) {
        let objective = problem.objective(x);
        if answer.x.is_none() || objective < answer.objective - 1e-9 * objective.abs() {
            answer.objective = objective;
            answer.bound = answer.bound.min(objective);
            answer.x = Some(x.clone());
            if answer.status == Status::Unknown || answer.status == Status::Infeasible {
                answer.status = Status::Feasible;
            }
        }
    }
    answer
}

pub(crate) fn relative_gap(objective: f64, bound: f64) -> f64 {
    if objective == bound { 0.0 } else { (objective - bound).abs() / objective.abs().max(bound.abs()).max(1e-10) }
}

impl Guidance<'_> {
    fn progress(&self, incumbent: Option<f64>, bound: f64, nodes: u64, effort: &Effort) {
        let say = |v: f64| self.sign * v + self.offset;
        effort.report(Progress {
            incumbent: incumbent.map(say),
            bound: bound.is_finite().then(|| say(bound)),
            gap: incumbent.map(|v| relative_gap(say(v), say(bound))),
            nodes,
            work: effort.spent,
        });
    }
}
