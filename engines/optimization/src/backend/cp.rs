//! A constraint solver with clause learning (the `pumpkin` crates) as a back-end: for feasibility of
//! scheduling proper. Weak where many soft costs must be balanced; then the default is better.

use pumpkin_conflict_resolvers::resolvers::ResolutionResolver;
use pumpkin_core::Solver;
use pumpkin_core::results::{ProblemSolution, SatisfactionResult};
use pumpkin_core::termination::TerminationCondition;
use pumpkin_core::variables::{AffineView, DomainId, TransformableVariable};

use super::{Backend, SolveError};
use crate::effort::Effort;
use crate::lp::Status;
use crate::mip::relative_gap;
use crate::model::{Model, check};
use crate::solve::Answer;

/// Work charged for each time the solver asks whether to go on: about a decision and what follows.
const WORK_PER_LOOK: u64 = 20_000;
/// Largest size of a bound, a coefficient or a sum: the solver counts in 32 bits.
const LARGEST: f64 = 1e9;

struct Looks<'a, 'b>(&'a mut Effort<'b>);

impl TerminationCondition for Looks<'_, '_> {
    fn should_stop(&mut self) -> bool {
        self.0.add(WORK_PER_LOOK);
        self.0.is_over()
    }
}

fn failed<T>(message: String) -> Result<T, SolveError> {
    Err(SolveError::Failed { backend: Backend::Cp, message })
}

/// The smallest power of ten up to a million that makes every value whole.
fn scale(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let mut factor = 1.0;
    while factor <= 1e6 {
        if values.clone().all(|v| (v * factor - (v * factor).round()).abs() < 1e-6 && (v * factor).abs() < LARGEST) {
            return Some(factor);
        }
        factor *= 10.0;
    }
    None
}

type Terms = Vec<AffineView<DomainId>>;

/// `sum of terms <= limit` in whole numbers.
fn whole_row(
    variables: &[DomainId],
    model: &Model,
    terms: &[(usize, f64)],
    limit: f64,
    sign: f64,
    says: &str,
) -> Result<(Terms, i32), SolveError> {
    let values = terms.iter().map(|t| t.1);
    let Some(factor) = scale(values) else {
        return failed(format!("{says:?} has coefficients that are not whole numbers, nor when scaled"));
    };
    let reach: f64 = terms
        .iter()
        .map(|&(j, v)| (v * factor).abs() * model.columns[j].lower.abs().max(model.columns[j].upper.abs()))
        .sum();
    if reach >= LARGEST {
        return failed(format!("{says:?} sums up to {reach}: at most {LARGEST} is supported"));
    }
    let rhs = (sign * limit * factor + 1e-6).floor().clamp(-LARGEST, LARGEST) as i32;
    let terms = terms
        .iter()
        .filter(|t| t.1 != 0.0)
        .map(|&(j, v)| variables[j].scaled((sign * v * factor).round() as i32))
        .collect();
    Ok((terms, rhs))
}

pub(super) fn solve(model: &Model, effort: &mut Effort) -> Result<Answer, SolveError> {
    model.validate()?;
    let mut solver = Solver::default();
    let mut variables = Vec::with_capacity(model.columns.len());
    let mut answer = Answer {
        status: Status::Unknown,
        objective: None,
        bound: None,
        gap: None,
        solver: "pumpkin",
        nodes: 0,
        work: 0,
        x: None,
        basis: None,
    };
    for column in &model.columns {
        let (lower, upper) = (column.lower.ceil(), column.upper.floor());
        if !column.integer {
            return failed(format!("{:?} may be a fraction: only whole decisions are supported", column.name));
        }
        if lower.abs() >= LARGEST || upper.abs() >= LARGEST {
            return failed(format!("{:?} has no bounds below {LARGEST} in size", column.name));
        }
        if lower > upper {
            answer.status = Status::Infeasible;
            return Ok(answer);
        }
        variables.push(solver.new_bounded_integer(lower as i32, upper as i32));
    }
    for row in &model.rows {
        for (limit, sign) in [(row.upper, 1.0), (row.lower, -1.0)] {
            if !limit.is_finite() {
                continue;
            }
            let (terms, rhs) = whole_row(&variables, model, &row.terms, limit, sign, row.words())?;
            if terms.is_empty() {
                // The solver takes no rows without decisions: 0 keeps the limit or nothing does.
                if rhs < 0 {
                    answer.status = Status::Infeasible;
                    return Ok(answer);
                }
                continue;
            }
            let tag = solver.new_constraint_tag();
            let constraint = pumpkin_constraints::less_than_or_equals(terms, rhs, tag);
            solver.add_constraint(constraint).post();
        }
    }
    let sign = model.sense.sign();
    let costs: Vec<(usize, f64)> =
        model.columns.iter().enumerate().filter(|c| c.1.cost != 0.0).map(|(j, c)| (j, c.cost)).collect();
    let Some(factor) = scale(costs.iter().map(|c| c.1)) else {
        return failed("the objective has coefficients that are not whole numbers, nor when scaled".into());
    };
    let mut brancher = solver.default_brancher();
    let mut resolver = ResolutionResolver::default();
    let proven = loop {
        let found = match solver.satisfy(&mut brancher, &mut Looks(effort), &mut resolver) {
            SatisfactionResult::Satisfiable(found) => {
                let solution = found.solution();
                Some(variables.iter().map(|&v| f64::from(solution.get_integer_value(v))).collect::<Vec<f64>>())
            }
            SatisfactionResult::Unsatisfiable(..) => break true,
            SatisfactionResult::Unknown(..) => break false,
        };
        let Some(x) = found else { break false };
        if !check(model, &x).is_empty() {
            return failed("its plan breaks a row".into());
        }
        let objective = model.objective(&x);
        answer.objective = Some(objective);
        answer.nodes += 1;
        answer.x = Some(x);
        effort.report(crate::effort::Progress {
            incumbent: Some(objective),
            bound: None,
            gap: None,
            nodes: answer.nodes,
            work: effort.spent,
        });
        if costs.is_empty() {
            break true;
        }
        // From here on only what is better by a whole step of the objective.
        let limit = sign * (objective - model.offset) - 1.0 / factor;
        let (terms, rhs) = whole_row(&variables, model, &costs, sign * limit, sign, "the objective")?;
        let tag = solver.new_constraint_tag();
        solver.add_constraint(pumpkin_constraints::less_than_or_equals(terms, rhs, tag)).post();
    };
    answer.status = match (&answer.x, proven) {
        (Some(_), true) => Status::Optimal,
        (Some(_), false) => Status::Feasible,
        (None, true) => Status::Infeasible,
        (None, false) => Status::Unknown,
    };
    if answer.status == Status::Optimal {
        answer.bound = answer.objective;
        answer.gap = answer.objective.map(|v| relative_gap(v, v));
    }
    answer.work = effort.spent;
    Ok(answer)
}
