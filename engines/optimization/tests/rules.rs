//! Rules in the owner's words: refused, kept, cited, priced; planted conflicts found and proven.

use dyocense_optimization::business::{Answer, Assignment, Plan, Problem, Refusal, RosterPlan, Rule, compare, solve};
use dyocense_optimization::effort::{Effort, Progress};
use dyocense_optimization::lp::Status;
use proptest::prelude::*;
use serde_json::json;

fn effort() -> Effort<'static> {
    Effort::seconds(4.0)
}

fn rule(id: &str, says: &str, limit: serde_json::Value) -> Rule {
    serde_json::from_value(json!({ "id": id, "says": says, "limit": limit })).expect("a rule of the documented form")
}

fn roster() -> Problem {
    let names = ["Maria", "Jo", "Sam", "Lee", "Ann", "Kim"];
    serde_json::from_value(json!({
        "kind": "roster", "E": 6, "D": 7, "shifts": ["day", "evening"],
        "demand": vec![vec![2.0, 2.0]; 7],
        "senior": [true, true, true, false, false, false],
        "nonight": [false, false, false, false, false, false],
        "off": vec![vec![false; 7]; 6],
        "pref": (0..6).map(|e| vec![vec![f64::from(e % 3), 1.0]; 7]).collect::<Vec<_>>(),
        "names": names,
        "nights_max": 7,
    }))
    .expect("a problem of the documented form")
}

fn budget() -> Problem {
    serde_json::from_value(json!({
        "kind": "budget",
        "channels": [
            { "name": "ads", "alpha": 9000.0, "k": 3000.0, "cap": 8000.0 },
            { "name": "mail", "alpha": 2500.0, "k": 800.0, "cap": 4000.0, "min_if_active": 200.0 },
            { "name": "radio", "alpha": 3000.0, "k": 2000.0, "cap": 4000.0 },
        ],
        "periods": 2, "budget_per_period": 6000.0, "activation_cost": 10.0, "lot": 50.0, "max_active": 3,
    }))
    .expect("a problem of the documented form")
}

fn inventory() -> Problem {
    serde_json::from_value(json!({
        "kind": "inventory", "periods": 4, "capacity": [120.0, 120.0, 120.0, 120.0],
        "products": [
            { "name": "coffee", "demand": [30.0, 40.0, 20.0, 50.0], "hold": 1.0, "setup_cost": 50.0,
              "unit_cost": 4.0, "lost_sale": 30.0, "unit_time": 1.0, "setup_time": 4.0, "moq": 20.0, "init": 10.0 },
            { "name": "tea", "demand": [10.0, 20.0, 15.0, 10.0], "hold": 0.5, "setup_cost": 30.0,
              "unit_cost": 2.0, "lost_sale": 20.0, "unit_time": 1.0, "setup_time": 2.0 },
        ],
    }))
    .expect("a problem of the documented form")
}

fn staffing() -> Problem {
    let tours: Vec<_> = [6, 8, 12]
        .iter()
        .flat_map(|&start| [4, 8].map(|len| json!({ "start": start, "len": len, "off": [5, 6], "cost": 90 * len })))
        .collect();
    let day: Vec<f64> = (0..24).map(|h| if (8..18).contains(&h) { 3.0 } else { 0.0 }).collect();
    let week: Vec<f64> = (0..7).flat_map(|d| if d < 5 { day.clone() } else { vec![0.0; 24] }).collect();
    serde_json::from_value(json!({
        "kind": "staffing", "demand": [week], "tours": tours, "under_penalty": 60.0, "max_heads": [12.0],
    }))
    .expect("a problem of the documented form")
}

/// Whatever is answered: both checkers are content and the parts add up to the objective.
fn sound(answer: &Answer) {
    assert_eq!(answer.violations, Vec::<String>::new());
    let sum: f64 = answer.costs.iter().map(|term| term.amount).sum();
    let objective = answer.objective.expect("a plan");
    assert!((sum - objective).abs() < 1e-4 * (1.0 + objective.abs()), "{sum} is not {objective}: {:?}", answer.costs);
}

#[test]
fn a_plan_without_rules_is_sound_in_every_family() {
    for problem in [roster(), budget(), inventory(), staffing()] {
        let answer = solve(&problem, &[], 0, &mut effort()).unwrap();
        assert_eq!(answer.status, Status::Optimal, "{}", problem.kind());
        sound(&answer);
        assert_eq!(problem.costs(answer.plan.as_ref().unwrap()).unwrap(), answer.costs);
    }
}

