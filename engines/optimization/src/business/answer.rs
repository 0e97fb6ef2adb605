//! One way in: a problem and its rules, an explained answer out.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::budget::{BudgetPlanProblem, Goal};
use super::plan::{ChannelPlan, Plan, Term};
use super::rules::{self, Rule};
use crate::backend::{Backend, SolveError, solve_with};
use crate::effort::Effort;
use crate::explain::{self, Binding, CostRange, LimitRange, Repair};
use crate::lp::{Basis, Status};
use crate::mip;
use crate::model::{Model, ModelError, Sense, check};
use crate::refusal::Refusal;
use crate::solve::{self, OPTIMAL_GAP, solve_guided};

/// A row that limits the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingLimit {
    /// The rule it comes from; `None` for limits of the problem itself.
    pub rule: Option<String>,
    #[serde(flatten)]
    pub limit: Binding,
}

/// A rule the plan uses up to its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingRule {
    pub rule: String,
    pub says: String,
    /// Objective of the best plan found without the rule, if there was work left to look for one.
    pub without: Option<f64>,
    /// What the rule costs: how much better that plan is; 0 if it is not.
    pub price: Option<f64>,
    /// Both plans are proven best, so that the price is exact; otherwise it is a first estimate.
    pub exact: bool,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictMember {
    pub rule: Option<String>,
    pub says: String,
}

/// What stands in the way when there is no plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyNot {
    pub members: Vec<ConflictMember>,
    /// Proven: these cannot all be kept, and without any one of them the others can.
    pub verified: bool,
    /// Smallest single changes that leave a plan, cheapest (relative to the limit) first.
    pub repairs: Vec<Way>,
}

/// A way out of a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    pub rule: Option<String>,
    #[serde(flatten)]
    pub repair: Repair,
}

/// The answer to a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub status: Status,
    pub sense: Sense,
    pub objective: Option<f64>,
    /// No plan can be better than this.
    pub bound: Option<f64>,
    /// Relative distance between the two.
    pub gap: Option<f64>,
    pub plan: Option<Plan>,
    /// The objective in parts, from the plan itself.
    pub costs: Vec<Term>,
    /// Limits with a price, dearest first. With whole decisions the prices are those of the rest once
    /// the whole ones are settled.
    pub binding: Vec<BindingLimit>,
    pub prices_exact: bool,
    /// The plan stands while each of these costs stays within its range.
    pub ranges: Vec<CostRange>,
    /// The plan stands while each of these needs and limits stays within its range; where there are
    /// whole decisions, while those are held.
    #[serde(default)]
    pub stands: Vec<LimitRange>,
    pub binding_rules: Vec<BindingRule>,
    /// Budgets: return of the next unit of money by channel and period.
    pub marginal_returns: Vec<ChannelPlan>,
    pub why_not: Option<WhyNot>,
    /// What the checker written from the problem objects to; empty for every plan given.
    pub violations: Vec<String>,
    pub solver: String,
    pub nodes: u64,
    pub work: u64,
    /// The same problem, rules, seed and work limit give the same answer; false when the run was
    /// stopped from outside.
    pub replayable: bool,
}

/// Part of the work kept for prices and ranges, and as much again for the price of rules.
const EXPLAIN_SHARE: u64 = 10;
/// At most this many rules are priced in a run.
const MOST_PRICED: usize = 8;

/// Searches for the best plan that keeps the rules, and explains it; or explains why there is none.
///
/// Progress (plan, bound, gap) goes to the effort's `progress`; a `stop` that answers true ends the
/// run with its best plan.
///
/// # Errors
/// The problem or a rule is refused, with the field and the bound; nothing has been solved then.
pub fn solve(problem: &Problem, rules: &[Rule], seed: u64, effort: &mut Effort) -> Result<Answer, Refusal> {
    match explained(problem, rules, Backend::Auto, seed, effort) {
        Ok((answer, _)) => Ok(answer),
        Err(SolveError::Rule(refusal)) => Err(refusal),
        Err(SolveError::Model(error)) => Err(error.into()),
        Err(other) => Err(ModelError::Malformed(other.to_string()).into()),
    }
}

