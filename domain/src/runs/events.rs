use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events;
use crate::goals::{Cadence, Milestone, Objective};
use crate::ids::{GoalId, MetricId, RunId, UserId};
use crate::personal::Personal;
use crate::time_zone::TimeZoneName;

events! {
    /// Events of a stream `run-<id>`.
    pub enum RunEvent {
        RunRequested = 1,
        RunStopRequested = 1,
        RunCompleted = 1,
        RunFailed = 1,
        RunCancelled = 1,
        PlanAccepted = 1,
        PlanFollowed = 1,
    }
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    Forecast,
    Backtest,
    Anomalies,
    /// The newest steps of a metric, looked at because data arrived.
    Watch,
    WhatIf,
    Changepoints,
    Hierarchy,
    Inventory,
    Staffing,
    Roster,
    Budget,
    ChangeExplanation,
    Intervention,
    CausalGraph,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequested {
    pub run_id: RunId,
    pub kind: RunKind,
    /// In the shape that the kind's analysis documents.
    pub request: Value,
    /// Of everything random in the run.
    pub seed: u32,
    /// None: asked for by a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<UserId>,
}

/// Somebody wants the run to end. What it has found by then may still be its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStopRequested {
    pub requested_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCompleted {
    /// The history up to here was read.
    pub input_position: i64,
    /// SHA-256, in hexadecimal, of the canonical JSON of all that the method was given.
    pub input_sha256: String,
    /// The method and its version.
    pub method: String,
    /// The answer in a sentence or two, with numbers and units.
    pub summary: String,
    /// What a reader of the answer should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    pub answer: Value,
    /// It was asked to stop, and this is the best it had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped_early: bool,
    pub elapsed_ms: u32,
}

/// There is no answer, for a reason that asking again would meet again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    pub reason: String,
}

/// It was stopped before there was an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCancelled {}

/// The plan that the run answered with is what the business does from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanAccepted {
    pub accepted_by: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// What of a plan a metric shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanFigure {
    /// Money for channels, orders or wages: at most what is planned.
    Spend,
    /// What a budget returns: at least what is planned.
    Return,
    /// Units ordered: at least what is planned.
    Orders,
}

/// An accepted plan is followed: a goal, whose id is chosen here, measures the business by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFollowed {
    pub goal_id: GoalId,
    pub figure: PlanFigure,
    /// The channel or the product; all of them together where None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// A flow in which the figure shows.
    pub metric_id: MetricId,
    /// What the plan comes to over its whole time, in the metric's unit.
    pub amount: Decimal,
    pub title: String,
    pub objective: Objective,
    pub start: Date,
    pub due: Date,
    pub cadence: Cadence,
    pub time_zone: TimeZoneName,
    /// What the plan comes to by the ends of its periods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<Milestone>,
    /// Why it is taken on although history calls it unlikely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Personal<String>>,
    pub followed_by: UserId,
}
