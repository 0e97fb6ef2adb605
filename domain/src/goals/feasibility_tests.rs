use jiff::civil::date;
use uuid::Uuid;

use super::super::plan::{Cadence, Objective};
use super::*;
use crate::ids::{MetricId, UserId};
use crate::time_zone::TimeZoneName;

fn num(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn plan(aggregation: Aggregation, aim: Aim, start: Date, due: Date) -> GoalPlan {
    GoalPlan {
        title: "A goal".into(),
        description: None,
        owner: UserId::from(Uuid::nil()),
        measure: Measure::Metric { metric_id: MetricId::from(Uuid::nil()), aggregation, unit: "people".into() },
        aim,
        objective: Objective::Other,
        relevance: None,
        start,
        due,
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::utc(),
    }
}

fn history(from: Date, days: i64, value: impl Fn(i64) -> i64) -> History {
    (0..days).map(|i| (plus_days(from, i), Decimal::from(value(i)))).collect()
}

const START: Date = date(2026, 1, 1);

#[test]
fn a_level_is_compared_by_how_much_it_changed_in_the_same_time() {
    // One more a day from 100: in 30 days it grew by 8 to 30 in a hundred.
    let level = history(plus_days(START, -300), 300, |i| 100 + i);
    let judged = |target: &str| {
        let aim = Aim::Up { baseline: num("399"), target: num(target) };
        feasibility(&plan(Aggregation::Latest, aim, START, date(2026, 1, 30)), &level, START)
    };
    let usual = judged("429");
    assert_eq!((usual.basis, usual.required), (FeasibilityBasis::RelativeChange, Some(num("0.0752"))));
    assert_eq!((usual.likelihood, usual.reached), (Likelihood::Likely, usual.windows));
    assert_eq!(judged("490").likelihood, Likelihood::Ambitious);
    let far = judged("810");
    assert_eq!((far.likelihood, far.reached), (Likelihood::Unlikely, 0));
    assert!(far.reason.starts_with("From 399 people to 810 people, a change of 103%, in 30 days."), "{}", far.reason);
}

#[test]
fn coming_down_is_compared_with_how_far_it_came_down_before() {
    let level = history(plus_days(START, -200), 200, |i| 400 - i);
    let judged = |target: &str| {
        let aim = Aim::Down { baseline: num("201"), target: num(target) };
        feasibility(&plan(Aggregation::Latest, aim, START, date(2026, 1, 30)), &level, START).likelihood
    };
    assert_eq!((judged("190"), judged("20")), (Likelihood::Likely, Likelihood::Unlikely));
}

#[test]
fn a_level_that_was_zero_is_compared_in_units() {
    let level = history(plus_days(START, -100), 100, |i| i % 10);
    let aim = Aim::Up { baseline: num("9"), target: num("12") };
    let judged = feasibility(&plan(Aggregation::Latest, aim, START, date(2026, 1, 14)), &level, START);
    assert_eq!((judged.basis, judged.required), (FeasibilityBasis::Change, Some(num("3"))));
}

#[test]
fn a_limit_is_likely_if_the_past_stayed_under_it() {
    let flow = history(plus_days(START, -300), 300, |_| 10);
    let judged = |target: &str| {
        let aim = Aim::Down { baseline: num("300"), target: num(target) };
        feasibility(&plan(Aggregation::Total, aim, START, date(2026, 1, 30)), &flow, START)
    };
    assert_eq!(judged("310").likelihood, Likelihood::Likely);
    let tight = judged("200");
    assert_eq!((tight.likelihood, tight.best), (Likelihood::Unlikely, Some(num("300"))));
}

#[test]
fn a_goal_longer_than_the_history_is_compared_in_proportion() {
    let flow = history(plus_days(START, -100), 100, |_| 10);
    let aim = Aim::Up { baseline: num("0"), target: num("3650") };
    let judged = feasibility(&plan(Aggregation::Total, aim, START, date(2026, 12, 31)), &flow, START);
    // Half of the history in whole weeks: 49 days, of which there are eight a week apart.
    assert_eq!((judged.required, judged.windows, judged.reached), (Some(num("490")), 8, 8));
    assert!(judged.reason.contains("past windows of 49 days"), "{}", judged.reason);
}

#[test]
fn the_same_days_a_year_before_are_told() {
    let flow = history(plus_days(START, -800), 800, |_| 10);
    let aim = Aim::Up { baseline: num("0"), target: num("300") };
    let judged = feasibility(&plan(Aggregation::Total, aim, START, date(2026, 1, 30)), &flow, START);
    assert!(judged.reason.ends_with("The same days a year before brought 300 people."), "{}", judged.reason);
}

#[test]
fn a_band_is_compared_with_how_often_the_past_was_within() {
    // Every tenth week is far out.
    let flow = history(plus_days(START, -700), 700, |i| if (i / 7) % 10 == 0 { 100 } else { 10 });
    let judged = |share: &str| {
        let aim = Aim::KeepWithin { low: num("50"), high: num("90"), share: num(share) };
        feasibility(&plan(Aggregation::PeriodTotal, aim, START, plus_days(START, 69)), &flow, START)
    };
    let usual = judged("0.9");
    assert_eq!(
        (usual.basis, usual.likelihood, usual.typical),
        (FeasibilityBasis::ShareWithin, Likelihood::Likely, Some(num("0.9")))
    );
    assert_eq!(judged("1").likelihood, Likelihood::Ambitious);
}

#[test]
fn only_the_days_before_the_start_count() {
    // A goal that began a month ago: what it brought itself proves nothing.
    let flow = history(plus_days(START, -100), 130, |i| if i < 100 { 10 } else { 1_000 });
    let aim = Aim::Up { baseline: num("0"), target: num("5000") };
    let judged = feasibility(&plan(Aggregation::Total, aim, START, plus_days(START, 39)), &flow, plus_days(START, 30));
    assert_eq!((judged.likelihood, judged.best), (Likelihood::Unlikely, Some(num("400"))));
}
