//! A metric's history as the engine takes it: values on a regular calendar.

use std::collections::BTreeMap;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, MetricKind, MetricSource, Point, Step, default_aggregation, series};
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_forecasting::Series;
use dyocense_forecasting::calendar::Frequency;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use rust_decimal::prelude::ToPrimitive;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::closed::{all_closed, closed_weekdays, closures, shut_days};
use super::rhythm::Rhythms;
use crate::error::Fault;
use crate::execute::Commands;
use crate::ports::MetricSummary;
use crate::runs::NoAnswer;

/// Steps of a history that are looked at: 27 years of days.
const MOST_STEPS: usize = 10_000;
/// Days of the longest step whose days are counted: a quarter.
const LONGEST_STEP: usize = 92;
/// Steps from which their having one point each is a habit.
const FEWEST_TOTALS: usize = 3;

/// The part of a metric's history behind an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistorySpan {
    pub first: Date,
    pub last: Date,
    /// Steps of the calendar, those without a value included.
    pub steps: usize,
}

/// Steps by their first days, with their values where they have one.
pub(super) type Dated = Vec<(Date, Option<f64>)>;

/// A metric's history in steps of its own calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    pub metric_id: MetricId,
    pub name: String,
    pub unit: String,
    pub kind: MetricKind,
    pub bucket: Bucket,
    pub first: Date,
    /// None: no value is known of that step.
    pub values: Vec<Option<f64>>,
    /// Of a flow in days, months or quarters: holidays and closures, past and to come, on which it does not trade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shut: Vec<Date>,
    /// Of a flow in months or quarters whose days are known: what a day of each weekday brings, as it was known when each
    /// step began.
    #[serde(default)]
    pub rhythms: Rhythms,
    /// Days that have fewer points than all others, and count as unknown.
    #[serde(default, skip_serializing_if = "is_none_at_all")]
    pub incomplete: usize,
}

fn is_none_at_all(count: &usize) -> bool {
    *count == 0
}

impl History {
    /// Steps that are not over yet (the rest of today of a flow, of this week, month …) are left out, and so is a flow's
    /// first week, month … where it began within it. A day of a flow that is recorded several times a day is unknown where
    /// it has fewer points than its days usually have. A step without a sale had sales of zero; a step without a recorded
    /// point has no known value.
    pub async fn of_metric(
        commands: &Commands,
        tenant: TenantId,
        metric_id: MetricId,
        bucket: Option<Bucket>,
    ) -> Result<Result<History, NoAnswer>, Fault> {
        let Some(metric) = commands.reads.metric(tenant, metric_id).await? else {
            return Ok(Err(NoAnswer::Impossible("there is no such metric in this business".to_owned())));
        };
        let points = commands.reads.points(tenant, metric_id, Timestamp::MIN, Timestamp::MAX).await?;
        let bucket = bucket.unwrap_or(Bucket::Day);
        let today = metric.time_zone.date_of(commands.now());
        let (mut history, days) = match History::of_points(&metric, &points, bucket, today) {
            Ok(found) => found,
            Err(none) => return Ok(Err(none)),
        };
        if history.kind == MetricKind::Flow && matches!(bucket, Bucket::Day | Bucket::Month | Bucket::Quarter) {
            let occasions = commands.reads.occasions(tenant).await?;
            history.shut = match bucket {
                Bucket::Day => shut_days(&history.steps(), &occasions, FURTHEST),
                _ if history.rhythms.is_known() => shut_days(&days, &occasions, FURTHEST * LONGEST_STEP),
                _ => closures(history.first, &occasions, history.steps_ahead(FURTHEST).last().copied()),
            };
        }
        Ok(Ok(history))
    }

