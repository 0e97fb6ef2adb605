use dyocense_domain::ids::{MetricId, RunId, UserId};
use dyocense_domain::runs::{RunCompleted, RunKind};
use jiff::Timestamp;
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
