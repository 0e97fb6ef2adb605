use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::assess::assess;
use super::assessment::*;
use super::draft::{self, GoalDraft, MOST_MILESTONES, MeasuredMetric, MilestoneDraft, PlanChange};
use super::events::*;
use super::feasibility::feasibility;
use super::outlook::Outlook;
use super::plan::*;
use super::reading::{History, days_between, plus_days};
use super::refusal::GoalRefusal;
use super::state::{Goal, Lifecycle};
use crate::event::Aggregate;
use crate::ids::{GoalId, MilestoneId, UserId};

#[derive(Debug, Clone, PartialEq)]
pub enum GoalCommand {
    Create {
        goal_id: GoalId,
        draft: Box<GoalDraft>,
        milestones: Vec<MilestoneDraft>,
        /// Why the goal is taken on although history calls it unlikely. Kept only if it does.
        acknowledge: Option<String>,
        by: UserId,
    },
    Revise {
        change: Box<PlanChange>,
        reason: Option<String>,
        acknowledge: Option<String>,
        by: UserId,
    },
    Pause {
        reason: Option<String>,
        by: UserId,
    },
    Resume {
        /// Whether the due date moves by the days of the pause.
        move_due: bool,
        by: UserId,
    },
    Abandon {
        reason: String,
        by: UserId,
    },
    AddMilestone {
        milestone: MilestoneDraft,
        by: UserId,
    },
    RemoveMilestone {
        milestone_id: MilestoneId,
        by: UserId,
    },
    /// Where a manual goal stands at the end of `day` (today, if not given).
    RecordProgress {
        day: Option<Date>,
        value: Decimal,
        note: Option<String>,
        by: UserId,
    },
    /// Look again: points arrived or were corrected, or a day passed. Also evaluates a goal that is due.
    Assess,
}

