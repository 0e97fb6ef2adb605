use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::events;
use crate::ids::{ImportId, MetricId};
use crate::time_zone::TimeZoneName;

/// How points add up over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// An amount per period, such as revenue: a longer period holds the sum of its parts.
    Flow,
    /// A state at a moment, such as stock or a rate: a longer period holds its last value.
    Level,
}

impl std::fmt::Display for MetricKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Flow => "a flow, which adds up over time",
            Self::Level => "a level, which does not add up",
        })
    }
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodDirection {
    Up,
    Down,
    /// Neither: a value to keep within bounds.
    Neither,
}

/// Where a metric's points come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSource {
    /// People and machines record points.
    Recorded,
    /// Follows from imported transactions; nobody records points by hand.
    Derived,
}

events! {
    /// Events of a stream `metric-<id>`.
    pub enum MetricEvent {
        MetricDefined = 1,
        MetricDescribed = 1,
        MetricArchived = 1,
        MetricPointsRecorded = 1,
        MetricPointsRetracted = 1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricDefined {
    pub metric_id: MetricId,
    /// Unique in the business: `revenue`, `newsletter_signups`.
    pub key: String,
    pub name: String,
    /// `USD`, `orders`, `%`: what one of it is.
    pub unit: String,
    pub kind: MetricKind,
    /// ISO 4217, where the unit is money.
    pub currency: Option<String>,
    /// The zone whose calendar days the points are counted in.
    pub time_zone: TimeZoneName,
    pub good_direction: GoodDirection,
    pub source: MetricSource,
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricDescribed {
    pub name: String,
    pub description: String,
    pub good_direction: GoodDirection,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricArchived {}

/// One value of a metric at an instant. A metric has at most one value at an instant: the one recorded last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub at: Timestamp,
    pub value: Decimal,
}

/// New and corrected points; equal ones are not recorded again. A correction replaces the value at its instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricPointsRecorded {
    pub points: Vec<Point>,
    /// How many of `points` replaced another value.
    pub corrected: u32,
    /// How many of `points` lie before the metric's latest point at that time.
    pub late: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_id: Option<ImportId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricPointsRetracted {
    pub at: Vec<Timestamp>,
}
