//! A metric over time, in steps of a calendar.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{MetricKind, Point};
use crate::time_zone::TimeZoneName;

/// The length of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Day,
    /// Seven days from Monday (ISO 8601).
    Week,
    Month,
    Quarter,
    Year,
}

impl Bucket {
    /// The first day of the step that `day` lies in.
    pub fn start(self, day: Date) -> Date {
        match self {
            Bucket::Day => day,
            Bucket::Week => {
                let since_monday = i64::from(day.weekday().since(Weekday::Monday));
                day.checked_sub(since_monday.days()).unwrap_or(day)
            }
            Bucket::Month => day.first_of_month(),
            Bucket::Quarter => {
                let month = (day.month() - 1) / 3 * 3 + 1;
                Date::new(day.year(), month, 1).unwrap_or(day)
            }
            Bucket::Year => day.first_of_year(),
        }
    }

    /// The first day of the step after the one that begins on `start`; None past the calendar's end.
    pub fn next(self, start: Date) -> Option<Date> {
        match self {
            Bucket::Day => start.checked_add(1.day()),
            Bucket::Week => start.checked_add(7.days()),
            Bucket::Month => start.checked_add(1.month()),
            Bucket::Quarter => start.checked_add(3.months()),
            Bucket::Year => start.checked_add(1.year()),
        }
        .ok()
    }

    /// The next longer step; None for years.
    pub fn longer(self) -> Option<Bucket> {
        match self {
            Bucket::Day => Some(Bucket::Week),
            Bucket::Week => Some(Bucket::Month),
            Bucket::Month => Some(Bucket::Quarter),
            Bucket::Quarter => Some(Bucket::Year),
            Bucket::Year => None,
        }
    }
}

/// How the points of a step become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesAggregation {
    Sum,
    Mean,
    Min,
    Max,
    First,
    Last,
}

/// A longer period of a flow holds the sum of its parts, of a level its last value.
pub fn default_aggregation(kind: MetricKind) -> SeriesAggregation {
    match kind {
        MetricKind::Flow => SeriesAggregation::Sum,
        MetricKind::Level => SeriesAggregation::Last,
    }
}

/// One step with its value. Steps without a point are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub start: Date,
    pub value: Decimal,
    pub points: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Longer than was asked for where there would have been too many steps.
    pub bucket: Bucket,
    pub steps: Vec<Step>,
}

/// Sums `points`, which are in order of time, up in steps of `zone`'s calendar: at most `most` of them, in steps as
/// long as that needs (years may be more).
pub fn series(
    points: &[Point],
    zone: &TimeZoneName,
    bucket: Bucket,
    aggregation: SeriesAggregation,
    most: usize,
) -> Series {
    let tz = zone.zone();
    let dated: Vec<(Date, Decimal)> =
        points.iter().map(|point| (point.at.to_zoned(tz.clone()).date(), point.value)).collect();
    let mut bucket = bucket;
    loop {
        let steps = steps(&dated, bucket, aggregation);
        match bucket.longer() {
            Some(longer) if steps.len() > most => bucket = longer,
            _ => return Series { bucket, steps },
        }
    }
}

fn steps(dated: &[(Date, Decimal)], bucket: Bucket, aggregation: SeriesAggregation) -> Vec<Step> {
    dated
        .chunk_by(|(left, _), (right, _)| bucket.start(*left) == bucket.start(*right))
        .filter_map(|chunk| {
            let value = aggregated(chunk.iter().map(|(_, value)| *value), aggregation)?;
            Some(Step { start: bucket.start(chunk.first()?.0), value, points: chunk.len() as u64 })
        })
        .collect()
}

fn aggregated(mut values: impl ExactSizeIterator<Item = Decimal>, aggregation: SeriesAggregation) -> Option<Decimal> {
    let count = values.len();
    match aggregation {
        SeriesAggregation::Sum => Some(values.sum()),
        SeriesAggregation::Mean => {
            let sum: Decimal = values.sum();
            sum.checked_div(Decimal::from(count)).map(|mean| mean.round_dp(10).normalize())
        }
        SeriesAggregation::Min => values.min(),
        SeriesAggregation::Max => values.max(),
        SeriesAggregation::First => values.next(),
        SeriesAggregation::Last => values.last(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn point(at: &str, value: i64) -> Point {
        Point { at: at.parse().unwrap(), value: value.into() }
    }

    #[test]
    fn a_day_is_a_day_of_the_zone() {
        let points = [point("2026-03-01T04:59:59Z", 1), point("2026-03-01T05:00:00Z", 2)];
        let zone = TimeZoneName::parse("America/New_York").unwrap();
        let series = series(&points, &zone, Bucket::Day, SeriesAggregation::Sum, 10);
        let starts: Vec<_> = series.steps.iter().map(|step| (step.start, step.value)).collect();
        assert_eq!(starts, [(date(2026, 2, 28), 1.into()), (date(2026, 3, 1), 2.into())]);
    }

    #[test]
    fn steps_become_longer_where_there_are_too_many() {
        let points: Vec<Point> = (1..=28).map(|day| point(&format!("2026-02-{day:02}T00:00:00Z"), 1)).collect();
        let utc = TimeZoneName::utc();
        let weeks = series(&points, &utc, Bucket::Day, SeriesAggregation::Sum, 5);
        assert_eq!((weeks.bucket, weeks.steps.len()), (Bucket::Week, 5));
        assert_eq!(weeks.steps[0].start, date(2026, 1, 26));
        assert_eq!(weeks.steps.iter().map(|step| step.value).sum::<Decimal>(), 28.into());
        let month = series(&points, &utc, Bucket::Day, SeriesAggregation::Sum, 1);
        assert_eq!((month.bucket, month.steps[0].value), (Bucket::Month, 28.into()));
    }

    #[test]
    fn each_aggregation_says_what_it_says() {
        let points = [3, 1, 2].map(|value| point(&format!("2026-01-0{value}T00:00:00Z"), value));
        let mut points = points.to_vec();
        points.sort_by_key(|point| point.at);
        let value = |aggregation| series(&points, &TimeZoneName::utc(), Bucket::Year, aggregation, 9).steps[0].value;
        assert_eq!(value(SeriesAggregation::Sum), 6.into());
        assert_eq!(value(SeriesAggregation::Mean), 2.into());
        assert_eq!(value(SeriesAggregation::Min), 1.into());
        assert_eq!(value(SeriesAggregation::Max), 3.into());
        assert_eq!(value(SeriesAggregation::First), 1.into());
        assert_eq!(value(SeriesAggregation::Last), 3.into());
    }

    #[test]
    fn quarters_begin_in_january_april_july_and_october() {
        for (month, quarter) in [(1, 1), (3, 1), (4, 4), (6, 4), (9, 7), (12, 10)] {
            assert_eq!(Bucket::Quarter.start(date(2026, month, 15)), date(2026, quarter, 1));
        }
    }
}
