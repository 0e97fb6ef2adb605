//! When the periods, days and shifts of a plan are.

use dyocense_domain::metrics::Bucket;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// Shifts of a day.
const MOST_SHIFTS: usize = 24;

/// The clock's times of a shift; one that ends at or before its start ends on the next day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftTimes {
    /// As the problem calls it.
    pub shift: String,
    pub start: Time,
    pub end: Time,
}

/// Dates for a plan, in the calendar of the business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanCalendar {
    /// The first day of the first period.
    pub first_day: Date,
    /// The length of a period of orders or spending. Rosters and staffing count days.
    pub step: Bucket,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<ShiftTimes>,
}

impl PlanCalendar {
    /// The first day of a period, counted from 0; None past the calendar's end.
    pub fn period_start(&self, period: usize) -> Option<Date> {
        (0..period).try_fold(self.first_day, |at, _| self.step.next(at))
    }

    /// A day, counted from 0; None past the calendar's end.
    pub fn day(&self, day: usize) -> Option<Date> {
        self.first_day.checked_add(i64::try_from(day).ok()?.days()).ok()
    }

    /// When a shift is, whatever the case of its name.
    pub fn times_of(&self, shift: &str) -> Option<&ShiftTimes> {
        self.shifts.iter().find(|times| times.shift.eq_ignore_ascii_case(shift))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.shifts.len() > MOST_SHIFTS {
            return Err(format!("{} shifts: at most {MOST_SHIFTS} are allowed", self.shifts.len()));
        }
        // Room for the longest plan of years.
        let (first, last) = (Date::constant(1900, 1, 1), Date::constant(8999, 1, 1));
        if !(first..=last).contains(&self.first_day) {
            return Err(format!("the first day {}: from {first} to {last} is allowed", self.first_day));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(first_day: Date, step: Bucket) -> PlanCalendar {
        PlanCalendar { first_day, step, shifts: vec![] }
    }

    #[test]
    fn periods_follow_the_calendar() {
        let months = from(Date::constant(2026, 11, 1), Bucket::Month);
        assert_eq!(months.period_start(2), Some(Date::constant(2027, 1, 1)));
        assert_eq!(months.day(30), Some(Date::constant(2026, 12, 1)));
        assert_eq!(from(Date::constant(2026, 1, 1), Bucket::Year).period_start(100_000), None);
        assert!(from(Date::constant(9500, 1, 1), Bucket::Day).check().is_err());
    }
}
