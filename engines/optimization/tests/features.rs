//! What owners can state beyond the plain problems: each against an answer worked out by hand or by
//! trying everything.

use dyocense_optimization::business::{Answer, Plan, Problem, Rule, solve};
use dyocense_optimization::effort::Effort;
use dyocense_optimization::lp::Status;
use dyocense_optimization::mmm::{ChannelHistory, History, fit};
use dyocense_optimization::run::{Options, Outcome, read_task, run};
use serde_json::{Value, json};

fn answered(kind: &str, problem: Value, rules: &[Rule]) -> Answer {
    let problem = Problem::from_json(kind, problem).expect("a problem of the documented form");
    let answer = solve(&problem, rules, 0, &mut Effort::seconds(4.0)).expect("rules that fit");
    assert_eq!(answer.violations, Vec::<String>::new());
    if let (Some(plan), Some(objective)) = (&answer.plan, answer.objective) {
        let costs: f64 = problem.costs(plan).expect("a plan of the problem").iter().map(|term| term.amount).sum();
        assert!((costs - objective).abs() < 1e-4 * (1.0 + objective.abs()), "{costs} {objective}");
    }
    answer
}

fn refused(kind: &str, problem: Value) -> String {
    Problem::from_json(kind, problem).expect_err("a refusal").to_string()
}

fn term(answer: &Answer, name: &str) -> f64 {
    answer.costs.iter().find(|term| term.name == name).map_or(f64::NAN, |term| term.amount)
}

fn product(demand: &[f64]) -> Value {
    json!({"name": "bread", "demand": demand, "hold": 1.0, "setup_cost": 50.0, "unit_cost": 2.0, "lost_sale": 100.0})
}

fn shop(products: Vec<Value>, periods: usize) -> Value {
    json!({"products": products, "periods": periods, "capacity": vec![1000.0; periods]})
}

