//! Looking back on a goal that came due: what was reached, how the pace went, what would have been needed.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::assessment::{CoursePoint, GoalStatus, Insight, Pace};
use super::days::Days;
use super::pace::{actual_on, meets, pace_on, shape_of};
use super::path::Path;
use super::plan::{Aggregation, Aim, GoalPlan};
use super::reading::{History, days_between, plus_days};
use super::state::Pause;
use super::words;

const MOST_STOPS: i64 = 13;

/// The insight of a goal whose last pace is `last` (at its due date).
pub fn insight(plan: &GoalPlan, pauses: &[Pause], history: &History, last: &Pace) -> Insight {
    let path = Path::of(plan, pauses, shape_of(plan, history));
    let length = days_between(plan.start, plan.due) + 1;
    let days = path.days();
    let course = course(plan, &path, history, last);
    let achieved = last.status == GoalStatus::Achieved;
    let total = plan.measure.aggregation() == Aggregation::Total;
    let (origin, target) = match &plan.aim {
        Aim::Up { target, .. } | Aim::Down { target, .. } if total => (Some(Decimal::ZERO), Some(*target)),
        Aim::Up { baseline, target } | Aim::Down { baseline, target } => (Some(*baseline), Some(*target)),
        Aim::KeepWithin { .. } => (None, None),
    };
    let per_day = |from: Option<Decimal>, to: Option<Decimal>| {
        (days > 0).then_some(())?;
        Some(((to? - from?) / Decimal::from(days)).round_dp(4).normalize())
    };
    let shortfall = match (&plan.aim, last.actual, target) {
        _ if achieved => Decimal::ZERO,
        (Aim::KeepWithin { share, .. }, ..) => (*share - last.progress).max(Decimal::ZERO),
        (_, Some(actual), Some(target)) => (target - actual).abs(),
        (_, None, Some(target)) => (target - origin.unwrap_or_default()).abs(),
        _ => Decimal::ZERO,
    };
    let mut insight = Insight {
        summary: String::new(),
        reached: last.actual,
        shortfall,
        days: u32::try_from(days).unwrap_or(u32::MAX),
        paused_days: u32::try_from(length - days).unwrap_or(0),
        average_per_day: per_day(origin, last.actual),
        needed_per_day: per_day(origin, target),
        first_met: first_met(plan, history),
        course,
    };
    insight.summary = summary(plan, last, &insight);
    insight
}

/// The first day on which a goal that moves to a target met it; a limit is met only when it is over.
fn first_met(plan: &GoalPlan, history: &History) -> Option<Date> {
    let total = plan.measure.aggregation() == Aggregation::Total;
    if matches!(plan.aim, Aim::KeepWithin { .. }) || (total && matches!(plan.aim, Aim::Down { .. })) {
        return None;
    }
    (0..=days_between(plan.start, plan.due))
        .map(|i| plus_days(plan.start, i))
        .find(|day| actual_on(plan, history, *day).is_some_and(|reading| meets(&plan.aim, reading)))
}

fn course(plan: &GoalPlan, path: &Path, history: &History, last: &Pace) -> Vec<CoursePoint> {
    let length = days_between(plan.start, plan.due) + 1;
    let stops = length.min(MOST_STOPS);
    (1..stops)
        .map(|i| {
            let pace =
                pace_on(plan, path, history, Days::at_end_of(plus_days(plan.start, length * i / stops - 1)), None);
            CoursePoint { day: pace.day, actual: pace.actual, expected: pace.expected, status: pace.status }
        })
        .chain([CoursePoint { day: plan.due, actual: last.actual, expected: last.expected, status: last.status }])
        .collect()
}

fn summary(plan: &GoalPlan, last: &Pace, insight: &Insight) -> String {
    let unit = plan.measure.unit();
    let mut text = last.reason.clone();
    let stops = insight.course.len().saturating_sub(1);
    let was = |status: GoalStatus| insight.course.iter().take(stops).filter(|stop| stop.status == status).count();
    let well = was(GoalStatus::OnTrack) + was(GoalStatus::Achieved);
    let trouble =
        insight.course.iter().take(stops).find(|stop| matches!(stop.status, GoalStatus::Behind | GoalStatus::AtRisk));
    match trouble {
        Some(first) => text.push_str(&format!(
            " At {well} of {stops} looks on the way it was on track; it first fell back by {}.",
            words::day(first.day)
        )),
        None if stops > 0 => text.push_str(" It was on track all the way."),
        None => {}
    }
    if let Some(met) = insight.first_met {
        if met < plan.due && last.status == GoalStatus::Missed {
            text.push_str(&format!(" The target was met on {} and lost again.", words::day(met)));
        } else if met < plan.due {
            let early = words::count(days_between(met, plan.due), "day", "days");
            text.push_str(&format!(" It was first met on {}, {early} early.", words::day(met)));
        }
    }
    if let (Some(average), Some(needed)) = (insight.average_per_day, insight.needed_per_day) {
        let say = |value: Decimal| words::amount(value, unit);
        let days = words::count(i64::from(insight.days), "day", "days");
        let is_total = plan.measure.aggregation() == Aggregation::Total;
        let missed = last.status == GoalStatus::Missed;
        text.push_str(&match (&plan.aim, missed) {
            (_, true) if !is_total => {
                let (moved, needed) = (words::moved(average, say), say(needed.abs()));
                format!(" Over {days} it {moved} a day; {needed} a day would have been needed.")
            }
            (_, false) if !is_total => {
                let (moved, needed) = (words::moved(average, say), say(needed.abs()));
                format!(" Over {days} it {moved} a day where {needed} a day were needed.")
            }
            (Aim::Down { .. }, _) => {
                format!(" Over {days} it took {} a day where {} a day were allowed.", say(average), say(needed))
            }
            (_, true) => {
                let (average, needed) = (say(average), say(needed));
                format!(" Over {days} it brought {average} a day; {needed} a day would have been needed.")
            }
            (_, false) => {
                format!(" Over {days} it brought {} a day where {} a day were needed.", say(average), say(needed))
            }
        });
    }
    if insight.paused_days > 0 {
        let paused = words::count(i64::from(insight.paused_days), "day", "days");
        text.push_str(&format!(" The goal was paused for {paused}, which do not count."));
    }
    text
}
