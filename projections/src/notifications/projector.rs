use std::collections::HashMap;

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::forecasting::{InsightEvent, InsightSubject};
use dyocense_domain::goals::{GoalEvent, GoalPlan};
use dyocense_domain::ids::GoalId;
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::queries::{Notification, NotificationKind, NotifiedGoal};
use crate::projector::decode;
use crate::row::{Row, load, save};
use crate::{Projector, ProjectorError};

pub struct NotificationsProjector;

/// The events of goals that it reads: those that name one, and those that alert.
const OF_GOALS: [&str; 10] = [
    "GoalCreated",
    "GoalRevised",
    "GoalAtRisk",
    "GoalBehind",
    "GoalBackOnTrack",
    "GoalAchieved",
    "GoalMissed",
    "GoalEvaluated",
    "MilestoneReached",
    "MilestoneMissed",
];

#[async_trait]
impl Projector for NotificationsProjector {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn version(&self) -> u32 {
        2
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        OF_GOALS.contains(&event_type) || InsightEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        let mut notifications = Vec::new();
        for event in events {
            if InsightEvent::belongs(&event.event_type) {
                notifications.extend(noticed(event, decode(event)?));
                continue;
            }
            let id = event.stream.as_str().strip_prefix("goal-").and_then(|id| id.parse::<GoalId>().ok());
            let id = id.ok_or_else(|| ProjectorError::poison(event, "the stream names no goal"))?;
            facts.push((*event, id, decode::<GoalEvent>(event)?));
        }
        let mut goals: HashMap<<NotifiedGoal as Row>::Key, NotifiedGoal> =
            load(tx, facts.iter().map(|(_, id, _)| (*id,))).await?;
        for (event, id, fact) in facts {
            if let Some(named) = named(id, &fact) {
                goals.insert(named.key(), named);
                continue;
            }
            let goal = goals.get(&(id,)).ok_or_else(|| ProjectorError::poison(event, "the goal is unknown"))?;
            if let Some((kind, message)) = told(&fact, &goal.unit) {
                notifications.push(Notification {
                    position: event.position.get(),
                    kind,
                    at: event.metadata.at,
                    goal_id: Some(id),
                    title: goal.title.clone(),
                    message,
                    metric_id: None,
                });
            }
        }
        save(tx, goals.values()).await?;
        save(tx, &notifications).await?;
        Ok(())
    }
}

/// What a goal is called from here on.
fn named(goal_id: GoalId, fact: &GoalEvent) -> Option<NotifiedGoal> {
    let plan: &GoalPlan = match fact {
        GoalEvent::GoalCreated(fact) => &fact.plan,
        GoalEvent::GoalRevised(fact) => &fact.plan,
        _ => return None,
    };
    Some(NotifiedGoal { goal_id, title: plan.title.clone(), unit: plan.measure.unit().to_owned() })
}

/// What was noticed about a metric. A step is told once, as what says more about it.
fn noticed(event: &RecordedEvent, fact: InsightEvent) -> Option<Notification> {
    use NotificationKind::*;
    let withdrawn = |subject: &InsightSubject, what: &str, value: Option<f64>| {
        let now = match value {
            Some(value) => format!("its value was corrected to {value} {}", subject.unit),
            None => "its points were taken back".to_owned(),
        };
        format!("{} is {what} any more: {now}.", subject.start.strftime("%-d %B %Y"))
    };
    let (kind, subject, message) = match fact {
        InsightEvent::MetricAnomalyDetected(fact) if fact.again => return None,
        InsightEvent::MetricAnomalyDetected(fact) => (MetricAnomaly, fact.subject, fact.oddity.explanation),
        InsightEvent::ForecastBreached(fact) if fact.told_as_anomaly || fact.again => return None,
        InsightEvent::ForecastBreached(fact) => (ForecastBreached, fact.subject, fact.breach.explanation),
        InsightEvent::MetricAnomalyWithdrawn(fact) => {
            let message = withdrawn(&fact.subject, "not odd", fact.value);
            (InsightWithdrawn, fact.subject, message)
        }
        InsightEvent::ForecastBreachWithdrawn(fact) => {
            let message = withdrawn(&fact.subject, "not outside its forecast", fact.value);
            (InsightWithdrawn, fact.subject, message)
        }
    };
    Some(Notification {
        position: event.position.get(),
        kind,
        at: event.metadata.at,
        goal_id: None,
        title: subject.metric,
        message,
        metric_id: Some(subject.metric_id),
    })
}

fn told(fact: &GoalEvent, unit: &str) -> Option<(NotificationKind, String)> {
    use NotificationKind::*;
    Some(match fact {
        GoalEvent::GoalAtRisk(fact) => (GoalAtRisk, fact.pace.reason.clone()),
        GoalEvent::GoalBehind(fact) => (GoalBehind, fact.pace.reason.clone()),
        GoalEvent::GoalBackOnTrack(fact) => (GoalBackOnTrack, fact.pace.reason.clone()),
        GoalEvent::GoalAchieved(fact) => (GoalAchieved, fact.pace.reason.clone()),
        GoalEvent::GoalMissed(fact) => (GoalMissed, fact.pace.reason.clone()),
        GoalEvent::GoalEvaluated(fact) => (GoalEvaluated, fact.insight.summary.clone()),
        GoalEvent::MilestoneReached(fact) => (
            MilestoneReached,
            format!(
                "Milestone “{}” was reached on {}: {} {unit} of {} {unit}.",
                fact.title,
                fact.on,
                fact.actual.normalize(),
                fact.value.normalize()
            ),
        ),
        GoalEvent::MilestoneMissed(fact) => {
            let stood = match fact.actual {
                Some(actual) => format!("the goal stood at {} {unit}", actual.normalize()),
                None => "nothing had been read yet".to_owned(),
            };
            (
                MilestoneMissed,
                format!(
                    "Milestone “{}” ({} {unit}) was due on {}; {stood}.",
                    fact.title,
                    fact.value.normalize(),
                    fact.due
                ),
            )
        }
        _ => return None,
    })
}
