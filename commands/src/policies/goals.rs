use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use dyocense_domain::connectors::ImportEvent;
use dyocense_domain::ids::{GoalId, MetricId, RunId};
use dyocense_domain::metrics::{Bucket, MetricEvent};
use dyocense_domain::runs::{Run, RunKind};
use dyocense_eventlog::{Idempotency, RecordedEvent, TenantId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Policy;
use crate::caller::{Actor, Caller};
use crate::error::Fault;
use crate::execute::{Commands, decode, stream_id};
use crate::forecasting::{ForecastRequest, read};
use crate::metrics::SALES_KEYS;

/// Whenever points of a metric change, a day of it is forecast anew or something odd is noticed about it, the goals that
/// it measures are looked at again; whenever a goal begins or changes, its daily timer is set.
pub struct GoalsFollowMetrics;

#[async_trait]
impl Policy for GoalsFollowMetrics {
    fn name(&self) -> &'static str {
        "goals_follow_metrics"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &[
            "MetricPointsRecorded",
            "MetricPointsRetracted",
            "TransactionsImported",
            "MetricAnomalyDetected",
            "MetricAnomalyWithdrawn",
            "ForecastBreached",
            "ForecastBreachWithdrawn",
            "RunCompleted",
            "GoalCreated",
            "GoalRevised",
            "GoalResumed",
            "GoalAbandoned",
            "GoalEvaluated",
        ]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        // Many events of a batch touch the same goals: each is looked at once, for the last of them.
        let mut metrics: BTreeMap<MetricId, (Date, &RecordedEvent)> = BTreeMap::new();
        let mut changed = |metric: MetricId, since: Date, event| {
            let known = metrics.entry(metric).or_insert((since, event));
            *known = (known.0.min(since), event);
        };
        let mut goals: BTreeMap<GoalId, &RecordedEvent> = BTreeMap::new();
        let mut timers: BTreeSet<GoalId> = BTreeSet::new();
        for event in events {
            match event.event_type.as_str() {
                "MetricPointsRecorded" | "MetricPointsRetracted" => {
                    if let Some(metric) = id_of(event, "metric-") {
                        changed(metric.into(), points_since(&decode(event)?), event);
                    }
                }
                "TransactionsImported" => {
                    let since = sales_since(&decode(event)?);
                    for key in SALES_KEYS {
                        changed(crate::metrics::metric_id(tenant, key), since, event);
                    }
                }
                "MetricAnomalyDetected" | "MetricAnomalyWithdrawn" | "ForecastBreached" | "ForecastBreachWithdrawn" => {
                    if let Some(metric) = id_of(event, "insight-") {
                        changed(metric.into(), Date::MAX, event);
                    }
                }
                "RunCompleted" => {
                    if let Some(metric) = forecast_metric(commands, tenant, event).await? {
                        changed(metric, Date::MAX, event);
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
        for (metric, (since, event)) in metrics {
            for goal in commands.reads.goals_measured_by(tenant, metric, since).await? {
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

/// The metric that a run has forecast by days. Goals that are over need none.
async fn forecast_metric(
    commands: &Commands,
    tenant: TenantId,
    completed: &RecordedEvent,
) -> Result<Option<MetricId>, Fault> {
    let Some(run_id) = id_of(completed, "run-").map(RunId::from) else { return Ok(None) };
    let run = commands.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
    let requested = run.requested.filter(|requested| requested.kind == RunKind::Forecast);
    let request = requested.and_then(|requested| read::<ForecastRequest>(&requested.request).ok());
    let by_days = request.filter(|request| matches!(request.bucket, None | Some(Bucket::Day)));
    Ok(by_days.map(|request| request.metric_id))
}

/// The first day that may read otherwise now, in whichever time zone: points are instants.
fn points_since(event: &MetricEvent) -> Date {
    let first = match event {
        MetricEvent::MetricPointsRecorded(recorded) => recorded.points.iter().map(|point| point.at).min(),
        MetricEvent::MetricPointsRetracted(retracted) => retracted.at.iter().copied().min(),
        MetricEvent::MetricDefined(_) | MetricEvent::MetricDescribed(_) | MetricEvent::MetricArchived(_) => None,
    };
    let day = first.map(|at| at.to_zoned(TimeZone::UTC).date());
    day.and_then(|day| day.yesterday().ok()).unwrap_or(Date::MIN)
}

/// The first day whose sales may read otherwise now. What a corrected transaction said before is not in the event.
fn sales_since(event: &ImportEvent) -> Date {
    match event {
        ImportEvent::TransactionsImported(imported) if imported.corrected == 0 => {
            imported.transactions.iter().map(|transaction| transaction.day).min().unwrap_or(Date::MAX)
        }
        _ => Date::MIN,
    }
}

pub(super) fn id_of(event: &RecordedEvent, prefix: &str) -> Option<Uuid> {
    event.stream.as_str().strip_prefix(prefix)?.parse().ok()
}

fn key(policy: &str, event: &RecordedEvent, goal: GoalId) -> Idempotency {
    let key = format!("{policy}:{}:{goal}", event.id);
    let request_hash = Sha256::digest(key.as_bytes()).into();
    Idempotency { key, request_hash }
}
