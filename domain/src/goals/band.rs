//! Goals that keep a reading within bounds: period by period, how many were within.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::assessment::{GoalStatus, Pace, PathShape};
use super::days::{Days, reading_of};
use super::path::Path;
use super::plan::{Aggregation, Cadence, GoalPlan};
use super::reading::{History, days_between, plus_days};
use super::words;

/// The periods of a span, first and last day each; the last one may be cut short.
pub(super) fn periods(cadence: Cadence, start: Date, end: Date) -> impl Iterator<Item = (Date, Date)> {
    (0..)
        .map(move |n| (cadence.period_start(start, n), plus_days(cadence.period_start(start, n + 1), -1).min(end)))
        .take_while(move |(first, _)| *first <= end)
}

/// Whether the reading stayed within `low..=high` from `first` to `last`; `None` where there is nothing to read.
///
/// A latest value must be within on every day, a sum or mean over the period as a whole.
pub(super) fn within(
    aggregation: Aggregation,
    history: &History,
    (first, last): (Date, Date),
    (low, high): (Decimal, Decimal),
) -> Option<bool> {
    let inside = |value: Decimal| low <= value && value <= high;
    let (sum, days) = history.total(first, last);
    match aggregation {
        Aggregation::Latest => {
            let carried = history.value_until(plus_days(first, -1));
            let values = history.values_between(first, last);
            if values.is_empty() {
                return carried.map(inside);
            }
            // A value carried in counts only if it stood on the first day.
            let stood = carried.filter(|_| history.last_until(first) != Some(first));
            Some(stood.iter().chain(values).all(|value| inside(*value)))
        }
        Aggregation::PeriodAverage => (days > 0).then(|| inside(sum / Decimal::from(days))),
        // No point in a period is a sum of zero, once the metric has begun.
        Aggregation::PeriodTotal | Aggregation::Total => {
            history.first().filter(|begun| *begun <= last).map(|_| inside(sum))
        }
    }
}

/// The pace of a goal that keeps within `(low, high)` in a `share` of its periods.
pub(super) fn pace(
    plan: &GoalPlan,
    path: &Path,
    history: &History,
    days: Days,
    (low, high, share): (Decimal, Decimal, Decimal),
) -> Pace {
    let over = days.over(plan);
    let aggregation = plan.measure.aggregation();
    let counts = |(first, last): &(Date, Date)| path.days_by(*last) > path.days_by(plus_days(*first, -1));
    let all: Vec<(Date, Date)> = periods(plan.cadence, plan.start, plan.due).filter(counts).collect();
    let verdicts: Vec<Option<bool>> = all
        .iter()
        .filter(|(_, last)| over || *last <= days.read)
        .map(|period| within(aggregation, history, *period, (low, high)))
        .collect();
    let done = verdicts.len();
    let kept = verdicts.iter().filter(|verdict| **verdict == Some(true)).count();
    let left = all.len() - done;
    let needed = (share * Decimal::from(all.len())).ceil().to_usize().unwrap_or(all.len());

    let actual = reading_of(plan).at_with_what_is_there(history, days.read);
    let is_inside = actual.is_none_or(|value| low <= value && value <= high);
    let so_far = if done == 0 { Decimal::ONE } else { (Decimal::from(kept) / Decimal::from(done)).round_dp(4) };
    let status = if over {
        if kept >= needed && !all.is_empty() { GoalStatus::Achieved } else { GoalStatus::Missed }
    } else if days.today < plan.start {
        GoalStatus::OnTrack
    } else if kept + left < needed {
        GoalStatus::Behind
    } else if !is_inside || so_far < share {
        GoalStatus::AtRisk
    } else {
        GoalStatus::OnTrack
    };
    Pace {
        day: days.read,
        status,
        actual,
        expected: None,
        progress: so_far.normalize(),
        expected_progress: share,
        projected: None,
        required_per_day: None,
        path: PathShape::Band,
        reason: reason(plan, days, status, actual, (low, high), Counts { kept, done, left, needed }),
        forecast: None,
    }
}

struct Counts {
    kept: usize,
    done: usize,
    left: usize,
    needed: usize,
}

fn reason(
    plan: &GoalPlan,
    days: Days,
    status: GoalStatus,
    actual: Option<Decimal>,
    (low, high): (Decimal, Decimal),
    counts: Counts,
) -> String {
    if days.today < plan.start {
        return format!("Starts on {}.", words::day(plan.start));
    }
    let (unit, noun) = (plan.measure.unit(), plan.cadence.noun());
    let Counts { kept, done, left, needed } = counts;
    let bounds = format!("{} to {}", words::number(low), words::amount(high, unit));
    let plural = format!("{noun}s");
    let count = |n: usize| words::count(n as i64, noun, &plural);
    let periods = format!("{kept} of {} so far kept within {bounds}; {needed} are needed", count(done));
    if matches!(status, GoalStatus::Achieved | GoalStatus::Missed) {
        return format!("{kept} of {} kept within {bounds}; {needed} were needed.", count(done));
    }
    let now = match actual {
        None => "There is nothing to read yet".to_owned(),
        Some(value) if value < low => {
            format!("{} is {} below the band", words::amount(value, unit), words::amount(low - value, unit))
        }
        Some(value) if value > high => {
            format!("{} is {} above the band", words::amount(value, unit), words::amount(value - high, unit))
        }
        Some(value) => format!("{} is within the band", words::amount(value, unit)),
    };
    let ahead = match status {
        GoalStatus::Behind => format!(", more than the {} left can bring", count(left)),
        _ => format!(", with {} left", count(left)),
    };
    format!("{now} on {}. {periods}{ahead}.", words::day(days.read))
}

/// The share of a window's periods within the band, for judging a goal by the past; `None` without data.
pub(super) fn share_within(
    plan: &GoalPlan,
    history: &History,
    start: Date,
    length: i64,
    bounds: (Decimal, Decimal),
) -> Option<Decimal> {
    let end = plus_days(start, length - 1);
    let verdicts: Vec<bool> = periods(plan.cadence, start, end)
        .filter(|(first, last)| days_between(*first, *last) + 1 >= plan.cadence.days().min(28))
        .filter_map(|period| within(plan.measure.aggregation(), history, period, bounds))
        .collect();
    let kept = verdicts.iter().filter(|kept| **kept).count();
    (!verdicts.is_empty()).then(|| Decimal::from(kept) / Decimal::from(verdicts.len()))
}
