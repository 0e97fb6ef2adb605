//! Expected against actual, and what that means for a goal today.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::assessment::{GoalStatus, Pace, PathShape};
use super::band;
use super::days::{Days, reading_of};
use super::path::{Path, Shape};
use super::plan::{Aggregation, Aim, GoalPlan, Measure};
use super::reading::{History, days_between, plus_days};
use super::state::Pause;
use super::words;

/// How far behind its path a goal may be, as a share of its whole way, before it is at risk or behind. The
/// spread of the metric's own days widens both, so that ordinary noise does not alert.
const AT_RISK: f64 = 0.05;
const BEHIND: f64 = 0.15;
/// The same as a multiple: the remaining days need this much more than planned. It counts late in a goal, where
/// a small share of the way is a lot for the time that is left.
const AT_RISK_EFFORT: f64 = 1.2;
const BEHIND_EFFORT: f64 = 1.6;
/// To be called better than last told, a goal must be clearly better: no flutter around a bound.
const RECOVERY: f64 = 0.8;

/// The pace of a goal on `today` (in the goal's time zone), given its history and what people were last told.
///
/// Points may lag: days after the last one count as empty only as long as such a gap is usual for the metric.
/// After the due date the status is [`GoalStatus::Achieved`] or [`GoalStatus::Missed`].
pub fn pace(plan: &GoalPlan, pauses: &[Pause], history: &History, today: Date, told: Option<GoalStatus>) -> Pace {
    let path = Path::of(plan, pauses, shape_of(plan, history));
    let days = Days::of(plan, history, today);
    pace_on(plan, &path, history, days, told)
}

/// How the days of the metric behind `plan` weigh, by its history before the start.
pub(super) fn shape_of(plan: &GoalPlan, history: &History) -> Shape {
    match plan.measure {
        Measure::Manual { .. } => Shape::linear(),
        Measure::Metric { aggregation, .. } => {
            let is_state = matches!(aggregation, Aggregation::Latest | Aggregation::PeriodAverage);
            Shape::of(history, plan.start, is_state)
        }
    }
}

/// The reading on `day`; at the due date it takes what there is.
pub(super) fn actual_on(plan: &GoalPlan, history: &History, day: Date) -> Option<Decimal> {
    let reading = reading_of(plan);
    if day >= plan.due { reading.at_with_what_is_there(history, plan.due) } else { reading.at(history, day) }
}

pub(super) fn pace_on(plan: &GoalPlan, path: &Path, history: &History, days: Days, told: Option<GoalStatus>) -> Pace {
    match &plan.aim {
        Aim::KeepWithin { low, high, share } => band::pace(plan, path, history, days, (*low, *high, *share)),
        Aim::Up { baseline, target } => Course::new(plan, path, history, days, *baseline, *target).pace(told),
        Aim::Down { baseline, target } => Course::new(plan, path, history, days, *baseline, *target).pace(told),
    }
}

/// Whether a reading meets a goal that moves to a target.
pub(super) fn meets(aim: &Aim, reading: Decimal) -> bool {
    match aim {
        Aim::Up { target, .. } => reading >= *target,
        Aim::Down { target, .. } => reading <= *target,
        Aim::KeepWithin { low, high, .. } => *low <= reading && reading <= *high,
    }
}

/// A goal on its way from an origin to a target, at some day.
struct Course<'a> {
    plan: &'a GoalPlan,
    path: &'a Path,
    history: &'a History,
    days: Days,
    origin: Decimal,
    target: Decimal,
    actual: Option<Decimal>,
    /// A total that must stay under its target: what counts is the share of the allowance that is used up.
    is_cap: bool,
}

impl<'a> Course<'a> {
    fn new(
        plan: &'a GoalPlan,
        path: &'a Path,
        history: &'a History,
        days: Days,
        baseline: Decimal,
        target: Decimal,
    ) -> Self {
        let is_total = plan.measure.aggregation() == Aggregation::Total;
        let is_cap = is_total && matches!(plan.aim, Aim::Down { .. });
        let origin = if is_total { Decimal::ZERO } else { baseline };
        let actual = actual_on(plan, history, days.read);
        Self { plan, path, history, days, origin, target, actual, is_cap }
    }

    fn pace(&self, told: Option<GoalStatus>) -> Pace {
        let expected = self.expected();
        let expected_progress = self.progress_of(expected);
        let progress = self.actual.map(|actual| self.progress_of(actual));
        let status = self.status(progress, expected_progress, told);
        Pace {
            day: self.days.read,
            status,
            actual: self.actual,
            expected: Some(expected),
            progress: progress.unwrap_or_default(),
            expected_progress,
            projected: self.projected(progress),
            required_per_day: self.required_per_day(),
            path: self.path.shape.kind,
            reason: self.reason(status, expected),
            forecast: None,
        }
    }

