use dyocense_domain::ids::{GoalId, MetricId, RunId, UserId};
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::{PlanFigure, RunCompleted, RunKind};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::column::{BadValue, Column, Document, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

/// How a run stands, as far as the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waiting, or being worked on.
    Open,
    Completed,
    Failed,
    Cancelled,
}

names!(RunKind, RunStatus);

/// A goal that follows a run's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    pub goal_id: GoalId,
    pub figure: PlanFigure,
    /// The channel or the product; all of them together where None.
    pub of: Option<String>,
    pub metric_id: MetricId,
    pub amount: Decimal,
}

rows! {
    pub struct Run in runs {
        [run_id: RunId],
        kind: RunKind,
        status: RunStatus,
        request: Document<Value>,
        metric_id: Option<MetricId>,
        seed: i64,
        requested_by: Option<UserId>,
        requested_at: Timestamp,
        stop_requested: bool,
        finished_at: Option<Timestamp>,
        completion: Option<Document<RunCompleted>>,
        failure: Option<String>,
        accepted_at: Option<Timestamp>,
        accepted_by: Option<UserId>,
        followed: Document<Vec<Followed>>,
        /// Of the run's last event.
        position: i64,
    }
}

/// Which runs to list. None matches all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFilter {
    pub kind: Option<RunKind>,
    pub status: Option<RunStatus>,
    pub metric: Option<MetricId>,
}

pub async fn run(snapshot: &mut Snapshot, run: RunId) -> Result<Option<Run>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and run_id = $2", |query| query.bind(run.to_wire())).await
}

/// Runs by id, the older first.
pub async fn runs(snapshot: &mut Snapshot, filter: &RunFilter, keys: &Keyset<Uuid>) -> Result<Page<Run>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and run_id > $2 and run_id < $3
           and ($4::text is null or kind = $4) and ($5::text is null or status = $5)
           and ($6::uuid is null or metric_id = $6)
         order by run_id {} limit $7",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query
            .bind(keys.lower())
            .bind(keys.upper())
            .bind(filter.kind.to_wire())
            .bind(filter.status.to_wire())
            .bind(filter.metric.to_wire())
            .bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

/// The length of steps that a run is about, as the wire has it.
const BUCKET: &str = "coalesce(request ->> 'bucket', 'day')";

/// The newest run of one kind about a metric that a person asked for, for each length of steps.
pub async fn newest_asked(snapshot: &mut Snapshot, metric: MetricId, kind: RunKind) -> Result<Vec<Run>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and metric_id = $2 and kind = $3 and requested_by is not null
           and run_id in (
             select max(run_id::text)::uuid from read_models.runs
             where tenant_id = $1 and metric_id = $2 and kind = $3 and requested_by is not null group by {BUCKET})"
    );
    find::all(snapshot, &rest, |query| query.bind(metric.to_wire()).bind(kind.to_wire())).await
}

/// Completed runs of one kind about a metric in steps of `bucket`, the newest first; at most `most`.
pub async fn newest_completed(
    snapshot: &mut Snapshot,
    metric: MetricId,
    kind: RunKind,
    bucket: Bucket,
    most: usize,
) -> Result<Vec<Run>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and metric_id = $2 and kind = $3 and status = 'completed' and {BUCKET} = $4
         order by run_id desc limit $5"
    );
    find::all(snapshot, &rest, |query| {
        query.bind(metric.to_wire()).bind(kind.to_wire()).bind(bucket.to_wire()).bind(most as i64)
    })
    .await
}

/// The newest run of one kind about a metric in steps of `bucket` that was answered or is still to be.
pub async fn newest_open_or_completed(
    snapshot: &mut Snapshot,
    metric: MetricId,
    kind: RunKind,
    bucket: Bucket,
) -> Result<Option<Run>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and metric_id = $2 and kind = $3 and status in ('open', 'completed') and {BUCKET} = $4
         order by run_id desc limit 1"
    );
    find::one(snapshot, &rest, |query| query.bind(metric.to_wire()).bind(kind.to_wire()).bind(bucket.to_wire())).await
}

/// Forecasts that are looked through for one that fits.
const NEWEST: i64 = 5;

/// The newest forecasts of a metric that were answered, the newest first.
pub async fn newest_forecasts(snapshot: &mut Snapshot, metric: MetricId) -> Result<Vec<Run>, QueryError> {
    let rest = "where tenant_id = $1 and metric_id = $2 and kind = $3 and status = $4 order by run_id desc limit $5";
    let bound = (metric.to_wire(), RunKind::Forecast.to_wire(), RunStatus::Completed.to_wire());
    find::all(snapshot, rest, |query| query.bind(bound.0).bind(bound.1).bind(bound.2).bind(NEWEST)).await
}

/// The newest run of a kind.
pub async fn newest(snapshot: &mut Snapshot, kind: RunKind) -> Result<Option<Run>, QueryError> {
    let rest = "where tenant_id = $1 and kind = $2 order by run_id desc limit 1";
    find::one(snapshot, rest, |query| query.bind(kind.to_wire())).await
}
