//! What a goal says: the five letters of SMART as values.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{MetricId, MilestoneId, UserId};
use crate::personal::Personal;
use crate::time_zone::TimeZoneName;

/// How a metric's points become the one number that the goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The sum of all points from the goal's start: "sell 1,000 units by June". Flows only.
    Total,
    /// The sum over the last full cadence (day, 7 days, month, 3 months): "earn 12,000 a month". Flows only.
    PeriodTotal,
    /// The mean of the daily values over the last full cadence: "answer within 4 hours on average".
    PeriodAverage,
    /// The latest value: "have 500 subscribers".
    Latest,
}

impl std::fmt::Display for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Total => "the total from the start",
            Self::PeriodTotal => "the total of a period",
            Self::PeriodAverage => "the average of a period",
            Self::Latest => "the latest value",
        })
    }
}

/// What the goal is measured by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Measure {
    /// Progress follows from a metric's points.
    Metric { metric_id: MetricId, aggregation: Aggregation, unit: String },
    /// People record where the goal stands; the latest record counts.
    Manual { unit: String },
}

impl Measure {
    pub fn unit(&self) -> &str {
        match self {
            Self::Metric { unit, .. } | Self::Manual { unit } => unit,
        }
    }

    pub fn metric_id(&self) -> Option<MetricId> {
        match self {
            Self::Metric { metric_id, .. } => Some(*metric_id),
            Self::Manual { .. } => None,
        }
    }

    /// A manual goal is read as its latest record.
    pub fn aggregation(&self) -> Aggregation {
        match self {
            Self::Metric { aggregation, .. } => *aggregation,
            Self::Manual { .. } => Aggregation::Latest,
        }
    }
}

/// Where the measure should go, in the measure's unit.
///
/// `baseline` is where it stood before the goal: the reading of the day before the start, or for
/// [`Aggregation::Total`] the total of the equally long time before the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
pub enum Aim {
    /// Reach at least `target`.
    Up { baseline: Decimal, target: Decimal },
    /// Come down to at most `target`.
    Down { baseline: Decimal, target: Decimal },
    /// Stay between `low` and `high` (both included) in at least `share` (0 to 1) of the goal's periods.
    KeepWithin { low: Decimal, high: Decimal, share: Decimal },
}

/// The business objective that the goal serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    GrowRevenue,
    RaiseProfit,
    WinCustomers,
    KeepCustomers,
    CutCosts,
    SteadyCash,
    ImproveQuality,
    WorkEfficiently,
    BuildTeam,
    Other,
}

/// How often the goal is looked at, and the length of its periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    Daily,
    Weekly,
    Monthly,
    Quarterly,
}

/// A goal as planned. `start` and `due` are calendar days of `time_zone`, both included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalPlan {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Personal<String>>,
    pub owner: UserId,
    pub measure: Measure,
    pub aim: Aim,
    pub objective: Objective,
    /// Why it matters, in the author's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevance: Option<Personal<String>>,
    pub start: Date,
    pub due: Date,
    pub cadence: Cadence,
    pub time_zone: TimeZoneName,
}

/// The parts of a plan that a revision can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanField {
    Title,
    Description,
    Owner,
    Measure,
    Aim,
    Objective,
    Relevance,
    Start,
    Due,
    Cadence,
    TimeZone,
}

/// A value on the way, in the goal's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Milestone {
    pub milestone_id: MilestoneId,
    pub title: String,
    pub value: Decimal,
    /// The day by which it should be reached (included), if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}
