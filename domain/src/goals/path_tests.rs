use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::plan::{Aim, Measure, Objective};
use super::*;
use crate::ids::{MetricId, UserId};
use crate::time_zone::TimeZoneName;

fn history(from: Date, days: i64, value: impl Fn(Date, i64) -> f64) -> History {
    (0..days)
        .map(|i| (plus_days(from, i), i))
        .map(|(day, i)| (day, Decimal::try_from(value(day, i)).unwrap().round_dp(6)))
        .collect()
}

fn plan(aggregation: Aggregation, start: Date, due: Date) -> GoalPlan {
    GoalPlan {
        title: "A goal".into(),
        description: None,
        owner: UserId::from(Uuid::nil()),
        measure: Measure::Metric { metric_id: MetricId::from(Uuid::nil()), aggregation, unit: "orders".into() },
        aim: Aim::Up { baseline: Decimal::ZERO, target: Decimal::ONE_HUNDRED },
        objective: Objective::Other,
        relevance: None,
        start,
        due,
        cadence: Cadence::Monthly,
        time_zone: TimeZoneName::utc(),
    }
}

/// Twice as much in December as in other months.
fn december(day: Date) -> f64 {
    if day.month() == 12 { 2.0 } else { 1.0 }
}

#[test]
fn three_weeks_of_history_say_nothing_about_weekdays() {
    let short = history(date(2026, 1, 1), 27, |day, _| f64::from(day.weekday().to_monday_zero_offset()));
    assert_eq!(Shape::of(&short, date(2026, 6, 1), false), Shape::linear());
}

#[test]
fn a_closed_day_weighs_little_and_the_others_more() {
    let year =
        history(date(2025, 1, 6), 364, |day, _| if day.weekday() == jiff::civil::Weekday::Sunday { 0.0 } else { 7.0 });
    let shape = Shape::of(&year, date(2026, 1, 5), false);
    assert_eq!(shape.kind, PathShape::Weekday);
    assert!(shape.weight(date(2026, 1, 11)) < 0.05);
    assert!((shape.weight(date(2026, 1, 12)) - 7.0 / 6.0).abs() < 0.02);
}

#[test]
fn a_year_and_a_half_is_too_short_for_months_and_four_years_are_enough() {
    let start = date(2026, 1, 1);
    let short = history(date(2024, 7, 1), 549, |day, _| december(day));
    assert_eq!(Shape::of(&short, start, false).kind, PathShape::Weekday);
    let long = history(date(2022, 1, 1), 1461, |day, _| december(day));
    let shape = Shape::of(&long, start, false);
    assert_eq!(shape.kind, PathShape::WeekdayAndMonth);
    let mean_weight = |day: Date| shape.season(day, plus_days(day, 6));
    let ratio = mean_weight(date(2026, 12, 7)) / mean_weight(date(2026, 6, 8));
    // Four years are trusted by four fifths: 1 + 0.8 (24/13 - 1) over 1 + 0.8 (12/13 - 1).
    assert!((ratio - 1.787).abs() < 0.02, "{ratio}");
}

#[test]
fn growth_is_not_taken_for_a_season() {
    let growing = history(date(2022, 1, 1), 1461, |_, i| 100.0 + i as f64);
    let shape = Shape::of(&growing, date(2026, 1, 1), false);
    assert_eq!(shape.kind, PathShape::WeekdayAndMonth);
    for month in 1..=12 {
        let weight = shape.season(date(2026, month, 1), date(2026, month, 28));
        assert!((weight - 1.0).abs() < 0.02, "month {month}: {weight}");
    }
}

#[test]
fn a_total_is_expected_when_its_season_comes() {
    let past = history(date(2022, 1, 1), 1369, |day, _| december(day));
    let plan = plan(Aggregation::Total, date(2025, 10, 1), date(2025, 12, 31));
    let path = Path::of(&plan, &[], Shape::of(&past, plan.start, false));
    // October and November are two thirds of the days, but only about half of the season's sales.
    let share = path.share(date(2025, 11, 30));
    assert!((0.5..0.56).contains(&share), "{share}");
}

#[test]
fn a_monthly_reading_meets_its_baseline_and_its_target_and_follows_the_season_between() {
    let past = history(date(2022, 1, 1), 1369, |day, _| december(day));
    let plan = plan(Aggregation::PeriodTotal, date(2025, 10, 1), date(2026, 3, 31));
    let path = Path::of(&plan, &[], Shape::of(&past, plan.start, false));
    let at = |day: Date| path.between(30.0, 36.0, day);
    assert!((at(date(2025, 9, 30)) - 30.0).abs() < 1e-9);
    assert!((at(date(2026, 3, 31)) - 36.0).abs() < 1e-9);
    assert!(at(date(2025, 12, 31)) > 50.0, "December doubles: {}", at(date(2025, 12, 31)));
}

#[test]
fn a_leap_day_counts_as_a_day() {
    let days = |year: i16| {
        let plan = plan(Aggregation::Total, date(year, 2, 1), date(year, 3, 31));
        Path::of(&plan, &[], Shape::linear()).days()
    };
    assert_eq!((days(2024), days(2025)), (60, 59));
}

#[test]
fn a_goal_that_is_paused_all_along_is_due_all_at_once() {
    let plan = plan(Aggregation::Total, date(2026, 1, 1), date(2026, 1, 31));
    let path = Path::of(&plan, &[Pause { from: date(2025, 12, 1), until: None }], Shape::linear());
    assert_eq!((path.share(date(2026, 1, 30)), path.share(date(2026, 1, 31))), (0.0, 1.0));
}

proptest! {
    /// Whatever the history and the pauses: a path starts at nothing, ends with all, and never goes back.
    #[test]
    fn a_path_goes_from_nothing_to_all_and_never_back(
        values in prop::collection::vec(0.0f64..100.0, 0..900),
        pauses in prop::collection::vec((0i64..120, 0i64..40), 0..4),
        length in 30i64..120,
        total in any::<bool>(),
    ) {
        let start = date(2026, 1, 1);
        let from = plus_days(start, -(values.len() as i64));
        let past = history(from, values.len() as i64, |_, i| values[i as usize]);
        let pauses: Vec<Pause> = pauses.into_iter()
            .map(|(at, days)| Pause { from: plus_days(start, at), until: Some(plus_days(start, at + days)) }).collect();
        let aggregation = if total { Aggregation::Total } else { Aggregation::Latest };
        let plan = plan(aggregation, start, plus_days(start, length - 1));
        let path = Path::of(&plan, &pauses, Shape::of(&past, start, !total));
        prop_assert_eq!(path.share(plus_days(start, -1)), 0.0);
        prop_assert!((path.share(plan.due) - 1.0).abs() < 1e-9);
        for i in 0..length {
            let (before, after) = (path.share(plus_days(start, i - 1)), path.share(plus_days(start, i)));
            prop_assert!(after >= before, "day {}: {} after {}", i, after, before);
        }
    }
}
