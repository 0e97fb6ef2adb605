//! The end: the due date, the evaluation and what comes after it, pauses, giving up.

use super::*;

#[test]
fn a_goal_is_evaluated_once_its_due_date_is_over_and_says_what_there_is_to_learn() {
    let sales = with_sales(DUE, 9);
    let (goal, events) = then(total_goal(400), GoalCommand::Assess, Some(&sales), DUE);
    assert!(!names(&events).contains(&"GoalEvaluated"), "the due date itself belongs to the goal");
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&sales), plus_days(DUE, 1));
    assert_eq!(names(&events), ["GoalProgressed", "GoalEvaluated", "GoalMissed"]);
    let GoalEvent::GoalEvaluated(evaluated) = &events[1] else { panic!() };
    let insight = &evaluated.insight;
    assert_eq!((evaluated.outcome, insight.reached, insight.shortfall), (Outcome::Missed, Some(num("360")), num("40")));
    assert_eq!((insight.days, insight.average_per_day, insight.needed_per_day), (40, Some(num("9")), Some(num("10"))));
    assert_eq!(insight.course.len(), 13);
    assert!(insight.summary.starts_with("360 orders on 10 April 2026: 40 orders from the target of 400 orders."));
    assert!(insight.summary.ends_with("it brought 9 orders a day; 10 orders a day would have been needed."));
    assert_eq!(then(goal, GoalCommand::Assess, Some(&sales), plus_days(DUE, 2)).1, []);
}

#[test]
fn points_that_come_after_the_evaluation_are_still_heard() {
    let (goal, _) =
        then(total_goal(400), GoalCommand::Assess, Some(&with_sales(plus_days(DUE, -9), 10)), plus_days(DUE, 1));
    assert_eq!(goal.evaluation.as_ref().unwrap().0, Outcome::Missed);
    let (goal, events) = then(goal, GoalCommand::Assess, Some(&with_sales(DUE, 10)), plus_days(DUE, 5));
    assert_eq!(names(&events), ["GoalEvaluated", "GoalAchieved"]);
    assert_eq!(goal.evaluation.unwrap().0, Outcome::Achieved);
}

#[test]
fn the_due_date_is_over_at_midnight_of_the_goals_time_zone() {
    let goal = total_goal(400);
    let sales = with_sales(DUE, 10);
    // 23:30 in Berlin (summer time, UTC+2), then half past midnight.
    let before: Timestamp = "2026-04-10T21:30:00Z".parse().unwrap();
    let after: Timestamp = "2026-04-10T22:30:00Z".parse().unwrap();
    let evaluated =
        |now| names(&decide(&goal, GoalCommand::Assess, Some(&sales), now).unwrap()).contains(&"GoalEvaluated");
    assert_eq!((evaluated(before), evaluated(after)), (false, true));
}

#[test]
fn paused_days_do_not_count_and_nothing_alerts_meanwhile() {
    let on = date(2026, 3, 12);
    let pause = GoalCommand::Pause { reason: Some("Water damage".into()), by: by() };
    let sales = with_sales(plus_days(on, -1), 10);
    let (goal, _) = then(total_goal(400), pause.clone(), Some(&sales), on);
    assert_eq!(refused(&goal, pause, None, on), GoalRefusal::AlreadyPaused);
    assert_eq!(then(goal.clone(), GoalCommand::Assess, Some(&sales), date(2026, 3, 20)).1, []);

    let resume = GoalCommand::Resume { move_due: true, by: by() };
    let (moved, _) = then(goal.clone(), resume, Some(&sales), date(2026, 3, 22));
    let pace = moved.pace.unwrap();
    assert_eq!(moved.plan.unwrap().due, date(2026, 4, 20));
    assert_eq!(
        (pace.status, pace.expected, pace.required_per_day),
        (GoalStatus::OnTrack, Some(num("100")), Some(num("10")))
    );

    let resume = GoalCommand::Resume { move_due: false, by: by() };
    let (kept, _) = then(goal, resume, Some(&sales), date(2026, 3, 22));
    assert_eq!((kept.pace.unwrap().required_per_day, kept.plan.unwrap().due), (Some(num("15")), DUE));
}

#[test]
fn a_goal_whose_due_date_passed_in_a_pause_resumes_only_with_more_time() {
    let (goal, _) = then(total_goal(400), GoalCommand::Pause { reason: None, by: by() }, None, date(2026, 3, 12));
    let late = plus_days(DUE, 3);
    let resume = |move_due| GoalCommand::Resume { move_due, by: by() };
    assert_eq!(refused(&goal, resume(false), None, late), GoalRefusal::DueWhilePaused { due: DUE });
    assert_eq!(then(goal, resume(true), None, late).0.plan.unwrap().due, plus_days(DUE, 32));
}

#[test]
fn an_abandoned_goal_is_closed_for_good() {
    let abandon = |reason: &str| GoalCommand::Abandon { reason: reason.into(), by: by() };
    let goal = total_goal(400);
    assert_eq!(refused(&goal, abandon("  "), None, START), GoalRefusal::ReasonNeeded);
    let (goal, _) = then(goal, abandon("We sold the shop."), None, START);
    assert_eq!(then(goal.clone(), GoalCommand::Assess, Some(&with_sales(DUE, 1)), plus_days(DUE, 1)).1, []);
    assert_eq!(refused(&goal, abandon("again"), None, START), GoalRefusal::Closed(Lifecycle::Abandoned));
}
