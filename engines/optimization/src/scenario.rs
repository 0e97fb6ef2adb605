//! The same question with some of its inputs changed, and what that changes in the answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bounds::count;
use crate::business::{Difference, Problem, Rule, compare, explained};
use crate::changes::change;
use crate::effort::Effort;
use crate::lp::Status;
use crate::model::ModelError;
use crate::run::{Options, Outcome};

/// Most scenarios of one file.
const MOST: usize = 20;

/// A problem in which something is otherwise.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: String,
    pub problem: Problem,
    pub rules: Vec<Rule>,
}

/// The answer to a scenario beside that to the problem as it is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    pub name: String,
    pub status: Status,
    pub objective: Option<f64>,
    pub bound: Option<f64>,
    pub gap: Option<f64>,
    /// Costs in parts: of the problem as it is, of the scenario, and the change.
    pub terms: Vec<Difference>,
    /// When the scenario has no plan: rules that cannot all be kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflict: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    name: String,
    changes: Value,
}

/// Reads the scenarios of a problem file.
///
/// # Errors
/// Names the scenario, and what is wrong with its changes or with the problem they make.
pub(crate) fn read(
    file: &Value,
    parse: impl Fn(Value) -> Result<(Problem, Vec<Rule>), ModelError>,
) -> Result<Vec<Scenario>, ModelError> {
    let Some(list) = file.get("scenarios").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let bad = |what: String| ModelError::Malformed(what);
    let stated: Vec<Stated> =
        serde_json::from_value(list.clone()).map_err(|error| bad(format!("scenarios: {error}")))?;
    count("number of scenarios", stated.len(), 0, MOST)?;
    let mut out: Vec<Scenario> = Vec::new();
    for Stated { name, changes } in stated {
        if out.iter().any(|other| other.name == name) {
            return Err(bad(format!("two scenarios are called {name:?}")));
        }
        let mut changed = file.clone();
        if let Value::Object(fields) = &mut changed {
            fields.remove("scenarios");
        }
        change(&mut changed, &changes).map_err(|what| bad(format!("scenario {name:?}: {what}")))?;
        let (problem, rules) = parse(changed).map_err(|error| bad(format!("scenario {name:?}: {error}")))?;
        out.push(Scenario { name, problem, rules });
    }
    Ok(out)
}

/// Answers each scenario with an equal share of the work that is left.
pub(crate) fn answered(
    scenarios: &[Scenario],
    base: &Outcome,
    options: Options,
    effort: &mut Effort,
) -> Result<Vec<Compared>, crate::backend::SolveError> {
    let mut out = Vec::with_capacity(scenarios.len());
    for (n, Scenario { name, problem, rules }) in scenarios.iter().enumerate() {
        let share = effort.limit.saturating_sub(effort.spent) / (scenarios.len() - n) as u64;
        let (answer, _) = effort.part(share, |effort| {
            effort.silently(|effort| explained(problem, rules, options.backend, options.seed, effort))
        })?;
        out.push(Compared {
            name: name.clone(),
            status: answer.status,
            objective: answer.objective,
            bound: answer.bound,
            gap: answer.gap,
            terms: if answer.plan.is_some() { compare(&base.costs, &answer.costs) } else { Vec::new() },
            conflict: answer.why_not.into_iter().flat_map(|why| why.members).map(|member| member.says).collect(),
        });
    }
    Ok(out)
}
