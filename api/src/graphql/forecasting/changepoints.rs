//! Where a metric changed for good, as clients see it.

use async_graphql::{Enum, SimpleObject};
use dyocense_commands::forecasting as answers;

use super::types::HistorySpan;
use crate::graphql::metrics::Bucket;
use crate::graphql::scalars::Date;

/// What changed for good.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::ChangeKind")]
pub enum ChangepointKind {
    /// The level.
    Level,
    /// The slope of the trend, with or without a jump of the level.
    Trend,
}

/// A change for good. Levels are seasonally adjusted, in the metric's unit; slopes in its unit a step.
#[derive(SimpleObject)]
pub struct Changepoint {
    /// The first day of the first step of the new regime.
    start: Date,
    /// What changed.
    kind: ChangepointKind,
    /// The level just before.
    level_before: f64,
    /// The level from then on.
    level_after: f64,
    /// The slope before; 0 where there was none.
    slope_before: f64,
    /// The slope after; 0 where there is none.
    slope_after: f64,
    /// One less the chance that noise alone makes as large a change, 0 to 1.
    confidence: f64,
    /// What happened, in a sentence.
    explanation: String,
}

/// Where a metric changed for good.
#[derive(SimpleObject)]
pub struct ChangepointReport {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// The history that was looked at.
    history: HistorySpan,
    /// The changes, the oldest first.
    changepoints: Vec<Changepoint>,
}

impl From<answers::ChangepointAnswer> for ChangepointReport {
    fn from(answer: answers::ChangepointAnswer) -> Self {
        let change = |change: answers::Changepoint| Changepoint {
            start: Date(change.start),
            kind: change.kind.into(),
            level_before: change.level_before,
            level_after: change.level_after,
            slope_before: change.slope_before,
            slope_after: change.slope_after,
            confidence: change.confidence,
            explanation: change.explanation,
        };
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            changepoints: answer.changepoints.into_iter().map(change).collect(),
        }
    }
}