fn orders(answer: &Answer) -> Vec<Vec<f64>> {
    match &answer.plan {
        Some(Plan::Inventory(plan)) => plan.products.iter().map(|line| line.orders.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn customers_who_wait_are_served_later() {
    let mut waits = product(&[10.0, 10.0, 10.0]);
    waits["backorder"] = json!(1.5);
    waits["hold"] = json!(100.0);
    // One order at the end: 10 wait two periods, 10 wait one: 45, beside two more set-ups of 50.
    let answer = answered("inventory", shop(vec![waits], 3), &[]);
    assert_eq!(answer.status, Status::Optimal);
    assert!((answer.objective.unwrap() - (50.0 + 60.0 + 45.0)).abs() < 1e-5, "{answer:?}");
    assert!((term(&answer, "customers waiting") - 45.0).abs() < 1e-5);
    assert!((orders(&answer)[0][2] - 30.0).abs() < 1e-5);
}

#[test]
fn a_capacity_that_is_left_out_is_no_limit() {
    let mut products = vec![product(&[20.0, 50.0, 10.0, 50.0, 50.0]), product(&[5.0, 0.0, 35.0, 5.0, 15.0])];
    products[1]["name"] = json!("cake");
    products[1]["unit_time"] = json!(1.0);
    let ample = answered("inventory", shop(products.clone(), 5), &[]);
    let free = answered("inventory", json!({"products": products, "periods": 5}), &[]);
    assert_eq!((free.status, ample.status), (Status::Optimal, Status::Optimal));
    assert!((free.objective.unwrap() - ample.objective.unwrap()).abs() < 1e-5, "{free:?} {ample:?}");
    assert_eq!(orders(&free), orders(&ample));
    let short = refused("inventory", json!({"products": products, "periods": 5, "capacity": [1.0]}));
    assert!(short.contains("capacity") && short.contains('5'), "{short}");
}

#[test]
fn what_waits_at_the_end_is_lost() {
    let mut waits = product(&[10.0]);
    waits["backorder"] = json!(0.0);
    waits["lost_sale"] = json!(3.0);
    let answer = answered("inventory", shop(vec![waits], 1), &[]);
    // Serving costs 70, losing 30; waiting for ever is losing.
    assert!((answer.objective.unwrap() - 30.0).abs() < 1e-6);
}

#[test]
fn a_unit_is_not_sold_after_its_shelf_life() {
    let keeps = answered("inventory", shop(vec![product(&[10.0, 10.0, 10.0, 10.0])], 4), &[]);
    // Without a limit: one order for two periods twice (100 + 20) or one for all (50 + 60).
    assert!((keeps.objective.unwrap() - (50.0 + 60.0 + 80.0)).abs() < 1e-5);
    let mut spoils = product(&[10.0, 10.0, 10.0, 10.0]);
    spoils["shelf_life"] = json!(2);
    let answer = answered("inventory", shop(vec![spoils.clone()], 4), &[]);
    assert!((answer.objective.unwrap() - (100.0 + 20.0 + 80.0)).abs() < 1e-5, "{answer:?}");
    // Stock of the start spoils as well: 15 of 25 are sold in time, 5 of them in the second period.
    spoils["init"] = json!(25.0);
    spoils["demand"] = json!([10.0, 5.0, 0.0, 0.0]);
    spoils["waste_cost"] = json!(0.5);
    let answer = answered("inventory", shop(vec![spoils], 4), &[]);
    assert!((term(&answer, "waste") - 5.0).abs() < 1e-5, "{answer:?}");
}

#[test]
fn an_order_arrives_after_its_lead_time() {
    let mut late = product(&[10.0, 0.0, 30.0]);
    late["lead_time"] = json!(2);
    // Nothing can serve the first ten; the order for the thirty is placed in the first period.
    let answer = answered("inventory", shop(vec![late.clone()], 3), &[]);
    assert!((answer.objective.unwrap() - (10.0 * 100.0 + 50.0 + 60.0)).abs() < 1e-5, "{answer:?}");
    assert!((orders(&answer)[0][0] - 30.0).abs() < 1e-5);
    // With ten in stock and five on their way, 25 are ordered and five are held for a period.
    late["init"] = json!(10.0);
    late["arriving"] = json!([0.0, 5.0, 0.0]);
    let answer = answered("inventory", shop(vec![late.clone()], 3), &[]);
    assert!((answer.objective.unwrap() - (50.0 + 50.0 + 5.0)).abs() < 1e-5, "{answer:?}");
    // What is ordered fresh every day must still be ordered a day before.
    let mut fresh = product(&[0.0, 10.0, 10.0]);
    fresh["lead_time"] = json!(1);
    fresh["shelf_life"] = json!(1);
    let answer = answered("inventory", shop(vec![fresh.clone()], 3), &[]);
    assert!((answer.objective.unwrap() - (2.0 * 50.0 + 40.0)).abs() < 1e-5, "{answer:?}");
    fresh["arriving"] = json!([1.0]);
    assert!(refused("inventory", shop(vec![fresh.clone()], 3)).contains("products[0].arriving"));
    fresh["arriving"] = json!([1.0, -1.0, 1.0]);
    assert!(refused("inventory", shop(vec![fresh], 3)).contains("products[0].arriving[1]"));
}

#[test]
fn shelf_space_and_money_are_shared() {
    let mut one = product(&[10.0, 10.0]);
    one["space"] = json!(2.0);
    let mut two = one.clone();
    two["name"] = json!("cake");
    let mut problem = shop(vec![one, two], 2);
    let free = answered("inventory", problem.clone(), &[]);
    assert!((free.objective.unwrap() - (2.0 * (50.0 + 10.0 + 40.0))).abs() < 1e-5);
    // Room for one product's stock only: the other orders twice.
    problem["space"] = json!([20.0, 20.0]);
    let tight = answered("inventory", problem.clone(), &[]);
    assert!((tight.objective.unwrap() - (100.0 + 140.0)).abs() < 1e-5, "{tight:?}");
    // Money for one order in each period only: two of four demands are lost or one product is left.
    problem["budget"] = json!([95.0, 95.0]);
    let poor = answered("inventory", problem, &[]);
    assert!(poor.objective.unwrap() > tight.objective.unwrap());
    assert!(poor.stands.iter().any(|range| range.says.contains("demand for bread in period 1")));
}

#[test]
fn bad_inventory_fields_are_named() {
    let mut bad = product(&[1.0]);
    bad["shelf_life"] = json!(0);
    assert!(refused("inventory", shop(vec![bad], 1)).contains("products[0].shelf_life"));
    let mut bad = product(&[1.0]);
    bad["backorder"] = json!(-1.0);
    assert!(refused("inventory", shop(vec![bad], 1)).contains("products[0].backorder"));
    let mut problem = shop(vec![product(&[1.0])], 1);
    problem["space"] = json!([1.0, 2.0]);
    assert!(refused("inventory", problem).contains("length of space"));
    assert!(refused("inventory", shop(vec![product(&[])], 0)).contains("periods"));
    assert!(refused("inventory", shop(vec![product(&[1.0, 2.0])], 1)).contains("products[0].demand"));
}

fn day(people: &[(usize, usize, f64)]) -> Vec<f64> {
    let mut need = vec![0.0; 24];
    for &(from, to, heads) in people {
        need[from..to].fill(heads);
    }
    need
}

fn heads(answer: &Answer) -> Vec<(usize, f64)> {
    match &answer.plan {
        Some(Plan::Staffing(plan)) => plan.heads.iter().map(|line| (line.tour, line.people)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn queues_say_how_many_people_are_needed() {
    // 60 customers an hour of 3 minutes are 3 Erlang; 80 % within 20 s needs 5 people, by Erlang C.
    let mut arrivals = vec![0.0; 24];
    arrivals[9..17].fill(60.0);
    let problem = json!({
        "queues": [{"skill": 0, "arrivals": arrivals, "handling_minutes": 3.0, "service_level": 0.8,
                    "target_minutes": 0.3333333333}],
        "patterns": [{"starts": [9], "lengths": [8], "days_off": 0, "wage": 1.0}],
        "under_penalty": 1000.0, "max_heads": [10.0]
    });
    let answer = answered("staffing", problem, &[]);
    assert_eq!(heads(&answer), vec![(0, 5.0)]);
}

#[test]
fn overtime_follows_a_shift_and_is_limited() {
    let mut problem = json!({
        "demand": [day(&[(8, 16, 2.0), (16, 18, 1.0)])],
        "tours": [{"start": 8, "len": 8, "cost": 100.0}, {"start": 16, "len": 8, "cost": 100.0}],
        "under_penalty": 60.0, "max_heads": [5.0],
        "overtime": {"cost_per_hour": 20.0, "max_hours_a_day": 2, "max_hours_a_week": 1.0}
    });
    // One hour each of the two who are there; a third person would cost 100.
    let answer = answered("staffing", problem.clone(), &[]);
    assert!((answer.objective.unwrap() - (200.0 + 40.0)).abs() < 1e-5, "{answer:?}");
    assert!((term(&answer, "overtime") - 40.0).abs() < 1e-6);
    problem["overtime"]["max_hours_a_day"] = json!(1);
    // The second hour is out of reach of everyone.
    let answer = answered("staffing", problem, &[]);
    assert!((answer.objective.unwrap() - (200.0 + 20.0 + 60.0)).abs() < 1e-5, "{answer:?}");
}

#[test]
fn hiring_letting_go_and_part_time_are_weighed() {
    let mut problem = json!({
        "demand": [day(&[(8, 16, 3.0)])],
        "tours": [{"start": 8, "len": 8, "cost": 100.0}, {"start": 8, "len": 4, "cost": 40.0, "part_time": true},
                  {"start": 12, "len": 4, "cost": 40.0, "part_time": true}],
        "under_penalty": 1000.0, "max_heads": [9.0]
    });
    let cheap = answered("staffing", problem.clone(), &[]);
    assert!((cheap.objective.unwrap() - 240.0).abs() < 1e-5);
    problem["part_time_share"] = json!(0.5);
    // Four half shifts and one whole one are too many halves: two whole, two halves.
    let answer = answered("staffing", problem.clone(), &[]);
    assert!((answer.objective.unwrap() - 280.0).abs() < 1e-5, "{answer:?}");
    problem["workforce"] = json!({"heads": [1.0], "hire_cost": 30.0, "fire_cost": 500.0});
    // Every person more costs 30: three whole shifts (300 + 60) beat two and two halves (280 + 90).
    let answer = answered("staffing", problem.clone(), &[]);
    assert!((answer.objective.unwrap() - 360.0).abs() < 1e-5, "{answer:?}");
    assert!((term(&answer, "hiring") - 60.0).abs() < 1e-6);
    problem["part_time_share"] = json!(1.5);
    assert!(refused("staffing", problem).contains("part_time_share"));
}

fn team() -> Value {
    json!({
        "E": 4, "D": 7, "shifts": ["early", "night"],
        "demand": vec![vec![1.0, 1.0]; 7],
        "senior": [true, true, false, false],
        "nonight": [false, false, false, false],
        "off": vec![vec![false; 7]; 4],
        "pref": vec![vec![vec![0.0, 0.0]; 7]; 4],
        "names": ["Ana", "Ben", "Cy", "Dee"],
        "week_min": 0, "penalties": {"no_senior": 0.0}
    })
}

fn nights(answer: &Answer) -> Vec<usize> {
    let Some(Plan::Roster(plan)) = &answer.plan else { panic!() };
    let of = |who: &str| plan.shifts.iter().filter(|line| line.person == who && line.shift == "night").count();
    ["Ana", "Ben", "Cy", "Dee"].map(of).to_vec()
}

#[test]
fn nights_are_shared_fairly() {
    let mut problem = team();
    // Ana likes nights, a little.
    problem["pref"][0] = json!(vec![vec![0.0, -1.0]; 7]);
    problem["nights_max"] = json!(7);
    problem["max_consecutive"] = json!(7);
    problem["week_max"] = json!(7);
    assert_eq!(nights(&answered("roster", problem.clone(), &[]))[0], 7);
    problem["fairness"] = json!({"shifts": 0.0, "nights": 10.0, "weekends": 0.0});
    let answer = answered("roster", problem, &[]);
    let shared = nights(&answer);
    assert_eq!(shared.iter().max().unwrap() - shared.iter().min().unwrap(), 1, "{shared:?}");
    assert!((term(&answer, "nights shared unevenly") - 10.0).abs() < 1e-6);
}

#[test]
fn rest_hours_forbid_sequences() {
    let mut problem = team();
    problem["shift_hours"] = json!([[6.0, 14.0], [22.0, 30.0]]);
    problem["min_rest_hours"] = json!(11.0);
    let answer = answered("roster", problem.clone(), &[]);
    let Some(Plan::Roster(plan)) = &answer.plan else { panic!() };
    for line in plan.shifts.iter().filter(|line| line.shift == "night") {
        let next = plan.shifts.iter().find(|other| other.person == line.person && other.day == line.day + 1);
        assert!(next.is_none_or(|next| next.shift == "night"));
    }
    problem["forbidden_sequences"] = json!([["night", "noon"]]);
    assert!(refused("roster", problem).contains("forbidden_sequences[0]"));
}

#[test]
fn seniors_and_seniority_count() {
    let mut problem = team();
    problem["demand"] = json!(vec![vec![2.0, 0.0]; 7]);
    problem["seniors_per_shift"] = json!(2);
    problem["penalties"] = json!({"no_senior": 40.0});
    problem["week_max"] = json!(7);
    problem["max_consecutive"] = json!(7);
    let answer = answered("roster", problem.clone(), &[]);
    assert!((term(&answer, "shifts without a senior")).abs() < 1e-6);
    // Both wish the same day off; the one who has been there longer gets it.
    let mut problem = team();
    problem["demand"] = json!(vec![vec![3.0, 0.0]; 7]);
    problem["pref"][0][0][0] = json!(3.0);
    problem["pref"][2][0][0] = json!(3.0);
    problem["seniority"] = json!([1.0, 1.0, 2.0, 1.0]);
    problem["week_max_of"] = json!([7, 7, 7, 5]);
    problem["week_max"] = json!(7);
    problem["max_consecutive"] = json!(7);
    let Some(Plan::Roster(plan)) = answered("roster", problem, &[]).plan else { panic!() };
    let there: Vec<&str> = plan.shifts.iter().filter(|l| l.day == 1).map(|l| l.person.as_str()).collect();
    assert!(there.contains(&"Ana") && !there.contains(&"Cy"), "{there:?}");
    assert!(plan.shifts.iter().filter(|l| l.person == "Dee").count() <= 5);
}

fn ads() -> Value {
    json!({
        "channels": [{"name": "search", "alpha": 1000.0, "k": 400.0, "cap": 1000.0},
                     {"name": "radio", "alpha": 500.0, "k": 800.0, "cap": 1000.0}],
        "budget_per_period": 1500.0, "segments": 50, "lot": 10.0
    })
}

fn spend(answer: &Answer) -> f64 {
    let Some(Plan::Budget(plan)) = &answer.plan else { panic!() };
    plan.channels.iter().flat_map(|channel| &channel.spend).sum()
}

#[test]
fn profit_stops_where_the_next_unit_of_money_returns_less() {
    let all = answered("budget", ads(), &[]);
    assert!((spend(&all) - 1500.0).abs() < 1e-6);
    let mut problem = ads();
    problem["goal"] = json!("profit");
    let answer = answered("budget", problem, &[]);
    // 1000 * 400 / (400 + s)^2 = 1 at s = 232; radio never returns 1.
    assert!((spend(&answer) - 232.0).abs() <= 10.0, "{}", spend(&answer));
    assert!(answer.objective.unwrap() > 0.0);
}

#[test]
fn the_best_ratio_spends_no_more_than_it_must() {
    let mut problem = ads();
    problem["goal"] = json!("roi");
    assert!(refused("budget", problem.clone()).contains("spend_at_least"));
    problem["spend_at_least"] = json!(300.0);
    let problem = Problem::from_json("budget", problem).unwrap();
    let answer = solve(&problem, &[], 0, &mut Effort::seconds(4.0)).unwrap();
    assert_eq!(answer.status, Status::Optimal, "{answer:?}");
    assert_eq!(answer.violations, Vec::<String>::new());
    // The best of every split of 300 and more, in steps of 10, on the same pieces.
    let piece = |alpha: f64, k: f64, s: f64| {
        let (curve, low) = (|s: f64| alpha * s / (k + s), (s / 20.0).floor() * 20.0);
        curve(low) + (curve(low + 20.0) - curve(low)) * (s - low) / 20.0
    };
    let mut best = f64::NEG_INFINITY;
    for a in 0..=100 {
        for b in 0..=100 {
            let (a, b) = (f64::from(a) * 10.0, f64::from(b) * 10.0);
            if (300.0..=1500.0).contains(&(a + b)) {
                best = best.max((piece(1000.0, 400.0, a) + piece(500.0, 800.0, b) - a - b) / (a + b));
            }
        }
    }
    assert!((answer.objective.unwrap() - best).abs() < 1e-6, "{:?} {best}", answer.objective);
}

/// A history made by known curves, with a season, a trend and noise of its own.
fn made(noise: f64, seed: u64) -> History {
    let mut state = seed * 2 + 1;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let weeks = 156;
    let mut pulses = |level: f64| (0..weeks).map(|_| level * 2.0 * uniform().powi(2)).collect::<Vec<f64>>();
    let (search, radio) = (pulses(1000.0), pulses(500.0));
    let working = |spend: &[f64], decay: f64| {
        let mut left = spend[..8].iter().sum::<f64>() / 8.0;
        let step = |s: &f64| {
            left = decay * left + (1.0 - decay) * s;
            left
        };
        spend.iter().map(step).collect::<Vec<f64>>()
    };
    let (a, b) = (working(&search, 0.2), working(&radio, 0.6));
    let outcome = (0..weeks)
        .map(|t| {
            let season = 300.0 * (2.0 * std::f64::consts::PI * t as f64 / 52.0).sin();
            let error = noise * (uniform() + uniform() + uniform() + uniform() - 2.0);
            5000.0 + 2.0 * t as f64 + season + 4000.0 * a[t] / (800.0 + a[t]) + 1500.0 * b[t] / (300.0 + b[t]) + error
        })
        .collect();
    let channel = |name: &str, spend: Vec<f64>| ChannelHistory { name: name.into(), spend };
    History {
        outcome,
        channels: vec![channel("search", search), channel("radio", radio)],
        controls: Vec::new(),
        season: Some(52.0),
    }
}

#[test]
fn curves_are_found_again_in_the_history_they_made() {
    let fitted = fit(&made(1.0, 1), 0, &mut Effort::seconds(20.0)).unwrap();
    assert!(fitted.r_squared > 0.999, "{fitted:?}");
    for (channel, (alpha, k, decay)) in fitted.channels.iter().zip([(4000.0, 800.0, 0.2), (1500.0, 300.0, 0.6)]) {
        let at = alpha * channel.mean_spend / (k + channel.mean_spend);
        assert!((channel.return_at_mean.value / at - 1.0).abs() < 0.1, "{channel:?} {at}");
        assert!((channel.decay.value - decay).abs() < 0.1, "{channel:?}");
    }
}

#[test]
fn intervals_hold_the_truth_and_widen_with_noise() {
    let mut held = 0;
    let mut widths = [0.0, 0.0];
    for seed in 1..5 {
        for (width, noise) in widths.iter_mut().zip([60.0, 300.0]) {
            let fitted = fit(&made(noise, seed), 0, &mut Effort::seconds(20.0)).unwrap();
            for (channel, (alpha, k)) in fitted.channels.iter().zip([(4000.0, 800.0), (1500.0, 300.0)]) {
                let slope = alpha * k / (k + channel.mean_spend).powi(2);
                let found = channel.marginal_at_mean;
                held += usize::from(found.low <= slope && slope <= found.high);
                *width += found.high - found.low;
            }
        }
    }
    assert!(held >= 12, "{held} of 16 intervals of 90 % hold the truth");
    assert!(widths[1] > widths[0], "{widths:?}");
}

#[test]
fn a_budget_may_start_from_history() {
    let problem = json!({"history": made(20.0, 3), "budget_per_period": 1500.0, "goal": "profit"});
    let answer = answered("budget", problem, &[]);
    assert!(spend(&answer) > 0.0);
    assert_eq!(answer.marginal_returns.len(), 2);
    let mut short = made(20.0, 3);
    short.outcome.truncate(20);
    assert!(refused("budget", json!({"history": short, "budget_per_period": 1.0})).contains("history.outcome"));
}

fn ran(text: &Value) -> Outcome {
    let task = read_task(&text.to_string()).expect("a file of the documented form");
    run(&task, Options::default(), &mut Effort::seconds(4.0)).expect("an answer")
}

#[test]
fn a_file_may_hold_rules_and_what_is_done_today() {
    let mut file = shop(vec![product(&[10.0, 10.0])], 2);
    file["kind"] = json!("inventory");
    file["today"] = json!({"products": [{"product": "bread", "orders": [10.0, 10.0]}]});
    let rule = json!({"id": "r1", "says": "no bread in the first week",
                      "limit": {"inventory": {"kind": "noOrders", "product": "bread", "period": 1}}});
    let free = ran(&file);
    let differences = free.against_today.unwrap();
    let change: f64 = differences.iter().map(|part| part.change).sum();
    // One set-up of 50 less, ten units held more.
    assert!((change + 40.0).abs() < 1e-5, "{differences:?}");
    file["rules"] = json!([rule]);
    let ruled = ran(&file);
    assert!(ruled.objective.unwrap() > free.objective.unwrap());
    assert_eq!(ruled.binding_rules[0].says, "no bread in the first week");
    let fitted = ran(&json!({"kind": "marketing_mix", "inputs": made(20.0, 2)}));
    assert!(fitted.policy.unwrap()["rSquared"].as_f64().unwrap() > 0.9);
    let safe = ran(&json!({"kind": "safety_stock", "inputs": {"demand_mean": 100.0, "demand_sd": 20.0,
                           "lead_time": 4.0, "lead_time_sd": 1.0, "service_level": 0.95}}));
    let point = safe.policy.unwrap()["reorderPoint"].as_f64().unwrap();
    assert!((point - (400.0 + 1.6448536269514722 * 11600f64.sqrt())).abs() < 1e-6, "{point}");
}

#[test]
fn a_file_may_hold_scenarios_told_term_by_term() {
    let mut file = shop(vec![product(&[10.0, 10.0])], 2);
    file["kind"] = json!("inventory");
    file["scenarios"] = json!([
        {"name": "dearer orders", "changes": {"products": {"bread": {"setup_cost": 70.0}}}},
        {"name": "no bread", "changes": {"capacity": [0.0, 0.0], "products": {"0": {"unit_time": 1.0}}}},
    ]);
    let answer = ran(&file);
    assert!((answer.objective.unwrap() - (50.0 + 10.0 + 40.0)).abs() < 1e-5);
    let dearer = &answer.scenarios[0];
    assert_eq!((dearer.name.as_str(), dearer.status), ("dearer orders", Status::Optimal));
    let change = |name: &str| dearer.terms.iter().find(|term| term.name == name).map_or(f64::NAN, |term| term.change);
    assert!((change("orders placed") - 20.0).abs() < 1e-5 && change("purchases").abs() < 1e-5, "{dearer:?}");
    assert!((answer.scenarios[1].objective.unwrap() - 2000.0).abs() < 1e-4, "{:?}", answer.scenarios[1]);
    let mut unread = |scenarios: Value| {
        file["scenarios"] = scenarios;
        read_task(&file.to_string()).expect_err("a refusal").to_string()
    };
    let cake = unread(json!([{"name": "cake", "changes": {"products": {"cake": {"hold": 1.0}}}}]));
    assert!(cake.contains("\"cake\"") && cake.contains("nothing is called"), "{cake}");
    let negative = unread(json!([{"name": "odd", "changes": {"products": {"bread": {"hold": -1.0}}}}]));
    assert!(negative.contains("\"odd\"") && negative.contains("products[0].hold"), "{negative}");
}

#[test]
fn two_conflicts_are_mended_together() {
    let rule = |id: &str, kind: &str, spend: f64, channel: &str| -> Rule {
        let limit = json!({"budget": {"kind": kind, "channel": channel, "amount": spend}});
        serde_json::from_value(json!({"id": id, "says": id, "limit": limit})).unwrap()
    };
    let rules = [
        rule("search high", "spendAtLeast", 900.0, "search"),
        rule("search low", "spendAtMost", 800.0, "search"),
        rule("radio high", "spendAtLeast", 500.0, "radio"),
        rule("radio low", "spendAtMost", 450.0, "radio"),
    ];
    let answer = answered("budget", ads(), &rules);
    assert_eq!(answer.status, Status::Infeasible);
    let why = answer.why_not.unwrap();
    assert!(why.verified);
    assert_eq!(why.repairs.len(), 2, "{why:?}");
    assert!(why.repairs.iter().all(|way| way.repair.together));
}
