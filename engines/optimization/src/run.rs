//! A problem file in, an answer out: what the command line and a server both do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backend::{Backend, SolveError, solve_with};
use crate::business::{BindingRule, ChannelPlan, Difference, Plan, Problem, Rule, Term, compare, explained};
use crate::effort::Effort;
use crate::explain::{self, Binding, LimitRange, Member, Repair};
use crate::format::{model_from_json, model_from_mps};
use crate::inventory::{is_classical, solve_classical};
use crate::lp::Status;
use crate::model::{Model, ModelError, Sense, check};
use crate::scenario::{self, Compared, Scenario};

/// What a file asks for.
#[derive(Debug, Clone)]
pub enum Task {
    /// A model given row by row.
    Raw(Box<Model>),
    /// A problem as its owner states it.
    Problem(Box<Stated>),
    /// A classical inventory problem with a closed form or an exact algorithm.
    Classical { kind: String, inputs: Value },
}

/// A business problem with what belongs to it.
#[derive(Debug, Clone)]
pub struct Stated {
    pub problem: Problem,
    /// Rules of the owner that the plan keeps.
    pub rules: Vec<Rule>,
    /// What is done today, to compare with.
    pub today: Option<Plan>,
    /// The same with something changed, to compare with.
    pub scenarios: Vec<Scenario>,
}

/// How to go about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub backend: Backend,
    pub seed: u64,
}

/// The answer to a task.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub name: String,
    /// `inventory`, `staffing`, `roster`, `budget` or `model`.
    pub kind: &'static str,
    pub status: Status,
    pub sense: Sense,
    pub objective: Option<f64>,
    pub bound: Option<f64>,
    pub gap: Option<f64>,
    pub solver: String,
    pub nodes: u64,
    pub work: u64,
    /// The run ended at the work limit or by proof, so the same input, seed and limit give the same
    /// plan. False when it was stopped from outside.
    pub replayable: bool,
    /// Decisions that are not zero.
    pub decisions: Vec<Decision>,
    /// The answer of a classical problem, or a fitted history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// Business problems: the plan in the owner's terms, its costs in parts, beside today's, and what
    /// the rules of the owner cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_today: Option<Vec<Difference>>,
    /// The scenarios of the file, each beside this answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<Compared>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binding_rules: Vec<BindingRule>,
    /// Budgets: return of the next unit of money by channel and period.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marginal_returns: Vec<ChannelPlan>,
    /// The plan stands while each of these is within its range.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stands: Vec<LimitRange>,
    /// What limits the plan, dearest first.
    pub binding: Vec<Binding>,
    /// Prices hold exactly (no whole decisions involved).
    pub prices_exact: bool,
    /// When there is no plan: rules that cannot all be kept.
    pub conflict: Vec<String>,
    pub conflict_verified: bool,
    /// When there is no plan: the cheapest single changes that would allow one.
    pub repairs: Vec<Repair>,
    /// What the independent checker objects to; empty for every plan this crate gives.
    pub violations: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub name: String,
    pub value: f64,
}

#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    rows: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    domain: Option<Value>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    inputs: Option<Value>,
}

