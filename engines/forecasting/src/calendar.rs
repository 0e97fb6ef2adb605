//! Frequencies and the regular grid that a series lives on.

use jiff::Span;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// How often a series is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// A fixed distance in seconds below a day (5 minutes, 30 minutes, …).
    Seconds(u32),
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

impl Frequency {
    /// The season a business series of this frequency usually has, in points; 1 for none.
    pub fn usual_season(self) -> usize {
        match self {
            Frequency::Seconds(s) => (86_400 / s.max(1) as usize).max(1),
            Frequency::Hourly => 24,
            Frequency::Daily => 7,
            Frequency::Weekly => 52,
            Frequency::Monthly => 12,
            Frequency::Quarterly => 4,
            Frequency::Yearly => 1,
        }
    }

    /// One step in words, and several.
    pub(crate) fn step_words(self) -> (&'static str, &'static str) {
        match self {
            Frequency::Seconds(_) => ("step", "steps"),
            Frequency::Hourly => ("hour", "hours"),
            Frequency::Daily => ("day", "days"),
            Frequency::Weekly => ("week", "weeks"),
            Frequency::Monthly => ("month", "months"),
            Frequency::Quarterly => ("quarter", "quarters"),
            Frequency::Yearly => ("year", "years"),
        }
    }

    /// "1 day", "5 months", "3 steps of 30 minutes".
    pub fn counted(self, count: usize) -> String {
        let (one, several) = self.step_words();
        let name = if count == 1 { one } else { several };
        match self {
            Frequency::Seconds(seconds) if seconds % 60 == 0 => format!("{count} {name} of {} minutes", seconds / 60),
            Frequency::Seconds(seconds) => format!("{count} {name} of {seconds} seconds"),
            _ => format!("{count} {name}"),
        }
    }

    /// The time `steps` points after `from`. `None` past the calendar's end (year 9999).
    ///
    /// Civil time: a day is a day whatever the clock does in it, so daylight-saving changes move no point. Months keep
    /// the day of `from` where they have it and use their last day where not.
    pub fn advance(self, from: DateTime, steps: i64) -> Option<DateTime> {
        let span: Span = match self {
            Frequency::Seconds(s) => Span::new().try_seconds(steps.checked_mul(i64::from(s))?).ok()?,
            Frequency::Hourly => Span::new().try_hours(steps).ok()?,
            Frequency::Daily => Span::new().try_days(steps).ok()?,
            Frequency::Weekly => Span::new().try_weeks(steps).ok()?,
            Frequency::Monthly => Span::new().try_months(steps).ok()?,
            Frequency::Quarterly => Span::new().try_months(steps.checked_mul(3)?).ok()?,
            Frequency::Yearly => Span::new().try_years(steps).ok()?,
        };
        from.checked_add(span).ok()
    }

    /// The number of points from `from` to `to`, to the nearest point.
    pub fn distance(self, from: DateTime, to: DateTime) -> i64 {
        let months = |a: DateTime, b: DateTime| {
            (i64::from(b.year()) - i64::from(a.year())) * 12 + i64::from(b.month()) - i64::from(a.month())
        };
        let seconds = epoch_seconds(to) - epoch_seconds(from);
        let nearest = |unit: i64| (seconds + seconds.signum() * unit / 2) / unit;
        match self {
            Frequency::Seconds(s) => nearest(i64::from(s.max(1))),
            Frequency::Hourly => nearest(3_600),
            Frequency::Daily => nearest(86_400),
            Frequency::Weekly => nearest(7 * 86_400),
            Frequency::Monthly => months(from, to),
            Frequency::Quarterly => months(from, to).div_euclid(3),
            Frequency::Yearly => i64::from(to.year()) - i64::from(from.year()),
        }
    }

