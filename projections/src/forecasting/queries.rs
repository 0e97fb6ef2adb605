use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::Bucket;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::column::{BadValue, Column, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsightKind {
    /// One step off.
    Spike,
    /// From this step on the level is another.
    LevelShift,
    /// What happened lay outside a kept forecast's interval.
    ForecastBreach,
}

names!(InsightKind);

rows! {
    /// Something that was noticed about a step of a metric, in the metric's unit.
    pub struct Insight in insights {
        [metric_id: MetricId],
        [insight: String],
        kind: InsightKind,
        bucket: Bucket,
        /// The step's first day.
        start: Date,
        at: Timestamp,
        /// Of the event that told it last.
        position: i64,
        value: f64,
        expected: f64,
        /// Of the interval that a forecast's breach left.
        lower: Option<f64>,
        upper: Option<f64>,
        /// In percent.
        level: Option<f64>,
        explanation: String,
        /// The run that noticed it.
        run_id: RunId,
        /// The run whose forecast did not hold.
        forecast_id: Option<RunId>,
        /// When corrected points took it back.
        withdrawn_at: Option<Timestamp>,
    }
}

/// What was noticed about a metric, by the position of the event that told it last, the older first.
pub async fn insights(
    snapshot: &mut Snapshot,
    metric: MetricId,
    keys: &Keyset<i64>,
) -> Result<Page<Insight>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and metric_id = $2 and position > $3 and position < $4
         order by position {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(metric.to_wire()).bind(keys.lower()).bind(keys.upper()).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}