#[test]
fn maria_does_not_work_mondays() {
    let rules = [
        rule(
            "mondays",
            "Maria does not work Mondays",
            json!({"roster": {"kind": "notAtWork", "person": "maria", "weekday": "monday"}}),
        ),
        rule(
            "seniors",
            "two seniors each evening",
            json!({"roster": {"kind": "seniorsAtLeast", "shift": "evening", "people": 2}}),
        ),
    ];
    let answer = solve(&roster(), &rules, 0, &mut effort()).unwrap();
    sound(&answer);
    let Some(Plan::Roster(plan)) = &answer.plan else { panic!("a roster") };
    assert!(!plan.shifts.iter().any(|line| line.person == "Maria" && line.day == 1));
    let cited: Vec<&str> = answer.binding_rules.iter().map(|rule| rule.says.as_str()).collect();
    assert!(cited.contains(&"Maria does not work Mondays") && cited.contains(&"two seniors each evening"));
}

#[test]
fn a_binding_rule_is_cited_with_its_price() {
    let free = solve(&budget(), &[], 0, &mut effort()).unwrap();
    let rules = [
        rule(
            "ads",
            "never more than USD 5,000 on ads",
            json!({"budget": {"kind": "spendAtMost", "channel": "ads", "amount": 5000.0}}),
        ),
        rule("loose", "", json!({"budget": {"kind": "spendAtMost", "channel": "mail", "amount": 900_000.0}})),
    ];
    let answer = solve(&budget(), &rules, 0, &mut effort()).unwrap();
    sound(&answer);
    assert_eq!(answer.binding_rules.len(), 1);
    let cited = &answer.binding_rules[0];
    assert_eq!((cited.rule.as_str(), cited.says.as_str()), ("ads", "never more than USD 5,000 on ads"));
    assert!(cited.exact);
    let price = free.objective.unwrap() - answer.objective.unwrap();
    assert!(price > 0.0 && (cited.price.unwrap() - price).abs() < 1e-5 * price);
    // The next dollar earns most where the rule holds it back.
    let next = |name: &str| answer.marginal_returns.iter().find(|c| c.channel == name).unwrap().spend[0];
    assert!(next("ads") > next("mail"));
}

#[test]
fn every_rule_is_kept_by_the_plan_it_made() {
    let cases: Vec<(Problem, Vec<serde_json::Value>)> = vec![
        (
            budget(),
            vec![
                json!({"budget": {"kind": "spendAtLeast", "channel": "radio", "span": {"period": 2}, "amount": 700.0}}),
                json!({"budget": {"kind": "shareAtMost", "channel": "ads", "share": 0.4}}),
                json!({"budget": {"kind": "alwaysOn", "channel": "mail"}}),
                json!({"budget": {"kind": "spendAtMost", "span": "each", "amount": 5000.0}}),
                json!({"budget": {"kind": "never", "channel": "radio"}}),
            ],
        ),
        (
            inventory(),
            vec![
                json!({"inventory": {"kind": "noOrders", "period": 2}}),
                json!({"inventory": {"kind": "stockAtLeast", "product": "tea", "units": 5.0}}),
                json!({"inventory": {"kind": "stockAtMost", "units": 60.0}}),
                json!({"inventory": {"kind": "purchasesAtMost", "amount": 450.0}}),
                json!({"inventory": {"kind": "serveAtLeast", "product": "coffee", "share": 0.9}}),
                json!({"inventory": {"kind": "orderAtMost", "product": "coffee", "units": 45.0}}),
                json!({"inventory": {"kind": "orderAtLeast", "product": "tea", "period": 3, "units": 25.0}}),
            ],
        ),
        (
            staffing(),
            vec![
                json!({"staffing": {"kind": "headsAtMost", "people": 4.0}}),
                json!({"staffing": {"kind": "headsAtLeast", "skill": 0, "people": 7.0}}),
                json!({"staffing": {"kind": "peopleAtLeast", "skill": 0, "day": 3, "fromHour": 9, "toHour": 11, "people": 5.0}}),
                json!({"staffing": {"kind": "startsWithin", "fromHour": 7, "toHour": 10}}),
                json!({"staffing": {"kind": "shiftAtMost", "hours": 6}}),
                json!({"staffing": {"kind": "wagesAtMost", "amount": 1800.0}}),
            ],
        ),
        (
            roster(),
            vec![
                json!({"roster": {"kind": "apart", "person": "Jo", "other": "Sam"}}),
                json!({"roster": {"kind": "atWork", "person": "Kim", "day": 7, "shift": "day"}}),
                json!({"roster": {"kind": "weekAtMost", "shifts": 4}}),
                json!({"roster": {"kind": "weekAtLeast", "person": "Lee", "shifts": 5}}),
                json!({"roster": {"kind": "peopleAtLeast", "shift": "day", "weekday": "saturday", "people": 3}}),
                json!({"roster": {"kind": "peopleAtMost", "shift": "evening", "people": 1}}),
            ],
        ),
    ];
    for (problem, limits) in cases {
        let free = solve(&problem, &[], 0, &mut effort()).unwrap().objective.unwrap();
        for limit in limits {
            let one = rule("one", "", limit);
            let answer = solve(&problem, std::slice::from_ref(&one), 0, &mut effort()).unwrap();
            assert_eq!(answer.status, Status::Optimal, "{}", one.sentence());
            sound(&answer);
            assert!(one.is_kept(&problem, answer.plan.as_ref().unwrap()));
            let better = (free - answer.objective.unwrap()) * answer.sense.sign();
            assert!(better <= 1e-4, "{}: another rule never improves", one.sentence());
        }
    }
}

