//! The rhythm of the week: what each weekday brings beside a usual day.

use jiff::civil::Date;

/// Newest days that a rhythm of the week is taken from: two years.
const NEWEST: usize = 728;
/// Days that a rhythm of the week is told from, and the share of them that has a value.
const FEWEST: usize = 56;
const KNOWN: f64 = 0.5;
/// What a day of each weekday brings, from Monday on, in units of a usual day; None where too few days are known.
pub(super) fn rhythm(days: &[(Date, Option<f64>)]) -> Option<[f64; 7]> {
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
