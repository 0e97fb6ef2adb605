//! What holds whatever happens to a goal.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Sell(i64),
    Correct(i64, i64),
    Pause,
    Resume(bool),
    Retarget(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1i64..6).prop_map(Step::Wait),
        (0i64..40).prop_map(Step::Sell),
        (0i64..30, 0i64..40).prop_map(|(back, value)| Step::Correct(back, value)),
        Just(Step::Pause),
        any::<bool>().prop_map(Step::Resume),
        (200i64..440).prop_map(Step::Retarget),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens to a goal: looking twice says nothing new, no alert repeats the one before it, the events
    /// survive their JSON, and a goal is evaluated exactly when its due date is over and it is not paused.
    #[test]
    fn a_goal_stays_consistent(steps in steps()) {
        let mut goal = total_goal(400);
        let mut today = START;
        let mut sales: std::collections::BTreeMap<Date, i64> =
            steady(date(2025, 12, 1), date(2026, 3, 1), 10).into_iter().collect();
        let mut told: Option<&'static str> = None;
        for step in steps {
            let command = match step {
                Step::Wait(days) => { today = plus_days(today, days); GoalCommand::Assess }
                Step::Sell(value) => { sales.insert(today, value); GoalCommand::Assess }
                Step::Correct(back, value) => { sales.insert(plus_days(today, -back), value); GoalCommand::Assess }
                Step::Pause => GoalCommand::Pause { reason: None, by: by() },
                Step::Resume(move_due) => GoalCommand::Resume { move_due, by: by() },
                Step::Retarget(target) => GoalCommand::Revise {
                    change: Box::new(PlanChange { aim: Some(up(target)), ..PlanChange::default() }),
                    reason: None, acknowledge: None, by: by(),
                },
            };
            let metric = flow(sales.clone());
            let Ok(events) = decide(&goal, command, Some(&metric), noon(today)) else { continue };
            for event in &events {
                let json = event.to_json().to_string();
                prop_assert_eq!(&GoalEvent::from_json(event.event_type().name, &json).unwrap(), event);
                let name = event.event_type().name;
                if name == "GoalRevised" { told = None; }
                if matches!(name, "GoalAtRisk" | "GoalBehind" | "GoalBackOnTrack" | "GoalAchieved" | "GoalMissed") {
                    prop_assert_ne!(told, Some(name));
                    told = Some(name);
                }
            }
            goal = events.iter().fold(goal, Goal::evolve);
            let again = decide(&goal, GoalCommand::Assess, Some(&metric), noon(today)).unwrap();
            if goal.lifecycle != Lifecycle::Paused && !events.is_empty() {
                prop_assert!(!names(&again).iter().any(|name| *name != "GoalProgressed" && *name != "GoalEvaluated"
                    && told == Some(name)), "{again:?}");
            }
            goal = again.iter().fold(goal, Goal::evolve);
            let over = today > goal.plan.as_ref().unwrap().due;
            if goal.lifecycle != Lifecycle::Paused {
                prop_assert_eq!(goal.lifecycle == Lifecycle::Evaluated, over);
            }
            let third = decide(&goal, GoalCommand::Assess, Some(&metric), noon(today)).unwrap();
            prop_assert!(third.is_empty() || !over, "{third:?}");
        }
    }
}