/// Reads a task: MPS text, or JSON of a raw model or a business problem.
pub fn read_task(text: &str) -> Result<Task, ModelError> {
    let first = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if !first.starts_with(['{', '[']) {
        return Ok(Task::Raw(Box::new(model_from_mps(text)?)));
    }
    let probe: Probe =
        serde_json::from_str(first).map_err(|error| ModelError::Malformed(format!("not JSON: {error}")))?;
    let kind_of = |value: &Value| value.get("kind").and_then(Value::as_str).map(str::to_string);
    if probe.rows.is_some() {
        let model = model_from_json(first)?;
        // A file may hold both: the rows decide, and the business problem is used when it is the
        // same thing said in other words, because more is known of it.
        if let Some(domain) = probe.domain
            && let Some(kind) = kind_of(&domain)
            && let Ok(business) = Problem::from_json(&kind, domain)
            && same_model(&business.model(), &model)
        {
            return Ok(Task::Problem(Box::new(Stated {
                problem: business,
                rules: Vec::new(),
                today: None,
                scenarios: Vec::new(),
            })));
        }
        return Ok(Task::Raw(Box::new(model)));
    }
    let (kind, value) = match (probe.domain, probe.kind) {
        (Some(domain), _) => (kind_of(&domain), domain),
        (None, Some(kind)) if is_classical(&kind) || kind == HISTORY => {
            return Ok(Task::Classical { kind, inputs: probe.inputs.unwrap_or_default() });
        }
        (None, kind) => {
            (kind, serde_json::from_str(first).map_err(|error| ModelError::Malformed(format!("not JSON: {error}")))?)
        }
    };
    let Some(kind) = kind else {
        return Err(ModelError::Malformed(
            "neither a model (it has no \"rows\") nor a business problem (it has no \"kind\")".into(),
        ));
    };
    let bad = |name: &str, error: serde_json::Error| ModelError::Malformed(format!("{name}: {error}"));
    let parse = |value: Value| -> Result<(Problem, Vec<Rule>), ModelError> {
        let rules = match value.get("rules").filter(|rules| !rules.is_null()) {
            Some(rules) => serde_json::from_value(rules.clone()).map_err(|error| bad("rules", error))?,
            None => Vec::new(),
        };
        Ok((Problem::from_json(&kind, value)?, rules))
    };
    let scenarios = scenario::read(&value, parse)?;
    let today: Option<Plan> = match value.get("today").filter(|today| !today.is_null()).cloned() {
        Some(mut today) => {
            if let Some(fields) = today.as_object_mut() {
                fields.insert("kind".into(), kind.clone().into());
            }
            Some(serde_json::from_value(today).map_err(|error| bad("today", error))?)
        }
        None => None,
    };
    let (problem, rules) = parse(value)?;
    if let Some(today) = &today {
        problem.costs(today)?;
    }
    Ok(Task::Problem(Box::new(Stated { problem, rules, today, scenarios })))
}

/// Kind of a file that holds a history of spend and outcome, to be fitted.
const HISTORY: &str = "marketing_mix";

/// Whether two models say the same: columns in the same order, rows in any order and direction.
fn same_model(a: &Model, b: &Model) -> bool {
    let close = |x: f64, y: f64| x == y || (x - y).abs() <= 1e-9 * (1.0 + x.abs());
    if a.sense != b.sense || a.columns.len() != b.columns.len() || a.rows.len() != b.rows.len() {
        return false;
    }
    let columns = a.columns.iter().zip(&b.columns).all(|(p, q)| {
        p.integer == q.integer && close(p.cost, q.cost) && close(p.lower, q.lower) && close(p.upper, q.upper)
    });
    let mut rows: std::collections::HashMap<&str, &crate::model::Row> =
        b.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    columns
        && a.rows.iter().all(|p| {
            rows.remove(p.name.as_str()).is_some_and(|q| {
                close(p.lower, q.lower)
                    && close(p.upper, q.upper)
                    && p.terms.len() == q.terms.len()
                    && p.terms.iter().zip(&q.terms).all(|(s, t)| s.0 == t.0 && close(s.1, t.1))
            })
        })
}

/// Share of the work kept for prices or for finding a conflict.
const EXPLAIN_SHARE: u64 = 10;

/// Solves a task and explains the answer.
pub fn run(task: &Task, options: Options, effort: &mut Effort) -> Result<Outcome, SolveError> {
    match task {
        Task::Raw(model) => {
            let reserve = effort.limit / EXPLAIN_SHARE;
            let main = effort.limit - reserve;
            let answer = effort.part(main, |effort| solve_with(model, options.backend, options.seed, effort))?;
            Ok(told(model, "model", answer, effort))
        }
        Task::Problem(stated) => stated_problem(stated, options, effort),
        Task::Classical { kind, inputs } if kind == HISTORY => {
            let history = serde_json::from_value(inputs.clone())
                .map_err(|error| ModelError::Malformed(format!("inputs: {error}")))?;
            let fit = crate::mmm::fit(&history, options.seed, effort)?;
            let mut outcome = Outcome::of(kind.clone(), "history", Status::Optimal, Sense::Min, "least squares");
            outcome.policy = serde_json::to_value(&fit).ok();
            outcome.work = effort.spent;
            outcome.replayable = !effort.was_stopped();
            Ok(outcome)
        }
        Task::Classical { kind, inputs } => {
            let policy = solve_classical(kind, inputs)?;
            let objective = policy.get("cost").or_else(|| policy.get("g")).and_then(Value::as_f64);
            let solver = "closed form or exact algorithm";
            let mut outcome = Outcome::of(kind.clone(), "classical", Status::Optimal, Sense::Min, solver);
            outcome.objective = objective;
            outcome.bound = objective;
            outcome.gap = objective.map(|_| 0.0);
            outcome.policy = Some(policy);
            Ok(outcome)
        }
    }
}

