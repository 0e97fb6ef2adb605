//! Plans compared with what is done today: a past that channels are fitted from, an earlier plan that goes on.

use serde_json::{Value, json};

use super::super::world;
use super::{ask, cafe, counter, ended, metric, plan};

fn total(plan: &Value, field: &str) -> f64 {
    let terms = plan["againstToday"].as_array().unwrap_or_else(|| panic!("not compared: {plan}"));
    terms.iter().filter_map(|term| term[field].as_f64()).sum()
}

fn ads(i: i64) -> f64 {
    200.0 + 150.0 * (i as f64 / 17.0).sin() + (i * 37 % 23) as f64
}

fn mail(i: i64) -> f64 {
    60.0 + 40.0 * (i as f64 / 11.0).cos() + (i * 13 % 7) as f64
}

#[tokio::test]
async fn channels_are_fitted_from_the_past_and_its_end_is_today() {
    let owner = world::owner().await;
    let sales = |i: i64| {
        let (ads, mail) = (ads(i), mail(i));
        900.0 + 3000.0 * ads / (400.0 + ads) + 300.0 * mail / (150.0 + mail) + (i * 29 % 13) as f64
    };
    let revenue = metric(&owner, "web_sales", 300, sales).await;
    metric(&owner, "ads_spend", 300, ads).await;
    metric(&owner, "mail_spend", 300, mail).await;
    let problem = json!({
        "history": {"outcome": {"metric": revenue}, "steps": 280, "channels": [
            {"name": "ads", "spend": {"metric": "ads_spend"}}, {"name": "mail", "spend": {"metric": "mail_spend"}}]},
        "periods": 3, "budget_per_period": 400.0, "goal": "profit",
    });
    let run = plan(&owner, "optimizeBudget", json!({"problem": problem, "seconds": 5})).await;
    let found = &run["plan"];
    // The fitted curves stand in the problem as it was solved, and are near those that made the past.
    let channels = found["problem"]["channels"].as_array().expect("fitted channels");
    assert_eq!(channels.len(), 2, "{found}");
    let returned = |channel: &Value, spend: f64| {
        let (alpha, k) = (channel["alpha"].as_f64().expect("alpha"), channel["k"].as_f64().expect("k"));
        alpha * spend / (k + spend)
    };
    let gain = returned(&channels[0], 300.0) - returned(&channels[0], 100.0);
    let true_gain = 3000.0 * (300.0 / 700.0 - 100.0 / 500.0);
    assert!((gain / true_gain - 1.0).abs() < 0.25, "{gain} for {true_gain}: {found}");
    // Today is the spend of the last three days, to the cent.
    let terms = found["againstToday"].as_array().expect("terms");
    let spends = terms.iter().filter(|term| term["name"] == "spend");
    let spent: f64 = spends.filter_map(|term| term["before"].as_f64()).sum();
    let cents = |value: f64| (value * 100.0).round() / 100.0;
    let known: f64 = (297..300).map(|i| cents(ads(i)) + cents(mail(i))).sum();
    assert!((spent + known).abs() < 0.05, "{spent} is not {known}");
    assert!(total(found, "after") >= total(found, "before"), "{found}");
    assert!(run["summary"].as_str().expect("words").contains("than today's"), "{run}");
    assert!(run["caveats"].to_string().contains("last 3 periods"), "{run}");

    // Too little in common is said; too few steps are refused before anything is read.
    metric(&owner, "radio_spend", 10, ads).await;
    let mut short = problem.clone();
    short["history"]["channels"][1]["spend"] = json!({"metric": "radio_spend"});
    let failed = ended(&owner, "optimizeBudget", json!({"problem": short})).await;
    assert_eq!(failed["status"], "FAILED", "{failed}");
    let mut few = problem;
    few["history"]["steps"] = json!(5);
    let refused = ask(&owner, "optimizeBudget", json!({"problem": few})).await;
    assert!(refused["userErrors"][0]["message"].as_str().expect("words").contains("26 to 5000"), "{refused}");
}

#[tokio::test]
async fn a_roster_is_compared_with_the_one_that_was_taken_on() {
    let owner = world::owner().await;
    let asked = |problem: Value, day: &str, today: Value| json!({"problem": problem, "calendar": {"firstDay": day}, "seconds": 3, "today": today});
    let first = plan(&owner, "optimizeRoster", asked(cafe(), "2026-11-30", Value::Null)).await;
    assert_eq!(first["plan"]["againstToday"], Value::Null);
    // The same question two weeks on: the roster that goes on costs what it did.
    let today = json!({"run": first["id"]});
    let again = plan(&owner, "optimizeRoster", asked(cafe(), "2026-12-14", today.clone())).await;
    let objective = first["plan"]["objective"].as_f64().expect("points");
    assert!((total(&again["plan"], "before") - objective).abs() < 1e-6, "{again}");
    // Without somebody whom today's roster counts on, shifts are empty that a new one fills.
    let mut without = cafe();
    without["names"][0] = json!("Nora");
    let without = plan(&owner, "optimizeRoster", asked(without, "2026-12-14", today)).await;
    assert!(total(&without["plan"], "change") < 0.0, "{without}");
}

#[tokio::test]
async fn staffing_is_compared_with_the_tours_of_an_earlier_plan() {
    let owner = world::owner().await;
    let asked = |problem: Value, today: Value| json!({"problem": problem, "seconds": 2, "today": today});
    let first = plan(&owner, "optimizeStaffing", asked(counter(), Value::Null)).await;
    let mut busier = counter();
    for hour in busier["demand"][0].as_array_mut().expect("hours") {
        *hour = json!(hour.as_f64().expect("people") * 2.0);
    }
    let today = json!({"run": first["id"]});
    let second = plan(&owner, "optimizeStaffing", asked(busier, today.clone())).await;
    let change = total(&second["plan"], "change");
    assert!(change < 0.0, "twice the customers with today's people cost more than a plan for them: {second}");
    // Tours that the problem does not have cannot be compared, and that is said.
    let mut others = counter();
    for tour in others["tours"].as_array_mut().expect("tours") {
        tour["len"] = json!(6);
    }
    let other = plan(&owner, "optimizeStaffing", asked(others, today.clone())).await;
    assert_eq!(other["plan"]["againstToday"], Value::Null);
    assert!(other["caveats"].to_string().contains("not compared with today"), "{other}");

    let strange = ended(&owner, "optimizeRoster", asked(cafe(), today)).await;
    assert!(strange["failure"].as_str().expect("words").contains("no roster plan"), "{strange}");
    let nonsense = ask(&owner, "optimizeStaffing", asked(counter(), json!({"run": "x"}))).await;
    assert_eq!(nonsense["userErrors"][0]["field"][1], "today", "{nonsense}");
}
