//! A plan that changes, and whose words it is in.

use super::*;

#[test]
fn a_revision_says_what_changed_and_judges_the_new_plan_afresh() {
    let sales = with_sales(date(2026, 3, 21), 7);
    let (goal, _) = then(total_goal(400), GoalCommand::Assess, Some(&sales), date(2026, 3, 22));
    assert_eq!(goal.told, Some(GoalStatus::Behind));
    let change = PlanChange { aim: Some(up(320)), title: Some("Sell enough".into()), ..PlanChange::default() };
    let revise = |change| GoalCommand::Revise { change: Box::new(change), reason: None, acknowledge: None, by: by() };
    let (goal, events) = then(goal, revise(change.clone()), Some(&sales), date(2026, 3, 22));
    assert_eq!(names(&events), ["GoalRevised", "GoalProgressed", "GoalAtRisk"]);
    let GoalEvent::GoalRevised(revised) = &events[0] else { panic!() };
    assert_eq!(revised.changed, [PlanField::Title, PlanField::Aim]);
    assert_eq!(then(goal.clone(), revise(change), Some(&sales), date(2026, 3, 22)).1, []);

    let harder = PlanChange { aim: Some(up(2_000)), ..PlanChange::default() };
    assert!(matches!(refused(&goal, revise(harder), Some(&sales), date(2026, 3, 22)), GoalRefusal::Unlikely(_)));
    let restart = PlanChange { start: Some(date(2026, 3, 30)), ..PlanChange::default() };
    assert_eq!(
        refused(&goal, revise(restart), Some(&sales), date(2026, 3, 22)),
        GoalRefusal::AlreadyStarted { start: START }
    );
}

#[test]
fn a_new_title_is_no_reason_to_alert_again() {
    let sales = with_sales(date(2026, 3, 21), 6);
    let (goal, _) = then(total_goal(400), GoalCommand::Assess, Some(&sales), date(2026, 3, 22));
    let change = PlanChange { title: Some("Sell".into()), ..PlanChange::default() };
    let revise = GoalCommand::Revise { change: Box::new(change), reason: None, acknowledge: None, by: by() };
    let (goal, events) = then(goal, revise, Some(&sales), date(2026, 3, 22));
    assert_eq!((names(&events), goal.told), (vec!["GoalRevised"], Some(GoalStatus::Behind)));
}

#[test]
fn a_text_is_kept_under_the_person_who_wrote_it() {
    let goal = total_goal(400);
    let described = goal.plan.as_ref().unwrap().description.clone();
    assert_eq!(described, Some(Personal::of(by(), "As much as we can.".to_owned())));
    let change = PlanChange { description: Some("Until we drop.".into()), ..PlanChange::default() };
    let revise = GoalCommand::Revise { change: Box::new(change), reason: None, acknowledge: None, by: id(3) };
    let (goal, _) = then(goal, revise, None, START);
    assert_eq!(goal.plan.unwrap().description, Some(Personal::of(id(3), "Until we drop.".to_owned())));
}
