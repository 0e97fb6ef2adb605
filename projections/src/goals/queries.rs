use dyocense_domain::goals::{
    Acknowledgement, Cadence, Feasibility, GoalPlan, GoalStatus, Insight, Objective, Outcome, Pace, PlanField,
};
use dyocense_domain::ids::{GoalId, MetricId, MilestoneId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{BadValue, Column, Document, EARLIEST_DAY, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

/// Where a goal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    Active,
    Paused,
    Abandoned,
    Evaluated,
}

names!(Lifecycle);

/// The days from `from` up to, and without, `until` do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalPause {
    pub from: Date,
    pub until: Option<Date>,
    pub reason: Option<String>,
    pub paused_by: UserId,
}

rows! {
    pub struct Goal in goals {
        [goal_id: GoalId],
        title: String,
        owner_id: UserId,
        /// None for a goal that is measured by hand.
        metric_id: Option<MetricId>,
        objective: Objective,
        cadence: Cadence,
        start: Date,
        due: Date,
        plan: Document<GoalPlan>,
        feasibility: Document<Feasibility>,
        acknowledgement: Option<Document<Acknowledgement>>,
        lifecycle: Lifecycle,
        /// As people were last told; a goal begins on track.
        status: GoalStatus,
        pace: Option<Document<Pace>>,
        pauses: Document<Vec<GoalPause>>,
        outcome: Option<Outcome>,
        insight: Option<Document<Insight>>,
        abandoned_because: Option<String>,
        abandoned_by: Option<UserId>,
        created_by: UserId,
        created_at: Timestamp,
        changed_at: Timestamp,
        /// Of the goal's last event.
        position: i64,
    }

    pub struct Milestone in milestones {
        [goal_id: GoalId],
        [milestone_id: MilestoneId],
        title: String,
        value: Decimal,
        due: Option<Date>,
        reached_on: Option<Date>,
        /// Its own due date passed before it was reached.
        missed: bool,
    }

    /// One reading of a goal. `recorded_*` say what a person recorded; they are None where a metric's points or the
    /// passing of a day moved the goal.
    pub struct Progress in goal_progress {
        [goal_id: GoalId],
        [position: i64],
        at: Timestamp,
        recorded_day: Option<Date>,
        recorded_value: Option<Decimal>,
        recorded_by: Option<UserId>,
        note: Option<String>,
        pace: Document<Pace>,
    }

    pub struct Revision in goal_revisions {
        [goal_id: GoalId],
        [position: i64],
        at: Timestamp,
        revised_by: UserId,
        changed: Document<Vec<PlanField>>,
        reason: Option<String>,
        /// The plan that was left.
        plan_before: Document<GoalPlan>,
    }
}

/// Which goals to list. None matches all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GoalFilter {
    pub lifecycle: Option<Lifecycle>,
    pub status: Option<GoalStatus>,
    pub owner: Option<UserId>,
}

pub async fn goal(snapshot: &mut Snapshot, goal: GoalId) -> Result<Option<Goal>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and goal_id = $2", |query| query.bind(goal.to_wire())).await
}

/// Goals by their ids; unknown ids are left out.
pub async fn goals_by_id(snapshot: &mut Snapshot, goals: &[GoalId]) -> Result<Vec<Goal>, QueryError> {
    let ids: Vec<Uuid> = goals.iter().map(Column::to_wire).collect();
    find::all(snapshot, "where tenant_id = $1 and goal_id = any($2)", |query| query.bind(ids)).await
}

/// Goals by id, the older first.
pub async fn goals(
    snapshot: &mut Snapshot,
    filter: &GoalFilter,
    keys: &Keyset<Uuid>,
) -> Result<Page<Goal>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and goal_id > $2 and goal_id < $3
           and ($4::text is null or lifecycle = $4) and ($5::text is null or status = $5)
           and ($6::uuid is null or owner_id = $6)
         order by goal_id {} limit $7",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query
            .bind(keys.lower())
            .bind(keys.upper())
            .bind(filter.lifecycle.to_wire())
            .bind(filter.status.to_wire())
            .bind(filter.owner.to_wire())
            .bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

/// Goals that a metric measures and that a change of its points from `since` on may concern.
pub async fn goals_measured_by(
    snapshot: &mut Snapshot,
    metric: MetricId,
    since: Date,
) -> Result<Vec<GoalId>, QueryError> {
    let goals: Vec<Goal> = find::all(
        snapshot,
        "where tenant_id = $1 and metric_id = $2 and lifecycle in ('active', 'evaluated')
           and (lifecycle = 'active' or due >= $3) order by goal_id",
        |query| query.bind(metric.to_wire()).bind(since.max(EARLIEST_DAY).to_wire()),
    )
    .await?;
    Ok(goals.into_iter().map(|goal| goal.goal_id).collect())
}

/// The milestones of these goals, in the order of their values within a goal.
pub async fn milestones(snapshot: &mut Snapshot, goals: &[GoalId]) -> Result<Vec<Milestone>, QueryError> {
    let ids: Vec<Uuid> = goals.iter().map(Column::to_wire).collect();
    let rest = "where tenant_id = $1 and goal_id = any($2) order by goal_id, value, milestone_id";
    find::all(snapshot, rest, |query| query.bind(ids)).await
}

/// A goal's readings by position, the older first.
pub async fn progress(snapshot: &mut Snapshot, goal: GoalId, keys: &Keyset<i64>) -> Result<Page<Progress>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and goal_id = $2 and position > $3 and position < $4 order by position {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(goal.to_wire()).bind(keys.lower()).bind(keys.upper()).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

/// A goal's revisions, the older first.
pub async fn revisions(
    snapshot: &mut Snapshot,
    goal: GoalId,
    keys: &Keyset<i64>,
) -> Result<Page<Revision>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and goal_id = $2 and position > $3 and position < $4 order by position {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(goal.to_wire()).bind(keys.lower()).bind(keys.upper()).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}