    /// The frequency that the median distance of increasing `times` suggests; `None` for fewer than two times.
    pub fn infer(times: &[DateTime]) -> Option<Frequency> {
        let mut gaps: Vec<i64> =
            times.windows(2).map(|w| epoch_seconds(w[1]) - epoch_seconds(w[0])).filter(|&g| g > 0).collect();
        if gaps.is_empty() {
            return None;
        }
        gaps.sort_unstable();
        let gap = gaps[gaps.len() / 2];
        const DAY: i64 = 86_400;
        Some(match gap {
            g if g < 3_500 => Frequency::Seconds(g as u32),
            g if g <= 3_700 => Frequency::Hourly,
            g if g < 20 * 3_600 => Frequency::Seconds(g as u32),
            g if g <= 4 * DAY => Frequency::Daily,
            g if g <= 15 * DAY => Frequency::Weekly,
            g if g <= 60 * DAY => Frequency::Monthly,
            g if g <= 190 * DAY => Frequency::Quarterly,
            _ => Frequency::Yearly,
        })
    }
}

/// The days of each of `length` months or quarters, the first being the one that `first` lies in; `None` for other
/// frequencies and past the calendar's end. A quarter that is dated in the last days of a month ends with that month, any
/// other begins with its month.
pub fn days_of_steps(frequency: Frequency, first: DateTime, length: usize) -> Option<Vec<Vec<Date>>> {
    let month = first.date().first_of_month();
    let (months, begin) = match frequency {
        Frequency::Monthly => (1, month),
        Frequency::Quarterly if first.day() >= 28 => (3, month.checked_sub(Span::new().months(2)).ok()?),
        Frequency::Quarterly => (3, month),
        _ => return None,
    };
    let start = |step: usize| begin.checked_add(Span::new().try_months(step as i64 * months).ok()?).ok();
    (0..length)
        .map(|step| {
            let (from, until) = (start(step)?, start(step + 1)?);
            Some(std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day < until).collect())
        })
        .collect()
}

/// What the calendar says ahead of each of `length` months or quarters, as columns for a forecast: how many open days each
/// has, and how many more of each weekday than of the last weekday that is ever open (the trading-day contrasts of Young
/// 1965, Bell & Hillmer 1983). No columns for other frequencies and where no day is open.
pub fn trading_day_columns(
    frequency: Frequency,
    first: DateTime,
    length: usize,
    is_open: &dyn Fn(Date) -> bool,
) -> Vec<Vec<f64>> {
    let Some(steps) = days_of_steps(frequency, first, length) else { return Vec::new() };
    let counts: Vec<[f64; 7]> = steps
        .iter()
        .map(|days| {
            let mut counts = [0.0; 7];
            for day in days.iter().filter(|day| is_open(**day)) {
                counts[day.weekday().to_monday_zero_offset() as usize] += 1.0;
            }
            counts
        })
        .collect();
    let open: Vec<usize> = (0..7).filter(|&weekday| counts.iter().any(|c| c[weekday] > 0.0)).collect();
    let Some((&last, others)) = open.split_last() else { return Vec::new() };
    let in_all = counts.iter().map(|c| c.iter().sum()).collect();
    let contrast = |weekday: &usize| counts.iter().map(|c| c[*weekday] - c[last]).collect();
    std::iter::once(in_all).chain(others.iter().map(contrast)).collect()
}

