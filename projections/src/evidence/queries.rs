use dyocense_domain::evidence::{CausalModelDefined, EdgeEdit, LearntBecause, OccasionKind};
use dyocense_domain::ids::{CausalModelId, OccasionId, RunId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::column::{BadValue, Column, Document, names};
use crate::row::rows;
use crate::{QueryError, Snapshot, find};

names!(OccasionKind, EdgeEdit, LearntBecause);

rows! {
    pub struct Occasion in occasions {
        [occasion_id: OccasionId],
        kind: OccasionKind,
        name: String,
        first: Date,
        last: Date,
        recorded_by: UserId,
        recorded_at: Timestamp,
        position: i64,
    }
}

rows! {
    pub struct CausalModel in causal_models {
        [model_id: CausalModelId],
        definition: Document<CausalModelDefined>,
        defined_at: Timestamp,
        versions: i64,
        latest_run: Option<RunId>,
        learnt_until: Option<Date>,
        learnt_days: Option<i64>,
        learning_run: Option<RunId>,
        /// Of its last event.
        position: i64,
    }
}

rows! {
    pub struct CausalVersion in causal_versions {
        [run_id: RunId],
        model_id: CausalModelId,
        because: LearntBecause,
        version: Option<i64>,
        days: Option<i64>,
        learnt_at: Option<Timestamp>,
    }
}

rows! {
    pub struct CausalEdit in causal_edits {
        [model_id: CausalModelId],
        [position: i64],
        from_key: String,
        to_key: String,
        edit: EdgeEdit,
        reason: Option<String>,
        edited_by: UserId,
        edited_at: Timestamp,
    }
}

/// The occasions that touch these days, in the order of their first days. There are few: a business may keep a bounded
/// number.
pub async fn occasions(
    snapshot: &mut Snapshot,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Vec<Occasion>, QueryError> {
    let rest = "where tenant_id = $1 and ($2::date is null or last >= $2) and ($3::date is null or first <= $3)
                order by first, occasion_id";
    find::all(snapshot, rest, |query| query.bind(from.to_wire()).bind(to.to_wire())).await
}

pub async fn occasion(snapshot: &mut Snapshot, id: OccasionId) -> Result<Option<Occasion>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and occasion_id = $2", |query| query.bind(id.to_wire())).await
}

/// The causal models of the business, the older first.
pub async fn causal_models(snapshot: &mut Snapshot) -> Result<Vec<CausalModel>, QueryError> {
    find::all(snapshot, "where tenant_id = $1 order by defined_at, model_id limit 1000", |query| query).await
}

pub async fn causal_model(snapshot: &mut Snapshot, id: CausalModelId) -> Result<Option<CausalModel>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and model_id = $2", |query| query.bind(id.to_wire())).await
}

/// What was learnt of a model, the latest first, at most `limit`.
pub async fn causal_versions(
    snapshot: &mut Snapshot,
    id: CausalModelId,
    limit: i64,
) -> Result<Vec<CausalVersion>, QueryError> {
    let rest = "where tenant_id = $1 and model_id = $2 and version is not null order by version desc limit $3";
    find::all(snapshot, rest, |query| query.bind(id.to_wire()).bind(limit)).await
}

/// The version that a run learnt, or will.
pub async fn causal_version(snapshot: &mut Snapshot, run: RunId) -> Result<Option<CausalVersion>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and run_id = $2", |query| query.bind(run.to_wire())).await
}

/// What people decided about a model's edges, in order.
pub async fn causal_edits(snapshot: &mut Snapshot, id: CausalModelId) -> Result<Vec<CausalEdit>, QueryError> {
    find::all(snapshot, "where tenant_id = $1 and model_id = $2 order by position", |query| query.bind(id.to_wire()))
        .await
}
