//! The path a goal is expected to take from its start to its due date.
//!
//! Days weigh as the metric's own past says: by weekday (ratio of each weekday's sum over whole weeks) and, from
//! two years of history on, by month of the year (ratio to a straight trend line whose slope comes from whole
//! years, so that growth is not taken for season): the classical ratio-to-trend decomposition, as in
//! Hyndman & Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed., section 3.4. Both are shrunk towards
//! "every day the same" while there is little history.

use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;

use super::assessment::PathShape;
use super::plan::{Aggregation, Cadence, GoalPlan};
use super::reading::{History, days_between, plus_days};
use super::state::Pause;

const FEWEST_WEEKS: i64 = 4;
const FEWEST_MONTHS: usize = 24;
/// Older history says little about a small business of today, and bounds the work.
const MOST_DAYS: i64 = 5 * 366;

/// How much a day weighs, 1 on average.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub kind: PathShape,
    weekday: [f64; 7],
    month: [f64; 12],
    /// The mean of a day and the spread of days around what their weight says.
    pub spread: Option<f64>,
}

impl Shape {
    pub fn linear() -> Self {
        Self { kind: PathShape::Linear, weekday: [1.0; 7], month: [1.0; 12], spread: None }
    }

    /// Learns from the days before `start`. Days without a value count as 0 for a flow (`fill` false), and as
    /// the value before them for a level (`fill` true).
    pub fn of(history: &History, start: Date, fill: bool) -> Self {
        let mut shape = Self::linear();
        let last = history.last_until(plus_days(start, -1));
        let (Some(first), Some(last)) = (history.first(), last) else { return shape };
        let first = first.max(plus_days(last, -MOST_DAYS));
        let length = days_between(first, last) + 1;
        if length < 7 * FEWEST_WEEKS {
            return shape;
        }
        let days: Vec<(Date, f64)> = (0..length)
            .map(|i| plus_days(first, i))
            .map(|day| {
                let value = if fill { history.value_until(day) } else { Some(history.total(day, day).0) };
                (day, value.and_then(|value| value.to_f64()).unwrap_or(0.0))
            })
            .collect();
        // A pattern of ratios has no meaning over zero or changing signs.
        if days.iter().any(|(_, value)| *value < 0.0) || days.iter().map(|(_, value)| value).sum::<f64>() <= 0.0 {
            return shape;
        }
        shape.weekday = weekday_weights(&days);
        shape.kind = PathShape::Weekday;
        if let Some(month) = month_weights(&days) {
            shape.month = month;
            shape.kind = PathShape::WeekdayAndMonth;
        }
        let recent = &days[days.len().saturating_sub(365)..];
        let mean = recent.iter().map(|(_, value)| value).sum::<f64>() / recent.len() as f64;
        let squares: f64 = recent.iter().map(|(day, value)| (value - mean * shape.weight(*day)).powi(2)).sum();
        shape.spread = Some((squares / recent.len() as f64).sqrt());
        shape
    }

    pub fn weight(&self, day: Date) -> f64 {
        self.weekday[day.weekday().to_monday_zero_offset() as usize] * self.month[day.month() as usize - 1]
    }

    /// The mean weight of the days from `from` to `to`.
    fn season(&self, from: Date, to: Date) -> f64 {
        let days = days_between(from, to) + 1;
        (0..days).map(|i| self.weight(plus_days(from, i))).sum::<f64>() / days.max(1) as f64
    }
}

fn weekday_weights(days: &[(Date, f64)]) -> [f64; 7] {
    let weeks = days.len() / 7;
    let whole = &days[days.len() - weeks * 7..];
    let mean = whole.iter().map(|(_, value)| value).sum::<f64>() / whole.len() as f64;
    let mut weights = [1.0; 7];
    if mean <= 0.0 {
        return weights;
    }
    let trust = weeks as f64 / (weeks as f64 + 2.0);
    let mut sums = [0.0; 7];
    for (day, value) in whole {
        sums[day.weekday().to_monday_zero_offset() as usize] += value;
    }
    for (weight, sum) in weights.iter_mut().zip(sums) {
        *weight = 1.0 + trust * (sum / weeks as f64 / mean - 1.0);
    }
    weights
}