#[test]
fn a_rule_is_refused_with_what_is_wrong() {
    let refused = |problem: &Problem, limit| rule("r1", "", limit).validate(problem).unwrap_err();
    let unknown = refused(&roster(), json!({"roster": {"kind": "notAtWork", "person": "Mario"}}));
    assert!(matches!(&unknown, Refusal::Unknown { id, .. } if id == "Mario"));
    assert!(unknown.to_string().contains("Maria"));
    let number = refused(&budget(), json!({"budget": {"kind": "spendAtMost", "amount": -5.0}}));
    assert!(number.to_string().contains("amount is -5"), "{number}");
    let period = refused(&inventory(), json!({"inventory": {"kind": "noOrders", "period": 9}}));
    assert!(period.to_string().contains("from 1 to 4"), "{period}");
    let people = refused(&roster(), json!({"roster": {"kind": "seniorsAtLeast", "people": 4}}));
    assert!(people.to_string().contains("at most 3"), "{people}");
    let family = refused(&roster(), json!({"budget": {"kind": "never", "channel": "ads"}}));
    assert!(matches!(family, Refusal::OtherFamily { .. }));
    let twice = rule("same", "", json!({"budget": {"kind": "never", "channel": "ads"}}));
    let error = solve(&budget(), &[twice.clone(), twice], 0, &mut effort()).unwrap_err();
    assert!(matches!(error, Refusal::SameId { .. }));
}

#[test]
fn a_conflict_cites_the_rules_and_the_way_out() {
    let rules = [
        rule(
            "ads",
            "never more than USD 500 on ads",
            json!({"budget": {"kind": "spendAtMost", "channel": "ads", "amount": 500.0}}),
        ),
        rule(
            "promise",
            "the agency gets USD 2,000 for ads",
            json!({"budget": {"kind": "spendAtLeast", "channel": "ads", "amount": 2000.0}}),
        ),
        rule("mail", "mail always runs", json!({"budget": {"kind": "alwaysOn", "channel": "mail"}})),
    ];
    let answer = solve(&budget(), &rules, 0, &mut effort()).unwrap();
    assert_eq!(answer.status, Status::Infeasible);
    let why = answer.why_not.unwrap();
    assert!(why.verified);
    let cited: Vec<_> = why.members.iter().map(|m| m.rule.as_deref().unwrap()).collect();
    assert_eq!(cited, ["ads", "promise"]);
    assert_eq!(why.repairs[0].rule.as_deref(), Some("promise"));
    assert!((why.repairs[0].repair.to - 500.0).abs() < 1e-6);
    assert!((why.repairs[1].repair.to - 2000.0).abs() < 1e-6);
}

