//! Rules of the owner ("never more than USD 5,000 on ads", "Maria does not work Mondays"): stored in
//! their own words, checked against a problem when they are saved, rows of the model when it is
//! solved, and cited by id when they bind or stand in the way.

mod budget;
mod inventory;
mod roster;
mod staffing;

use serde::{Deserialize, Serialize};

pub use budget::{BudgetRule, Span};
pub use inventory::InventoryRule;
pub use roster::RosterRule;
pub use staffing::StaffingRule;

use super::plan::Plan;
use super::{KINDS, Problem};
use crate::model::{Model, Role};
use crate::refusal::Refusal;

/// A stored constraint: what the owner said and what it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// What answers cite; unique among the rules of a run.
    pub id: String,
    /// The owner's sentence. Empty: the rule says itself.
    #[serde(default)]
    pub says: String,
    pub limit: Limit,
}

/// What a rule limits, by family of problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    Inventory(InventoryRule),
    Staffing(StaffingRule),
    Roster(RosterRule),
    Budget(BudgetRule),
}

/// What one rule becomes in a model.
pub(super) struct RuleRow {
    pub terms: Vec<(usize, f64)>,
    pub lower: f64,
    pub upper: f64,
}

impl RuleRow {
    fn at_most(terms: Vec<(usize, f64)>, upper: f64) -> Self {
        Self { terms, lower: f64::NEG_INFINITY, upper }
    }

    fn at_least(terms: Vec<(usize, f64)>, lower: f64) -> Self {
        Self { terms, lower, upper: f64::INFINITY }
    }
}

/// Names a rule's fields while they are read, for refusals.
pub(super) struct Reader<'a> {
    rule: &'a str,
}

impl Reader<'_> {
    fn refuse<T>(&self, field: &'static str, value: impl ToString, bound: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal::Impossible { rule: self.rule.into(), field, value: value.to_string(), bound: bound.into() })
    }

    /// A number from 0 to below 1e9.
    fn amount(&self, field: &'static str, value: f64) -> Result<f64, Refusal> {
        if value.is_finite() && (0.0..1e9).contains(&value) {
            Ok(value)
        } else {
            self.refuse(field, value, "a number from 0 to below 1e9")
        }
    }

    fn share(&self, field: &'static str, value: f64) -> Result<f64, Refusal> {
        if (0.0..=1.0).contains(&value) { Ok(value) } else { self.refuse(field, value, "a share from 0 to 1") }
    }

    /// Turns a number counted from 1 into an index; `None` is all of them.
    fn counted(&self, field: &'static str, value: Option<usize>, count: usize) -> Result<Vec<usize>, Refusal> {
        match value {
            None => Ok((0..count).collect()),
            Some(v) if (1..=count).contains(&v) => Ok(vec![v - 1]),
            Some(v) => self.refuse(field, v, format!("from 1 to {count}")),
        }
    }

    fn index(&self, field: &'static str, value: usize, count: usize) -> Result<usize, Refusal> {
        if value < count { Ok(value) } else { self.refuse(field, value, format!("below {count}")) }
    }

    /// Finds a name, whatever its case.
    fn named(&self, what: &'static str, id: &str, names: &[String]) -> Result<usize, Refusal> {
        names.iter().position(|name| name.eq_ignore_ascii_case(id)).ok_or_else(|| {
            let mut known: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
            if names.len() > known.len() {
                known.push("…");
            }
            Refusal::Unknown { rule: self.rule.into(), what, id: id.into(), known: known.join(", ") }
        })
    }

    fn named_or_all(&self, what: &'static str, id: Option<&str>, names: &[String]) -> Result<Vec<usize>, Refusal> {
        match id {
            Some(id) => Ok(vec![self.named(what, id, names)?]),
            None => Ok((0..names.len()).collect()),
        }
    }
}

impl Limit {
    pub fn family(&self) -> &'static str {
        match self {
            Limit::Inventory(_) => KINDS[0],
            Limit::Staffing(_) => KINDS[1],
            Limit::Roster(_) => KINDS[2],
            Limit::Budget(_) => KINDS[3],
        }
    }
}

