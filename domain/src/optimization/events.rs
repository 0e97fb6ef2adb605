use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events;
use crate::ids::{ConstraintId, UserId};
use crate::personal::Personal;

events! {
    /// Events of a stream `constraint-<id>`.
    pub enum ConstraintEvent {
        ConstraintSaved = 1,
        ConstraintRemoved = 1,
    }
}

/// Which plans a constraint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanFamily {
    Inventory,
    Staffing,
    Roster,
    Budget,
}

impl std::fmt::Display for PlanFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Inventory => "inventory",
            Self::Staffing => "staffing",
            Self::Roster => "roster",
            Self::Budget => "budget",
        })
    }
}

/// The constraint from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstraintSaved {
    pub constraint_id: ConstraintId,
    pub family: PlanFamily,
    /// "Maria does not work Mondays": it may name people.
    pub says: Personal<String>,
    /// What it means, in the engine's form.
    pub limit: Value,
    pub saved_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstraintRemoved {
    pub removed_by: UserId,
}
