//! From a metric's days to the one number that a goal is about.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::plan::{Aggregation, Cadence};

/// A metric's calendar days that have a value, in order: a flow's sum of the day, a level's last value of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    days: Vec<Date>,
    values: Vec<Decimal>,
    /// `sums[i]` is the sum of the first `i` values, so that any span's sum is one subtraction.
    sums: Vec<Decimal>,
}

impl FromIterator<(Date, Decimal)> for History {
    /// Days may come in any order; of two values for one day the later one counts.
    fn from_iter<I: IntoIterator<Item = (Date, Decimal)>>(days: I) -> Self {
        let ordered: std::collections::BTreeMap<Date, Decimal> = days.into_iter().collect();
        let mut sums = Vec::with_capacity(ordered.len() + 1);
        let mut sum = Decimal::ZERO;
        sums.push(sum);
        for value in ordered.values() {
            sum = sum.saturating_add(*value);
            sums.push(sum);
        }
        let (days, values) = ordered.into_iter().unzip();
        Self { days, values, sums }
    }
}

impl History {
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Date, Decimal)> + '_ {
        self.days.iter().copied().zip(self.values.iter().copied())
    }

    pub(super) fn first(&self) -> Option<Date> {
        self.days.first().copied()
    }

    /// The last day with a value, not after `day`.
    pub(super) fn last_until(&self, day: Date) -> Option<Date> {
        self.count_until(day).checked_sub(1).map(|i| self.days[i])
    }

    /// The value of `day`, or of the last day before it that has one.
    pub(super) fn value_until(&self, day: Date) -> Option<Decimal> {
        self.count_until(day).checked_sub(1).map(|i| self.values[i])
    }

    /// Sum and number of the values from `from` to `to`, both included.
    pub(super) fn total(&self, from: Date, to: Date) -> (Decimal, usize) {
        let end = self.count_until(to);
        let begin = self.days.partition_point(|day| *day < from).min(end);
        if end == begin {
            return (Decimal::ZERO, 0);
        }
        (self.sums.get(end).copied().unwrap_or_default() - self.sums[begin], end - begin)
    }

    pub(super) fn values_between(&self, from: Date, to: Date) -> &[Decimal] {
        let end = self.count_until(to);
        &self.values[self.days.partition_point(|day| *day < from).min(end)..end]
    }

    /// What is known of the days up to `day`.
    pub(super) fn until(&self, day: Date) -> Self {
        self.iter().take(self.count_until(day)).collect()
    }

    /// How many days usually lie from one day with a value to the next (the ninth decile), 1 to 31.
    pub(super) fn usual_gap(&self) -> i64 {
        let recent = &self.days[self.days.len().saturating_sub(400)..];
        if recent.len() < 5 {
            return 1;
        }
        let mut gaps: Vec<i64> = recent.windows(2).map(|pair| days_between(pair[0], pair[1])).collect();
        gaps.sort_unstable();
        gaps[(gaps.len() - 1) * 9 / 10].clamp(1, 31)
    }

    fn count_until(&self, day: Date) -> usize {
        self.days.partition_point(|known| *known <= day)
    }
}

/// Days from `from` to `to`; negative where `to` is earlier.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    i64::from(from.until(to).map_or(0, |span| span.get_days()))
}

pub(super) fn plus_days(day: Date, days: i64) -> Date {
    day.saturating_add(days.clamp(-4_000_000, 4_000_000).days())
}

impl Cadence {
    /// The first day of the full cadence that ends with `day`. At a month's end that is the calendar month.
    pub fn window_start(self, day: Date) -> Date {
        let next = day.saturating_add(1.day());
        match self {
            Self::Daily => day,
            Self::Weekly => next.saturating_sub(7.days()),
            Self::Monthly => next.saturating_sub(1.month()),
            Self::Quarterly => next.saturating_sub(3.months()),
        }
    }

    /// The first day of period `n` (from 0) of something that starts on `start`.
    pub fn period_start(self, start: Date, n: i64) -> Date {
        let n = n.clamp(0, 100_000);
        match self {
            Self::Daily => start.saturating_add(n.days()),
            Self::Weekly => start.saturating_add((7 * n).days()),
            Self::Monthly => start.saturating_add(n.months()),
            Self::Quarterly => start.saturating_add((3 * n).months()),
        }
    }