fn month_weights(days: &[(Date, f64)]) -> Option<[f64; 12]> {
    // Means per day of the calendar months that are covered whole, the latest full years of them.
    let mut months: Vec<(i8, f64)> = vec![];
    let mut rest = days;
    while let Some((first, _)) = rest.first() {
        let inside = rest.iter().take_while(|(day, _)| day.first_of_month() == first.first_of_month()).count();
        let (month, after) = rest.split_at(inside);
        if inside == first.days_in_month() as usize {
            months.push((first.month(), month.iter().map(|(_, value)| value).sum::<f64>() / inside as f64));
        }
        rest = after;
    }
    let whole = months.len() / 12 * 12;
    if whole < FEWEST_MONTHS {
        return None;
    }
    let months = &months[months.len() - whole..];
    let mean_of = |part: &[(i8, f64)]| part.iter().map(|(_, mean)| mean).sum::<f64>() / part.len() as f64;
    let slope = (mean_of(&months[whole - 12..]) - mean_of(&months[..12])) / (whole - 12) as f64;
    let (mean, centre) = (mean_of(months), (whole - 1) as f64 / 2.0);
    let mut ratios = [0.0; 12];
    for (i, (month, value)) in months.iter().enumerate() {
        let trend = mean + slope * (i as f64 - centre);
        if trend <= 0.0 {
            return None;
        }
        ratios[*month as usize - 1] += value / trend;
    }
    let years = whole as f64 / 12.0;
    let average = ratios.iter().sum::<f64>() / 12.0 / years;
    let trust = years / (years + 1.0);
    Some(ratios.map(|ratio| 1.0 + trust * (ratio / years / average - 1.0)))
}

/// The expected course of one goal, as shares of its way.
pub(super) struct Path {
    pub shape: Shape,
    start: Date,
    due: Date,
    cadence: Cadence,
    aggregation: Aggregation,
    /// After day `i` from the start: the weights and the number of the days that counted, paused days left out.
    done: Vec<(f64, i64)>,
}

impl Path {
    pub fn of(plan: &GoalPlan, pauses: &[Pause], shape: Shape) -> Self {
        let length = days_between(plan.start, plan.due) + 1;
        let (mut weights, mut days) = (0.0, 0);
        let done = (0..length.max(0))
            .map(|i| {
                let day = plus_days(plan.start, i);
                if !pauses.iter().any(|pause| pause.covers(day)) {
                    weights += shape.weight(day);
                    days += 1;
                }
                (weights, days)
            })
            .collect();
        let aggregation = plan.measure.aggregation();
        Self { shape, start: plan.start, due: plan.due, cadence: plan.cadence, aggregation, done }
    }

    fn done_by(&self, day: Date) -> (f64, i64) {
        match usize::try_from(days_between(self.start, day)) {
            Ok(i) => self.done.get(i).or(self.done.last()).copied().unwrap_or((0.0, 0)),
            Err(_) => (0.0, 0),
        }
    }

    /// Days of the goal that counted up to the end of `day`.
    pub fn days_by(&self, day: Date) -> i64 {
        self.done_by(day).1
    }

    pub fn days(&self) -> i64 {
        self.done.last().map_or(0, |(_, days)| *days)
    }

    /// The share of the way that should be done by the end of `day`: of the days' weights for a total, of the
    /// days for a reading that moves from its baseline to its target.
    pub fn share(&self, day: Date) -> f64 {
        let (done, all) = (self.done_by(day), self.done.last().copied().unwrap_or((0.0, 0)));
        let share = match self.aggregation {
            Aggregation::Total if all.0 > 0.0 => done.0 / all.0,
            _ if all.1 > 0 => done.1 as f64 / all.1 as f64,
            _ => f64::from(u8::from(day >= self.due)),
        };
        share.clamp(0.0, 1.0)
    }

    /// Where a reading should stand at the end of `day` on its way from `baseline` to `target`: a straight line
    /// between the two with the season taken out of both, and the season of `day` put back.
    pub fn between(&self, baseline: f64, target: f64, day: Date) -> f64 {
        let share = self.share(day);
        let straight = baseline + (target - baseline) * share;
        if baseline <= 0.0 || target <= 0.0 || self.shape.kind == PathShape::Linear {
            return straight;
        }
        let day = day.clamp(plus_days(self.start, -1), self.due);
        let (before, now, end) =
            (self.season_at(plus_days(self.start, -1)), self.season_at(day), self.season_at(self.due));
        if before <= 0.0 || end <= 0.0 {
            return straight;
        }
        (baseline / before * (1.0 - share) + target / end * share) * now
    }

    fn season_at(&self, day: Date) -> f64 {
        match self.aggregation {
            Aggregation::Latest => self.shape.weight(day),
            _ => self.shape.season(self.cadence.window_start(day), day),
        }
    }
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