/// As [`solve`](fn@solve), by any back-end, with the values of the model's columns.
pub(crate) fn explained(
    problem: &Problem,
    rules: &[Rule],
    backend: Backend,
    seed: u64,
    effort: &mut Effort,
) -> Result<(Answer, Option<Vec<f64>>), SolveError> {
    problem.validate()?;
    if let Problem::Budget(p) = problem
        && p.goal == Goal::Roi
        && p.charge == 0.0
    {
        return best_ratio(p, rules, backend, seed, effort);
    }
    let mut model = problem.model();
    rules::apply(rules, problem, &mut model)?;
    let reserve = effort.limit / EXPLAIN_SHARE * if rules.is_empty() { 1 } else { 2 };
    let main = effort.limit - reserve;
    let found = effort.part(main, |effort| match backend {
        Backend::Auto => Ok(search(problem, &model, None, seed, effort)?),
        other => solve_with(&model, other, seed, effort),
    })?;
    let mut answer = Answer {
        status: found.status,
        sense: model.sense,
        objective: found.objective,
        bound: found.bound,
        gap: found.gap,
        plan: None,
        costs: Vec::new(),
        binding: Vec::new(),
        prices_exact: false,
        ranges: Vec::new(),
        stands: Vec::new(),
        binding_rules: Vec::new(),
        marginal_returns: Vec::new(),
        why_not: None,
        violations: Vec::new(),
        solver: found.solver.into(),
        nodes: found.nodes,
        work: 0,
        replayable: true,
    };
    if let Some(x) = &found.x {
        describe(problem, rules, &model, x, &mut answer)?;
        if !effort.was_stopped() {
            price_rows(&model, x, found.basis.as_ref(), &mut answer, effort);
            price_rules(problem, rules, &model, x, seed, &mut answer, effort)?;
        }
    } else if found.status == Status::Infeasible {
        answer.why_not = why_not(problem, rules, effort)?;
    }
    answer.work = effort.spent;
    answer.replayable = !effort.was_stopped();
    Ok((answer, found.x))
}

/// Most rounds of the search for the best ratio; three or four are usual.
const ROUNDS: usize = 12;

/// Most profit for each unit of money: the charge on money at which the best plan just breaks even
/// (Dinkelbach, 1967). The objective and its bound are ratios.
fn best_ratio(
    budget: &BudgetPlanProblem,
    rules: &[Rule],
    backend: Backend,
    seed: u64,
    effort: &mut Effort,
) -> Result<(Answer, Option<Vec<f64>>), SolveError> {
    let mut budget = BudgetPlanProblem { goal: Goal::Profit, ..budget.clone() };
    let least = budget.spend_at_least.unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let mut share = effort.limit.saturating_sub(effort.spent) / 2;
    let mut ratio = None;
    for _ in 0..ROUNDS {
        let problem = Problem::Budget(budget.clone());
        let (mut answer, x) = effort.part(share, |effort| explained(&problem, rules, backend, seed, effort))?;
        share = effort.limit.saturating_sub(effort.spent) / 2;
        let (Some(Plan::Budget(plan)), Some(objective)) = (&answer.plan, answer.objective) else {
            return Ok((answer, x));
        };
        let spend: f64 = plan.channels.iter().flat_map(|channel| &channel.spend).sum();
        let charge = budget.charge;
        let now = charge + objective / spend.max(least);
        let settled = ratio.is_some_and(|before: f64| now <= before + 1e-9 * before.abs().max(1e-9));
        if settled || effort.is_over() {
            // What a plan may gain over the charge, on the least money it can spend.
            let bound = charge + answer.bound.unwrap_or(f64::INFINITY).max(0.0) / least;
            answer.objective = Some(now);
            answer.bound = bound.is_finite().then_some(bound.max(now));
            answer.gap = answer.bound.map(|bound| mip::relative_gap(now, bound));
            answer.status = match answer.gap {
                Some(gap) if gap <= OPTIMAL_GAP => Status::Optimal,
                _ => Status::Feasible,
            };
            return Ok((answer, x));
        }
        ratio = Some(now);
        if now == 0.0 {
            // Nothing can be gained or lost by it: profit is the same question.
            continue;
        }
        budget.goal = Goal::Roi;
        budget.charge = now;
    }
    Err(ModelError::Malformed("the search for the best ratio did not settle".into()).into())
}

fn search(
    problem: &Problem,
    model: &Model,
    start: Option<Vec<f64>>,
    seed: u64,
    effort: &mut Effort,
) -> Result<solve::Answer, Refusal> {
    Ok(match problem {
        Problem::Inventory(p) => {
            let ruled = model.rows.iter().any(|row| rules::rule_of(&row.name).is_some());
            // Rules couple products in ways that parts do not see.
            p.solved(model, start.or_else(|| ruled.then(|| p.no_orders())), seed, effort)?
        }
        Problem::Staffing(p) => {
            // A plan found without the rules is checked before it is believed.
            let start = start.or_else(|| p.good_plan(seed, effort));
            solve_guided(model, start, None, seed, effort)?
        }
        _ => solve_guided(model, start, None, seed, effort)?,
    })
}

