//! Laws of the optimum, for random problems of every family: scaling all costs scales it, a further rule
//! never improves it, the order in which things are listed does not matter, and both checkers accept
//! every plan.

use dyocense_optimization::business::{Answer, Problem, Rule, solve};
use dyocense_optimization::effort::Effort;
use dyocense_optimization::lp::Status;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Random draws that depend on the case alone.
struct Draw(u64);

impl Draw {
    fn whole(&mut self, least: u64, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        least + (self.0 >> 33) % (most - least + 1)
    }

    fn money(&mut self, least: u64, most: u64, factor: f64) -> f64 {
        self.whole(least, most) as f64 * factor
    }
}

const FAMILIES: [&str; 4] = ["inventory", "staffing", "roster", "budget"];

/// A problem of the family with all costs times `factor`, its lists turned round if asked for.
fn stated(family: &str, case: u64, factor: f64, turned: bool) -> Value {
    let mut draw = Draw(case);
    let order = |mut list: Vec<Value>| {
        if turned {
            list.reverse();
        }
        list
    };
    match family {
        "inventory" => {
            let products = (0..3).map(|p| {
                json!({
                    "name": format!("product {p}"),
                    "demand": (0..5).map(|_| draw.whole(0, 40)).collect::<Vec<_>>(),
                    "hold": draw.money(1, 5, factor), "setup_cost": draw.money(20, 90, factor),
                    "unit_cost": draw.money(1, 9, factor), "lost_sale": draw.money(20, 60, factor),
                    "setup_time": draw.whole(0, 9), "unit_time": draw.whole(1, 2), "moq": draw.whole(0, 1) * 15,
                    "init": draw.whole(0, 20), "lead_time": draw.whole(0, 1),
                })
            });
            json!({"products": order(products.collect()), "periods": 5, "capacity": [110, 90, 110, 90, 110]})
        }
        "staffing" => {
            let tours = (0..6).map(|_| {
                let (start, off) = (draw.whole(5, 14), draw.whole(0, 5));
                json!({"start": start, "len": draw.whole(4, 8), "off": [off, off + 1], "cost": draw.money(200, 600, factor)})
            });
            let tours = order(tours.collect());
            let need: Vec<u64> =
                (0..168).map(|h| if (7..20).contains(&(h % 24)) { draw.whole(0, 3) } else { 0 }).collect();
            json!({"demand": [need], "tours": tours, "under_penalty": draw.money(10, 50, factor), "max_heads": [9]})
        }
        "roster" => {
            let people = 6;
            let mut dislikes: Vec<Value> = (0..people)
                .map(|_| (0..7).map(|_| vec![draw.money(0, 4, factor), draw.money(0, 4, factor)]).collect())
                .collect();
            let mut seniors: Vec<bool> = (0..people).map(|e| e < 2 || draw.whole(0, 1) == 1).collect();
            if turned {
                dislikes.reverse();
                seniors.reverse();
            }
            json!({
                "E": people, "D": 7, "shifts": ["day", "night"], "demand": vec![[2, 1]; 7], "senior": seniors,
                "nonight": vec![false; people], "off": vec![vec![false; 7]; people], "pref": dislikes,
                "penalties": {"under": 100.0 * factor, "over": 12.0 * factor, "no_senior": 40.0 * factor,
                              "short_week": 30.0 * factor},
            })
        }
        _ => {
            let channels = (0..4).map(|i| {
                json!({
                    "name": format!("channel {i}"), "alpha": draw.money(500, 3000, factor), "k": draw.whole(200, 1500),
                    "min_if_active": draw.whole(0, 2) * 100, "cap": draw.whole(8, 20) * 100,
                })
            });
            json!({
                "channels": order(channels.collect()), "periods": 2, "budget_per_period": 2000, "lot": 50,
                "activation_cost": 25.0 * factor, "max_active": 3, "segments": 8,
            })
        }
    }
}

fn rule(family: &str, case: u64) -> Rule {
    let limit = match family {
        "inventory" => {
            let units = kept_through_two_periods(&stated(family, case, 1.0, false)) + case % 30;
            json!({"inventory": {"kind": "stockAtMost", "period": 2, "units": units}})
        }
        "staffing" => json!({"staffing": {"kind": "wagesAtMost", "amount": 1000 + case % 1000}}),
        "roster" => json!({"roster": {"kind": "peopleAtMost", "shift": "day", "people": 1 + case % 2}}),
        _ => json!({"budget": {"kind": "spendAtMost", "channel": "channel 1", "amount": case % 900}}),
    };
    serde_json::from_value(json!({"id": "more", "says": "", "limit": limit})).expect("a rule of the documented form")
}

/// Units that are on hand after two periods whatever is ordered: no rule can ask for fewer.
fn kept_through_two_periods(inventory: &Value) -> u64 {
    let products = inventory["products"].as_array().expect("a list of products");
    let whole = |value: &Value| value.as_u64().expect("whole units");
    products.iter().map(|p| whole(&p["init"]).saturating_sub(whole(&p["demand"][0]) + whole(&p["demand"][1]))).sum()
}

fn solved(family: &str, problem: Value, rules: &[Rule]) -> Answer {
    let problem = Problem::from_json(family, problem).expect("a problem of the documented form");
    let answer = solve(&problem, rules, 0, &mut Effort::seconds(4.0)).expect("rules that fit");
    assert_eq!(answer.violations, Vec::<String>::new());
    let plan = answer.plan.as_ref().expect("a plan");
    let parts: f64 = problem.costs(plan).expect("a plan of the problem").iter().map(|term| term.amount).sum();
    let objective = answer.objective.expect("a plan has an objective");
    assert!((parts - objective).abs() <= 1e-4 * (1.0 + objective.abs()), "{family}: {parts} is not {objective}");
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_laws_hold_in_every_family(family in 0usize..4, case in any::<u32>(), factor in 2u32..30) {
        let (family, case) = (FAMILIES[family], u64::from(case));
        let plain = solved(family, stated(family, case, 1.0, false), &[]);
        prop_assert_eq!(plain.status, Status::Optimal);
        let (objective, close) = (plain.objective.unwrap(), |a: f64, b: f64| (a - b).abs() <= 2e-6 * (1.0 + a.abs()));

        let factor = f64::from(factor);
        let dearer = solved(family, stated(family, case, factor, false), &[]).objective.unwrap();
        prop_assert!(close(dearer, factor * objective), "{} times {}: {}", factor, objective, dearer);

        let turned = solved(family, stated(family, case, 1.0, true), &[]).objective.unwrap();
        prop_assert!(close(turned, objective), "{} turned round: {}", objective, turned);

        let ruled = solved(family, stated(family, case, 1.0, false), &[rule(family, case)]).objective.unwrap();
        let worse = if family == "budget" { objective - ruled } else { ruled - objective };
        prop_assert!(worse >= -2e-6 * (1.0 + objective.abs()), "{} with a further rule: {}", objective, ruled);
    }
}