    /// The history, and the days of a flow.
    fn of_points(
        metric: &MetricSummary,
        points: &[Point],
        bucket: Bucket,
        today: Date,
    ) -> Result<(History, Dated), NoAnswer> {
        let impossible = |reason: String| Err(NoAnswer::Impossible(reason));
        let Some(newest) = points.last().map(|point| metric.time_zone.date_of(point.at)) else {
            return impossible(format!("{} has no points yet", metric.name));
        };
        let is_flow = metric.kind == MetricKind::Flow;
        let in_steps = |bucket: Bucket| {
            series(points, &metric.time_zone, bucket, default_aggregation(metric.kind), usize::MAX).steps
        };
        let counts_nothing_as_zero = is_flow && metric.source == MetricSource::Derived;
        let mut of_days = if is_flow { in_steps(Bucket::Day) } else { Vec::new() };
        let all = of_days.len();
        if metric.source == MetricSource::Recorded {
            let usual = usual_points(&of_days);
            of_days.retain(|day| usual.is_none_or(|usual| day.points >= usual));
        }
        let incomplete = all - of_days.len();
        let newest = match incomplete {
            0 => newest,
            _ => of_days.last().map_or(newest, |day| day.start),
        };
        let days = on_calendar(&of_days, Bucket::Day, counts_nothing_as_zero);
        let closed = closed_weekdays(&days);
        let mut steps = if is_flow && bucket == Bucket::Day { of_days } else { in_steps(bucket) };
        // A total that is recorded once for a whole week, month … is whole, on whichever of its days it is recorded.
        let are_totals = steps.len() >= FEWEST_TOTALS && steps.iter().all(|step| step.points == 1);
        // A level may be read at any time of its day; a flow goes on until the day is over.
        let is_over = |start: Date| match bucket.next(start) {
            Some(next) if is_flow => {
                let newest = newest.tomorrow().unwrap_or(newest);
                next <= today && (are_totals || next <= newest || all_closed(&closed, newest..next))
            }
            Some(next) => next.yesterday().is_ok_and(|last_day| last_day <= newest),
            None => true,
        };
        while steps.last().is_some_and(|step| !is_over(step.start)) {
            steps.pop();
        }
        if let Some((first_day, _)) = days.first() {
            let begins_whole =
                |step: &Step| are_totals || all_closed(&closed, step.start..(*first_day).max(step.start));
            if steps.len() > FEWEST_TOTALS && !begins_whole(&steps[0]) {
                steps.remove(0);
            }
        }
        let Some(first) = steps.first().map(|step| step.start) else {
            return impossible(format!("{} covers no whole {} yet", metric.name, word(bucket)));
        };
        let mut dated = on_calendar(&steps, bucket, counts_nothing_as_zero);
        let spare = dated.len().saturating_sub(MOST_STEPS);
        let first = dated.get(spare).map_or(first, |(start, _)| *start);
        let mut history = History {
            metric_id: metric.metric_id,
            name: metric.name.clone(),
            unit: metric.unit.clone(),
            kind: metric.kind,
            bucket,
            first,
            values: dated.drain(spare..).map(|(_, value)| value).collect(),
            shut: Vec::new(),
            rhythms: Rhythms::default(),
            incomplete: if bucket == Bucket::Day { incomplete } else { 0 },
        };
        if matches!(bucket, Bucket::Month | Bucket::Quarter) && !are_totals {
            let starts = history.steps().into_iter().map(|(start, _)| start).chain(history.steps_ahead(1));
            history.rhythms = Rhythms::on(starts, &days);
        }
        Ok((history, days))
    }

    /// Of all values with their days: another one where any was corrected.
    pub fn values_sha256(&self) -> String {
        hex::encode(Sha256::digest(json!([self.bucket, self.first, self.values]).to_string()))
    }

    pub fn span(&self) -> HistorySpan {
        let last = self.start_of(self.values.len().saturating_sub(1));
        HistorySpan { first: self.first, last, steps: self.values.len() }
    }

    /// All steps by their first days, with their values where they have one.
    pub fn steps(&self) -> Vec<(Date, Option<f64>)> {
        let mut at = self.first;
        let dated = self.values.iter().map(|value| {
            let start = at;
            at = self.bucket.next(at).unwrap_or(at);
            (start, *value)
        });
        dated.collect()
    }

    /// The steps that have a value, by their first days.
    pub fn dated(&self) -> BTreeMap<Date, f64> {
        self.steps().into_iter().filter_map(|(start, value)| Some((start, value?))).collect()
    }

    /// The history up to the step that begins on `last`; None where nothing is known until then. It ends with a value.
    pub fn until(self, last: Date) -> Option<History> {
        self.cut(|start| start <= last)
    }

