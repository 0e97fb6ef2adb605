//! Families of plans as the engine and their runs call them.

use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::RunKind;
use dyocense_optimization::business::{Limit, Rule};
use serde_json::{Value, json};

/// As the engine calls the family of a run's plan; None: the run makes no plan.
pub fn family_name(kind: RunKind) -> Option<&'static str> {
    let family = match kind {
        RunKind::Inventory => PlanFamily::Inventory,
        RunKind::Staffing => PlanFamily::Staffing,
        RunKind::Roster => PlanFamily::Roster,
        RunKind::Budget => PlanFamily::Budget,
        _ => return None,
    };
    Some(name(family))
}

pub(super) fn name(family: PlanFamily) -> &'static str {
    match family {
        PlanFamily::Inventory => "inventory",
        PlanFamily::Staffing => "staffing",
        PlanFamily::Roster => "roster",
        PlanFamily::Budget => "budget",
    }
}

/// A stored constraint as the engine takes it.
pub(super) fn rule(id: &str, says: &str, family: PlanFamily, limit: &Value) -> Result<Rule, serde_json::Error> {
    let limit: Limit = serde_json::from_value(json!({ name(family): limit }))?;
    Ok(Rule { id: id.to_owned(), says: says.to_owned(), limit })
}
