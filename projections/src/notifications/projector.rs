use std::collections::HashMap;

use async_trait::async_trait;
use dyocense_domain::goals::{GoalEvent, GoalPlan};
use dyocense_domain::ids::GoalId;
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::queries::{Notification, NotificationKind, NotifiedGoal};
use crate::projector::decode;
use crate::row::{Row, load, save};
use crate::{Projector, ProjectorError};

pub struct NotificationsProjector;

/// The events that it reads: those that name a goal, and those that alert.
const HANDLED: [&str; 10] = [
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
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        HANDLED.contains(&event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            let id = event.stream.as_str().strip_prefix("goal-").and_then(|id| id.parse::<GoalId>().ok());
            let id = id.ok_or_else(|| ProjectorError::poison(event, "the stream names no goal"))?;
            facts.push((id, decode::<GoalEvent>(event)?));
        }
        let mut goals: HashMap<<NotifiedGoal as Row>::Key, NotifiedGoal> =
            load(tx, facts.iter().map(|(id, _)| (*id,))).await?;
        let mut notifications = Vec::new();
        for (event, (id, fact)) in events.iter().zip(facts) {
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
                    goal_id: id,
                    title: goal.title.clone(),
                    message,
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
