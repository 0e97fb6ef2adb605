//! Constraints in the owner's words: kept by every plan, cited when they bind, refused when they do not fit.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::world;
use super::{bakery, cafe, counter, ended, plan, shops};

const SAVE: &str = "mutation ($i: SaveConstraintInput!) { saveConstraint(input: $i) {
    constraint { id says limit } userErrors { code field message } } }";

async fn save(client: &Client, family: &str, says: &str, limit: Value, problem: Value) {
    let input = json!({"family": family, "says": says, "limit": limit, "problem": problem});
    let saved = client.ok(SAVE, json!({"i": input})).await;
    assert_eq!(saved["saveConstraint"]["constraint"]["says"], says, "{saved}");
}

fn cited(run: &Value, says: &str) -> bool {
    let binding = run["plan"]["bindingConstraints"].as_array().expect("constraints");
    binding.iter().any(|constraint| constraint["says"] == says)
}

#[tokio::test]
async fn never_more_than_usd_5_000_on_ads() {
    let owner = world::owner().await;
    let free = plan(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    let on_ads = |run: &Value| -> f64 {
        let channels = run["plan"]["plan"]["channels"].as_array().expect("channels");
        let ads = channels.iter().find(|channel| channel["channel"] == "ads").expect("ads");
        ads["spend"].as_array().expect("periods").iter().filter_map(Value::as_f64).sum()
    };
    assert!(on_ads(&free) > 5_000.0, "{free}");
    let says = "Never more than USD 5,000 on ads";
    save(&owner, "BUDGET", says, json!({"kind": "spendAtMost", "channel": "ads", "amount": 5000}), shops()).await;
    let kept = plan(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    assert!(on_ads(&kept) <= 5_000.0 + 1e-6, "{kept}");
    assert!(cited(&kept, says), "{kept}");
    let (before, after) =
        (free["plan"]["objective"].as_f64().expect("a"), kept["plan"]["objective"].as_f64().expect("b"));
    assert!(after <= before + 1e-6, "a constraint makes no plan better: {after} after {before}");
}

#[tokio::test]
async fn maria_does_not_work_mondays_and_two_seniors_each_evening() {
    let owner = world::owner().await;
    let calendar = json!({"firstDay": "2026-10-21"});
    let mondays = "Maria does not work Mondays";
    let seniors = "Two seniors each evening";
    let off = json!({"kind": "notAtWork", "person": "Maria", "weekday": "monday"});
    save(&owner, "ROSTER", mondays, off, cafe()).await;
    save(&owner, "ROSTER", seniors, json!({"kind": "seniorsAtLeast", "shift": "Evening", "people": 2}), cafe()).await;
    let run = plan(&owner, "optimizeRoster", json!({"problem": cafe(), "calendar": calendar, "seconds": 5})).await;
    let shifts = run["plan"]["plan"]["shifts"].as_array().expect("shifts");
    for shift in shifts.iter().filter(|shift| shift["person"] == "Maria") {
        // The first day, 21 October 2026, is a Wednesday: days 6 and 13 are Mondays.
        let day = shift["day"].as_u64().expect("a day");
        assert!(day != 6 && day != 13, "{shift}");
    }
    let is_senior = |shift: &&Value| ["Maria", "Ben", "Chloe"].iter().any(|name| shift["person"] == *name);
    for day in 1..=14 {
        let evening = shifts.iter().filter(|shift| shift["day"] == day && shift["shift"] == "Evening");
        assert!(evening.filter(is_senior).count() >= 2, "day {day}: {shifts:?}");
    }
    assert!(cited(&run, seniors), "{run}");
}

#[tokio::test]
async fn constraints_of_orders_and_of_staffing_are_kept_and_cited() {
    let owner = world::owner().await;
    let shelf = "Always six loaves on the shelf";
    save(&owner, "INVENTORY", shelf, json!({"kind": "stockAtLeast", "product": "bread", "units": 6}), bakery()).await;
    let run = plan(&owner, "optimizeInventory", json!({"problem": bakery()})).await;
    let bread = &run["plan"]["plan"]["products"][0];
    assert!(bread["stock"].as_array().expect("periods").iter().filter_map(Value::as_f64).all(|s| s >= 6.0 - 1e-6));
    assert!(cited(&run, shelf), "{run}");

    let saturdays = "Five people on Saturday afternoons";
    let limit = json!({"kind": "peopleAtLeast", "skill": 0, "day": 6, "fromHour": 14, "toHour": 17, "people": 5});
    save(&owner, "STAFFING", saturdays, limit, counter()).await;
    let run = plan(&owner, "optimizeStaffing", json!({"problem": counter(), "seconds": 5})).await;
    let heads = run["plan"]["plan"]["heads"].as_array().expect("heads");
    let problem = counter();
    let there: f64 = heads
        .iter()
        .filter(|line| {
            let tour = &problem["tours"][line["tour"].as_u64().expect("a tour") as usize];
            let starts = tour["start"].as_u64().expect("an hour");
            !tour["off"].as_array().expect("days").contains(&json!(5)) && starts <= 14 && starts + 8 >= 17
        })
        .filter_map(|line| line["people"].as_f64())
        .sum();
    assert!(there >= 5.0, "{there} people: {run}");
    assert!(cited(&run, saturdays), "{run}");
}

#[tokio::test]
async fn what_nobody_is_called_is_refused_for_every_family() {
    let owner = world::owner().await;
    for (family, limit, problem, says) in [
        ("BUDGET", json!({"kind": "never", "channel": "radio"}), shops(), "ads, mail"),
        ("ROSTER", json!({"kind": "notAtWork", "person": "Mario", "weekday": "monday"}), cafe(), "Maria"),
        ("ROSTER", json!({"kind": "seniorsAtLeast", "shift": "Night", "people": 2}), cafe(), "Evening"),
        ("ROSTER", json!({"kind": "seniorsAtLeast", "shift": "Evening", "people": 9}), cafe(), "at most 3"),
        ("INVENTORY", json!({"kind": "orderAtMost", "product": "pie", "units": 3}), bakery(), "Bread, Cake"),
        ("STAFFING", json!({"kind": "headsAtMost", "skill": 4, "people": 3}), counter(), "below 1"),
    ] {
        let input = json!({"family": family, "says": "As I say", "limit": limit, "problem": problem});
        let refused = owner.ok(SAVE, json!({"i": input})).await;
        let error = &refused["saveConstraint"]["userErrors"][0];
        assert_eq!((&error["code"], &error["field"][1]), (&json!("INVALID"), &json!("limit")), "{refused}");
        assert!(error["message"].as_str().expect("words").contains(says), "{refused}");
    }
    let negative = json!({"kind": "spendAtMost", "channel": "ads", "amount": -1});
    let input = json!({"family": "BUDGET", "says": "Nothing", "limit": negative});
    assert_eq!(owner.refusal(SAVE, json!({"i": input})).await, ("INVALID".to_owned(), "input.limit".to_owned()));
}

#[tokio::test]
async fn without_a_problem_the_newest_one_is_the_measure() {
    let owner = world::owner().await;
    let radio = json!({"family": "BUDGET", "says": "No radio", "limit": {"kind": "never", "channel": "radio"}});
    plan(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    let refused = owner.ok(SAVE, json!({"i": radio})).await;
    let error = &refused["saveConstraint"]["userErrors"][0];
    assert!(error["message"].as_str().expect("words").contains("give the problem it is for"), "{refused}");
    let mut with_radio = shops();
    with_radio["channels"][1]["name"] = json!("radio");
    let mut fitting = radio.clone();
    fitting["problem"] = with_radio;
    let saved = owner.ok(SAVE, json!({"i": fitting})).await;
    assert!(saved["saveConstraint"]["constraint"].is_object(), "{saved}");

    // A plan that it does not fit fails in the owner's words, not by an id.
    let run = ended(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    let failure = run["failure"].as_str().expect("a reason");
    assert!(failure.contains("“No radio”") && failure.contains("ads, mail"), "{failure}");
    let free = json!({"problem": shops(), "keepConstraints": false});
    plan(&owner, "optimizeBudget", free).await;
}
