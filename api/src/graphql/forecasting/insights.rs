//! What was noticed about metrics without anybody asking.

use async_graphql::{Enum, ID, SimpleObject};
use dyocense_projections::forecasting;

use crate::graphql::connection::Named;
use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;
use crate::graphql::scalars::{Date, DateTime, Position};

/// What was noticed.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "forecasting::InsightKind")]
pub enum MetricInsightKind {
    /// One step off.
    Spike,
    /// From this step on the level is another.
    LevelShift,
    /// What happened lay outside a kept forecast's interval.
    ForecastBreach,
}

/// Something that was noticed about a step of a metric, in the metric's unit.
#[derive(SimpleObject, Debug, Clone)]
pub struct MetricInsight {
    /// The place of its event in the history of the business.
    pub position: Position,
    /// When it was noticed.
    pub at: DateTime,
    /// What was noticed.
    pub kind: MetricInsightKind,
    /// The calendar's step.
    pub bucket: Bucket,
    /// The step's first day.
    pub start: Date,
    /// What it was.
    pub value: f64,
    /// What would have been usual, or was forecast.
    pub expected: f64,
    /// The lower end of the interval that a breach left.
    pub lower: Option<f64>,
    /// The upper end of the interval that a breach left.
    pub upper: Option<f64>,
    /// The level of that interval in percent.
    pub level: Option<f64>,
    /// What was noticed, in a sentence.
    pub explanation: String,
    /// The id of the run that noticed it.
    pub run_id: ID,
    /// The id of the run whose forecast did not hold.
    pub forecast_id: Option<ID>,
    /// When it was taken back, because points were corrected.
    pub withdrawn_at: Option<DateTime>,
}

impl Named for MetricInsight {
    const NAME: &'static str = "MetricInsight";
}

impl From<forecasting::Insight> for MetricInsight {
    fn from(row: forecasting::Insight) -> Self {
        Self {
            position: Position(dyocense_eventlog::Position::new(row.position).unwrap_or_default()),
            at: DateTime(row.at),
            kind: row.kind.into(),
            bucket: row.bucket.into(),
            start: Date(row.start),
            value: row.value,
            expected: row.expected,
            lower: row.lower,
            upper: row.upper,
            level: row.level,
            explanation: row.explanation,
            run_id: Kind::Run.id(row.run_id),
            forecast_id: row.forecast_id.map(|id| Kind::Run.id(id)),
            withdrawn_at: row.withdrawn_at.map(DateTime),
        }
    }
}