    /// About how many days a period has.
    pub(super) fn days(self) -> i64 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
            Self::Monthly => 30,
            Self::Quarterly => 91,
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Daily => "day",
            Self::Weekly => "week",
            Self::Monthly => "month",
            Self::Quarterly => "quarter",
        }
    }
}

/// How a number is read from the history: the goal's aggregation with what it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub aggregation: Aggregation,
    pub cadence: Cadence,
    /// Where totals begin.
    pub start: Date,
}

impl Reading {
    /// The reading at the end of `day`. A period total needs the history to cover its whole window.
    pub fn at(self, history: &History, day: Date) -> Option<Decimal> {
        let window = self.cadence.window_start(day);
        match self.aggregation {
            Aggregation::PeriodTotal if history.first().is_none_or(|first| first > window) => None,
            _ => self.at_with_what_is_there(history, day),
        }
    }

    /// As [`Reading::at`], but a window that is only partly covered counts with what it has.
    pub fn at_with_what_is_there(self, history: &History, day: Date) -> Option<Decimal> {
        match self.aggregation {
            Aggregation::Total => Some(history.total(self.start, day).0),
            Aggregation::PeriodTotal => {
                history.first().filter(|first| *first <= day)?;
                Some(history.total(self.cadence.window_start(day), day).0)
            }
            Aggregation::PeriodAverage => match history.total(self.cadence.window_start(day), day) {
                (_, 0) => None,
                (sum, days) => Some((sum / Decimal::from(days)).round_dp(6).normalize()),
            },
            Aggregation::Latest => history.value_until(day),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_month_that_ends_at_a_months_end_is_the_calendar_month() {
        assert_eq!(Cadence::Monthly.window_start(date(2024, 2, 29)), date(2024, 2, 1));
        assert_eq!(Cadence::Monthly.window_start(date(2023, 2, 28)), date(2023, 2, 1));
        assert_eq!(Cadence::Monthly.window_start(date(2024, 6, 30)), date(2024, 6, 1));
        assert_eq!(Cadence::Quarterly.window_start(date(2024, 3, 31)), date(2024, 1, 1));
        assert_eq!(Cadence::Monthly.window_start(date(2024, 3, 15)), date(2024, 2, 16));
    }

    #[test]
    fn periods_from_the_31st_start_at_each_months_end() {
        let starts: Vec<Date> = (0..4).map(|n| Cadence::Monthly.period_start(date(2024, 1, 31), n)).collect();
        assert_eq!(starts, [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]);
    }

    #[test]
    fn a_period_total_waits_until_its_window_is_covered() {
        let history: History = (1..=10).map(|d| (date(2024, 5, d), Decimal::ONE)).collect();
        let reading =
            Reading { aggregation: Aggregation::PeriodTotal, cadence: Cadence::Weekly, start: date(2024, 5, 1) };
        assert_eq!(reading.at(&history, date(2024, 5, 6)), None);
        assert_eq!(reading.at(&history, date(2024, 5, 7)), Some(Decimal::from(7)));
        assert_eq!(reading.at_with_what_is_there(&history, date(2024, 5, 6)), Some(Decimal::from(6)));
    }

    #[test]
    fn a_latest_reading_stands_until_it_changes() {
        let history: History =
            [(date(2024, 5, 1), Decimal::ONE), (date(2024, 5, 4), Decimal::TWO)].into_iter().collect();
        let reading = Reading { aggregation: Aggregation::Latest, cadence: Cadence::Weekly, start: date(2024, 5, 1) };
        assert_eq!(reading.at(&history, date(2024, 5, 3)), Some(Decimal::ONE));
        assert_eq!(reading.at(&history, date(2024, 4, 30)), None);
        assert_eq!(reading.at(&history, date(2025, 1, 1)), Some(Decimal::TWO));
    }

    proptest! {
        #[test]
        fn the_total_of_a_span_is_the_sum_of_its_parts(
            values in prop::collection::btree_map(0i64..400, -10_000i64..10_000, 0..80), cut in 0i64..400
        ) {
            let from = date(2023, 12, 15);
            let history: History = values.iter().map(|(d, v)| (plus_days(from, *d), Decimal::new(*v, 2))).collect();
            let end = plus_days(from, 400);
            let whole = history.total(from, end);
            let left = history.total(from, plus_days(from, cut));
            let right = history.total(plus_days(from, cut + 1), end);
            prop_assert_eq!(whole, (left.0 + right.0, left.1 + right.1));
            prop_assert_eq!(whole.1, values.len());
        }
    }
}
