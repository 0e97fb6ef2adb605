use jiff::civil::date;
use uuid::Uuid;

use super::super::pace::pace;
use super::super::plan::{Cadence, Measure, Objective};
use super::*;
use crate::ids::{MetricId, UserId};
use crate::time_zone::TimeZoneName;

const START: Date = date(2026, 3, 1);

fn plan(aggregation: Aggregation, aim: Aim) -> GoalPlan {
    GoalPlan {
        title: "March".into(),
        description: None,
        owner: UserId::from(Uuid::nil()),
        measure: Measure::Metric { metric_id: MetricId::from(Uuid::nil()), aggregation, unit: "orders".into() },
        aim,
        objective: Objective::Other,
        relevance: None,
        start: START,
        due: date(2026, 3, 31),
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::utc(),
    }
}

fn up(target: i64) -> Aim {
    Aim::Up { baseline: Decimal::ZERO, target: target.into() }
}

/// Ten a day from the first of February up to and with `last`.
fn tens(last: Date) -> History {
    let first = date(2026, 2, 1);
    (0..=days_between(first, last)).map(|i| (plus_days(first, i), Decimal::TEN)).collect()
}

/// Ten a day, give or take one, each day for itself, from `first` on.
fn forecast(first: Date, days: usize) -> MetricForecast {
    MetricForecast { run_id: RunId::from(Uuid::nil()), first, mean: vec![10.0; days], sd: vec![1.0; days] }
}

fn seen(plan: &GoalPlan, history: &History, forecast: MetricForecast, today: Date) -> Option<GoalForecast> {
    heading(plan, history, &forecast, today)
}

#[test]
fn a_total_is_what_came_and_what_is_ahead() {
    // Twenty days are over, eleven are ahead.
    let plan = plan(Aggregation::Total, up(310));
    let today = date(2026, 3, 21);
    let seen = seen(&plan, &tens(date(2026, 3, 20)), forecast(today, 30), today).unwrap();
    assert_eq!((seen.value, seen.known_until), (310.into(), date(2026, 3, 20)));
    // The square root of eleven, at 80 %.
    assert_eq!((seen.lower, seen.upper), ("305.75".parse().unwrap(), "314.25".parse().unwrap()));
    assert_eq!(seen.probability, Some("0.5".parse().unwrap()));
}

#[test]
fn a_day_that_is_not_over_counts_as_forecast() {
    let plan = plan(Aggregation::Total, up(310));
    let today = date(2026, 3, 21);
    let with_morning: History = tens(date(2026, 3, 20)).iter().chain([(today, Decimal::ONE)]).collect();
    let seen = seen(&plan, &with_morning, forecast(today, 30), today).unwrap();
    assert_eq!((seen.value, seen.known_until), (310.into(), date(2026, 3, 20)));
}

#[test]
fn days_that_came_since_the_forecast_count_as_they_were() {
    let plan = plan(Aggregation::Total, up(310));
    let old = forecast(date(2026, 3, 1), 40);
    let today = date(2026, 3, 31);
    let history: History = tens(date(2026, 3, 30)).iter().map(|(day, value)| (day, value + Decimal::ONE)).collect();
    let seen = seen(&plan, &history, old, today).unwrap();
    // Thirty days of eleven, and one of ten that alone is uncertain.
    assert_eq!((seen.value, seen.upper), (340.into(), "341.28".parse().unwrap()));
    assert_eq!(seen.probability, Some(Decimal::ONE));
}

