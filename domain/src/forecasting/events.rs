use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::findings::{BreachFinding, Oddity};
use crate::events;
use crate::ids::{MetricId, RunId};
use crate::metrics::Bucket;

events! {
    /// Events of a stream `insight-<metric id>`.
    pub enum InsightEvent {
        MetricAnomalyDetected = 1,
        MetricAnomalyWithdrawn = 1,
        ForecastBreached = 1,
        ForecastBreachWithdrawn = 1,
    }
}

/// Which step of which metric is meant, and which run looked at it. Values are in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InsightSubject {
    pub metric_id: MetricId,
    /// What the metric was called then.
    pub metric: String,
    pub unit: String,
    pub bucket: Bucket,
    /// The first day of the step.
    pub start: Date,
    pub run_id: RunId,
}

/// Alert: a step was not as it usually is. At most once for a step, unless its value was corrected since; `again` is no
/// alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricAnomalyDetected {
    #[serde(flatten)]
    pub subject: InsightSubject,
    pub value: f64,
    #[serde(flatten)]
    pub oddity: Oddity,
    /// It was detected before to the same side, with another value that was corrected: what was told is put right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// Corrected points made an odd step a usual one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricAnomalyWithdrawn {
    #[serde(flatten)]
    pub subject: InsightSubject,
    /// The value that was odd.
    pub was: f64,
    /// None: the step has no value any more.
    pub value: Option<f64>,
}

/// Alert: what happened lay outside a kept forecast's interval. At most once for a step, unless its value was corrected
/// since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastBreached {
    #[serde(flatten)]
    pub subject: InsightSubject,
    pub value: f64,
    #[serde(flatten)]
    pub breach: BreachFinding,
    /// The step is told as an anomaly too: one of them is enough for a notification.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told_as_anomaly: bool,
    /// As of [`MetricAnomalyDetected`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// Corrected points brought the step back into the interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastBreachWithdrawn {
    #[serde(flatten)]
    pub subject: InsightSubject,
    /// The value that lay outside.
    pub was: f64,
    /// None: the step has no value any more.
    pub value: Option<f64>,
}
