use dyocense_domain::ids::{GoalId, MetricId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::column::{BadValue, Column, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

/// What a notification tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    GoalAtRisk,
    GoalBehind,
    GoalBackOnTrack,
    GoalAchieved,
    GoalMissed,
    GoalEvaluated,
    MilestoneReached,
    MilestoneMissed,
    MetricAnomaly,
    ForecastBreached,
    /// What was told about a metric does not hold any more.
    InsightWithdrawn,
}

names!(NotificationKind);

rows! {
    pub struct Notification in notifications {
        [position: i64],
        kind: NotificationKind,
        at: Timestamp,
        /// The goal that it is about, if it is one.
        goal_id: Option<GoalId>,
        /// What the goal or the metric was called at that time.
        title: String,
        /// A sentence with the numbers.
        message: String,
        /// The metric that it is about, if it is one.
        metric_id: Option<MetricId>,
    }

    /// What a goal was last called.
    pub(super) struct NotifiedGoal in notified_goals {
        [goal_id: GoalId],
        title: String,
        unit: String,
    }
}

/// Notifications by position, the older first; of one goal, of one metric or of all.
pub async fn notifications(
    snapshot: &mut Snapshot,
    goal: Option<GoalId>,
    metric: Option<MetricId>,
    keys: &Keyset<i64>,
) -> Result<Page<Notification>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and position > $2 and position < $3 and ($4::uuid is null or goal_id = $4)
           and ($5::uuid is null or metric_id = $5)
         order by position {} limit $6",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(goal.to_wire()).bind(metric.to_wire()).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}
