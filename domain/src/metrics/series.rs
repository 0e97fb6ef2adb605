//! Points as a series of calendar buckets in a time zone.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::events::MetricKind;
use crate::time_zone::TimeZoneName;

/// The length of a bucket. Weeks begin on Monday (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Bucket {
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The first day of the bucket that holds `day`.
    pub fn start_of(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()),
            Self::Month => day.first_of_month(),
            Self::Quarter => {
                let month = day.first_of_month();
                month.saturating_sub(i64::from((month.month() - 1) % 3).months())
            }
            Self::Year => day.first_of_year(),
        }
    }

    /// The first day of the bucket after the one that starts on `start`.
    pub fn next(self, start: Date) -> Date {
        match self {
            Self::Day => start.saturating_add(1.day()),
            Self::Week => start.saturating_add(7.days()),
            Self::Month => start.saturating_add(1.month()),
            Self::Quarter => start.saturating_add(3.months()),
            Self::Year => start.saturating_add(1.year()),
        }
    }

    /// How many buckets the days from `from` to `to` touch.
    pub fn count(self, from: Date, to: Date) -> usize {
        if to < from {
            return 0;
        }
        let (first, last) = (self.start_of(from), self.start_of(to));
        let days = last.since(first).map_or(0, |span| span.get_days());
        let months = 12 * (i32::from(last.year()) - i32::from(first.year())) + i32::from(last.month() - first.month());
        let steps = match self {
            Self::Day => days,
            Self::Week => days / 7,
            Self::Month => months,
            Self::Quarter => months / 3,
            Self::Year => months / 12,
        };
        usize::try_from(steps).unwrap_or(0) + 1
    }

    fn coarser(self) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| *bucket > self)
    }
}

/// How the points of a bucket become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    Sum,
    /// The mean of the points, each counting the same.
    Average,
    Min,
    Max,
    Last,
    /// How many points there are.
    Count,
}

impl Statistic {
    /// What a bucket of a metric means if nobody says otherwise.
    pub fn natural(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Flow => Self::Sum,
            MetricKind::Level => Self::Last,
        }
    }
}

pub const MOST_SERIES_POINTS: usize = 10_000;

/// Which series is asked for. Days are calendar days of `time_zone`, both included; without them the series
/// begins and ends with the points.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRequest {
    pub bucket: Bucket,
    pub statistic: Statistic,
    pub from: Option<Date>,
    pub to: Option<Date>,
    pub time_zone: TimeZoneName,
    /// 1 to [`MOST_SERIES_POINTS`]. A series that would be longer has coarser buckets.
    pub most_points: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoint {
    /// The first and the last day of the bucket, cut to the range asked for.
    pub start: Date,
    pub end: Date,
    /// A sum or count without points is 0; other statistics have no value then.
    pub value: Option<Decimal>,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Every bucket of the range, without holes.
    pub points: Vec<SeriesPoint>,
    /// The buckets used: those asked for, or coarser ones.
    pub bucket: Bucket,
    pub coarsened: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    #[error("the range ends on {to}, before it begins on {from}")]
    RangeReversed { from: Date, to: Date },
    #[error("{asked} is not a number of points between 1 and {most}")]
    MostPoints { asked: usize, most: usize },
    #[error("the range has {years} years; even one point a year is more than the {most} asked for")]
    RangeTooLong { years: usize, most: usize },
    #[error("the values are too large to add up")]
    Overflow,
}

