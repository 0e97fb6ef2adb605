//! What the engine tells of a series, for people: in days, weeks or months, and in the metric's unit.

use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_forecasting::anomalies::{self, Verdict, percent, usual_for};
use dyocense_forecasting::changepoints::{Changepoint, Kind};
use jiff::civil::Time;

use super::history::{History, frequency_of, grouped, word};

/// "3 days", "1 month".
pub(super) fn counted(count: usize, bucket: Bucket) -> String {
    frequency_of(bucket).counted(count)
}

/// What was odd in one sentence: "Revenue on Saturday, 26 July 1997, was 10,749 USD, 86 % over what is usual for a Saturday
/// in July (5,765 USD)."
pub(super) fn oddity(history: &History, verdict: &Verdict) -> String {
    let start = history.start_of(verdict.index);
    let said = |format: &str| start.strftime(format).to_string();
    let (at, from) = match history.bucket {
        Bucket::Day => (said("on %A, %-d %B %Y,"), said("From %A, %-d %B %Y, on")),
        Bucket::Week => (said("in the week of %-d %B %Y"), said("From the week of %-d %B %Y on")),
        Bucket::Month => (said("in %B %Y"), said("From %B %Y on")),
        Bucket::Quarter => (said("in the quarter from %B %Y"), said("From the quarter from %B %Y on")),
        Bucket::Year => (said("in %Y"), said("From %Y on")),
    };
    let distance = verdict.value - verdict.expected;
    let side = if distance < 0.0 { "under" } else { "over" };
    let share = distance.abs() / verdict.expected;
    // Of next to nothing, a share says little.
    let size = match share.is_finite() && (0.0..20.0).contains(&share) {
        true => percent(share),
        false => history.amount(distance.abs()),
    };
    let of = usual_for(history.frequency(), start.to_datetime(Time::midnight()));
    let (name, value, usual) = (&history.name, history.amount(verdict.value), history.amount(verdict.expected));
    match verdict.kind {
        Some(anomalies::Kind::LevelShift) => {
            format!("{from}, {name} is at another level: {value}, {size} {side} what was usual {of} ({usual}).")
        }
        _ => format!("{name} {at} was {value}, {size} {side} what is usual {of} ({usual})."),
    }
}

/// A change for good in one sentence: "From 5 March 2026 on it is 130 visitors a day instead of 90 (+44 %)."
pub(super) fn change(history: &History, change: &Changepoint) -> String {
    let step = word(history.bucket);
    let start = history.start_of(change.index);
    let when = match history.bucket {
        Bucket::Day | Bucket::Week => start.strftime("From %-d %B %Y on"),
        Bucket::Month | Bucket::Quarter => start.strftime("From %B %Y on"),
        Bucket::Year => start.strftime("From %Y on"),
    };
    let (before, after) = (change.level_before, change.level_after);
    let percent = match before.abs() > 1e-9 * after.abs() && before != 0.0 {
        true => format!(" ({:+.0} %)", 100.0 * (after - before) / before.abs()),
        false => String::new(),
    };
    let each = if history.kind == MetricKind::Flow { format!(" a {step}") } else { String::new() };
    let level = format!("{}{each} instead of {}{percent}", history.amount(after), grouped(before));
    let goes = |slope: f64| {
        let way = if slope < 0.0 { "fell" } else { "rose" };
        format!("{way} by {} each {step}", history.amount(slope.abs()))
    };
    match change.kind {
        Kind::Level => format!("{when} it is {level}."),
        Kind::Trend => {
            let trend = format!("{when} it {}; before, it {}", goes(change.slope_after), goes(change.slope_before));
            let jumps = (after - before).abs() > 3.0 * (change.slope_after - change.slope_before).abs();
            if jumps { format!("{trend}. It began at {level}.") } else { format!("{trend}.") }
        }
    }
}

#[cfg(test)]
mod tests {

    use super::super::history::revenue;
    use super::*;

    fn history(bucket: Bucket) -> History {
        let months = revenue(bucket, "2025-01-01", vec![Some(1.0); 24]);
        History { name: "Visitors".into(), unit: "visitors".into(), ..months }
    }

    #[test]
    fn what_was_odd_is_said_with_its_name_its_value_and_its_unit() {
        let verdict = |index, value, expected, kind| {
            let kind = Some(kind);
            Verdict { index, value, expected, score: 5.0, p: 1e-6, kind }
        };
        let spike = verdict(3, 62.0, 100.0, anomalies::Kind::Spike);
        assert_eq!(
            oddity(&history(Bucket::Day), &spike),
            "Visitors on Saturday, 4 January 2025, was 62.0 visitors, 38 % under what is usual for a Saturday in January \
             (100.0 visitors)."
        );
        let from_nothing = verdict(3, 62.0, 0.0, anomalies::Kind::Spike);
        assert!(
            oddity(&history(Bucket::Month), &from_nothing).contains("62.0 visitors over what is usual for April (0 ")
        );
        let shift = verdict(1, 251.6, 252.6, anomalies::Kind::LevelShift);
        assert_eq!(
            oddity(&history(Bucket::Week), &shift),
            "From the week of 8 January 2025 on, Visitors is at another level: 251.6 visitors, 0.4 % under what was usual for \
             a week in January (252.6 visitors)."
        );
    }

    #[test]
    fn a_change_is_said_with_its_unit_and_its_step() {
        let changed = |kind, levels: (f64, f64), slopes: (f64, f64)| Changepoint {
            index: 3,
            at: None,
            kind,
            level_before: levels.0,
            level_after: levels.1,
            slope_before: slopes.0,
            slope_after: slopes.1,
            confidence: 1.0,
            words: String::new(),
        };
        let level = changed(Kind::Level, (90.0, 130.0), (0.0, 0.0));
        assert_eq!(
            change(&history(Bucket::Day), &level),
            "From 4 January 2025 on it is 130.0 visitors a day instead of 90.0 (+44 %)."
        );
        let trend = changed(Kind::Trend, (90.0, 91.0), (1.0, -2.5));
        assert_eq!(
            change(&history(Bucket::Month), &trend),
            "From April 2025 on it fell by 2.50 visitors each month; before, it rose by 1.00 visitors each month."
        );
    }
}
