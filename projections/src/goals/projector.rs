use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use dyocense_domain::Personal;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::goals::{GoalEvent, GoalPlan, GoalStatus, ProgressSource};
use dyocense_domain::ids::{GoalId, MilestoneId};
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::erasure;
use super::queries::{Goal, GoalPause, Lifecycle, Milestone, Progress, Revision};
use crate::column::Document;
use crate::projector::decode;
use crate::row::{Row, load, remove, save};
use crate::{Projector, ProjectorError};

pub struct GoalsProjector;

/// The rows that a batch touches, as they are and as they become.
#[derive(Default)]
struct Rows {
    goals: HashMap<<Goal as Row>::Key, Goal>,
    milestones: HashMap<<Milestone as Row>::Key, Milestone>,
    removed: HashSet<<Milestone as Row>::Key>,
    progress: Vec<Progress>,
    revisions: Vec<Revision>,
}

#[async_trait]
impl Projector for GoalsProjector {
    fn name(&self) -> &'static str {
        "goals"
    }

    fn version(&self) -> u32 {
        4
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        GoalEvent::belongs(event_type) || event_type == erasure::EVENT
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        // What was said before an erasure must be in the tables when it is cleared from them.
        for part in
            events.chunk_by(|event, next| event.event_type != erasure::EVENT && next.event_type != erasure::EVENT)
        {
            match part {
                [event] if event.event_type == erasure::EVENT => erasure::clear(tx, event).await?,
                _ => self.fold(tx, part).await?,
            }
        }
        Ok(())
    }
}

impl GoalsProjector {
    async fn fold(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            let id = event.stream.as_str().strip_prefix("goal-").and_then(|id| id.parse::<GoalId>().ok());
            let id = id.ok_or_else(|| ProjectorError::poison(event, "the stream names no goal"))?;
            facts.push((id, decode::<GoalEvent>(event)?));
        }
        let mut rows = Rows::load(tx, &facts).await?;
        for (event, (id, fact)) in events.iter().zip(facts) {
            rows.fold(event, id, fact)?;
        }
        remove::<Milestone>(tx, rows.removed.drain()).await?;
        save(tx, rows.goals.values()).await?;
        save(tx, rows.milestones.values()).await?;
        save(tx, &rows.progress).await?;
        save(tx, &rows.revisions).await?;
        Ok(())
    }
}

impl Rows {
    async fn load(tx: &mut TenantTx, facts: &[(GoalId, GoalEvent)]) -> Result<Self, sqlx::Error> {
        let goals = facts
            .iter()
            .filter(|(_, fact)| !matches!(fact, GoalEvent::GoalCreated(_)))
            .map(|(id, _)| (*id,))
            .collect::<HashSet<_>>();
        let touched = |goal: GoalId, fact: &GoalEvent| -> Vec<(GoalId, MilestoneId)> {
            match fact {
                GoalEvent::MilestoneReached(fact) => vec![(goal, fact.milestone_id)],
                GoalEvent::MilestoneReopened(fact) => vec![(goal, fact.milestone_id)],
                GoalEvent::MilestoneMissed(fact) => vec![(goal, fact.milestone_id)],
                GoalEvent::GoalResumed(fact) => {
                    fact.milestone_dues.iter().map(|moved| (goal, moved.milestone_id)).collect()
                }
                _ => Vec::new(),
            }
        };
        let mut milestones: HashSet<(GoalId, MilestoneId)> =
            facts.iter().flat_map(|(goal, fact)| touched(*goal, fact)).collect();
        // A revision wipes the slate of all of a goal's milestones.
        for goal in facts.iter().filter(|(_, fact)| matches!(fact, GoalEvent::GoalRevised(_))).map(|(goal, _)| goal) {
            let ids: Vec<uuid::Uuid> =
                sqlx::query_scalar("select milestone_id from milestones where tenant_id = $1 and goal_id = $2")
                    .bind(tx.tenant().uuid())
                    .bind(uuid::Uuid::from(*goal))
                    .fetch_all(&mut **tx)
                    .await?;
            milestones.extend(ids.into_iter().map(|id| (*goal, id.into())));
        }
        Ok(Self { goals: load(tx, goals).await?, milestones: load(tx, milestones).await?, ..Self::default() })
    }