    fn expected(&self) -> Decimal {
        let target = self.target.to_f64().unwrap_or(0.0);
        let value = if self.plan.measure.aggregation() == Aggregation::Total {
            target * self.path.share(self.days.expected)
        } else {
            self.path.between(self.origin.to_f64().unwrap_or(0.0), target, self.days.expected)
        };
        words::rounded(value).unwrap_or(self.target)
    }

    fn progress_of(&self, reading: Decimal) -> Decimal {
        (reading - self.origin)
            .checked_div(self.target - self.origin)
            .map_or(Decimal::ONE, |share| share.round_dp(4).normalize())
    }

    fn is_met(&self) -> bool {
        self.actual.is_some_and(|actual| meets(&self.plan.aim, actual))
    }

    fn status(&self, progress: Option<Decimal>, expected: Decimal, told: Option<GoalStatus>) -> GoalStatus {
        if self.days.over(self.plan) {
            return if self.is_met() { GoalStatus::Achieved } else { GoalStatus::Missed };
        }
        if self.days.today < self.plan.start {
            return GoalStatus::OnTrack;
        }
        if self.is_met() && !self.is_cap {
            return GoalStatus::Achieved;
        }
        let expected = expected.to_f64().unwrap_or(0.0);
        let by_path = match progress.and_then(|progress| progress.to_f64()) {
            // Without a reading there is no verdict on the path, only on the silence.
            None => GoalStatus::OnTrack,
            Some(done) => {
                let now = self.classify(done, expected, 1.0);
                match told {
                    Some(before @ (GoalStatus::AtRisk | GoalStatus::Behind)) if severity(now) < severity(before) => {
                        let strict = self.classify(done, expected, RECOVERY);
                        if severity(strict) < severity(before) { strict } else { before }
                    }
                    _ => now,
                }
            }
        };
        if by_path == GoalStatus::OnTrack && self.silent_for().is_some() { GoalStatus::AtRisk } else { by_path }
    }

    fn classify(&self, done: f64, expected: f64, strictness: f64) -> GoalStatus {
        let (gap, effort) = if self.is_cap {
            if done > 1.0 {
                return GoalStatus::Behind;
            }
            (done - expected, ratio(1.0 - expected, 1.0 - done))
        } else {
            (expected - done, ratio(1.0 - done, 1.0 - expected))
        };
        let noise = self.noise();
        let behind = BEHIND.max((2.0 * noise).min(0.5));
        let at_risk = AT_RISK.max(noise.min(0.25));
        if gap > behind * strictness || (effort > BEHIND_EFFORT && gap > AT_RISK * strictness) {
            GoalStatus::Behind
        } else if gap > at_risk * strictness || (effort > AT_RISK_EFFORT && gap > 0.4 * AT_RISK * strictness) {
            GoalStatus::AtRisk
        } else {
            GoalStatus::OnTrack
        }
    }

    /// One standard deviation of the reading by ordinary day-to-day noise, as a share of the way.
    fn noise(&self) -> f64 {
        let way = (self.target - self.origin).abs().to_f64().unwrap_or(0.0);
        let (Some(spread), true) = (self.path.shape.spread, way > 0.0) else { return 0.0 };
        let window = self.plan.cadence.days() as f64;
        let spread = match self.plan.measure.aggregation() {
            Aggregation::Total => spread * (self.path.days_by(self.days.expected) as f64).sqrt(),
            Aggregation::PeriodTotal => spread * window.sqrt(),
            Aggregation::PeriodAverage => spread / window.sqrt(),
            Aggregation::Latest => 0.0,
        };
        spread / way
    }

    /// The days since the last point, where they are more than two periods and more than is usual.
    fn silent_for(&self) -> Option<i64> {
        let since = self
            .history
            .last_until(self.days.today)
            .map_or(plus_days(self.plan.start, -1), |last| last.max(plus_days(self.plan.start, -1)));
        let silent = days_between(since, self.days.today);
        let allowed = 2 * self.plan.cadence.days() + self.history.usual_gap();
        (silent > allowed).then_some(silent)
    }

    fn projected(&self, progress: Option<Decimal>) -> Option<Decimal> {
        if self.days.over(self.plan) {
            return self.actual;
        }
        let (share, least) = match self.plan.measure.aggregation() {
            Aggregation::Total => (self.path.share(self.days.expected), 0.02),
            _ => (self.path.share(self.days.expected), 0.1),
        };
        let way = (self.target - self.origin).to_f64()?;
        (share >= least).then_some(())?;
        words::rounded(self.origin.to_f64()? + way * progress?.to_f64()? / share)
    }

    fn days_left(&self) -> i64 {
        self.path.days() - self.path.days_by(self.days.expected)
    }