    /// The history without the step that `today` lies in, whose last points may be still to come.
    pub fn over_by(self, today: Date) -> Option<History> {
        let bucket = self.bucket;
        self.cut(|start| bucket.next(start).is_some_and(|next| next <= today))
    }

    fn cut(mut self, keep: impl Fn(Date) -> bool) -> Option<History> {
        let steps = self.steps();
        let kept = steps.iter().take_while(|(start, _)| keep(*start));
        let known = kept.enumerate().filter(|(_, (_, value))| value.is_some()).last();
        self.values.truncate(known.map(|(index, _)| index + 1)?);
        Some(self)
    }

    /// The first day of a step, counted from 0; steps may lie behind the history.
    pub fn start_of(&self, index: usize) -> Date {
        (0..index).fold(self.first, |at, _| self.bucket.next(at).unwrap_or(at))
    }

    /// The first days of `count` steps behind the history.
    pub fn steps_ahead(&self, count: usize) -> Vec<Date> {
        let mut at = self.start_of(self.values.len());
        (0..count)
            .map(|_| {
                let start = at;
                at = self.bucket.next(at).unwrap_or(at);
                start
            })
            .collect()
    }

    /// The first `length` steps, as the engine takes them.
    pub fn series(&self, length: usize) -> Result<Series, NoAnswer> {
        let values = self.values[..length].iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let frequency = self.frequency();
        let series = Series::new(self.name.as_str(), values, frequency.usual_season()).map_err(impossible)?;
        Ok(series.starting(self.first.to_datetime(Time::midnight()), frequency))
    }

    pub fn frequency(&self) -> Frequency {
        frequency_of(self.bucket)
    }

    /// "3,120.50 USD", with as many decimals as the size deserves.
    pub fn amount(&self, value: f64) -> String {
        format!("{} {}", grouped(value), self.unit)
    }
}

/// As the engine names it.
pub(super) fn frequency_of(bucket: Bucket) -> Frequency {
    match bucket {
        Bucket::Day => Frequency::Daily,
        Bucket::Week => Frequency::Weekly,
        Bucket::Month => Frequency::Monthly,
        Bucket::Quarter => Frequency::Quarterly,
        Bucket::Year => Frequency::Yearly,
    }
}

/// Points that a whole day has at least, where days have about the same number of them, as hours or shifts do: a point is
/// missing where the clocks are put forward. None where numbers of points say nothing.
fn usual_points(days: &[Step]) -> Option<u64> {
    const FEWEST_DAYS: usize = 7;
    const FEWEST_POINTS: u64 = 4;
    const REGULAR_SHARE: f64 = 0.8;
    let mut counts: Vec<u64> = days.iter().map(|day| day.points).collect();
    counts.sort_unstable();
    let usual = *counts.get(counts.len() / 2)?;
    // An hour is a point of 24 or of 12, four of 96.
    let slack = if usual < 12 { 0 } else { usual.div_ceil(24) };
    let regular = counts.iter().filter(|count| count.abs_diff(usual) <= slack).count();
    let is_regular = regular as f64 >= REGULAR_SHARE * counts.len() as f64;
    (counts.len() >= FEWEST_DAYS && usual >= FEWEST_POINTS && is_regular).then(|| usual - slack)
}

/// All steps from the first to the last of `known`.
fn on_calendar(known: &[Step], bucket: Bucket, nothing_is_zero: bool) -> Vec<(Date, Option<f64>)> {
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return Vec::new() };
    let mut known = known.iter().peekable();
    std::iter::successors(Some(first.start), |at| bucket.next(*at))
        .take_while(|at| *at <= last.start)
        .map(|at| {
            let value = known.next_if(|step| step.start == at).and_then(|step| step.value.to_f64());
            (at, value.or(nothing_is_zero.then_some(0.0)))
        })
        .collect()
}

pub(crate) fn impossible(error: impl std::fmt::Display) -> NoAnswer {
    NoAnswer::Impossible(error.to_string())
}

pub(crate) fn word(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Day => "day",
        Bucket::Week => "week",
        Bucket::Month => "month",
        Bucket::Quarter => "quarter",
        Bucket::Year => "year",
    }
}

/// A number for people: thousands apart, decimals only where the number is small.
pub(crate) fn grouped(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1_000.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    match value < 0.0 && out.chars().any(|c| c.is_ascii_digit() && c != '0') {
        true => format!("-{out}"),
        false => out,
    }
}

