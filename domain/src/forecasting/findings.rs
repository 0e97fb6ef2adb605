//! What looking at a metric's newest steps brought.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{MetricId, RunId};
use crate::metrics::Bucket;

/// What an anomaly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// One step off; the next is usual again.
    Spike,
    /// From this step on the level is another.
    LevelShift,
}

/// Why a step is odd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Oddity {
    pub kind: AnomalyKind,
    /// What would have been usual.
    pub expected: f64,
    /// Distance from usual in standard deviations, signed.
    pub score: f64,
    /// Probability of a distance at least as large when nothing is odd.
    pub p: f64,
    /// One sentence.
    pub explanation: String,
}

/// How a step, or the last of a few in a row, lay outside the interval of a forecast that was made before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreachFinding {
    /// The run whose forecast did not hold.
    pub forecast_id: RunId,
    /// What was forecast.
    pub expected: f64,
    /// The interval's level in percent.
    pub level: f64,
    pub lower: f64,
    pub upper: f64,
    /// How many steps in a row lay on that side of the interval; 1 where one was enough.
    pub steps: u32,
    /// One sentence.
    pub explanation: String,
}

/// A step that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedStep {
    /// Its first day.
    pub start: Date,
    /// None: it has no value (any more).
    pub value: Option<f64>,
    /// It is new enough to alert; other steps are looked at because they alerted before.
    pub is_news: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oddity: Option<Oddity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<BreachFinding>,
}

/// The newest steps of a metric, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    pub metric_id: MetricId,
    /// What the metric is called.
    pub metric: String,
    pub unit: String,
    pub bucket: Bucket,
    /// The oldest first.
    pub steps: Vec<JudgedStep>,
}
