//! The rhythm of the week: what each weekday brings beside a usual day.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a day of each weekday brings, from Monday on, in units of a usual day.
pub(super) type Rhythm = [f64; 7];

/// The rhythm of a flow as it was known in the course of time: none where its days are not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rhythms {
    /// By the days before a date; in the order of time.
    known: Vec<(Date, Rhythm)>,
}

impl Rhythms {
    /// As it was known on each of `dates`, which are in the order of time.
    pub(super) fn on(dates: impl Iterator<Item = Date>, days: &[(Date, Option<f64>)]) -> Rhythms {
        let before = |date: Date| &days[..days.partition_point(|(day, _)| *day < date)];
        Rhythms { known: dates.filter_map(|date| Some((date, rhythm(before(date))?))).collect() }
    }

    /// The rhythm by the days before `date`.
    pub(super) fn by(&self, date: Date) -> Option<&Rhythm> {
        let past = self.known.partition_point(|(known, _)| *known <= date);
        self.known[..past].last().map(|(_, rhythm)| rhythm)
    }

    #[cfg(test)]
    pub(super) fn always(rhythm: Rhythm) -> Rhythms {
        Rhythms { known: vec![(Date::MIN, rhythm)] }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }
}

/// Newest days that a rhythm of the week is taken from: two years.
const NEWEST: usize = 728;
/// Days that a rhythm of the week is told from, and the share of them that has a value.
const FEWEST: usize = 56;
const KNOWN: f64 = 0.5;

/// None where too few days are known.
pub(super) fn rhythm(days: &[(Date, Option<f64>)]) -> Option<Rhythm> {
    let newest = &days[days.len().saturating_sub(NEWEST)..];
    let values: Vec<f64> = newest.iter().filter_map(|(_, value)| *value).collect();
    if newest.len() < FEWEST || (values.len() as f64) < KNOWN * newest.len() as f64 || values.iter().any(|v| *v < 0.0) {
        return None;
    }
    let (mut sums, mut counts) = ([0.0; 7], [0.0; 7]);
    for (day, value) in newest {
        let weekday = day.weekday().to_monday_zero_offset() as usize;
        sums[weekday] += value.unwrap_or(0.0);
        counts[weekday] += 1.0;
    }
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
    let usual = means.iter().sum::<f64>() / 7.0;
    let units: Vec<f64> = means.iter().map(|mean| mean / usual).collect();
    units.try_into().ok().filter(|_| usual > 0.0)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_came_later_was_not_known_before() {
        let first = date(2025, 1, 6);
        let day = |i: i64| first.checked_add(i.days()).unwrap();
        // Saturdays count nothing for 100 days and ten days from then on.
        let brings = |i: i64| if i % 7 != 5 { 1.0 } else { if i < 100 { 0.0 } else { 10.0 } };
        let days: Vec<(Date, Option<f64>)> = (0..200).map(|i| (day(i), Some(brings(i)))).collect();
        let rhythms = Rhythms::on([day(30), day(98), day(200)].into_iter(), &days);
        assert_eq!(rhythms.by(day(97)), None, "30 days are too few");
        assert_eq!(rhythms.by(day(150)).unwrap()[5], 0.0);
        assert!(rhythms.by(day(200)).unwrap()[5] > 1.0);
    }
}