    fn fold(&mut self, event: &RecordedEvent, id: GoalId, fact: GoalEvent) -> Result<(), ProjectorError> {
        if let GoalEvent::GoalCreated(created) = fact {
            for milestone in created.milestones {
                self.open_milestone(id, milestone);
            }
            let mut goal = Goal {
                goal_id: id,
                title: String::new(),
                owner_id: created.plan.owner,
                metric_id: None,
                objective: created.plan.objective,
                cadence: created.plan.cadence,
                start: created.plan.start,
                due: created.plan.due,
                plan: Document(created.plan.clone()),
                feasibility: Document(created.feasibility),
                acknowledgement: created.acknowledgement.map(Document),
                lifecycle: Lifecycle::Active,
                status: GoalStatus::OnTrack,
                pace: None,
                pauses: Document(Vec::new()),
                outcome: None,
                insight: None,
                abandoned_because: None,
                abandoned_by: None,
                created_by: created.created_by,
                created_at: event.metadata.at,
                changed_at: event.metadata.at,
                position: event.position.get(),
            };
            follow(&mut goal, created.plan);
            self.goals.insert(goal.key(), goal);
            return Ok(());
        }

        let goal = self.goals.get_mut(&(id,)).ok_or_else(|| ProjectorError::poison(event, "the goal is unknown"))?;
        goal.changed_at = event.metadata.at;
        goal.position = event.position.get();
        match fact {
            GoalEvent::GoalCreated(_) => {}
            GoalEvent::GoalRevised(fact) => {
                if fact.begins_anew() {
                    goal.status = GoalStatus::OnTrack;
                    let own = self.milestones.values_mut().filter(|milestone| milestone.goal_id == id);
                    own.for_each(|milestone| milestone.missed = false);
                }
                self.revisions.push(Revision {
                    goal_id: id,
                    position: event.position.get(),
                    at: event.metadata.at,
                    revised_by: fact.revised_by,
                    changed: Document(fact.changed),
                    reason: fact.reason.and_then(Personal::into_value),
                    plan_before: goal.plan.clone(),
                });
                follow(goal, fact.plan);
                goal.feasibility = Document(fact.feasibility);
                goal.acknowledgement = fact.acknowledgement.map(Document);
            }
            GoalEvent::GoalPaused(fact) => {
                goal.lifecycle = Lifecycle::Paused;
                let reason = fact.reason.and_then(Personal::into_value);
                goal.pauses.0.push(GoalPause { from: fact.on, until: None, reason, paused_by: fact.paused_by });
            }
            GoalEvent::GoalResumed(fact) => {
                goal.lifecycle = Lifecycle::Active;
                if let Some(pause) = goal.pauses.0.last_mut() {
                    pause.until = Some(fact.on);
                }
                goal.plan.0.due = fact.due;
                goal.due = fact.due;
                for moved in fact.milestone_dues {
                    self.change_milestone(event, id, moved.milestone_id, |known| known.due = Some(moved.due))?;
                }
            }
            GoalEvent::GoalAbandoned(fact) => {
                goal.lifecycle = Lifecycle::Abandoned;
                goal.abandoned_because = fact.reason.into_value();
                goal.abandoned_by = Some(fact.abandoned_by);
            }
            GoalEvent::GoalProgressed(fact) => {
                goal.pace = Some(Document(fact.pace.clone()));
                let (day, value, by, note) = match fact.source {
                    ProgressSource::Metric => (None, None, None, None),
                    ProgressSource::Recorded { day, value, by, note } => {
                        (Some(day), Some(value), Some(by), note.and_then(Personal::into_value))
                    }
                };
                self.progress.push(Progress {
                    goal_id: id,
                    position: event.position.get(),
                    at: event.metadata.at,
                    recorded_day: day,
                    recorded_value: value,
                    recorded_by: by,
                    note,
                    pace: Document(fact.pace),
                });
            }
            GoalEvent::MilestoneAdded(fact) => self.open_milestone(id, fact.milestone),
            GoalEvent::MilestoneRemoved(fact) => {
                self.milestones.remove(&(id, fact.milestone_id));
                self.removed.insert((id, fact.milestone_id));
            }
            GoalEvent::MilestoneReached(fact) => {
                self.change_milestone(event, id, fact.milestone_id, |known| known.reached_on = Some(fact.on))?;
            }
            GoalEvent::MilestoneReopened(fact) => {
                self.change_milestone(event, id, fact.milestone_id, |known| known.reached_on = None)?;
            }
            GoalEvent::MilestoneMissed(fact) => {
                self.change_milestone(event, id, fact.milestone_id, |known| known.missed = true)?;
            }
            GoalEvent::GoalAtRisk(_) => goal.status = GoalStatus::AtRisk,
            GoalEvent::GoalBehind(_) => goal.status = GoalStatus::Behind,
            GoalEvent::GoalBackOnTrack(_) => goal.status = GoalStatus::OnTrack,
            GoalEvent::GoalAchieved(_) => goal.status = GoalStatus::Achieved,
            GoalEvent::GoalMissed(_) => goal.status = GoalStatus::Missed,
            GoalEvent::GoalEvaluated(fact) => {
                goal.lifecycle = Lifecycle::Evaluated;
                goal.pace = Some(Document(fact.pace));
                goal.outcome = Some(fact.outcome);
                goal.insight = Some(Document(fact.insight));
            }
        }
        Ok(())
    }

    fn open_milestone(&mut self, goal_id: GoalId, milestone: dyocense_domain::goals::Milestone) {
        let row = Milestone {
            goal_id,
            milestone_id: milestone.milestone_id,
            title: milestone.title,
            value: milestone.value,
            due: milestone.due,
            reached_on: None,
            missed: false,
        };
        self.removed.remove(&row.key());
        self.milestones.insert(row.key(), row);
    }

    fn change_milestone(
        &mut self,
        event: &RecordedEvent,
        goal: GoalId,
        id: MilestoneId,
        change: impl FnOnce(&mut Milestone),
    ) -> Result<(), ProjectorError> {
        let known = self.milestones.get_mut(&(goal, id));
        change(known.ok_or_else(|| ProjectorError::poison(event, "the milestone is unknown"))?);
        Ok(())
    }
}

/// Takes over what a plan says.
fn follow(goal: &mut Goal, plan: GoalPlan) {
    goal.title.clone_from(&plan.title);
    goal.owner_id = plan.owner;
    goal.metric_id = plan.measure.metric_id();
    goal.objective = plan.objective;
    goal.cadence = plan.cadence;
    goal.start = plan.start;
    goal.due = plan.due;
    goal.plan = Document(plan);
}