impl Outcome {
    fn of(name: String, kind: &'static str, status: Status, sense: Sense, solver: impl Into<String>) -> Self {
        Self {
            name,
            kind,
            status,
            sense,
            objective: None,
            bound: None,
            gap: None,
            solver: solver.into(),
            nodes: 0,
            work: 0,
            replayable: true,
            decisions: Vec::new(),
            policy: None,
            plan: None,
            costs: Vec::new(),
            against_today: None,
            scenarios: Vec::new(),
            binding_rules: Vec::new(),
            marginal_returns: Vec::new(),
            stands: Vec::new(),
            binding: Vec::new(),
            prices_exact: false,
            conflict: Vec::new(),
            conflict_verified: false,
            repairs: Vec::new(),
            violations: Vec::new(),
        }
    }
}

fn decisions(model: &Model, x: &[f64]) -> Vec<Decision> {
    let named = model.columns.iter().zip(x).filter(|&(_, &value)| value != 0.0);
    named.map(|(column, &value)| Decision { name: column.name.clone(), value }).collect()
}

fn stated_problem(stated: &Stated, options: Options, effort: &mut Effort) -> Result<Outcome, SolveError> {
    let Stated { problem, rules, today, scenarios } = stated;
    let share = effort.limit.saturating_sub(effort.spent) / (scenarios.len() + 1) as u64;
    let (answer, x) = effort.part(share, |effort| explained(problem, rules, options.backend, options.seed, effort))?;
    let mut outcome = Outcome::of(problem.kind().into(), problem.kind(), answer.status, answer.sense, answer.solver);
    if let Some(x) = &x {
        outcome.decisions = decisions(&problem.model(), x);
    }
    if let (Some(today), Some(_)) = (today, &answer.plan) {
        outcome.against_today = Some(compare(&problem.costs(today)?, &answer.costs));
    }
    if let Some(why) = answer.why_not {
        outcome.conflict = why.members.into_iter().map(|member| member.says).collect();
        outcome.conflict_verified = why.verified;
        outcome.repairs = why.repairs.into_iter().map(|way| way.repair).collect();
    }
    outcome.objective = answer.objective;
    outcome.bound = answer.bound;
    outcome.gap = answer.gap;
    outcome.nodes = answer.nodes;
    outcome.work = answer.work;
    outcome.replayable = answer.replayable;
    outcome.plan = answer.plan;
    outcome.costs = answer.costs;
    outcome.binding_rules = answer.binding_rules;
    outcome.marginal_returns = answer.marginal_returns;
    outcome.stands = answer.stands;
    outcome.binding = answer.binding.into_iter().map(|binding| binding.limit).collect();
    outcome.prices_exact = answer.prices_exact;
    outcome.violations = answer.violations;
    outcome.scenarios = scenario::answered(scenarios, &outcome, options, effort)?;
    if !scenarios.is_empty() {
        outcome.work = effort.spent;
        outcome.replayable = !effort.was_stopped();
    }
    Ok(outcome)
}

/// Turns a solver's answer into an outcome: names, prices, conflicts.
fn told(model: &Model, kind: &'static str, answer: crate::solve::Answer, effort: &mut Effort) -> Outcome {
    let mut outcome = Outcome::of(model.name.clone(), kind, answer.status, model.sense, answer.solver);
    outcome.objective = answer.objective;
    outcome.bound = answer.bound;
    outcome.gap = answer.gap;
    outcome.nodes = answer.nodes;
    if let Some(x) = &answer.x {
        outcome.violations = check(model, x).into_iter().map(|v| format!("{} by {}", v.what, v.by)).collect();
        outcome.decisions = decisions(model, x);
        if matches!(answer.status, Status::Optimal | Status::Feasible) && !effort.was_stopped() {
            let prices = explain::sensitivity_from(model, x, answer.basis.as_ref(), effort);
            outcome.prices_exact = prices.exact && answer.status == Status::Optimal;
            outcome.binding = prices.binding;
            outcome.binding.sort_by(|a, b| b.shadow_price.abs().total_cmp(&a.shadow_price.abs()));
        }
    } else if answer.status == Status::Infeasible
        && let Some(conflict) = explain::conflict(model, true, effort)
    {
        outcome.conflict = conflict.members.iter().map(|member: &Member| member.says().to_string()).collect();
        outcome.conflict_verified = conflict.verified;
        outcome.repairs = explain::repairs(model, &conflict, effort);
    }
    outcome.work = effort.spent;
    outcome.replayable = !effort.was_stopped();
    outcome
}
