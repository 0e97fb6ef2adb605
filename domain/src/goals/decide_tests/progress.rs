//! On the way: alerts, milestones, silence, corrected points.

use super::*;

#[test]
fn a_goal_that_sells_as_expected_is_on_track() {
    let (goal, events) =
        then(total_goal(400), GoalCommand::Assess, Some(&with_sales(date(2026, 3, 21), 10)), date(2026, 3, 22));
    assert_eq!(names(&events), ["GoalProgressed"]);
    let pace = goal.pace.unwrap();
    assert_eq!((pace.status, pace.actual, pace.expected), (GoalStatus::OnTrack, Some(num("200")), Some(num("200"))));
    assert_eq!((pace.progress, pace.projected, pace.required_per_day), (num("0.5"), Some(num("400")), Some(num("10"))));
    assert_eq!(
        pace.reason,
        "200 of 400 orders by 21 March 2026: exactly the 200 orders expected by 21 March 2026 going by the \
         usual weekdays. The 20 days left need 10 orders a day; so far it was 10 orders a day."
    );
}

#[test]
fn the_same_look_twice_says_nothing_new() {
    let sales = with_sales(date(2026, 3, 21), 6);
    let (goal, events) = then(total_goal(400), GoalCommand::Assess, Some(&sales), date(2026, 3, 22));
    assert_eq!(names(&events), ["GoalProgressed", "GoalBehind"]);
    assert_eq!(then(goal, GoalCommand::Assess, Some(&sales), date(2026, 3, 22)).1, []);
}

#[test]
fn alerts_are_raised_once_per_change() {
    let mut goal = total_goal(400);
    let mut alerts = vec![];
    // Slow for three weeks, then a very good one, then the target.
    let mut sales = steady(date(2025, 12, 1), date(2026, 3, 1), 10);
    for i in 0..35 {
        let day = plus_days(START, i);
        sales.push((day, if i < 21 { 7 } else { 22 }));
        let (next, events) = then(goal, GoalCommand::Assess, Some(&flow(sales.clone())), plus_days(day, 1));
        alerts.extend(names(&events).into_iter().filter(|name| *name != "GoalProgressed"));
        goal = next;
    }
    assert_eq!(alerts, ["GoalAtRisk", "GoalBehind", "GoalAtRisk", "GoalBackOnTrack", "GoalAchieved"]);
}

#[test]
fn corrected_points_can_take_an_achievement_and_a_milestone_back() {
    let milestone = MilestoneDraft { milestone_id: id(7), title: "Half".into(), value: num("200"), due: None };
    let (goal, _) =
        then(total_goal(400), GoalCommand::AddMilestone { milestone, by: by() }, Some(&with_sales(START, 10)), START);
    let today = date(2026, 3, 24);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 22), 30)), today);
    assert_eq!(names(&events), ["GoalProgressed", "MilestoneReached", "GoalAchieved"]);
    let GoalEvent::MilestoneReached(reached) = &events[1] else { panic!() };
    assert_eq!((reached.on, reached.actual), (date(2026, 3, 8), num("210")));

    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 22), 3)), today);
    assert_eq!(names(&events), ["GoalProgressed", "MilestoneReopened", "GoalBehind"]);
    assert!(!goal.milestones[0].reached);
}

#[test]
fn a_milestone_with_a_date_of_its_own_can_be_missed_and_still_be_reached() {
    let milestone =
        MilestoneDraft { milestone_id: id(7), title: "Half".into(), value: num("200"), due: Some(date(2026, 3, 20)) };
    let command = GoalCommand::AddMilestone { milestone, by: by() };
    let (goal, _) = then(total_goal(400), command, Some(&with_sales(START, 10)), START);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 20), 9)), date(2026, 3, 21));
    assert!(names(&events).contains(&"MilestoneMissed"), "{events:?}");
    let (_, events) = then(goal, GoalCommand::Assess, Some(&with_sales(date(2026, 3, 25), 9)), date(2026, 3, 26));
    assert!(names(&events).contains(&"MilestoneReached"), "{events:?}");
}

#[test]
fn a_goal_that_just_began_says_that_there_is_no_data_yet() {
    let goal = total_goal(400);
    assert_eq!(goal.pace.unwrap().reason, "No data yet since the start on 2 March 2026.");
}

#[test]
fn silence_longer_than_usual_puts_a_goal_at_risk() {
    let sales = with_sales(date(2026, 3, 10), 10);
    let (goal, events) = then(total_goal(400), GoalCommand::Assess, Some(&sales), date(2026, 3, 20));
    assert_eq!(names(&events), ["GoalProgressed"]);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&sales), date(2026, 3, 30));
    assert_eq!(names(&events), ["GoalProgressed", "GoalAtRisk"]);
    assert!(goal.pace.unwrap().reason.starts_with("No data since 10 March 2026."));
}