    fn required_per_day(&self) -> Option<Decimal> {
        let (left, actual) = (self.days_left(), self.actual?);
        if left <= 0 || (self.is_met() && !self.is_cap) || self.days.over(self.plan) {
            return None;
        }
        words::rounded((self.target - actual).to_f64()? / left as f64)
    }

    fn reason(&self, status: GoalStatus, expected: Decimal) -> String {
        let unit = self.plan.measure.unit();
        let amount = |value: Decimal| words::amount(value, unit);
        let (read, due) = (words::day(self.days.read), words::day(self.plan.due));
        if self.days.today < self.plan.start {
            return format!("Starts on {}.", words::day(self.plan.start));
        }
        let Some(actual) = self.actual else {
            return match (status, self.silent_for()) {
                (GoalStatus::Missed, _) => format!("There was nothing to read by the due date, {due}."),
                (_, Some(days)) => format!("There has been nothing to read for {}.", words::count(days, "day", "days")),
                _ => "There is not enough data to read yet.".to_owned(),
            };
        };
        let (target, gap) = (amount(self.target), amount((actual - self.target).abs()));
        match status {
            GoalStatus::Missed if self.is_cap => {
                return format!("{} by {due}: {gap} over the limit of {target}.", amount(actual));
            }
            GoalStatus::Missed => return format!("{} on {due}: {gap} from the target of {target}.", amount(actual)),
            GoalStatus::Achieved if self.is_cap => {
                return format!("{} by {due}: {gap} under the limit of {target}.", amount(actual));
            }
            GoalStatus::Achieved => return format!("Reached: {} by {read}, the target was {target}.", amount(actual)),
            _ => {}
        }
        if self.days.read < self.plan.start {
            return format!("No data yet since the start on {}.", words::day(self.plan.start));
        }
        let mut text = match (self.silent_for(), self.history.last_until(self.days.today)) {
            (Some(_), Some(last)) => format!("No data since {}. ", words::day(last)),
            (Some(days), None) => format!("No data for {}. ", words::count(days, "day", "days")),
            _ => String::new(),
        };
        let difference = actual - expected;
        let compared = if difference.is_zero() {
            format!("exactly the {} expected", amount(expected))
        } else {
            let word = if difference.is_sign_positive() { "more" } else { "less" };
            format!("{} {word} than the {} expected", amount(difference.abs()), amount(expected))
        };
        let by = words::day(self.days.expected);
        let pattern = match self.path.shape.kind {
            PathShape::Weekday => " going by the usual weekdays",
            PathShape::WeekdayAndMonth => " going by the usual weekdays and months",
            PathShape::Linear | PathShape::Band => "",
        };
        let stands = if self.plan.measure.aggregation() == Aggregation::Total {
            format!("{} of {target}", amount(actual).trim_end_matches(unit).trim_end())
        } else {
            format!("{} on the way to {target}", amount(actual))
        };
        text.push_str(&format!("{stands} by {read}: {compared} by {by}{pattern}."));
        text.push_str(&self.outlook(actual));
        text
    }

    /// What the days that are left have to bring.
    fn outlook(&self, actual: Decimal) -> String {
        let Some(required) = self.required_per_day() else { return String::new() };
        let amount = |value: Decimal| words::amount(value, self.plan.measure.unit());
        let left = words::count(self.days_left(), "day", "days");
        let so_far = self.per_day_so_far(actual);
        if self.is_cap && required.is_sign_negative() {
            return format!(" That is {} over the limit, with {left} to go.", amount((actual - self.target).abs()));
        }
        if self.plan.measure.aggregation() != Aggregation::Total {
            let so_far = so_far.map(|pace| format!("; so far it {} a day", words::moved(pace, amount)));
            let turn = if required.is_sign_negative() { "fall" } else { "rise" };
            let need = amount(required.abs());
            return format!(" In the {left} left it has to {turn} by {need} a day{}.", so_far.unwrap_or_default());
        }
        let so_far = so_far.map(|pace| format!("; so far it was {} a day", amount(pace))).unwrap_or_default();
        if self.is_cap {
            format!(" The {left} left may take {} a day{so_far}.", amount(required))
        } else {
            format!(" The {left} left need {} a day{so_far}.", amount(required))
        }
    }

    fn per_day_so_far(&self, actual: Decimal) -> Option<Decimal> {
        let days = self.path.days_by(self.days.expected);
        (days > 0).then_some(())?;
        words::rounded((actual - self.origin).to_f64()? / days as f64)
    }
}

fn ratio(needed: f64, planned: f64) -> f64 {
    if planned > 1e-9 { needed / planned } else { 1.0 }
}

fn severity(status: GoalStatus) -> u8 {
    match status {
        GoalStatus::Achieved => 0,
        GoalStatus::OnTrack => 1,
        GoalStatus::AtRisk => 2,
        GoalStatus::Behind => 3,
        GoalStatus::Missed => 4,
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
