use std::collections::BTreeSet;

use async_trait::async_trait;
use dyocense_domain::goals::Goal;
use dyocense_domain::ids::{GoalId, MetricId};
use dyocense_eventlog::{RecordedEvent, TenantId};

use super::Policy;
use super::goals::id_of;
use crate::error::Fault;
use crate::execute::{Commands, stream_id};
use crate::forecasting::FOLLOWING;
use crate::metrics::SALES_KEYS;

/// Whenever points of a metric change, or a goal on it begins or changes, its forecasts are looked at soon: those that
/// somebody follows are made again, and what came is compared with what was expected. A timer gathers what comes in a
/// burst; setting it again changes nothing, so that a repeated batch repeats nothing.
pub struct ForecastsFollowMetrics;

#[async_trait]
impl Policy for ForecastsFollowMetrics {
    fn name(&self) -> &'static str {
        FOLLOWING
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &[
            "MetricPointsRecorded",
            "MetricPointsRetracted",
            "TransactionsImported",
            "GoalCreated",
            "GoalRevised",
            "GoalResumed",
        ]
    }

    fn gathers(&self) -> bool {
        true
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        let mut metrics: BTreeSet<MetricId> = BTreeSet::new();
        let mut goals: BTreeSet<GoalId> = BTreeSet::new();
        for event in events {
            match event.event_type.as_str() {
                "MetricPointsRecorded" | "MetricPointsRetracted" => {
                    metrics.extend(id_of(event, "metric-").map(MetricId::from));
                }
                "TransactionsImported" => {
                    metrics.extend(SALES_KEYS.iter().map(|key| crate::metrics::metric_id(tenant, key)));
                }
                "GoalCreated" | "GoalRevised" | "GoalResumed" => goals.extend(id_of(event, "goal-").map(GoalId::from)),
                _ => {}
            }
        }
        for goal in goals {
            let goal = commands.load::<Goal>(tenant, &stream_id(goal.stream())?).await?.state;
            metrics.extend(goal.plan.and_then(|plan| plan.measure.metric_id()));
        }
        if metrics.is_empty() {
            return Ok(());
        }
        if let Some(last) = events.last() {
            commands.reads.wait_for(tenant, last.position, super::READ_MODELS_WAIT).await?;
        }
        for metric in metrics {
            commands.metric_changed(tenant, metric).await?;
        }
        Ok(())
    }
}
