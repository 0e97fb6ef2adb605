//! A total and its parts, moved by metrics that are known ahead.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::world;
use super::{once_ended, recorded};

const ASK: &str = "mutation ($i: ForecastHierarchyInput!) { forecastHierarchy(input: $i) { run { id } userErrors { code field message } } }";
const SHOWN: &str = "query ($id: ID!) { run(id: $id) { status failure caveats hierarchy {
    history { first steps } total { points { mean } } parts { metricId name points { mean } }
    drivers { metricId name unit lowest highest expected values moves } } } }";

/// Visitors of a shop with and without a campaign on the days that are asked for; campaigns come at no regular time.
fn campaigns(days: i64) -> Vec<f64> {
    (0..days).map(|day| f64::from(u8::from(day * day % 11 == 4))).collect()
}

/// A business of two shops; campaigns bring shop one 60 visitors more and shop two nothing.
async fn shops(owner: &Client) -> [Value; 4] {
    const DAYS: i64 = 120;
    let wave = |day: i64, by: i64| (day * by % 13) as f64;
    let campaign = campaigns(DAYS);
    let one: Vec<f64> = campaign.iter().zip(0..).map(|(on, day)| (100.0 + wave(day, 5) + 60.0 * on).round()).collect();
    let two: Vec<f64> = (0..DAYS).map(|day| 50.0 + wave(day, 7)).collect();
    let all: Vec<f64> = one.iter().zip(&two).map(|(one, two)| one + two).collect();
    // One unit for what adds up.
    let mut ids = Vec::new();
    for (key, values) in [("visitors", &all), ("visitors_one", &one), ("visitors_two", &two)] {
        ids.push(super::recorded_in(owner, key, "visitors", values, 1).await);
    }
    let campaign = recorded(owner, "campaigns", &campaign, 1).await;
    let [all, one, two] = ids.try_into().expect("three metrics");
    [all, one, two, campaign]
}

fn means(node: &Value) -> Vec<f64> {
    let points = node["points"].as_array().expect("points");
    points.iter().map(|point| point["mean"].as_f64().expect("a number")).collect()
}

#[tokio::test]
async fn a_campaign_that_is_planned_moves_its_shop_and_the_total_and_no_other() {
    let owner = world::owner().await;
    let [all, one, two, campaign] = shops(&owner).await;
    let planned = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let asked = |values: &[f64]| {
        json!({"metricId": all, "partIds": [one, two], "horizon": 7, "waitSeconds": 0, "drivers": [
            {"metricId": campaign, "future": {"values": values}, "moves": [one]}]})
    };
    let run_of = async |input: Value| {
        let run = owner.ok(ASK, json!({"i": input})).await["forecastHierarchy"]["run"]["id"].clone();
        let run = once_ended(&owner, &run, SHOWN).await;
        assert_eq!(run["status"], "COMPLETED", "{run}");
        run
    };
    let with = run_of(asked(&planned)).await;
    let without = run_of(asked(&[0.0; 7])).await;
    let (with, without, caveats) = (&with["hierarchy"], &without["hierarchy"], &with["caveats"]);
    let driver = &with["drivers"][0];
    assert_eq!(
        (&driver["metricId"], &driver["name"], &driver["moves"]),
        (&campaign, &json!("Campaigns"), &json!([one]))
    );
    assert_eq!((&driver["values"], &driver["highest"]), (&json!(planned), &json!(1.0)));
    let difference = |node: &dyn Fn(&Value) -> Vec<f64>| -> Vec<f64> {
        node(with).iter().zip(node(without)).map(|(with, without)| with - without).collect()
    };
    let total = difference(&|answer| means(&answer["total"]));
    let shop = difference(&|answer| means(&answer["parts"][0]));
    let other = difference(&|answer| means(&answer["parts"][1]));
    for (step, on) in planned.iter().enumerate() {
        assert!((shop[step] - 60.0 * on).abs() < 10.0, "shop one, step {step}: {}", shop[step]);
        assert!((total[step] - 60.0 * on).abs() < 10.0, "in all, step {step}: {}", total[step]);
        assert!(other[step].abs() < 6.0, "shop two, step {step}: {}", other[step]);
        assert!((total[step] - shop[step] - other[step]).abs() < 1e-6, "step {step} does not add up");
    }
    let says = |text: &str| {
        caveats.as_array().is_some_and(|all| all.iter().any(|c| c.as_str().is_some_and(|c| c.contains(text))))
    };
    assert!(says("Campaigns counts as far as it would have helped to foretell Visitors before"), "{caveats}");

    // The same again is the same; where nothing is said, a driver goes on as its own forecast has it.
    assert_eq!(run_of(asked(&planned)).await["hierarchy"], *with);
    let expected = json!({"metricId": all, "partIds": [one, two], "horizon": 7, "waitSeconds": 0,
        "drivers": [{"metricId": campaign}]});
    let expected = run_of(expected).await;
    let driver = &expected["hierarchy"]["drivers"][0];
    assert_eq!((&driver["values"], &driver["moves"]), (&driver["expected"], &json!([])));
}

