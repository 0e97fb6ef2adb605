//! A problem file in, an answer out: what the command line and a server both do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backend::{Backend, SolveError, solve_with};
use crate::business::Problem;
use crate::effort::Effort;
use crate::explain::{self, Binding, Member, Repair};
use crate::format::{model_from_json, model_from_mps};
use crate::inventory::{is_classical, solve_classical};
use crate::lp::Status;
use crate::model::{Model, ModelError, Sense, check};

/// What a file asks for.
#[derive(Debug, Clone)]
pub enum Task {
    /// A model given row by row.
    Raw(Box<Model>),
    /// A problem as its owner states it.
    Problem(Box<Problem>),
    /// A classical inventory problem with a closed form or an exact algorithm.
    Classical { kind: String, inputs: Value },
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
    pub solver: &'static str,
    pub nodes: u64,
    pub work: u64,
    /// The run ended at the work limit or by proof, so the same input, seed and limit give the same
    /// plan. False when it was stopped from outside.
    pub replayable: bool,
    /// Decisions that are not zero.
    pub decisions: Vec<Decision>,
    /// The answer of a classical problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
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
            return Ok(Task::Problem(Box::new(business)));
        }
        return Ok(Task::Raw(Box::new(model)));
    }
    let (kind, value) = match (probe.domain, probe.kind) {
        (Some(domain), _) => (kind_of(&domain), domain),
        (None, Some(kind)) if is_classical(&kind) => {
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
    Ok(Task::Problem(Box::new(Problem::from_json(&kind, value)?)))
}

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
            Ok(explained(model, "model", answer, effort))
        }
        Task::Problem(business) => {
            let model = business.model();
            let main = effort.limit - effort.limit / EXPLAIN_SHARE;
            let answer = if options.backend == Backend::Auto {
                effort.part(main, |effort| business.search(options.seed, effort))?
            } else {
                effort.part(main, |effort| solve_with(&model, options.backend, options.seed, effort))?
            };
            let broken = answer.x.as_ref().map(|x| business.check(x));
            let mut outcome = explained(&model, business.kind(), answer, effort);
            outcome.violations.extend(broken.into_iter().flatten());
            Ok(outcome)
        }
        Task::Classical { kind, inputs } => {
            let policy = solve_classical(kind, inputs)?;
            let objective = policy.get("cost").or_else(|| policy.get("g")).and_then(Value::as_f64);
            Ok(Outcome {
                name: kind.clone(),
                kind: "classical",
                status: Status::Optimal,
                sense: Sense::Min,
                objective,
                bound: objective,
                gap: objective.map(|_| 0.0),
                solver: "closed form or exact algorithm",
                nodes: 0,
                work: 0,
                replayable: true,
                decisions: Vec::new(),
                policy: Some(policy),
                binding: Vec::new(),
                prices_exact: false,
                conflict: Vec::new(),
                conflict_verified: false,
                repairs: Vec::new(),
                violations: Vec::new(),
            })
        }
    }
}

/// Turns a solver's answer into an outcome: names, prices, conflicts.
fn explained(model: &Model, kind: &'static str, answer: crate::solve::Answer, effort: &mut Effort) -> Outcome {
    let mut outcome = Outcome {
        name: model.name.clone(),
        kind,
        status: answer.status,
        sense: model.sense,
        objective: answer.objective,
        bound: answer.bound,
        gap: answer.gap,
        solver: answer.solver,
        nodes: answer.nodes,
        work: 0,
        replayable: true,
        decisions: Vec::new(),
        policy: None,
        binding: Vec::new(),
        prices_exact: false,
        conflict: Vec::new(),
        conflict_verified: false,
        repairs: Vec::new(),
        violations: Vec::new(),
    };
    if let Some(x) = &answer.x {
        outcome.violations = check(model, x).into_iter().map(|v| format!("{} by {}", v.what, v.by)).collect();
        outcome.decisions = model
            .columns
            .iter()
            .zip(x)
            .filter(|&(_, &value)| value != 0.0)
            .map(|(column, &value)| Decision { name: column.name.clone(), value })
            .collect();
        if matches!(answer.status, Status::Optimal | Status::Feasible) && !effort.was_stopped() {
            let prices = explain::sensitivity(model, x, effort);
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