#[test]
fn an_absence_is_part_of_a_conflict() {
    let Problem::Roster(mut problem) = roster() else { panic!("a roster") };
    problem.off[3][2] = true;
    let rules = [rule(
        "lee",
        "Lee opens on Wednesday",
        json!({"roster": {"kind": "atWork", "person": "Lee", "day": 3, "shift": "day"}}),
    )];
    let why = solve(&Problem::Roster(problem), &rules, 0, &mut effort()).unwrap().why_not.unwrap();
    let said: Vec<&str> = why.members.iter().map(|m| m.says.as_str()).collect();
    assert!(why.verified);
    assert!(said.contains(&"Lee opens on Wednesday") && said.contains(&"Lee is off on day 3"), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[test]
fn what_is_done_today_is_priced_and_compared() {
    let today = Plan::Roster(RosterPlan {
        shifts: (1..=7).map(|day| Assignment { person: "Kim".into(), day, shift: "day".into() }).collect(),
    });
    let before = roster().costs(&today).unwrap();
    let answer = solve(&roster(), &[], 0, &mut effort()).unwrap();
    let differences = compare(&before, &answer.costs);
    let missing = differences.iter().find(|d| d.name == "people missing").unwrap();
    assert_eq!(missing.before, 21.0 * 100.0);
    assert!(missing.change < 0.0);
    let total: f64 = differences.iter().map(|d| d.change).sum();
    let sum: f64 = before.iter().map(|t| t.amount).sum();
    assert!((sum + total - answer.objective.unwrap()).abs() < 1e-6);
    let stranger =
        Plan::Roster(RosterPlan { shifts: vec![Assignment { person: "Zoe".into(), day: 1, shift: "day".into() }] });
    assert!(roster().costs(&stranger).unwrap_err().to_string().contains("Zoe"));
}

#[test]
fn problems_rules_and_answers_survive_storage() {
    for problem in [roster(), budget(), inventory(), staffing()] {
        let text = serde_json::to_string(&problem).unwrap();
        let again: Problem = serde_json::from_str(&text).unwrap();
        let first = solve(&problem, &[], 3, &mut effort()).unwrap();
        let second = solve(&again, &[], 3, &mut effort()).unwrap();
        assert_eq!(first, second, "the same run gives the same answer");
        let stored: Answer = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(stored, first);
    }
}

#[test]
fn a_cancelled_run_keeps_its_best_plan_and_says_so() {
    let seen = std::cell::Cell::new(0);
    let progress = |p: Progress| {
        seen.set(seen.get() + 1);
        if let (Some(incumbent), Some(bound)) = (p.incumbent, p.bound) {
            assert!(bound <= incumbent + 1e-6);
        }
    };
    let stop = || seen.get() > 0;
    let mut effort = Effort::seconds(4.0).with_progress(&progress).with_stop(&stop);
    let answer = solve(&inventory(), &[], 0, &mut effort).unwrap();
    assert!(seen.get() > 0);
    sound(&answer);
}

/// Plants a conflict among rules: a floor on something above a ceiling on the same or a wider thing,
/// and decoys that conflict with nothing.
fn planted(family: usize, a: u32, b: u32) -> (Problem, Vec<Rule>) {
    let (a, b) = (f64::from(a), f64::from(b));
    match family {
        0 => (
            budget(),
            vec![
                rule("floor", "", json!({"budget": {"kind": "spendAtLeast", "channel": "ads", "amount": 1000.0 + a}})),
                rule("ceiling", "", json!({"budget": {"kind": "spendAtMost", "amount": 900.0 + b}})),
                rule("decoy", "", json!({"budget": {"kind": "spendAtMost", "channel": "mail", "amount": 700.0}})),
            ],
        ),
        1 => (
            inventory(),
            vec![
                rule(
                    "floor",
                    "",
                    json!({"inventory": {"kind": "stockAtLeast", "product": "tea", "period": 1, "units": 20.0 + a}}),
                ),
                rule(
                    "ceiling",
                    "",
                    json!({"inventory": {"kind": "stockAtMost", "period": 1, "units": 10.0 + b / 10.0}}),
                ),
                rule("decoy", "", json!({"inventory": {"kind": "noOrders", "period": 3}})),
            ],
        ),
        2 => (
            staffing(),
            vec![
                rule("floor", "", json!({"staffing": {"kind": "headsAtLeast", "people": 5.0 + (a / 20.0).floor()}})),
                rule("ceiling", "", json!({"staffing": {"kind": "wagesAtMost", "amount": 4.0 * 360.0 + b}})),
                rule("decoy", "", json!({"staffing": {"kind": "shiftAtMost", "hours": 4}})),
            ],
        ),
        _ => (
            roster(),
            vec![
                rule(
                    "floor",
                    "",
                    json!({"roster": {"kind": "peopleAtLeast", "shift": "day", "weekday": "friday", "people": 4 + (a as usize) % 3}}),
                ),
                rule(
                    "ceiling",
                    "",
                    json!({"roster": {"kind": "peopleAtMost", "shift": "day", "people": 1 + (b as usize) % 3}}),
                ),
                rule("decoy", "", json!({"roster": {"kind": "notAtWork", "person": "Sam", "weekday": "sunday"}})),
            ],
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_planted_conflict_is_found_irreducible_and_proven(family in 0usize..4, a in 0u32..100, b in 0u32..100) {
        let (problem, rules) = planted(family, a, b);
        let answer = solve(&problem, &rules, 0, &mut effort()).unwrap();
        prop_assert_eq!(answer.status, Status::Infeasible);
        let why = answer.why_not.unwrap();
        prop_assert!(why.verified);
        let cited: Vec<&str> = why.members.iter().filter_map(|m| m.rule.as_deref()).collect();
        prop_assert!(!cited.contains(&"decoy"));
        // The rules that are cited cannot all be kept; without any one of them the others can.
        let only = |keep: &dyn Fn(&str) -> bool| {
            let part: Vec<Rule> = rules.iter().filter(|r| keep(&r.id)).cloned().collect();
            solve(&problem, &part, 0, &mut effort()).unwrap()
        };
        prop_assert_eq!(only(&|id| cited.contains(&id)).status, Status::Infeasible);
        for gone in &cited {
            let rest = only(&|id| id != *gone);
            prop_assert!(rest.plan.is_some(), "without {}", gone);
            prop_assert!(rest.violations.is_empty());
        }
        prop_assert!(!why.repairs.is_empty());
    }
}
