//! An anomaly in words.

use jiff::civil::{DateTime, Weekday};

use super::{Kind, Verdict};
use crate::calendar::Frequency;
use crate::series::Series;

/// One sentence about an anomaly: "Tuesday 2024-03-05 was 38 % under what is usual for a Tuesday in March." Empty for a
/// usual point.
pub fn explain(series: &Series, verdict: &Verdict) -> String {
    let Some(kind) = verdict.kind else { return String::new() };
    let distance = verdict.value - verdict.expected;
    let side = if distance >= 0.0 { "over" } else { "under" };
    let size = if verdict.expected.abs() > 1e-9 * verdict.value.abs().max(1e-300)
        && (distance / verdict.expected).abs() < 20.0
        && verdict.expected > 0.0
    {
        percent((distance / verdict.expected).abs())
    } else {
        digits(distance.abs())
    };
    let place = series.grid().zip(series.time(verdict.index));
    let (when, usual) = match place {
        Some(((_, frequency), at)) => (name(frequency, at), usual_for(frequency, at)),
        None => (format!("Point {}", series.number(verdict.index)), "there".to_string()),
    };
    match kind {
        Kind::Spike => format!("{when} was {size} {side} what is usual {usual}."),
        Kind::LevelShift => {
            let when = when.replacen("The week", "the week", 1).replacen("Point", "point", 1);
            format!("From {when} on the level is another: {size} {side} what was usual {usual}.")
        }
    }
}

/// A share in percent: "38 %", "0.4 %".
pub fn percent(share: f64) -> String {
    let decimals = if share < 0.0095 { 1 } else { 0 };
    format!("{:.decimals$} %", 100.0 * share)
}

/// Four digits, whatever the size.
fn digits(value: f64) -> String {
    let decimals = (3.0 - value.max(1e-12).log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}")
}

fn name(frequency: Frequency, at: DateTime) -> String {
    match frequency {
        Frequency::Seconds(_) | Frequency::Hourly => {
            format!("{} {} {:02}:{:02}", day(at), at.date(), at.hour(), at.minute())
        }
        Frequency::Daily => format!("{} {}", day(at), at.date()),
        Frequency::Weekly => format!("The week of {}", at.date()),
        Frequency::Monthly => format!("{} {}", month(at), at.year()),
        Frequency::Quarterly => format!("Quarter {} of {}", (at.month() + 2) / 3, at.year()),
        Frequency::Yearly => at.year().to_string(),
    }
}

/// For which points the same is usual, as "for a Tuesday in March".
pub fn usual_for(frequency: Frequency, at: DateTime) -> String {
    match frequency {
        Frequency::Seconds(_) | Frequency::Hourly => {
            format!("for a {} at {:02}:{:02}", day(at), at.hour(), at.minute())
        }
        Frequency::Daily => format!("for a {} in {}", day(at), month(at)),
        Frequency::Weekly => format!("for a week in {}", month(at)),
        Frequency::Monthly => format!("for {}", month(at)),
        Frequency::Quarterly => "for that quarter".to_string(),
        Frequency::Yearly => "for a year".to_string(),
    }
}

fn day(at: DateTime) -> &'static str {
    match at.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn month(at: DateTime) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES[(at.month() - 1) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_time;

    #[test]
    fn small_differences_and_other_weeks_are_told_in_words() {
        let series = Series::new("till", vec![1.0; 10], 52)
            .unwrap()
            .starting(parse_time("2024-03-04").unwrap(), Frequency::Weekly);
        let shift = |value: f64, expected: f64| {
            let kind = Some(Kind::LevelShift);
            explain(&series, &Verdict { index: 1, value, expected, score: 5.0, p: 1e-6, kind })
        };
        assert_eq!(
            shift(251.6, 252.6),
            "From the week of 2024-03-11 on the level is another: 0.4 % under what was usual for a week in March."
        );
        assert!(shift(1_234.567, 0.0).contains(" 1235 over "), "{}", shift(1_234.567, 0.0));
        assert!(shift(0.001_234_56, 0.0).contains(" 0.001235 over "), "{}", shift(0.001_234_56, 0.0));
    }

    #[test]
    fn a_weak_tuesday_is_told_in_words() {
        let series = Series::new("till", vec![1.0; 10], 7)
            .unwrap()
            .starting(parse_time("2024-03-04").unwrap(), Frequency::Daily);
        let verdict = Verdict { index: 1, value: 62.0, expected: 100.0, score: -5.0, p: 1e-6, kind: Some(Kind::Spike) };
        assert_eq!(
            explain(&series, &verdict),
            "Tuesday 2024-03-05 was 38 % under what is usual for a Tuesday in March."
        );
    }
}