fn describe(problem: &Problem, rules: &[Rule], model: &Model, x: &[f64], answer: &mut Answer) -> Result<(), Refusal> {
    let plan = problem.plan(x);
    answer.costs = problem.costs(&plan)?;
    answer.violations = check(model, x).into_iter().map(|v| format!("{} by {}", v.what, v.by)).collect();
    answer.violations.extend(problem.check(x));
    for rule in rules.iter().filter(|rule| !rule.is_kept(problem, &plan)) {
        answer.violations.push(format!("not kept: {}", rule.sentence()));
    }
    if let (Problem::Budget(p), Plan::Budget(plan)) = (problem, &plan) {
        answer.marginal_returns = p.marginal_returns(plan);
    }
    answer.plan = Some(plan);
    Ok(())
}

fn price_rows(model: &Model, x: &[f64], basis: Option<&Basis>, answer: &mut Answer, effort: &mut Effort) {
    let prices = explain::sensitivity_from(model, x, basis, effort);
    answer.prices_exact = prices.exact && answer.status == Status::Optimal;
    // Rows that nobody put in words are definitions: their prices say nothing to an owner.
    let mut binding: Vec<Binding> = prices.binding.into_iter().filter(|limit| limit.says != limit.row).collect();
    binding.sort_by(|a, b| b.shadow_price.abs().total_cmp(&a.shadow_price.abs()));
    answer.binding =
        binding.into_iter().map(|limit| BindingLimit { rule: rules::rule_of(&limit.row), limit }).collect();
    answer.ranges = prices.costs;
    answer.stands = prices.limits;
}

/// Which rules are used up to their limit, and what the plan would be without each.
fn price_rules(
    problem: &Problem,
    rules: &[Rule],
    model: &Model,
    x: &[f64],
    seed: u64,
    answer: &mut Answer,
    effort: &mut Effort,
) -> Result<(), Refusal> {
    let mut tight: Vec<String> = Vec::new();
    for row in &model.rows {
        let Some(id) = rules::rule_of(&row.name) else { continue };
        let have: f64 = row.terms.iter().map(|&(j, v)| v * x[j]).sum();
        let close = |limit: f64| limit.is_finite() && (have - limit).abs() <= 1e-6 * (1.0 + limit.abs());
        if (close(row.lower) || close(row.upper)) && !tight.contains(&id) {
            tight.push(id);
        }
    }
    let sign = model.sense.sign();
    for (n, id) in tight.iter().enumerate() {
        let Some(rule) = rules.iter().find(|rule| rule.id == *id) else { continue };
        let mut priced =
            BindingRule { rule: id.clone(), says: rule.sentence(), without: None, price: None, exact: false };
        if n < MOST_PRICED && !effort.is_over() {
            let rest: Vec<Rule> = rules.iter().filter(|other| other.id != *id).cloned().collect();
            let mut free = problem.model();
            rules::apply(&rest, problem, &mut free)?;
            let share = effort.limit.saturating_sub(effort.spent) / (tight.len() - n).clamp(1, MOST_PRICED) as u64;
            let start = Some(x.to_vec());
            let found =
                effort.part(share, |effort| effort.silently(|effort| search(problem, &free, start, seed, effort)))?;
            if let (Some(without), Some(with)) = (found.objective, answer.objective) {
                priced.without = Some(without);
                priced.price = Some((sign * (with - without)).max(0.0));
                priced.exact = found.status == Status::Optimal && answer.status == Status::Optimal;
            }
        }
        answer.binding_rules.push(priced);
    }
    Ok(())
}

/// An irreducible conflict in the owner's words and the cheapest ways out.
fn why_not(problem: &Problem, rules: &[Rule], effort: &mut Effort) -> Result<Option<WhyNot>, Refusal> {
    let mut model = match problem {
        Problem::Roster(p) => p.model_with_availability_rows(),
        _ => problem.model(),
    };
    rules::apply(rules, problem, &mut model)?;
    let Some(conflict) = explain::conflict(&model, false, effort) else { return Ok(None) };
    let rule_of = |index: usize| rules::rule_of(&model.rows[index].name);
    let mut members: Vec<ConflictMember> = Vec::new();
    for member in &conflict.members {
        let rule = match member {
            explain::Member::Row { index, .. } => rule_of(*index),
            _ => None,
        };
        let said = ConflictMember { rule, says: member.says().to_string() };
        if !members.contains(&said) {
            members.push(said);
        }
    }
    let ways = explain::repairs(&model, &conflict, effort).into_iter().map(|repair| Way {
        rule: model.rows.iter().find(|row| row.words() == repair.says).and_then(|row| rules::rule_of(&row.name)),
        repair,
    });
    Ok(Some(WhyNot { members, verified: conflict.verified, repairs: ways.collect() }))
}
