//! Totals, levels, limits, bounds and readings by hand, each with its own way of being met.

use super::*;

#[test]
fn a_level_that_swings_around_its_target_is_achieved_once() {
    let level = |values: &[i64]| {
        let first = (date(2026, 3, 1), num("100"));
        let days = values.iter().enumerate().map(|(i, value)| (plus_days(START, i as i64), Decimal::from(*value)));
        metric(MetricKind::Level, [first].into_iter().chain(days).collect())
    };
    let aim = AimDraft::Up { baseline: None, target: num("200") };
    let created = create(draft(Aggregation::Latest, aim, START, DUE));
    let (mut goal, _) = then(Goal::default(), created, Some(&level(&[])), START);
    let values = [150, 200, 197, 201, 196, 205, 120];
    let mut alerts = vec![];
    for i in 0..values.len() {
        let look = then(goal, GoalCommand::Assess, Some(&level(&values[..=i])), plus_days(START, i as i64));
        alerts.extend(names(&look.1).into_iter().filter(|name| *name != "GoalProgressed"));
        goal = look.0;
    }
    assert_eq!(alerts, ["GoalAchieved", "GoalBackOnTrack"]);
}

#[test]
fn tiny_and_huge_values_break_nothing() {
    let tiny = Decimal::from_i128_with_scale(1, 28);
    let huge = num("1000000000000000");
    let swing = |i: i64| if i % 2 == 0 { tiny } else { huge };
    let history: History = (0..200).map(|i| (plus_days(date(2025, 8, 14), i), swing(i))).collect();
    for (aggregation, kind) in [
        (Aggregation::Total, MetricKind::Flow),
        (Aggregation::PeriodTotal, MetricKind::Flow),
        (Aggregation::PeriodAverage, MetricKind::Level),
        (Aggregation::Latest, MetricKind::Level),
    ] {
        for target in [num("0.00000002"), huge] {
            let aim = AimDraft::Up { baseline: Some(num("0.00000001")), target };
            let mut command = create(draft(aggregation, aim, START, DUE));
            if let GoalCommand::Create { acknowledge, .. } = &mut command {
                *acknowledge = Some("to see".into());
            }
            let metric = metric(kind, history.clone());
            let (goal, _) = then(Goal::default(), command, Some(&metric), START);
            then(goal, GoalCommand::Assess, Some(&metric), plus_days(DUE, 1));
        }
    }
}

#[test]
fn a_manual_goal_goes_by_what_people_record() {
    let draft = manual(AimDraft::Up { baseline: None, target: num("80") }, START, DUE);
    let (goal, _) = then(Goal::default(), create(draft), None, START);
    let record = |day, value: i64| GoalCommand::RecordProgress {
        day: Some(day),
        value: Decimal::from(value),
        note: Some("from the phone list".into()),
        by: by(),
    };
    let today = date(2026, 3, 11);
    let (goal, events) = then(goal, record(today, 20), None, today);
    assert_eq!(names(&events), ["GoalProgressed"]);
    assert_eq!(goal.pace.as_ref().unwrap().expected, Some(num("20")));
    let (goal, events) = then(goal, record(today, 2), None, today);
    assert_eq!(names(&events), ["GoalProgressed", "GoalBehind"]);
    assert_eq!(goal.records.len(), 1);
    assert_eq!(
        refused(&goal, record(date(2026, 3, 12), 3), None, today),
        GoalRefusal::DayOutside { day: date(2026, 3, 12), start: START, end: today }
    );
    assert_eq!(refused(&total_goal(400), record(today, 3), None, today), GoalRefusal::NotManual);
}

