//! What people are told without asking: alerts of goals, and what was noticed about metrics, as a feed.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use dyocense_domain::ids::{GoalId, MetricId};
use dyocense_projections::notifications;
use uuid::Uuid;

use super::connection::{Connection, Named, Paging};
use super::fault::Fault;
use super::ids::{self, Kind};
use super::request::{query_fault, snapshot};
use super::scalars::{DateTime, Position};

/// What a notification tells of.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "notifications::NotificationKind")]
pub enum NotificationKind {
    /// A goal is short of where it should be.
    GoalAtRisk,
    /// A goal is far from where it should be.
    GoalBehind,
    /// A goal goes as it should again.
    GoalBackOnTrack,
    /// A goal's target is met.
    GoalAchieved,
    /// A goal's due date passed without its target being met.
    GoalMissed,
    /// A goal came due and was looked back on.
    GoalEvaluated,
    /// A value on the way was reached.
    MilestoneReached,
    /// A value on the way was not reached in time.
    MilestoneMissed,
    /// A step of a metric was not as it usually is.
    MetricAnomaly,
    /// What happened lay outside what was forecast.
    ForecastBreached,
    /// What was told about a metric does not hold any more: its points were corrected.
    InsightWithdrawn,
}

/// Something people should know.
#[derive(SimpleObject, Debug, Clone)]
pub struct Notification {
    /// The place of its event in the history of the business.
    pub position: Position,
    /// What it tells of.
    pub kind: NotificationKind,
    /// When it happened.
    pub at: DateTime,
    /// The id of the goal it is about, if it is one.
    pub goal_id: Option<ID>,
    /// The id of the metric it is about, if it is one.
    pub metric_id: Option<ID>,
    /// What the goal or the metric was called then.
    pub title: String,
    /// What happened, in a sentence with the numbers.
    pub message: String,
}

impl Named for Notification {
    const NAME: &'static str = "Notification";
}

impl From<notifications::Notification> for Notification {
    fn from(row: notifications::Notification) -> Self {
        Self {
            position: Position(dyocense_eventlog::Position::new(row.position).unwrap_or_default()),
            kind: row.kind.into(),
            at: DateTime(row.at),
            goal_id: row.goal_id.map(|id| Kind::Goal.id(id)),
            metric_id: row.metric_id.map(|id| Kind::Metric.id(id)),
            title: row.title,
            message: row.message,
        }
    }
}

#[derive(Default)]
pub struct NotificationsQuery;

#[Object]
impl NotificationsQuery {
    /// What people were told, the oldest first. Ask for the `last` to see the newest.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only those about this goal.")] goal_id: Option<ID>,
        #[graphql(desc = "Only those about this metric.")] metric_id: Option<ID>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Notification>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| text.parse().ok())?;
        // An id that names nothing has no notifications.
        let goal = goal_id.map(|id| ids::of::<GoalId>(Kind::Goal, &id).unwrap_or_else(|| Uuid::nil().into()));
        let metric = metric_id.map(|id| ids::of::<MetricId>(Kind::Metric, &id).unwrap_or_else(|| Uuid::nil().into()));
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = notifications::notifications(&mut snapshot, goal, metric, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.position.to_string(), Into::into))
    }
}