impl Rule {
    /// The owner's sentence, or the rule's own.
    pub fn sentence(&self) -> String {
        if !self.says.trim().is_empty() {
            return self.says.trim().to_string();
        }
        match &self.limit {
            Limit::Inventory(rule) => rule.sentence(),
            Limit::Staffing(rule) => rule.sentence(),
            Limit::Roster(rule) => rule.sentence(),
            Limit::Budget(rule) => rule.sentence(),
        }
    }

    /// # Errors
    /// The rule is of another family, names what the problem does not have, or holds a number that
    /// cannot be.
    pub fn validate(&self, problem: &Problem) -> Result<(), Refusal> {
        self.rows(problem).map(drop)
    }

    pub(super) fn rows(&self, problem: &Problem) -> Result<Vec<RuleRow>, Refusal> {
        let reader = Reader { rule: &self.id };
        if self.id.trim().is_empty() {
            return reader.refuse("id", format!("{:?}", self.id), "a name that is not empty");
        }
        match (&self.limit, problem) {
            (Limit::Inventory(rule), Problem::Inventory(problem)) => rule.rows(&reader, problem),
            (Limit::Staffing(rule), Problem::Staffing(problem)) => rule.rows(&reader, problem),
            (Limit::Roster(rule), Problem::Roster(problem)) => rule.rows(&reader, problem),
            (Limit::Budget(rule), Problem::Budget(problem)) => rule.rows(&reader, problem),
            (limit, problem) => {
                Err(Refusal::OtherFamily { rule: self.id.clone(), family: limit.family(), problem: problem.kind() })
            }
        }
    }

    fn unit(&self) -> &'static str {
        match &self.limit {
            Limit::Inventory(rule) => rule.unit(),
            Limit::Staffing(rule) => rule.unit(),
            Limit::Roster(rule) => rule.unit(),
            Limit::Budget(rule) => rule.unit(),
        }
    }

    /// Whether a plan keeps the rule, told from the plan itself and not from the model.
    pub fn is_kept(&self, problem: &Problem, plan: &Plan) -> bool {
        match (&self.limit, problem, plan) {
            (Limit::Inventory(rule), Problem::Inventory(problem), Plan::Inventory(plan)) => rule.is_kept(problem, plan),
            (Limit::Staffing(rule), Problem::Staffing(problem), Plan::Staffing(plan)) => rule.is_kept(problem, plan),
            (Limit::Roster(rule), Problem::Roster(problem), Plan::Roster(plan)) => rule.is_kept(problem, plan),
            (Limit::Budget(rule), Problem::Budget(problem), Plan::Budget(plan)) => rule.is_kept(problem, plan),
            _ => false,
        }
    }
}

/// Prefix of the names of rows that come from rules.
const PREFIX: &str = "rule/";

/// Adds the rules to a model; their rows are named after them.
pub(super) fn apply(rules: &[Rule], problem: &Problem, model: &mut Model) -> Result<(), Refusal> {
    let mut seen = std::collections::HashSet::new();
    for rule in rules {
        if !seen.insert(rule.id.as_str()) {
            return Err(Refusal::SameId { rule: rule.id.clone() });
        }
        for (n, row) in rule.rows(problem)?.into_iter().enumerate() {
            let name = format!("{PREFIX}{}/{n}", rule.id);
            let index = model.row(name, Role::Rule, row.terms, row.lower, row.upper);
            model.say(index, rule.sentence(), rule.unit());
        }
    }
    Ok(())
}

/// The rule that a row of a model came from.
pub(super) fn rule_of(row_name: &str) -> Option<String> {
    let (id, _) = row_name.strip_prefix(PREFIX)?.rsplit_once('/')?;
    Some(id.to_string())
}

/// Whether `have` is at most `limit`, as far as plans are exact.
fn within(have: f64, limit: f64) -> bool {
    have <= limit + 1e-6 * (1.0 + limit.abs())
}

fn each(period: Option<usize>, word: &str) -> String {
    match period {
        Some(p) => format!("in {word} {p}"),
        None => format!("in each {word}"),
    }
}
