//! Setting a goal: what is asked is compared with history, and refused with its numbers.

use super::*;

#[test]
fn a_created_goal_says_how_its_target_compares_with_history() {
    let metric = flow(steady(date(2025, 12, 1), date(2026, 3, 1), 10));
    let goal = draft(Aggregation::Total, up(380), START, DUE);
    let (goal, events) = then(Goal::default(), create(goal), Some(&metric), START);
    let GoalEvent::GoalCreated(created) = &events[0] else { panic!("{events:?}") };
    let found = &created.feasibility;
    assert_eq!((found.likelihood, found.windows, found.reached), (Likelihood::Likely, 8, 8));
    assert_eq!(found.typical, Some(num("400")));
    assert_eq!(
        found.reason,
        "380 orders in 40 days means 9.5 orders a day. Of 8 past windows of 40 days, 8 (100%) brought the 380 orders \
         needed; the middle one brought 400 orders, the best 400 orders."
    );
    assert_eq!(goal.plan.unwrap().aim, Aim::Up { baseline: num("400"), target: num("380") });
}

#[test]
fn an_unlikely_goal_needs_an_acknowledgement_and_keeps_it() {
    let metric = flow(steady(date(2025, 12, 1), date(2026, 3, 1), 10));
    let wanted = || create(draft(Aggregation::Total, up(900), START, DUE));
    let GoalRefusal::Unlikely(found) = refused(&Goal::default(), wanted(), Some(&metric), START) else { panic!() };
    assert_eq!((found.reached, found.best), (0, Some(num("400"))));

    let mut command = wanted();
    if let GoalCommand::Create { acknowledge, .. } = &mut command {
        *acknowledge = Some("We open a second shop.".into());
    }
    let (_, events) = then(Goal::default(), command, Some(&metric), START);
    let GoalEvent::GoalCreated(created) = &events[0] else { panic!() };
    let why = created.acknowledgement.as_ref().unwrap();
    assert_eq!(why.why.value().unwrap(), "We open a second shop.");
}

#[test]
fn a_goal_without_history_is_unknown_not_unlikely() {
    let (_, events) =
        then(Goal::default(), create(draft(Aggregation::Total, up(1_000_000), START, DUE)), Some(&flow([])), START);
    let GoalEvent::GoalCreated(created) = &events[0] else { panic!() };
    assert_eq!(created.feasibility.likelihood, Likelihood::Unknown);
}

#[test]
fn a_plan_that_makes_no_sense_is_refused_with_its_numbers() {
    let none = Goal::default();
    let flow = flow(steady(date(2025, 12, 1), date(2026, 3, 1), 10));
    let refusal = |draft| refused(&none, create(draft), Some(&flow), START);
    assert_eq!(
        refusal(draft(Aggregation::Total, up(1), date(2026, 3, 5), date(2026, 3, 4))),
        GoalRefusal::DueBeforeStart { start: date(2026, 3, 5), due: date(2026, 3, 4) }
    );
    assert_eq!(
        refusal(draft(Aggregation::Total, up(1), START, date(2026, 3, 4))),
        GoalRefusal::ShorterThanAPeriod { days: 3, cadence: Cadence::Weekly }
    );
    assert_eq!(
        refusal(draft(Aggregation::Total, up(0), START, DUE)),
        GoalRefusal::TargetNotAhead { from: num("0"), target: num("0"), direction: "above" }
    );
    assert_eq!(
        refusal(draft(Aggregation::PeriodTotal, up(60), START, DUE)),
        GoalRefusal::TargetNotAhead { from: num("70"), target: num("60"), direction: "above" }
    );
    assert_eq!(
        refusal(draft(Aggregation::Latest, up(60), START, DUE)),
        GoalRefusal::AggregationUnfit { aggregation: Aggregation::Latest, kind: MetricKind::Flow }
    );
    assert!(matches!(
        refused(&none, create(draft(Aggregation::Total, up(1), START, DUE)), None, START),
        GoalRefusal::NoSuchMetric
    ));
    assert!(matches!(
        refusal(draft(Aggregation::Total, up(1), date(2025, 1, 1), date(2025, 6, 1))),
        GoalRefusal::DueInThePast { .. }
    ));
}