/// Seconds of a civil time since 1970-01-01 00:00, as if every day had 86,400 of them.
pub fn epoch_seconds(at: DateTime) -> i64 {
    let days = at.date().duration_since(Date::constant(1970, 1, 1)).as_secs();
    let time = at.time();
    days + i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

/// Reads `2024-03-01`, `2024-03-01 13:00`, `2024-03-01T13:00:05`, and the same with a fraction of a second. What is said of
/// the zone (`Z`, `+01:00`) is left out: the time is what the clock shows.
pub fn parse_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time);
    }
    let day = text.parse::<Date>().ok()?;
    Some(day.at(0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        parse_time(text).expect("a time")
    }

    #[test]
    fn times_are_read_with_and_without_a_clock() {
        assert_eq!(at("2024-03-01"), at("2024-03-01 00:00"));
        assert_eq!(at("2024-03-01T13:00:05.000"), at("2024-03-01 13:00:05"));
        assert_eq!(at("2024-03-01T13:00:05Z"), at("2024-03-01T13:00:05+02:00"));
        assert!(parse_time("13/2/2024").is_none());
    }

    #[test]
    fn frequencies_are_inferred_from_the_usual_distance() {
        let times = |list: &[&str]| list.iter().map(|t| at(t)).collect::<Vec<_>>();
        assert_eq!(Frequency::infer(&times(&["2024-01-01", "2024-02-01", "2024-03-01"])), Some(Frequency::Monthly));
        assert_eq!(Frequency::infer(&times(&["2024-01-01", "2024-01-02", "2024-01-05"])), Some(Frequency::Daily));
        assert_eq!(Frequency::infer(&times(&["2024-01-01 00:00", "2024-01-01 00:05"])), Some(Frequency::Seconds(300)));
        assert_eq!(Frequency::infer(&times(&["2024-01-01"])), None);
    }

    #[test]
    fn months_and_quarters_have_the_days_of_the_calendar() {
        let lengths = |frequency, first, count| -> Vec<usize> {
            days_of_steps(frequency, at(first), count).expect("months").iter().map(Vec::len).collect()
        };
        // Dated by first or last day.
        assert_eq!(lengths(Frequency::Monthly, "2024-01-01", 3), [31, 29, 31]);
        assert_eq!(lengths(Frequency::Monthly, "2024-01-31", 3), [31, 29, 31]);
        assert_eq!(lengths(Frequency::Quarterly, "2024-01-01", 2), [91, 91]);
        assert_eq!(lengths(Frequency::Quarterly, "2024-03-31", 2), [91, 91]);
        assert_eq!(days_of_steps(Frequency::Weekly, at("2024-01-01"), 3), None);
        assert_eq!(days_of_steps(Frequency::Monthly, at("9999-11-01"), 9), None);
    }

    #[test]
    fn trading_days_are_counted_by_weekday() {
        // August 2026 has five Saturdays, Sundays and Mondays; September none of them but Tuesdays and Wednesdays.
        let all = trading_day_columns(Frequency::Monthly, at("2026-08-01"), 2, &|_| true);
        assert_eq!(all.len(), 7);
        assert_eq!((all[0].as_slice(), all[1].as_slice()), (&[31.0, 30.0][..], &[0.0, 0.0][..]));
        assert_eq!((all[2].as_slice(), all[6].as_slice()), (&[-1.0, 1.0][..], &[0.0, 0.0][..]));
        let weekdays = trading_day_columns(Frequency::Monthly, at("2026-08-01"), 2, &|day| {
            day.weekday().to_monday_zero_offset() < 5
        });
        assert_eq!((weekdays.len(), weekdays[0].as_slice()), (5, &[21.0, 22.0][..]));
        assert!(trading_day_columns(Frequency::Monthly, at("2026-08-01"), 2, &|_| false).is_empty());
        assert!(trading_day_columns(Frequency::Daily, at("2026-08-01"), 2, &|_| true).is_empty());
    }

    #[test]
    fn advancing_and_distance_are_inverse() {
        for frequency in [
            Frequency::Seconds(300),
            Frequency::Hourly,
            Frequency::Daily,
            Frequency::Weekly,
            Frequency::Monthly,
            Frequency::Quarterly,
            Frequency::Yearly,
        ] {
            let start = at("2023-12-15 06:00");
            for steps in [0, 1, 7, 40] {
                let then = frequency.advance(start, steps).expect("inside the calendar");
                assert_eq!(frequency.distance(start, then), steps, "{frequency:?}");
            }
        }
    }
}