#[test]
fn a_latest_value_and_the_sums_of_a_period_are_read_at_the_due_date() {
    let today = date(2026, 3, 21);
    let latest =
        seen(&plan(Aggregation::Latest, up(12)), &tens(today), forecast(date(2026, 3, 22), 10), today).unwrap();
    assert_eq!((latest.value, latest.known_until), (10.into(), today));
    assert_eq!(latest.probability, Some("0.023".parse().unwrap()));
    let week = plan(Aggregation::PeriodTotal, up(70));
    let total = seen(&week, &tens(date(2026, 3, 20)), forecast(today, 11), today).unwrap();
    assert_eq!((total.value, total.upper), (70.into(), "73.3907".parse().unwrap()));
    let average = plan(Aggregation::PeriodAverage, Aim::Down { baseline: 12.into(), target: 10.into() });
    let average = seen(&average, &tens(date(2026, 3, 20)), forecast(today, 11), today).unwrap();
    assert_eq!((average.value, average.probability), (10.into(), Some("0.5".parse().unwrap())));
}

#[test]
fn errors_that_stay_add_up_faster_than_errors_that_pass() {
    // A random walk: what a sum of three days gathers is 1 + 4 + 9; each for itself it would be 3.
    let walk = [1.0, 2f64.sqrt(), 3f64.sqrt()];
    assert!((spread_of_sum(&walk, 0, 0, 2) - 14f64.sqrt()).abs() < 1e-12);
    assert!((spread_of_sum(&[1.0; 3], 0, 0, 2) - 3f64.sqrt()).abs() < 1e-12);
    // The last day alone.
    assert!((spread_of_sum(&walk, 0, 2, 2) - 3f64.sqrt()).abs() < 1e-12);
    // With the first two days known there is one shock left.
    assert!((spread_of_sum(&walk, 2, 2, 2) - 1.0).abs() < 1e-12);
    // Closed days are sure, at the beginning and in between.
    assert!((spread_of_sum(&[1.0, 0.0, 1.0], 0, 0, 2) - 2f64.sqrt()).abs() < 1e-12);
    assert!((spread_of_sum(&[0.0, 1.0, 1.0], 0, 0, 2) - 2f64.sqrt()).abs() < 1e-12);
}

#[test]
fn a_forecast_that_does_not_reach_the_due_date_or_leaves_a_gap_says_nothing() {
    let plan = plan(Aggregation::Total, up(310));
    let today = date(2026, 3, 21);
    assert_eq!(seen(&plan, &tens(date(2026, 3, 20)), forecast(today, 10), today), None);
    assert!(seen(&plan, &tens(date(2026, 3, 20)), forecast(today, 11), today).is_some());
    // All days are known.
    assert_eq!(seen(&plan, &tens(date(2026, 3, 31)), forecast(today, 30), date(2026, 4, 1)), None);
}

#[test]
fn the_normal_distribution_agrees_with_the_tables() {
    for (z, p) in
        [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-1.959_963_984_540_054, 0.025), (4.0, 0.999_968_328_758_167)]
    {
        assert!((normal(z) - p).abs() < 1e-12, "{z}: {}", normal(z));
    }
}

#[test]
fn the_reason_says_where_it_is_heading_and_what_was_odd_lately() {
    let plan = plan(Aggregation::Total, up(400));
    let today = date(2026, 3, 21);
    let history = tens(date(2026, 3, 20));
    let mut now = pace(&plan, &[], &history, today, None);
    let before = now.clone();
    let odd = |day: Date| Some((day, "Tuesday was 30 % under what is usual for a Tuesday".to_owned()));
    let outlook = Outlook { forecasts: vec![forecast(today, 5), forecast(today, 30)], oddity: odd(date(2026, 3, 17)) };
    foresee(&mut now, &plan, &history, &outlook, today);
    assert_eq!((now.status, now.actual), (before.status, before.actual));
    let added = now.reason.strip_prefix(&before.reason).unwrap();
    assert_eq!(
        added,
        " The forecast sees 310 orders by 31 March 2026 (with 80%, between 305.75 and 314.25 orders); the chance of \
         meeting the target is less than 1%. Noticed on 17 March 2026: Tuesday was 30 % under what is usual for a Tuesday."
    );
    let mut later = before.clone();
    let stale = Outlook { forecasts: vec![], oddity: odd(date(2026, 3, 13)) };
    foresee(&mut later, &plan, &history, &stale, today);
    assert_eq!(later, before);
}
