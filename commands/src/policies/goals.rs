use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use dyocense_domain::ids::{GoalId, MetricId};
use dyocense_eventlog::{Idempotency, RecordedEvent, TenantId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Policy;
use crate::caller::{Actor, Caller};
use crate::error::Fault;
use crate::execute::Commands;
use crate::metrics::SALES_KEYS;

/// Whenever points of a metric change, the goals that it measures are looked at again; whenever a goal begins or
/// changes, its daily timer is set.
pub struct GoalsFollowMetrics;

#[async_trait]
impl Policy for GoalsFollowMetrics {
    fn name(&self) -> &'static str {
        "goals_follow_metrics"
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[RecordedEvent]) -> Result<(), Fault> {
        // Many events of a batch touch the same goals: each is looked at once, for the last of them.
        let mut metrics: BTreeMap<MetricId, &RecordedEvent> = BTreeMap::new();
        let mut goals: BTreeMap<GoalId, &RecordedEvent> = BTreeMap::new();
        let mut timers: BTreeSet<GoalId> = BTreeSet::new();
        for event in events {
            match event.event_type.as_str() {
                "MetricPointsRecorded" | "MetricPointsRetracted" => {
                    if let Some(metric) = id_of(event, "metric-") {
                        metrics.insert(metric.into(), event);
                    }
                }
                "TransactionsImported" => {
                    for key in SALES_KEYS {
                        metrics.insert(crate::metrics::metric_id(tenant, key), event);
                    }
                }
                "GoalCreated" | "GoalRevised" | "GoalResumed" => {
                    if let Some(goal) = id_of(event, "goal-").map(GoalId::from) {
                        goals.insert(goal, event);
                        timers.insert(goal);
                    }
                }
                "GoalAbandoned" | "GoalEvaluated" => timers.extend(id_of(event, "goal-").map(GoalId::from)),
                _ => {}
            }
        }
        if metrics.is_empty() && goals.is_empty() && timers.is_empty() {
            return Ok(());
        }
        if let Some(last) = events.last() {
            commands.reads.wait_for(tenant, last.position, super::READ_MODELS_WAIT).await?;
        }
        for (metric, event) in metrics {
            for goal in commands.reads.goals_measured_by(tenant, metric).await? {
                let latest = goals.entry(goal).or_insert(event);
                if latest.position < event.position {
                    *latest = event;
                }
            }
        }
        for (goal, event) in goals {
            let mut caller = Caller::new(tenant, Actor::System(self.name()));
            caller.causation = Some(event.id);
            caller.correlation = event.metadata.correlation;
            caller.idempotency = Some(key(self.name(), event, goal));
            commands.assess_goal(&caller, goal).await?;
        }
        for goal in timers {
            commands.set_goal_timer(tenant, goal).await?;
        }
        Ok(())
    }
}

fn id_of(event: &RecordedEvent, prefix: &str) -> Option<Uuid> {
    event.stream.as_str().strip_prefix(prefix)?.parse().ok()
}

fn key(policy: &str, event: &RecordedEvent, goal: GoalId) -> Idempotency {
    let key = format!("{policy}:{}:{goal}", event.id);
    let request_hash = Sha256::digest(key.as_bytes()).into();
    Idempotency { key, request_hash }
}