/// A stored request or input, read back.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, RunRefusal> {
    serde_json::from_value(value.clone())
        .map_err(|error| RunRefusal::Request { field: "request", reason: error.to_string() })
}

/// Steps ahead of one forecast.
pub const FURTHEST: usize = 1_000;
/// Interval levels of one forecast.
pub(super) const MOST_LEVELS: usize = 10;

/// Refuses a horizon or a level that no forecast has.
pub(super) fn check_reach(horizon: usize, levels: &[f64]) -> Result<(), RunRefusal> {
    let refused = |field, reason| Err(RunRefusal::Request { field, reason });
    if !(1..=FURTHEST).contains(&horizon) {
        return refused("horizon", format!("a horizon of {horizon} steps: 1 to {FURTHEST} are allowed"));
    }
    if levels.len() > MOST_LEVELS {
        return refused("levels", format!("{} levels: at most {MOST_LEVELS} are allowed", levels.len()));
    }
    match levels.iter().find(|level| !(1.0..=99.9).contains(*level)) {
        Some(level) => refused("levels", format!("a level of {level} %: 1 to 99.9 % are allowed")),
        None => Ok(()),
    }
}

/// A flow in USD, for tests.
#[cfg(test)]
pub(super) fn revenue(bucket: Bucket, first: &str, values: Vec<Option<f64>>) -> History {
    History {
        metric_id: MetricId::from(uuid::Uuid::nil()),
        name: "Revenue".into(),
        unit: "USD".into(),
        kind: MetricKind::Flow,
        bucket,
        first: first.parse().unwrap(),
        values,
        shut: vec![],
        rhythms: Rhythms::default(),
        incomplete: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_ahead_follow_the_calendar_over_leap_days_and_year_ends() {
        let days = revenue(Bucket::Day, "2024-02-27", vec![Some(1.0); 2]).steps_ahead(2);
        assert_eq!(days, ["2024-02-29".parse().unwrap(), "2024-03-01".parse().unwrap()]);
        let months = revenue(Bucket::Month, "2025-11-01", vec![Some(1.0)]).steps_ahead(2);
        assert_eq!(months, ["2025-12-01".parse().unwrap(), "2026-01-01".parse().unwrap()]);
    }

    #[test]
    fn a_step_that_goes_on_is_no_history_yet() {
        let known = |history: Option<History>| history.map(|history| history.span().last.to_string());
        let days = || revenue(Bucket::Day, "2026-03-01", vec![Some(1.0), Some(2.0), Some(3.0)]);
        assert_eq!(known(days().over_by("2026-03-03".parse().unwrap())), Some("2026-03-02".to_owned()));
        assert_eq!(known(days().over_by("2026-03-04".parse().unwrap())), Some("2026-03-03".to_owned()));
        assert_eq!(known(days().over_by("2026-03-01".parse().unwrap())), None);
        let weeks = revenue(Bucket::Week, "2026-03-02", vec![Some(1.0), Some(2.0)]);
        assert_eq!(known(weeks.over_by("2026-03-15".parse().unwrap())), Some("2026-03-02".to_owned()));
        // It ends with a value.
        let gap = revenue(Bucket::Day, "2026-03-01", vec![Some(1.0), None, Some(3.0)]);
        assert_eq!(known(gap.until("2026-03-02".parse().unwrap())), Some("2026-03-01".to_owned()));
    }

    #[test]
    fn numbers_are_for_people() {
        for (value, text) in [
            (2_500_315.63, "2,500,316"),
            (999.96, "1,000.0"),
            (12.34, "12.3"),
            (-0.001, "0.00"),
            (-4.5, "-4.50"),
            (0.0, "0"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn reaches_that_no_forecast_has_are_refused_with_their_bound() {
        for (horizon, levels) in
            [(0, vec![]), (1_001, vec![]), (1, vec![f64::NAN]), (1, vec![100.0]), (1, vec![80.0; 11])]
        {
            assert!(check_reach(horizon, &levels).is_err(), "{horizon} {levels:?}");
        }
        assert_eq!(check_reach(1_000, &[1.0, 99.9]), Ok(()));
    }
}
