use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::assessment::{Acknowledgement, Feasibility, Insight, Outcome, Pace};
use super::plan::{GoalPlan, Milestone, PlanField};
use crate::events;
use crate::ids::{GoalId, MilestoneId, UserId};
use crate::personal::Personal;

events! {
    /// Events of a stream `goal-<id>`.
    pub enum GoalEvent {
        GoalCreated = 1,
        GoalRevised = 1,
        GoalPaused = 1,
        GoalResumed = 1,
        GoalAbandoned = 1,
        GoalProgressed = 1,
        MilestoneAdded = 1,
        MilestoneRemoved = 1,
        MilestoneReached = 1,
        MilestoneReopened = 1,
        MilestoneMissed = 1,
        GoalAtRisk = 1,
        GoalBehind = 1,
        GoalBackOnTrack = 1,
        GoalAchieved = 1,
        GoalMissed = 1,
        GoalEvaluated = 1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalCreated {
    pub goal_id: GoalId,
    pub plan: GoalPlan,
    pub milestones: Vec<Milestone>,
    pub feasibility: Feasibility,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Acknowledgement>,
    pub created_by: UserId,
}

/// The plan from now on. The plans before it are in the events before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalRevised {
    pub plan: GoalPlan,
    pub changed: Vec<PlanField>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    pub feasibility: Feasibility,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Acknowledgement>,
    pub revised_by: UserId,
    /// The calendar day of the revision.
    pub on: Date,
}

impl GoalRevised {
    /// A plan that asks for something else starts with a clean slate: what was told of the one before counts no more, and
    /// only what is wrong under the new one alerts.
    pub fn begins_anew(&self) -> bool {
        let asks = [PlanField::Aim, PlanField::Start, PlanField::Due, PlanField::Cadence];
        self.changed.iter().any(|field| asks.contains(field))
    }
}

/// From `on` the goal's clock stands: days do not count towards the expected path and nothing alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalPaused {
    pub on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    pub paused_by: UserId,
}

/// Days count again from `on`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalResumed {
    pub on: Date,
    /// The due date from now on: moved by the days of the pause if that was asked for.
    pub due: Date,
    /// The own due dates of milestones that moved along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestone_dues: Vec<MilestoneDue>,
    pub resumed_by: UserId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneDue {
    pub milestone_id: MilestoneId,
    pub due: Date,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalAbandoned {
    pub on: Date,
    pub reason: Personal<String>,
    pub abandoned_by: UserId,
}

/// Where a reading came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum ProgressSource {
    /// The metric's points, or the passing of time over them.
    Metric,
    /// A person recorded `value` for `day`; a later record for the same day replaces it.
    Recorded {
        day: Date,
        value: Decimal,
        by: UserId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Personal<String>>,
    },
}

/// The goal's pace changed. Written only where a number or the status differs from the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalProgressed {
    #[serde(flatten)]
    pub source: ProgressSource,
    pub pace: Pace,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneAdded {
    pub milestone: Milestone,
    pub added_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneRemoved {
    pub milestone_id: MilestoneId,
    pub removed_by: UserId,
}

/// Alert: a milestone's value was reached on `on` by the reading `actual`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneReached {
    pub milestone_id: MilestoneId,
    pub title: String,
    pub value: Decimal,
    pub on: Date,
    pub actual: Decimal,
}

/// A reached milestone is open again: late or corrected points, or a falling level, moved the reading back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneReopened {
    pub milestone_id: MilestoneId,
    pub title: String,
    pub value: Decimal,
    pub on: Date,
    pub actual: Decimal,
}

/// Alert: a milestone's own due date passed before its value was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneMissed {
    pub milestone_id: MilestoneId,
    pub title: String,
    pub value: Decimal,
    pub due: Date,
    pub actual: Option<Decimal>,
}

/// Alert: the goal fell, or rose, to "at risk".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalAtRisk {
    pub pace: Pace,
}

/// Alert: the goal fell behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalBehind {
    pub pace: Pace,
}

/// Alert: the goal is on track after it was not, or after an achievement did not last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalBackOnTrack {
    pub pace: Pace,
}

/// Alert: the target is met. Before the due date it may be lost again; the evaluation is the last word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalAchieved {
    pub pace: Pace,
}

/// Alert: the due date passed without the target being met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalMissed {
    pub pace: Pace,
}

/// The goal came due and was looked back on. Points that arrive later for the goal's time may change the
/// numbers: then it is evaluated again, and the latest evaluation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalEvaluated {
    pub outcome: Outcome,
    pub pace: Pace,
    pub insight: Insight,
    /// Whether it replaces an earlier evaluation.
    pub again: bool,
}
