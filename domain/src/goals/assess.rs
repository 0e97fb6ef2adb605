//! From a goal and its history today to what has changed about it: progress, milestones, alerts, evaluation.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::assessment::{GoalStatus, Outcome, Pace};
use super::events::*;
use super::insight::insight;
use super::outlook::{Outlook, foresee};
use super::pace::{actual_on, pace};
use super::plan::{Aim, GoalPlan, Milestone};
use super::reading::{History, days_between, plus_days};
use super::state::{Goal, Lifecycle};

/// The share of the way at which a target that was reached still counts as told.
const NEARLY: Decimal = Decimal::from_parts(95, 0, 0, false, 2);

/// What is new about `goal`, in the order in which people should hear of it. Nothing, where nothing changed.
pub(super) fn assess(
    goal: &Goal,
    history: &History,
    outlook: &Outlook,
    source: ProgressSource,
    today: Date,
) -> Vec<GoalEvent> {
    let Some(plan) = &goal.plan else { return vec![] };
    let recorded = matches!(source, ProgressSource::Recorded { .. });
    let mut now = pace(plan, &goal.pauses, history, today, goal.told);
    foresee(&mut now, plan, history, outlook, today);
    let progressed = |now: &Pace| GoalProgressed { source: source.clone(), pace: now.clone() }.into();
    match goal.lifecycle {
        Lifecycle::Abandoned => vec![],
        // What is recorded during a pause is kept, but nothing alerts.
        Lifecycle::Paused if recorded => vec![progressed(&now)],
        Lifecycle::Paused => vec![],
        Lifecycle::Evaluated => evaluate(goal, plan, history, now),
        Lifecycle::Active => {
            let mut events = vec![];
            if recorded || goal.pace.as_ref() != Some(&now) {
                events.push(progressed(&now));
            }
            events.extend(milestones(goal, plan, history, &now, today));
            if today > plan.due {
                events.extend(evaluate(goal, plan, history, now));
            } else {
                events.extend(alert(goal.told, now));
            }
            events
        }
    }
}

/// The alert that a pace calls for, if people have not been told the same before.
fn alert(told: Option<GoalStatus>, now: Pace) -> Option<GoalEvent> {
    let told = told.unwrap_or(GoalStatus::OnTrack);
    if told == now.status {
        return None;
    }
    // A reading that swings around its target was reached once; it is news again when it has fallen clearly.
    if told == GoalStatus::Achieved && now.status == GoalStatus::OnTrack && now.progress >= NEARLY {
        return None;
    }
    Some(match now.status {
        GoalStatus::OnTrack => GoalBackOnTrack { pace: now }.into(),
        GoalStatus::AtRisk => GoalAtRisk { pace: now }.into(),
        GoalStatus::Behind => GoalBehind { pace: now }.into(),
        GoalStatus::Achieved => GoalAchieved { pace: now }.into(),
        GoalStatus::Missed => GoalMissed { pace: now }.into(),
    })
}

/// The first evaluation, or another one where late or corrected points changed the numbers.
fn evaluate(goal: &Goal, plan: &GoalPlan, history: &History, now: Pace) -> Vec<GoalEvent> {
    let again = goal.evaluation.is_some();
    let same = |known: &Pace| (known.status, known.actual, known.progress) == (now.status, now.actual, now.progress);
    if again && goal.pace.as_ref().is_some_and(same) {
        return vec![];
    }
    let outcome = if now.status == GoalStatus::Achieved { Outcome::Achieved } else { Outcome::Missed };
    let insight = insight(plan, &goal.pauses, history, &now);
    let evaluated = GoalEvaluated { outcome, pace: now.clone(), insight, again };
    std::iter::once(evaluated.into()).chain(alert(goal.told, now)).collect()
}

/// Milestones count by the best reading since the start, so that a reading that swings does not raise one twice;
/// only corrected points can take one back.
fn milestones(goal: &Goal, plan: &GoalPlan, history: &History, now: &Pace, today: Date) -> Vec<GoalEvent> {
    let up = match plan.aim {
        Aim::Up { .. } => true,
        Aim::Down { .. } => false,
        Aim::KeepWithin { .. } => return vec![],
    };
    if goal.milestones.is_empty() || today < plan.start {
        return vec![];
    }
    let readings: Vec<(Date, Decimal)> = (0..=days_between(plan.start, now.day))
        .map(|i| plus_days(plan.start, i))
        .filter_map(|day| Some((day, actual_on(plan, history, day)?)))
        .collect();
    let mut events = vec![];
    for known in &goal.milestones {
        let Milestone { milestone_id, title, value, due } = known.milestone.clone();
        let met = readings.iter().find(|(_, reading)| if up { *reading >= value } else { *reading <= value });
        match (met, known.reached) {
            (Some((on, actual)), false) => {
                events.push(MilestoneReached { milestone_id, title, value, on: *on, actual: *actual }.into());
            }
            (None, true) => {
                let actual = now.actual.unwrap_or_default();
                events.push(MilestoneReopened { milestone_id, title, value, on: now.day, actual }.into());
            }
            (None, false) if !known.missed => {
                if let Some(due) = due.filter(|due| *due < today) {
                    let actual = actual_on(plan, history, due);
                    events.push(MilestoneMissed { milestone_id, title, value, due, actual }.into());
                }
            }
            _ => {}
        }
    }
    events
}
