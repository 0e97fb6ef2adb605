use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::plan::{Cadence, Objective};
use super::*;
use crate::ids::{MetricId, UserId};
use crate::time_zone::TimeZoneName;

const START: Date = date(2026, 3, 2);

fn plan(aggregation: Aggregation, aim: Aim, days: i64) -> GoalPlan {
    GoalPlan {
        title: "A goal".into(),
        description: None,
        owner: UserId::from(Uuid::nil()),
        measure: Measure::Metric { metric_id: MetricId::from(Uuid::nil()), aggregation, unit: "orders".into() },
        aim,
        objective: Objective::Other,
        relevance: None,
        start: START,
        due: plus_days(START, days - 1),
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::utc(),
    }
}

fn up(target: i64) -> Aim {
    Aim::Up { baseline: Decimal::ZERO, target: Decimal::from(target) }
}

fn history(before: &[i64], since: &[i64]) -> History {
    let first = plus_days(START, -(before.len() as i64));
    let values = before.iter().chain(since);
    values.enumerate().map(|(i, value)| (plus_days(first, i as i64), Decimal::from(*value))).collect()
}

fn on(plan: &GoalPlan, history: &History, today: Date) -> Pace {
    pace(plan, &[], history, today, None)
}

#[test]
fn today_is_not_held_against_a_goal_until_it_is_over() {
    let plan = plan(Aggregation::Total, up(100), 10);
    let history = history(&[10; 60], &[10, 10]);
    // On the third day, before anything was sold; then with a first sale.
    let morning = on(&plan, &history, plus_days(START, 2));
    assert_eq!((morning.actual, morning.expected), (Some(Decimal::from(20)), Some(Decimal::from(20))));
    let with_sale: History = history.iter().chain([(plus_days(START, 2), Decimal::from(4))]).collect();
    let noon = on(&plan, &with_sale, plus_days(START, 2));
    assert_eq!((noon.actual, noon.expected), (Some(Decimal::from(24)), Some(Decimal::from(20))));
    assert_eq!(noon.day, plus_days(START, 2));
}

#[test]
fn days_without_points_count_as_empty_only_where_that_is_usual() {
    let plan = plan(Aggregation::Total, up(100), 40);
    // A metric with a point every day: three silent days are taken for a late import.
    let dense = history(&[10; 60], &[2, 2, 3]);
    assert_eq!(on(&plan, &dense, plus_days(START, 6)).day, plus_days(START, 2));
    // A metric with a point every fifth day: silence of four days is what it always does.
    let sparse: History = (-12..=0).map(|i| (plus_days(START, 5 * i), Decimal::from(12))).collect();
    assert_eq!(on(&plan, &sparse, plus_days(START, 4)).day, plus_days(START, 3));
}

#[test]
fn ordinary_noise_is_no_alarm_and_the_same_gap_in_a_steady_metric_is() {
    let plan = plan(Aggregation::Total, up(400), 40);
    let noisy: Vec<i64> = (0..280).map(|i| if (i * 7919) % 13 < 6 { 1 } else { 18 }).collect();
    let shy = [8; 14];
    let today = plus_days(START, 14);
    assert_eq!(on(&plan, &history(&noisy, &shy), today).status, GoalStatus::OnTrack);
    assert_eq!(on(&plan, &history(&[10; 280], &shy), today).status, GoalStatus::AtRisk);
}

#[test]
fn late_in_a_goal_a_small_gap_is_a_large_effort() {
    let plan = plan(Aggregation::Total, up(400), 40);
    let early = on(&plan, &history(&[10; 60], &[10, 10, 10, 10, 10, 10, 5, 5]), plus_days(START, 8));
    assert_eq!(early.status, GoalStatus::OnTrack);
    let mut days = vec![10; 36];
    days.extend([0, 0]);
    let late = on(&plan, &history(&[10; 60], &days), plus_days(START, 38));
    assert_eq!((late.status, late.required_per_day), (GoalStatus::AtRisk, Some(Decimal::from(20))));
}

#[test]
fn a_goal_in_the_future_waits() {
    let plan = plan(Aggregation::Total, up(400), 40);
    let pace = on(&plan, &history(&[10; 60], &[]), plus_days(START, -10));
    assert_eq!((pace.status, pace.reason.as_str()), (GoalStatus::OnTrack, "Starts on 2 March 2026."));
}

#[test]
fn a_reading_says_how_far_it_moved() {
    let aim = Aim::Up { baseline: Decimal::from(70), target: Decimal::from(105) };
    let plan = plan(Aggregation::PeriodTotal, aim, 35);
    let pace = on(&plan, &history(&[10; 70], &[9; 14]), plus_days(START, 14));
    assert_eq!(
        pace.reason,
        "63 orders on the way to 105 orders by 15 March 2026: 21 orders less than the 84 orders expected by 15 March \
         2026 going by the usual weekdays. In the 21 days left it has to rise by 2 orders a day; so far it fell by \
         0.5 orders a day."
    );
}

proptest! {
    /// More is never worse for a goal that grows, and never better for a limit.
    #[test]
    fn a_better_day_never_makes_the_status_worse(
        before in prop::collection::vec(0i64..30, 0..120),
        since in prop::collection::vec(0i64..30, 1..40),
        more in 1i64..60, at in 0usize..40, target in 50i64..900, is_limit in any::<bool>(),
    ) {
        let aim = if is_limit {
            Aim::Down { baseline: Decimal::ZERO, target: Decimal::from(target) }
        } else {
            up(target)
        };
        let plan = plan(Aggregation::Total, aim, 40);
        let today = plus_days(START, since.len() as i64);
        let mut better = since.clone();
        better[at % since.len()] += more;
        let was = on(&plan, &history(&before, &since), today);
        let is = on(&plan, &history(&before, &better), today);
        if is_limit {
            prop_assert!(severity(is.status) >= severity(was.status), "{was:?} {is:?}");
        } else {
            prop_assert!(severity(is.status) <= severity(was.status), "{was:?} {is:?}");
            prop_assert!(is.progress > was.progress);
        }
    }
}
