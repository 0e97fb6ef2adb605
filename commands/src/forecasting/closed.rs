//! Weekdays, holidays and closures on which a business does not trade, told from what it took.

use std::ops::Range;

use dyocense_domain::evidence::OccasionKind;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::ports::KnownOccasion;

/// Newest weeks by which the weekdays are judged.
const WEEKS: usize = 26;
/// A closed weekday trades on at most this share of its days: a shop may open on the Sunday before Christmas.
const EXCEPTIONS: f64 = 0.1;
/// A closed weekday has at least so many days without trade.
const FEWEST: usize = 4;
/// Share of its days on which the busiest weekday trades, below which no rhythm of the week is told from chance.
const BUSY: f64 = 0.5;
/// Chance at which so many days without trade are put down to chance where the weekday were like the busiest.
const BY_CHANCE: f64 = 1e-3;

/// Weekdays on which so little happens that it is no chance.
pub(super) fn closed_weekdays(steps: &[(Date, Option<f64>)]) -> Vec<Weekday> {
    let newest = &steps[steps.len().saturating_sub(7 * WEEKS)..];
    let days = |weekday: Weekday| newest.iter().rev().filter(move |(day, _)| day.weekday() == weekday);
    let traded = |(_, value): &&(Date, Option<f64>)| value.is_some_and(|value| value != 0.0);
    let share = |weekday: Weekday| days(weekday).filter(traded).count() as f64 / days(weekday).count().max(1) as f64;
    let week = || Weekday::Monday.cycle_forward().take(7);
    let busiest = week().map(share).fold(0.0, f64::max);
    if busiest < BUSY {
        return Vec::new();
    }
    let is_chance = |idle: usize| idle < FEWEST || (1.0 - busiest).powi(idle as i32) > BY_CHANCE;
    let is_closed = |weekday: &Weekday| {
        // Since the weekday is closed, or all along but for exceptions.
        let lately = days(*weekday).take_while(|day| !traded(day)).count();
        let idle = days(*weekday).filter(|day| !traded(day)).count();
        !is_chance(lately) || (share(*weekday) <= EXCEPTIONS && !is_chance(idle))
    };
    week().filter(is_closed).collect()
}

/// Days of recorded holidays and closures, past and up to `ahead` days behind the last, if the flow does not trade on such
/// days.
pub(super) fn shut_days(steps: &[(Date, Option<f64>)], occasions: &[KnownOccasion], ahead: usize) -> Vec<Date> {
    let (Some((first, _)), Some((last, _))) = (steps.first(), steps.last()) else { return Vec::new() };
    let end = last.checked_add((ahead as i64).days()).unwrap_or(Date::MAX);
    let closed = closed_weekdays(steps);
    let mut shut = Vec::new();
    for kind in [OccasionKind::Holiday, OccasionKind::Closure] {
        let of_kind = occasions.iter().filter(|occasion| occasion.kind == kind);
        let mut days: Vec<Date> = of_kind
            .flat_map(|occasion| {
                let day = occasion.first.max(*first);
                std::iter::successors(Some(day), |day| day.tomorrow().ok())
                    .take_while(|day| *day <= occasion.last.min(end))
            })
            .filter(|day| !closed.contains(&day.weekday()))
            .collect();
        days.sort();
        days.dedup();
        let value = |day: &Date| steps.binary_search_by_key(day, |(start, _)| *start).ok().map(|at| steps[at].1);
        let past: Vec<Option<f64>> = days.iter().filter_map(value).collect();
        let traded = past.iter().flatten().filter(|value| **value != 0.0).count();
        if past.len() >= FEWEST && traded as f64 <= EXCEPTIONS * past.len() as f64 {
            shut.extend(days);
        }
    }
    shut.sort();
    shut.dedup();
    shut
}

/// Days of recorded closures from `first` to `last`, where there is one.
pub(super) fn closures(first: Date, occasions: &[KnownOccasion], last: Option<Date>) -> Vec<Date> {
    let Some(last) = last else { return Vec::new() };
    let closures = occasions.iter().filter(|occasion| occasion.kind == OccasionKind::Closure);
    let mut days: Vec<Date> = closures
        .flat_map(|closure| {
            std::iter::successors(Some(closure.first.max(first)), |day| day.tomorrow().ok())
                .take_while(|day| *day <= closure.last.min(last))
        })
        .collect();
    days.sort();
    days.dedup();
    days
}

/// Whether `days` are all closed.
pub(super) fn all_closed(closed: &[Weekday], days: Range<Date>) -> bool {
    std::iter::successors(Some(days.start), |day| day.tomorrow().ok())
        .take_while(|day| *day < days.end)
        .all(|day| closed.contains(&day.weekday()))
}

#[cfg(test)]
mod tests {
    use dyocense_domain::ids::OccasionId;
    use jiff::civil::date;

    use super::*;

    /// Days from Monday, 5 January 2026, on; None where `value` says so.
    fn days(count: usize, value: impl Fn(usize) -> Option<f64>) -> Vec<(Date, Option<f64>)> {
        (0..count).map(|i| (date(2026, 1, 5).checked_add((i as i64).days()).unwrap(), value(i))).collect()
    }

    #[test]
    fn weekdays_without_trade_are_closed_whether_zero_or_unknown() {
        let weekend = [Weekday::Saturday, Weekday::Sunday];
        assert_eq!(closed_weekdays(&days(70, |i| (i % 7 < 5).then_some(9.0))), weekend);
        assert_eq!(closed_weekdays(&days(70, |i| Some(if i % 7 < 5 { 9.0 } else { 0.0 }))), weekend);
        // One Sunday open in half a year is an exception; Sundays closed for five weeks are closed.
        assert_eq!(closed_weekdays(&days(182, |i| (i % 7 < 6 || i == 90).then_some(9.0))), [Weekday::Sunday]);
        assert_eq!(closed_weekdays(&days(182, |i| (i % 7 < 6 || i < 147).then_some(9.0))), [Weekday::Sunday]);
    }

    #[test]
    fn what_is_seldom_anyway_is_not_closed() {
        assert!(closed_weekdays(&days(200, |i| Some(f64::from(u8::from(i % 11 == 0))))).is_empty());
        // Three weeks are too few, and so is every other Sunday.
        assert!(closed_weekdays(&days(21, |i| (i % 7 < 6).then_some(9.0))).is_empty());
        assert!(closed_weekdays(&days(182, |i| (i % 14 != 13).then_some(9.0))).is_empty());
        assert!(closed_weekdays(&[]).is_empty());
    }

    #[test]
    fn holidays_are_shut_where_the_past_ones_were() {
        let holiday = |month: i8| KnownOccasion {
            occasion_id: OccasionId::from(uuid::Uuid::nil()),
            kind: OccasionKind::Holiday,
            name: format!("Holiday {month}"),
            first: date(2026, month, 13),
            last: date(2026, month, 13),
        };
        let all: Vec<KnownOccasion> = (1..=8).map(holiday).collect();
        let until_june = |trades: bool| {
            days(150, move |i| {
                (trades || date(2026, 1, 5).checked_add((i as i64).days()).unwrap().day() != 13).then_some(9.0)
            })
        };
        let shut = shut_days(&until_june(false), &all, 1_000);
        assert_eq!((shut.len(), shut.last()), (8, Some(&date(2026, 8, 13))));
        assert!(shut_days(&until_june(true), &all, 1_000).is_empty());
    }
}
