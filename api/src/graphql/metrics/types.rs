//! Metrics and their series, as the API shows them.

use async_graphql::{Enum, SimpleObject};
use dyocense_domain::metrics;

use crate::graphql::scalars::{Date, DateTime, Decimal, Long};

/// How points add up over time.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "metrics::MetricKind")]
pub enum MetricKind {
    /// An amount per period, such as revenue: a longer period holds the sum of its parts.
    Flow,
    /// A state at a moment, such as stock or a rate: a longer period holds its last value.
    Level,
}

/// Which way is better.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "metrics::GoodDirection")]
pub enum GoodDirection {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// Neither: a value to keep within bounds.
    Neither,
}

/// Where a metric's points come from.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "metrics::MetricSource")]
pub enum MetricSource {
    /// People and machines record them.
    Recorded,
    /// They follow from imported sales.
    Derived,
}

/// The value of a metric at an instant.
#[derive(SimpleObject, Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricPoint {
    /// The instant.
    pub at: DateTime,
    /// The value, in the metric's unit.
    pub value: Decimal,
}

impl From<metrics::Point> for MetricPoint {
    fn from(point: metrics::Point) -> Self {
        Self { at: DateTime(point.at), value: Decimal(point.value) }
    }
}

/// The length of the steps of a series, in the calendar of the metric's time zone.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "metrics::Bucket")]
pub enum Bucket {
    /// A day.
    Day,
    /// Seven days from Monday.
    Week,
    /// A month.
    Month,
    /// Three months.
    Quarter,
    /// A year.
    Year,
}

/// How the points of a step become one value.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "metrics::SeriesAggregation")]
pub enum SeriesAggregation {
    /// Their sum: what flows are about.
    Sum,
    /// Their mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The first.
    First,
    /// The last: what levels are about.
    Last,
}

/// One step of a series.
#[derive(SimpleObject, Debug, Clone)]
pub struct SeriesPoint {
    /// The first day of the step.
    pub start: Date,
    /// The value, in the metric's unit.
    pub value: Decimal,
    /// How many points it comes from.
    pub count: Long,
}

/// A metric over time. Steps without a point are left out.
#[derive(SimpleObject, Debug, Clone)]
pub struct MetricSeries {
    /// The length of the steps: longer than was asked for where there would have been too many.
    pub bucket: Bucket,
    /// How the points of a step became one value; null where each step is made from all of its sales.
    pub aggregation: Option<SeriesAggregation>,
    /// The steps, in order.
    pub points: Vec<SeriesPoint>,
}