#[tokio::test]
async fn a_driver_that_cannot_be_is_refused_with_what_is_wrong_with_it() {
    let owner = world::owner().await;
    let [all, one, two, campaign] = shops(&owner).await;
    let stranger = world::owner().await;
    let theirs = recorded(&stranger, "theirs", &campaigns(60), 1).await;
    let driver = |metric: &Value, more: Value| {
        let mut driver = json!({"metricId": metric});
        for (field, value) in more.as_object().into_iter().flatten() {
            driver[field] = value.clone();
        }
        driver
    };
    let input = |drivers: Value, model: &str| json!({"metricId": all, "partIds": [one, two], "horizon": 7, "model": model, "drivers": drivers});
    for (drivers, model, code, field, message) in [
        (json!([driver(&one, json!({}))]), "AUTO", "INVALID", "input.drivers", "no drivers of each other"),
        (
            json!([driver(&campaign, json!({})), driver(&campaign, json!({}))]),
            "AUTO",
            "INVALID",
            "input.drivers",
            "driver 2 is named twice",
        ),
        (
            json!([driver(&campaign, json!({"moves": [campaign]}))]),
            "AUTO",
            "INVALID",
            "input.drivers",
            "neither the total nor one of its parts",
        ),
        (
            json!([driver(&campaign, json!({"future": {"values": [1.0]}}))]),
            "AUTO",
            "INVALID",
            "input.drivers",
            "1 values for a driver: one for each of 7 steps is due",
        ),
        (
            json!([driver(&campaign, json!({"future": {"changePercent": -200.0}}))]),
            "AUTO",
            "INVALID",
            "input.drivers",
            "-100 to 1000 are allowed",
        ),
        (json!([driver(&campaign, json!({}))]), "ETS", "INVALID", "input.model", "ets does not look at other metrics"),
        (json!([driver(&theirs, json!({}))]), "AUTO", "NOT_FOUND", "input.drivers", ""),
    ] {
        let asked = owner.ok(ASK, json!({"i": input(drivers.clone(), model)})).await;
        let error = &asked["forecastHierarchy"]["userErrors"][0];
        assert_eq!(error["code"], code, "{drivers}: {asked}");
        assert!(error["field"].to_string().contains(field.trim_start_matches("input.")), "{drivers}: {error}");
        assert!(error["message"].as_str().is_some_and(|said| said.contains(message)), "{drivers}: {error}");
    }
    // A driver that is known for too few days has no answer, and says how many are needed.
    let late = recorded(&owner, "late", &campaigns(12), 1).await;
    let asked = owner.ok(ASK, json!({"i": input(json!([driver(&late, json!({}))]), "AUTO")})).await;
    let run = once_ended(&owner, &asked["forecastHierarchy"]["run"]["id"], SHOWN).await;
    assert_eq!(
        (&run["status"], &run["failure"]),
        (&json!("FAILED"), &json!("Visitors and its drivers share 12 days of history; at least 30 are needed"))
    );
}