/// Aggregates points (in any order, at most one per instant) to a series.
pub fn series(points: &[(Timestamp, Decimal)], request: &SeriesRequest) -> Result<Series, SeriesError> {
    let SeriesRequest { bucket, statistic, from, to, time_zone, most_points } = request;
    if !(1..=MOST_SERIES_POINTS).contains(most_points) {
        return Err(SeriesError::MostPoints { asked: *most_points, most: MOST_SERIES_POINTS });
    }
    if let (Some(from), Some(to)) = (*from, *to)
        && to < from
    {
        return Err(SeriesError::RangeReversed { from, to });
    }
    let days = Days::of(points, time_zone);
    let inside = days.between(*from, *to);
    let first = from.or_else(|| inside.first().map(|(day, ..)| *day));
    let last = to.or_else(|| inside.last().map(|(day, ..)| *day));
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Series { points: vec![], bucket: *bucket, coarsened: false });
    };
    if last < first {
        return Ok(Series { points: vec![], bucket: *bucket, coarsened: false });
    }
    let mut used = *bucket;
    while used.count(first, last) > *most_points {
        used = used
            .coarser()
            .ok_or(SeriesError::RangeTooLong { years: Bucket::Year.count(first, last), most: *most_points })?;
    }
    let mut series = Vec::with_capacity(used.count(first, last));
    let (mut start, mut rest) = (used.start_of(first), inside);
    while start <= last {
        let next = used.next(start);
        let (here, after) = rest.split_at(rest.partition_point(|(day, ..)| *day < next));
        let values = here.iter().flat_map(|(_, begin, end)| &days.points[*begin..*end]);
        let count = here.iter().map(|(_, begin, end)| end - begin).sum::<usize>() as u64;
        let end = next.saturating_sub(1.day()).min(last);
        series.push(SeriesPoint { start: start.max(first), end, value: aggregate(values, count, *statistic)?, count });
        rest = after;
        if next <= start {
            break; // the end of the calendar
        }
        start = next;
    }
    Ok(Series { points: series, bucket: used, coarsened: used != *bucket })
}

/// A metric's days that have points: a flow's sum of the day, a level's last value of it. What goals are read from.
pub fn days(points: &[(Timestamp, Decimal)], kind: MetricKind, time_zone: &TimeZoneName) -> Vec<(Date, Decimal)> {
    let days = Days::of(points, time_zone);
    let value = |begin: usize, end: usize| match kind {
        MetricKind::Flow => {
            days.points[begin..end].iter().fold(Decimal::ZERO, |sum, (_, value)| sum.saturating_add(*value))
        }
        MetricKind::Level => days.points[end - 1].1,
    };
    days.days.iter().map(|(day, begin, end)| (*day, value(*begin, *end))).collect()
}

/// Points in order of time, cut into calendar days.
struct Days {
    points: Vec<(Timestamp, Decimal)>,
    /// A day, and the range of its points.
    days: Vec<(Date, usize, usize)>,
}

impl Days {
    fn of(points: &[(Timestamp, Decimal)], time_zone: &TimeZoneName) -> Self {
        let mut points = points.to_vec();
        if !points.is_sorted_by_key(|(at, _)| *at) {
            points.sort_by_key(|(at, _)| *at);
        }
        let mut days = vec![];
        let mut begin = 0;
        while let Some((at, _)) = points.get(begin) {
            let day = time_zone.date_of(*at);
            // Only the first point of a day is looked up in the calendar; the others compare with its end.
            let over = time_zone.start_of(day.saturating_add(1.day())).unwrap_or(Timestamp::MAX);
            let inside = points[begin..].partition_point(|(at, _)| *at < over).max(1);
            days.push((day, begin, begin + inside));
            begin += inside;
        }
        Self { points, days }
    }

    fn between(&self, from: Option<Date>, to: Option<Date>) -> &[(Date, usize, usize)] {
        let begin = from.map_or(0, |from| self.days.partition_point(|(day, ..)| *day < from));
        let end = to.map_or(self.days.len(), |to| self.days.partition_point(|(day, ..)| *day <= to));
        &self.days[begin..end.max(begin)]
    }
}

fn aggregate<'a>(
    mut points: impl Iterator<Item = &'a (Timestamp, Decimal)>,
    count: u64,
    statistic: Statistic,
) -> Result<Option<Decimal>, SeriesError> {
    let mut sum = || {
        points
            .by_ref()
            .try_fold(Decimal::ZERO, |sum, (_, value)| sum.checked_add(*value))
            .ok_or(SeriesError::Overflow)
            .map(|sum| sum.normalize())
    };
    Ok(match statistic {
        Statistic::Sum => Some(sum()?),
        Statistic::Count => Some(Decimal::from(count)),
        Statistic::Average if count == 0 => None,
        Statistic::Average => Some((sum()? / Decimal::from(count)).round_dp(10).normalize()),
        Statistic::Min => points.map(|(_, value)| *value).min(),
        Statistic::Max => points.map(|(_, value)| *value).max(),
        Statistic::Last => points.last().map(|(_, value)| *value),
    })
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
