use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::assessment::{GoalStatus, Insight, Outcome, Pace};
use super::events::*;
use super::plan::{GoalPlan, Milestone};
use super::reading::History;
use crate::event::Aggregate;
use crate::ids::GoalId;

/// What the events of a stream `goal-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Goal {
    pub goal_id: Option<GoalId>,
    pub plan: Option<GoalPlan>,
    pub milestones: Vec<MilestoneState>,
    pub pauses: Vec<Pause>,
    pub lifecycle: Lifecycle,
    /// What people recorded, by day: the history of a manual goal.
    pub records: BTreeMap<Date, Decimal>,
    pub pace: Option<Pace>,
    /// The status that people were last told about; a goal starts on track.
    pub told: Option<GoalStatus>,
    pub evaluation: Option<(Outcome, Insight)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lifecycle {
    #[default]
    Active,
    Paused,
    Abandoned,
    Evaluated,
}

impl std::fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Abandoned => "abandoned",
            Self::Evaluated => "over",
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MilestoneState {
    pub milestone: Milestone,
    pub reached: bool,
    pub missed: bool,
}

/// The days from `from` up to, and without, `until` do not count. No `until`: still paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    pub from: Date,
    pub until: Option<Date>,
}

impl Pause {
    pub fn covers(&self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }
}

impl Aggregate for Goal {
    type Event = GoalEvent;

    fn evolve(mut self, event: &GoalEvent) -> Self {
        match event {
            GoalEvent::GoalCreated(created) => {
                self.goal_id = Some(created.goal_id);
                self.plan = Some(created.plan.clone());
                self.milestones = created.milestones.iter().cloned().map(MilestoneState::open).collect();
            }
            GoalEvent::GoalRevised(revised) => {
                self.plan = Some(revised.plan.clone());
                if revised.begins_anew() {
                    self.told = None;
                    self.milestones.iter_mut().for_each(|known| known.missed = false);
                }
            }
            GoalEvent::GoalPaused(paused) => {
                self.lifecycle = Lifecycle::Paused;
                self.pauses.push(Pause { from: paused.on, until: None });
            }
            GoalEvent::GoalResumed(resumed) => {
                self.lifecycle = Lifecycle::Active;
                if let Some(pause) = self.pauses.last_mut() {
                    pause.until = Some(resumed.on);
                }
                if let Some(plan) = &mut self.plan {
                    plan.due = resumed.due;
                }
                for moved in &resumed.milestone_dues {
                    self.on_milestone(moved.milestone_id, |known| known.milestone.due = Some(moved.due));
                }
            }
            GoalEvent::GoalAbandoned(_) => self.lifecycle = Lifecycle::Abandoned,
            GoalEvent::GoalProgressed(progressed) => {
                if let ProgressSource::Recorded { day, value, .. } = progressed.source {
                    self.records.insert(day, value);
                }
                self.pace = Some(progressed.pace.clone());
            }
            GoalEvent::MilestoneAdded(added) => self.milestones.push(MilestoneState::open(added.milestone.clone())),
            GoalEvent::MilestoneRemoved(removed) => {
                self.milestones.retain(|known| known.milestone.milestone_id != removed.milestone_id);
            }
            GoalEvent::MilestoneReached(reached) => self.on_milestone(reached.milestone_id, |known| {
                known.reached = true;
            }),
            GoalEvent::MilestoneReopened(reopened) => self.on_milestone(reopened.milestone_id, |known| {
                known.reached = false;
            }),
            GoalEvent::MilestoneMissed(missed) => self.on_milestone(missed.milestone_id, |known| known.missed = true),
            GoalEvent::GoalAtRisk(_) => self.told = Some(GoalStatus::AtRisk),
            GoalEvent::GoalBehind(_) => self.told = Some(GoalStatus::Behind),
            GoalEvent::GoalBackOnTrack(_) => self.told = Some(GoalStatus::OnTrack),
            GoalEvent::GoalAchieved(_) => self.told = Some(GoalStatus::Achieved),
            GoalEvent::GoalMissed(_) => self.told = Some(GoalStatus::Missed),
            GoalEvent::GoalEvaluated(evaluated) => {
                self.lifecycle = Lifecycle::Evaluated;
                self.pace = Some(evaluated.pace.clone());
                self.evaluation = Some((evaluated.outcome, evaluated.insight.clone()));
            }
        }
        self
    }
}

impl MilestoneState {
    fn open(milestone: Milestone) -> Self {
        Self { milestone, reached: false, missed: false }
    }
}

impl Goal {
    fn on_milestone(&mut self, id: crate::ids::MilestoneId, change: impl Fn(&mut MilestoneState)) {
        self.milestones.iter_mut().filter(|known| known.milestone.milestone_id == id).for_each(change);
    }

    /// What people recorded, as a history to read the goal from.
    pub fn recorded(&self) -> History {
        self.records.iter().map(|(day, value)| (*day, *value)).collect()
    }
}