#[test]
fn a_level_comes_down_along_a_line_from_its_baseline() {
    let level = |value: &str| {
        metric(
            MetricKind::Level,
            [(date(2026, 3, 1), num("40")), (date(2026, 3, 10), num(value))].into_iter().collect(),
        )
    };
    let aim = AimDraft::Down { baseline: None, target: num("20") };
    let (goal, _) =
        then(Goal::default(), create(draft(Aggregation::Latest, aim, START, DUE)), Some(&level("40")), START);
    let (goal, _) = then(goal, GoalCommand::Assess, Some(&level("35")), date(2026, 3, 11));
    let pace = goal.pace.as_ref().unwrap();
    assert_eq!((pace.expected, pace.progress, pace.status), (Some(num("35")), num("0.25"), GoalStatus::OnTrack));
    let (_, events) = then(goal, GoalCommand::Assess, Some(&level("20")), date(2026, 3, 12));
    assert_eq!(names(&events), ["GoalProgressed", "GoalAchieved"]);
}

#[test]
fn a_limit_on_a_total_is_met_only_when_its_time_is_over() {
    let aim = AimDraft::Down { baseline: None, target: num("400") };
    let (goal, _) =
        then(Goal::default(), create(draft(Aggregation::Total, aim, START, DUE)), Some(&with_sales(START, 8)), START);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 20), 8)), date(2026, 3, 21));
    assert_eq!(names(&events), ["GoalProgressed"]);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 4, 5), 12)), date(2026, 4, 6));
    assert_eq!(names(&events), ["GoalProgressed", "GoalBehind"]);
    assert!(goal.pace.as_ref().unwrap().reason.contains("over the limit"), "{:?}", goal.pace);
    let (_, events) = then(goal, GoalCommand::Assess, Some(&with_sales(DUE, 9)), plus_days(DUE, 1));
    assert_eq!(names(&events), ["GoalProgressed", "GoalEvaluated", "GoalAchieved"]);
}

#[test]
fn keeping_within_bounds_counts_periods() {
    let aim = AimDraft::KeepWithin { low: num("50"), high: num("90"), share: Some(num("0.8")) };
    // Six periods: five full weeks and a rest of five days; five must be within.
    let goal = draft(Aggregation::PeriodTotal, aim, START, DUE);
    let (goal, _) = then(Goal::default(), create(goal), Some(&with_sales(START, 10)), START);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 15), 10)), date(2026, 3, 16));
    assert_eq!((names(&events), goal.pace.as_ref().unwrap().progress), (vec!["GoalProgressed"], num("1")));
    let low = flow(steady(date(2025, 12, 1), date(2026, 3, 15), 10).into_iter().chain(steady(
        date(2026, 3, 16),
        date(2026, 3, 29),
        5,
    )));
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&low), date(2026, 3, 30));
    assert_eq!(names(&events), ["GoalProgressed", "GoalBehind"]);
    assert_eq!(
        goal.pace.unwrap().reason,
        "35 orders is 15 orders below the band on 29 March 2026. 2 of 4 weeks so far kept within 50 to 90 orders; 5 \
         are needed, more than the 2 weeks left can bring."
    );
}

#[test]
fn expected_sales_follow_the_weekdays_of_the_past() {
    // Closed on Sundays, double on Saturdays.
    let by_weekday = |day: Date| match day.weekday() {
        jiff::civil::Weekday::Sunday => 0,
        jiff::civil::Weekday::Saturday => 20,
        _ => 10,
    };
    let past = (0..364).map(|i| plus_days(date(2025, 3, 3), i)).map(|day| (day, by_weekday(day)));
    let metric = flow(past);
    let goal = draft(Aggregation::Total, up(400), START, DUE);
    let (goal, _) = then(Goal::default(), create(goal), Some(&metric), START);
    let sales = flow(
        metric
            .history
            .iter()
            .map(|(day, value)| (day, value.try_into().unwrap()))
            .chain((0..5).map(|i| (plus_days(START, i), 10))),
    );
    // Monday to Friday bring five sevenths of a week, though they are also five of its seven days; Saturday two.
    let friday = then(goal.clone(), GoalCommand::Assess, Some(&sales), date(2026, 3, 7)).0.pace.unwrap();
    assert_eq!(friday.path, PathShape::Weekday);
    let expected: f64 = friday.expected.unwrap().try_into().unwrap();
    // 40 days hold 5 weeks of 70 and five more workdays: 400 in all, 50 of them by the first Friday.
    assert!((expected - 50.0).abs() < 1.5, "{expected}");
}
