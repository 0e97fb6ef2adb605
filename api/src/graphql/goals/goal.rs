//! A goal as the API shows it.

use async_graphql::{Context, ID, Object, SimpleObject};
use dyocense_domain::goals::{Measure, PlanField as Field};
use dyocense_domain::ids::GoalId;
use dyocense_projections::goals;

use super::types::*;
use crate::graphql::connection::{Connection, Named, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::identity::User;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::metrics::Metric;
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::{Date, DateTime, Decimal, Position, TimeZone};

/// A goal: specific, measurable, achievable, relevant and time-bound. Texts by a person who was erased are null.
#[derive(Debug, Clone)]
pub struct Goal(pub goals::Goal);

impl Named for Goal {
    const NAME: &'static str = "Goal";
}

/// A value on the way to a goal.
#[derive(SimpleObject, Debug, Clone)]
pub struct Milestone {
    /// The id of the milestone.
    pub id: ID,
    /// What it is called.
    pub title: String,
    /// The value, in the goal's unit.
    pub value: Decimal,
    /// The day by which it should be reached, if it has one of its own.
    pub due: Option<Date>,
    /// The day on which it was reached.
    pub reached_on: Option<Date>,
    /// Whether its own due date passed before it was reached.
    pub missed: bool,
}

impl From<goals::Milestone> for Milestone {
    fn from(row: goals::Milestone) -> Self {
        Self {
            id: Kind::Milestone.id(row.milestone_id),
            title: row.title,
            value: Decimal(row.value),
            due: row.due.map(Date),
            reached_on: row.reached_on.map(Date),
            missed: row.missed,
        }
    }
}

/// A time in which a goal's days did not count.
#[derive(SimpleObject, Debug, Clone)]
pub struct GoalPause {
    /// The first day that did not count.
    pub from: Date,
    /// The first day that counted again; null while it is paused.
    pub until: Option<Date>,
    /// Why it was paused.
    pub reason: Option<String>,
}

/// One reading of a goal.
#[derive(SimpleObject, Debug, Clone)]
pub struct GoalReading {
    /// The place in the history of the business of the event that brought it.
    pub position: Position,
    /// When it was taken.
    pub at: DateTime,
    /// The day a person recorded, for a goal that is measured by hand.
    pub recorded_day: Option<Date>,
    /// The value a person recorded.
    pub recorded_value: Option<Decimal>,
    /// The person's note.
    pub note: Option<String>,
    /// How the goal went then.
    pub pace: Pace,
}

impl Named for GoalReading {
    const NAME: &'static str = "GoalReading";
}

impl From<goals::Progress> for GoalReading {
    fn from(row: goals::Progress) -> Self {
        Self {
            position: Position(dyocense_eventlog::Position::new(row.position).unwrap_or_default()),
            at: DateTime(row.at),
            recorded_day: row.recorded_day.map(Date),
            recorded_value: row.recorded_value.map(Decimal),
            note: row.note,
            pace: row.pace.0.into(),
        }
    }
}

/// A revision of a goal's plan.
#[derive(SimpleObject, Debug, Clone)]
pub struct GoalRevision {
    /// The place in the history of the business of the event that brought it.
    pub position: Position,
    /// When it was revised.
    pub at: DateTime,
    /// What was changed.
    pub changed: Vec<PlanField>,
    /// Why.
    pub reason: Option<String>,
    /// What it was called before.
    pub title_before: String,
    /// Where the measure should have gone before.
    pub aim_before: GoalAim,
    /// Its last day before.
    pub due_before: Date,
}

impl Named for GoalRevision {
    const NAME: &'static str = "GoalRevision";
}

impl From<goals::Revision> for GoalRevision {
    fn from(row: goals::Revision) -> Self {
        let before = row.plan_before.0;
        Self {
            position: Position(dyocense_eventlog::Position::new(row.position).unwrap_or_default()),
            at: DateTime(row.at),
            changed: row.changed.0.into_iter().map(|field: Field| field.into()).collect(),
            reason: row.reason,
            aim_before: (&before.aim).into(),
            due_before: Date(before.due),
            title_before: before.title,
        }
    }
}

/// A goal: specific, measurable, achievable, relevant and time-bound. Texts by a person who was erased are null.
#[Object]
impl Goal {
    /// The id of the goal, for `node`.
    pub async fn id(&self) -> ID {
        Kind::Goal.id(self.0.goal_id)
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What exactly is meant.
    async fn description(&self) -> Option<&String> {
        self.0.plan.0.description.as_ref().and_then(|text| text.value())
    }

    /// Who answers for it.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        loaders::user(ctx, self.0.owner_id).await
    }

    /// The metric it is measured by; null for a goal that is measured by hand.
    async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        match self.0.metric_id {
            Some(metric) => loaders::metric(ctx, metric).await,
            None => Ok(None),
        }
    }

    /// How the metric's points become one number; null for a goal that is measured by hand.
    async fn aggregation(&self) -> Option<Aggregation> {
        match &self.0.plan.0.measure {
            Measure::Metric { aggregation, .. } => Some((*aggregation).into()),
            Measure::Manual { .. } => None,
        }
    }

    /// What one of it is.
    async fn unit(&self) -> &str {
        self.0.plan.0.measure.unit()
    }

    /// Where the measure should go.
    async fn aim(&self) -> GoalAim {
        (&self.0.plan.0.aim).into()
    }

    /// The business objective it serves.
    async fn objective(&self) -> Objective {
        self.0.objective.into()
    }

    /// Why it matters.
    async fn relevance(&self) -> Option<&String> {
        self.0.plan.0.relevance.as_ref().and_then(|text| text.value())
    }

    /// Its first day.
    async fn start(&self) -> Date {
        Date(self.0.start)
    }

    /// Its last day.
    async fn due(&self) -> Date {
        Date(self.0.due)
    }

    /// How often it is looked at.
    async fn cadence(&self) -> Cadence {
        self.0.cadence.into()
    }

    /// The calendar of its days.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.plan.0.time_zone.clone())
    }

    /// Where it is in its life.
    async fn lifecycle(&self) -> Lifecycle {
        self.0.lifecycle.into()
    }

    /// How it goes, as people were last told.
    async fn status(&self) -> GoalStatus {
        self.0.status.into()
    }

    /// Expected against actual; null while there was nothing to read.
    async fn pace(&self) -> Option<Pace> {
        self.0.pace.as_ref().map(|pace| pace.0.clone().into())
    }

    /// Where it is heading by the newest forecast of its metric; null where none reaches its due date.
    async fn forecast(&self) -> Option<GoalForecast> {
        self.0.pace.as_ref().and_then(|pace| pace.0.forecast.clone()).map(Into::into)
    }

    /// What history said when it was set or last revised.
    async fn feasibility(&self) -> Feasibility {
        self.0.feasibility.0.clone().into()
    }

    /// Why it was taken on although history called it unlikely.
    async fn acknowledgement(&self) -> Option<&String> {
        self.0.acknowledgement.as_ref().and_then(|acknowledged| acknowledged.0.why.value())
    }

    /// When its days did not count.
    async fn pauses(&self) -> Vec<GoalPause> {
        let pauses = self.0.pauses.0.iter();
        pauses
            .map(|pause| GoalPause {
                from: Date(pause.from),
                until: pause.until.map(Date),
                reason: pause.reason.clone(),
            })
            .collect()
    }

    /// Values on the way, the least first.
    async fn milestones(&self, ctx: &Context<'_>) -> Result<Vec<Milestone>, Fault> {
        loaders::milestones(ctx, self.0.goal_id).await
    }

    /// How it ended.
    async fn outcome(&self) -> Option<Outcome> {
        self.0.outcome.map(Into::into)
    }

    /// What there is to learn from it, once it came due.
    async fn insight(&self) -> Option<Insight> {
        self.0.insight.as_ref().map(|insight| insight.0.clone().into())
    }

    /// Why it was given up.
    async fn abandoned_because(&self) -> Option<&str> {
        self.0.abandoned_because.as_deref()
    }

    /// When it was set.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When anything about it last changed.
    async fn changed_at(&self) -> DateTime {
        DateTime(self.0.changed_at)
    }

    /// The place of its last event in the history of the business; `goalProgress` goes on behind it.
    async fn position(&self) -> Position {
        Position(dyocense_eventlog::Position::new(self.0.position).unwrap_or_default())
    }

    /// Its readings, the oldest first.
    async fn readings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<GoalReading>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| text.parse().ok())?;
        let mut snapshot = snapshot(ctx, None).await?;
        let page = goals::progress(&mut snapshot, self.goal_id(), &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.position.to_string(), Into::into))
    }

    /// Its revisions, the oldest first.
    async fn revisions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<GoalRevision>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| text.parse().ok())?;
        let mut snapshot = snapshot(ctx, None).await?;
        let page = goals::revisions(&mut snapshot, self.goal_id(), &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.position.to_string(), Into::into))
    }
}

impl Goal {
    fn goal_id(&self) -> GoalId {
        self.0.goal_id
    }
}