/// Decides a command on a goal at `now`. An empty answer means that nothing had to change.
///
/// `metric` is the metric behind the goal (for [`GoalCommand::Create`] the one the draft names), with its history.
/// A goal on a metric that is not given is not assessed.
pub fn decide(
    goal: &Goal,
    command: GoalCommand,
    metric: Option<&MeasuredMetric>,
    now: Timestamp,
) -> Result<Vec<GoalEvent>, GoalRefusal> {
    if let GoalCommand::Create { goal_id, draft, milestones, acknowledge, by } = command {
        let today = draft.time_zone.date_of(now);
        return create(goal, goal_id, *draft, milestones, acknowledge, by, metric, today);
    }
    let plan = goal.plan.as_ref().ok_or(GoalRefusal::NoSuchGoal)?;
    let today = plan.time_zone.date_of(now);
    if command == GoalCommand::Assess {
        return Ok(then_assess(goal, vec![], metric, today));
    }
    if matches!(goal.lifecycle, Lifecycle::Abandoned | Lifecycle::Evaluated) {
        return Err(GoalRefusal::Closed(goal.lifecycle));
    }
    match command {
        GoalCommand::Create { .. } => Err(GoalRefusal::AlreadyExists),
        GoalCommand::Assess => Ok(vec![]),
        GoalCommand::Revise { change, reason, acknowledge, by } => {
            let (plan, changed) = draft::revised(plan, *change, metric, by, today)?;
            if changed.is_empty() {
                return Ok(vec![]);
            }
            check_milestones(goal, &plan)?;
            let feasibility = feasibility(&plan, &history_of(goal, metric), today);
            let harder = [PlanField::Aim, PlanField::Start, PlanField::Due, PlanField::Cadence];
            let matters = changed.iter().any(|field| harder.contains(field));
            let acknowledgement = if matters { acknowledged(&feasibility, acknowledge, by)? } else { None };
            let reason = draft::personal("reason", reason, by)?;
            let revised =
                GoalRevised { plan, changed, reason, feasibility, acknowledgement, revised_by: by, on: today };
            Ok(then_assess(goal, vec![revised.into()], metric, today))
        }
        GoalCommand::Pause { reason, by } => {
            if goal.lifecycle == Lifecycle::Paused {
                return Err(GoalRefusal::AlreadyPaused);
            }
            let reason = draft::personal("reason", reason, by)?;
            Ok(vec![GoalPaused { on: today, reason, paused_by: by }.into()])
        }
        GoalCommand::Resume { move_due, by } => {
            let resumed = resume(goal, plan, move_due, by, today)?;
            Ok(then_assess(goal, vec![resumed.into()], metric, today))
        }
        GoalCommand::Abandon { reason, by } => {
            let reason = draft::personal("reason", Some(reason), by)?.ok_or(GoalRefusal::ReasonNeeded)?;
            Ok(vec![GoalAbandoned { on: today, reason, abandoned_by: by }.into()])
        }
        GoalCommand::AddMilestone { milestone, by } => {
            if goal.milestones.len() >= MOST_MILESTONES {
                return Err(GoalRefusal::TooManyMilestones { most: MOST_MILESTONES });
            }
            if goal.milestones.iter().any(|known| known.milestone.milestone_id == milestone.milestone_id) {
                return Err(GoalRefusal::MilestoneExists);
            }
            let added = MilestoneAdded { milestone: draft::milestone(milestone, plan)?, added_by: by };
            Ok(then_assess(goal, vec![added.into()], metric, today))
        }
        GoalCommand::RemoveMilestone { milestone_id, by } => {
            if !goal.milestones.iter().any(|known| known.milestone.milestone_id == milestone_id) {
                return Err(GoalRefusal::NoSuchMilestone);
            }
            Ok(vec![MilestoneRemoved { milestone_id, removed_by: by }.into()])
        }
        GoalCommand::RecordProgress { day, value, note, by } => {
            if plan.measure.metric_id().is_some() {
                return Err(GoalRefusal::NotManual);
            }
            let end = today.min(plan.due);
            let day = day.unwrap_or(end);
            if day < plan.start || day > end {
                return Err(GoalRefusal::DayOutside { day, start: plan.start, end });
            }
            let value = draft::amount("value", value)?;
            let note = draft::personal("note", note, by)?;
            Ok(record(goal, ProgressSource::Recorded { day, value, by, note }, today))
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call: the parts of the command and what it is decided against")]
fn create(
    goal: &Goal,
    goal_id: GoalId,
    draft: GoalDraft,
    milestones: Vec<MilestoneDraft>,
    acknowledge: Option<String>,
    by: UserId,
    metric: Option<&MeasuredMetric>,
    today: Date,
) -> Result<Vec<GoalEvent>, GoalRefusal> {
    if goal.plan.is_some() {
        return Err(GoalRefusal::AlreadyExists);
    }
    let is_manual = matches!(draft.measure, draft::MeasureDraft::Manual { .. });
    let metric = if is_manual { None } else { metric };
    let plan = draft::plan(draft, metric, by, today)?;
    if milestones.len() > MOST_MILESTONES {
        return Err(GoalRefusal::TooManyMilestones { most: MOST_MILESTONES });
    }
    let milestones: Vec<Milestone> =
        milestones.into_iter().map(|milestone| draft::milestone(milestone, &plan)).collect::<Result<_, _>>()?;
    let mut ids: Vec<MilestoneId> = milestones.iter().map(|milestone| milestone.milestone_id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(GoalRefusal::MilestoneExists);
    }
    let nothing = History::default();
    let feasibility = feasibility(&plan, metric.map_or(&nothing, |metric| &metric.history), today);
    let acknowledgement = acknowledged(&feasibility, acknowledge, by)?;
    let created = GoalCreated { goal_id, plan, milestones, feasibility, acknowledgement, created_by: by };
    Ok(then_assess(goal, vec![created.into()], metric, today))
}

fn acknowledged(
    feasibility: &Feasibility,
    why: Option<String>,
    by: UserId,
) -> Result<Option<Acknowledgement>, GoalRefusal> {
    if feasibility.likelihood != Likelihood::Unlikely {
        return Ok(None);
    }
    match draft::personal("acknowledgement", why, by)? {
        Some(why) => Ok(Some(Acknowledgement { by, why })),
        None => Err(GoalRefusal::Unlikely(Box::new(feasibility.clone()))),
    }
}

/// A revised plan must still hold every milestone.
fn check_milestones(goal: &Goal, plan: &GoalPlan) -> Result<(), GoalRefusal> {
    goal.milestones.iter().try_for_each(|known| {
        let Milestone { milestone_id, title, value, due } = known.milestone.clone();
        draft::milestone(MilestoneDraft { milestone_id, title, value, due }, plan).map(|_| ())
    })
}

fn resume(goal: &Goal, plan: &GoalPlan, move_due: bool, by: UserId, today: Date) -> Result<GoalResumed, GoalRefusal> {
    let pause = goal.pauses.last().filter(|_| goal.lifecycle == Lifecycle::Paused).ok_or(GoalRefusal::NotPaused)?;
    // Days of the pause before the start or after the due date took nothing from the goal's time.
    let lost = days_between(pause.from.max(plan.start), today).max(0);
    let due = if move_due { plus_days(plan.due, lost) } else { plan.due };
    if due < today {
        return Err(GoalRefusal::DueWhilePaused { due });
    }
    let days = days_between(plan.start, due) + 1;
    if days > draft::MOST_DAYS {
        return Err(GoalRefusal::TooLong { days, most: draft::MOST_DAYS });
    }
    let milestone_dues = goal
        .milestones
        .iter()
        .filter(|known| move_due && lost > 0 && !known.reached)
        .filter_map(|known| Some((known.milestone.milestone_id, known.milestone.due?)))
        .filter(|(_, due)| *due >= pause.from)
        .map(|(milestone_id, due)| MilestoneDue { milestone_id, due: plus_days(due, lost) })
        .collect();
    Ok(GoalResumed { on: today, due, milestone_dues, resumed_by: by })
}

/// `events`, and what an assessment says after them.
fn then_assess(
    goal: &Goal,
    mut events: Vec<GoalEvent>,
    metric: Option<&MeasuredMetric>,
    today: Date,
) -> Vec<GoalEvent> {
    let after = events.iter().fold(goal.clone(), Goal::evolve);
    let known = after.plan.as_ref().is_some_and(|plan| match plan.measure.metric_id() {
        Some(id) => metric.is_some_and(|metric| metric.metric_id == id),
        None => true,
    });
    if known {
        let nothing = Outlook::default();
        let outlook = metric.map_or(&nothing, |metric| &metric.outlook);
        events.extend(assess(&after, &history_of(&after, metric), outlook, ProgressSource::Metric, today));
    }
    events
}

fn record(goal: &Goal, source: ProgressSource, today: Date) -> Vec<GoalEvent> {
    let mut after = goal.clone();
    if let ProgressSource::Recorded { day, value, .. } = source {
        after.records.insert(day, value);
    }
    assess(&after, &after.recorded(), &Outlook::default(), source, today)
}

fn history_of(goal: &Goal, metric: Option<&MeasuredMetric>) -> History {
    match goal.plan.as_ref().and_then(|plan| plan.measure.metric_id()) {
        None => goal.recorded(),
        Some(id) => {
            metric.filter(|metric| metric.metric_id == id).map(|metric| metric.history.clone()).unwrap_or_default()
        }
    }
}

#[cfg(test)]
#[path = "decide_tests/mod.rs"]
mod tests;
