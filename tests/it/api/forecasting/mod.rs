//! Forecasts, backtests and anomalies of a metric, asked for, followed and stopped.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

mod calendar;
mod hard_input;
mod hierarchy;

/// A level of 100 with 20 more once a week, over `days` days that end the day before yesterday; the day `odd` is far off.
async fn rhythmic(client: &Client, days: i64, odd: Option<i64>) -> Value {
    // Small, regular and without a pattern that a week would show.
    let usual = |i: i64| 100.0 + 20.0 * f64::from(i32::from(i % 7 == 5)) + (i * 37 % 11) as f64 / 10.0;
    let values = (0..days).map(|i| usual(i) + if odd == Some(i) { 150.0 } else { 0.0 });
    recorded(client, "visitors", &values.collect::<Vec<_>>(), 2).await
}

fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn ago(days: i64) -> jiff::civil::Date {
    today().checked_sub(days.days()).expect("a day")
}

/// A metric with a value for each of the days that end so many days ago.
async fn recorded(client: &Client, key: &str, values: &[f64], last: i64) -> Value {
    recorded_in(client, key, key, values, last).await
}

/// The same, counted in `unit`.
async fn recorded_in(client: &Client, key: &str, unit: &str, values: &[f64], last: i64) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let (first, rest) = key.split_at(1);
    let name = format!("{}{rest}", first.to_uppercase());
    let metric = json!({"key": key, "name": name, "unit": unit, "kind": "FLOW", "goodDirection": "UP"});
    let defined = client.ok(define, json!({"i": metric})).await;
    let id = defined["defineMetric"]["metric"]["id"].clone();
    let days = values.len() as i64;
    let points: Vec<Value> =
        values.iter().zip((last..last + days).rev()).map(|(value, days_ago)| point(ago(days_ago), *value)).collect();
    assert_eq!(record(client, &id, points).await, days);
    id
}

fn point(day: jiff::civil::Date, value: f64) -> Value {
    json!({"at": format!("{day}T12:00:00Z"), "value": format!("{value:.1}")})
}

/// How many points were new.
async fn record(client: &Client, metric: &Value, points: Vec<Value>) -> i64 {
    let record =
        "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { message } } }";
    let recorded = client.ok(record, json!({"i": {"metricId": metric, "points": points}})).await;
    recorded["recordMetricPoints"]["added"].as_i64().unwrap_or_else(|| panic!("{recorded}"))
}

const FORECAST: &str =
    "mutation ($i: ForecastMetricInput!, $k: String) { forecastMetric(input: $i, idempotencyKey: $k) {
    run { id status summary caveats method seed inputPosition inputSha256 failure metric { key }
          forecast { unit bucket model history { steps } members { model weight }
                     points { start mean intervals { level lower upper } } total { mean lower upper } } }
    position userErrors { code field message } } }";

#[tokio::test]
async fn a_forecast_is_answered_kept_and_the_same_again() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 140, None).await;
    let input = json!({"metricId": metric, "horizon": 14, "waitSeconds": 20});
    let asked = owner.ok(FORECAST, json!({"i": input, "k": "once"})).await;
    let run = &asked["forecastMetric"]["run"];
    assert_eq!((&run["status"], &run["failure"]), (&json!("COMPLETED"), &Value::Null), "{asked}");
    let forecast = &run["forecast"];
    assert_eq!((&forecast["unit"], &forecast["history"]["steps"]), (&json!("visitors"), &json!(140)));
    let points = forecast["points"].as_array().expect("points");
    assert_eq!(points.len(), 14);
    assert_eq!(points[0]["start"], ago(1).to_string());
    for (i, point) in points.iter().enumerate() {
        let mean = point["mean"].as_f64().expect("a number");
        let usual = if (140 + i) % 7 == 5 { 120.5 } else { 100.5 };
        assert!((mean - usual).abs() < 8.0, "step {i} is {mean}, usual is {usual}");
        let bounds: Vec<f64> = point["intervals"]
            .as_array()
            .expect("intervals")
            .iter()
            .flat_map(|interval| [interval["lower"].as_f64().expect("a"), interval["upper"].as_f64().expect("b")])
            .collect();
        assert!(bounds[2] <= bounds[0] && bounds[0] <= mean && mean <= bounds[1] && bounds[1] <= bounds[3], "{point}");
    }
    assert!(run["summary"].as_str().expect("a sentence").contains("over the next 14 days"), "{run}");
    let weights: f64 =
        forecast["members"].as_array().expect("members").iter().filter_map(|m| m["weight"].as_f64()).sum();
    assert!((weights - 1.0).abs() < 1e-9, "{forecast}");

    // The same key asks nothing new; the same question on the same data is answered alike.
    let repeated = owner.ok(FORECAST, json!({"i": input, "k": "once"})).await;
    assert_eq!(repeated["forecastMetric"]["run"]["id"], run["id"]);
    let again = owner.ok(FORECAST, json!({"i": input})).await;
    assert_ne!(again["forecastMetric"]["run"]["id"], run["id"]);
    assert_eq!(again["forecastMetric"]["run"]["forecast"], *forecast);
    assert_eq!(again["forecastMetric"]["run"]["inputSha256"], run["inputSha256"]);

    let listed = owner
        .ok("query ($m: ID!) { runs(kind: FORECAST, metricId: $m) { edges { node { id } } } }", json!({"m": metric}))
        .await;
    assert_eq!(listed["runs"]["edges"].as_array().expect("a list").len(), 2);
    let by_id =
        owner.ok("query ($id: ID!) { node(id: $id) { id ... on Run { status } } }", json!({"id": run["id"]})).await;
    assert_eq!(by_id["node"]["status"], "COMPLETED");
    // What yesterday was comes in: the forecasts are scored against it.
    let record = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added position userErrors { message } } }";
    let point = json!({"at": format!("{}T12:00:00Z", ago(1)), "value": "90"});
    let recorded = owner.ok(record, json!({"i": {"metricId": metric, "points": [point]}})).await;
    assert_eq!(recorded["recordMetricPoints"]["added"], 1, "{recorded}");
    let accuracy = "query ($m: ID!) { forecastAccuracy(metricId: $m) { run { id } steps meanAbsoluteError bias
        coverage { level covered } } }";
    let scored = owner.ok(accuracy, json!({"m": metric})).await;
    let first = &scored["forecastAccuracy"][0];
    assert_eq!((&first["run"]["id"], &first["steps"]), (&run["id"], &json!(1)), "{scored}");
    let off = points[0]["mean"].as_f64().expect("a number") - 90.0;
    assert!((first["meanAbsoluteError"].as_f64().expect("a number") - off.abs()).abs() < 1e-9, "{scored}");

    let stranger = world::owner().await;
    let hidden = stranger.ok("query ($id: ID!) { run(id: $id) { id } }", json!({"id": run["id"]})).await;
    assert_eq!(hidden["run"], Value::Null);
}

/// The week of a metric that is known for eight weeks is learned beside others: the answer says which, a removed one is
/// none of them, and a backtest learns from what they were at its origins.
#[tokio::test]
async fn trees_learn_from_the_other_metrics_of_the_business_too() {
    let owner = world::owner().await;
    let week = [1.0, 1.0, 1.1, 1.2, 1.6, 2.2, 0.4];
    let chance =
        |key: usize, i: i64| ((i * i * 31 + i * 7919 + 977 * key as i64).rem_euclid(1009)) as f64 / 1009.0 - 0.5;
    let mut metrics = Vec::new();
    for (k, key) in ["bread", "cakes", "coffee", "rolls", "closed"].into_iter().enumerate() {
        let size = 50.0 + 20.0 * k as f64;
        let values = (0..60).map(|i| size * week[(i % 7) as usize] * (1.0 + 0.8 * chance(k, i)));
        metrics.push(recorded(&owner, key, &values.collect::<Vec<_>>(), 1).await);
    }
    let archive = "mutation ($i: ArchiveMetricInput!) { archiveMetric(input: $i) { userErrors { message } } }";
    let archived = owner.ok(archive, json!({"i": {"metricId": metrics[4]}})).await;
    assert_eq!(archived["archiveMetric"]["userErrors"], json!([]));
    let ask = "mutation ($i: ForecastMetricInput!) { forecastMetric(input: $i) {
        run { status forecast { members { model } learnedFrom { metricId name } } } userErrors { message } } }";
    let asked = |model: &str| json!({"i": {"metricId": metrics[0], "horizon": 7, "model": model, "waitSeconds": 20}});
    let learned = owner.ok(ask, asked("TREES")).await["forecastMetric"]["run"]["forecast"].clone();
    let others: Vec<Value> = ["Cakes", "Coffee", "Rolls"]
        .into_iter()
        .zip(&metrics[1..])
        .map(|(name, id)| json!({"metricId": id, "name": name}))
        .collect();
    assert_eq!(learned["learnedFrom"], json!(others), "{learned}");
    let alone = owner.ok(ask, asked("ETS")).await["forecastMetric"]["run"]["forecast"].clone();
    assert_eq!(alone["learnedFrom"], json!([]), "{alone}");
    let back = "mutation ($i: BacktestInput!) { backtest(input: $i) { run { status backtest { mase } } } }";
    let input = json!({"metricId": metrics[0], "horizon": 7, "origins": 3, "model": "TREES", "waitSeconds": 20});
    let run = owner.ok(back, json!({"i": input})).await["backtest"]["run"].clone();
    assert_eq!(run["status"], "COMPLETED", "{run}");
    // A stranger's metrics teach nobody else's.
    let stranger = world::owner().await;
    let own = recorded(&stranger, "bread", &[3.0; 40].map(|v| v + 1.0), 1).await;
    let input = json!({"metricId": own, "horizon": 7, "model": "TREES", "waitSeconds": 20});
    let run = stranger.ok(ask, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(run["forecast"]["learnedFrom"], json!([]), "{run}");
}

#[tokio::test]
async fn anomalies_are_found_and_said_in_words() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 140, Some(100)).await;
    let detect = "mutation ($i: DetectAnomaliesInput!) { detectAnomalies(input: $i) {
        run { status summary anomalies { anomalies { start kind value explanation } } } userErrors { code field } } }";
    let found = owner.ok(detect, json!({"i": {"metricId": metric, "waitSeconds": 20}})).await;
    let run = &found["detectAnomalies"]["run"];
    let anomalies = run["anomalies"]["anomalies"].as_array().expect("a list");
    let spike = anomalies.iter().find(|anomaly| anomaly["value"].as_f64() > Some(200.0)).expect("the odd day");
    assert_eq!(spike["kind"], "SPIKE");
    let words = spike["explanation"].as_str().expect("words");
    assert!(words.starts_with("Visitors on ") && words.contains(" visitors, "), "{spike}");
    assert!(words.contains("over what is usual for a "), "{spike}");
    let refused = owner.refusal(detect, json!({"i": {"metricId": metric, "falseDiscoveryRate": 0.9}})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", "input.falseDiscoveryRate"));
}

#[tokio::test]
async fn a_backtest_tells_how_well_the_past_was_foreseen_and_can_be_followed() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 140, None).await;
    let backtest = "mutation ($i: BacktestInput!) { backtest(input: $i) {
        run { id status } userErrors { code field message } } }";
    let input = json!({"metricId": metric, "horizon": 7, "origins": 3, "model": "ETS", "waitSeconds": 0});
    let asked = owner.ok(backtest, json!({"i": input})).await;
    let id = asked["backtest"]["run"]["id"].clone();
    let mut socket = owner.socket().await;
    let follow = "subscription ($id: ID!) { runProgress(runId: $id) { position progress { share note }
        run { status summary backtest { mase smape origins { points { mean actual } } coverage { level covered } } } } }";
    socket.subscribe("1", follow, json!({"id": id})).await;
    let run = loop {
        let update = socket.item().await["runProgress"].clone();
        match update["run"]["status"].as_str() {
            Some("QUEUED" | "RUNNING") => continue,
            Some("COMPLETED") => break update["run"].clone(),
            other => panic!("{other:?}: {update}"),
        }
    };
    let report = &run["backtest"];
    assert_eq!(report["origins"].as_array().expect("origins").len(), 3);
    assert!(report["mase"].as_f64().expect("a number") < 1.5, "{report}");
    assert!(run["summary"].as_str().expect("a sentence").contains("from 3 moments of its past"), "{run}");
}

#[tokio::test]
async fn what_no_forecast_has_is_refused_with_its_bound() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 3, None).await;
    for (input, code, field) in [
        (json!({"metricId": metric, "horizon": 0}), "INVALID", "input.horizon"),
        (json!({"metricId": metric, "horizon": 5000}), "INVALID", "input.horizon"),
        (json!({"metricId": metric, "horizon": 3, "levels": [100]}), "INVALID", "input.levels"),
        (json!({"metricId": metric, "horizon": 3, "seed": -1}), "INVALID", "input.seed"),
        (json!({"metricId": metric, "horizon": 3, "waitSeconds": -1}), "INVALID", "input.waitSeconds"),
        (json!({"metricId": "R29hbA", "horizon": 3}), "NOT_FOUND", "input.metricId"),
    ] {
        let refused = owner.refusal(FORECAST, json!({"i": input})).await;
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{input}");
    }
    // Three points are answered, with what that is worth.
    let input = json!({"metricId": metric, "horizon": 2, "waitSeconds": 20});
    let short = owner.ok(FORECAST, json!({"i": input})).await;
    let run = &short["forecastMetric"]["run"];
    assert_eq!(run["status"], "COMPLETED", "{run}");
    assert!(run["caveats"][0].as_str().expect("a caveat").contains("3 days"), "{run}");
    // A metric without points has no forecast, and is told why.
    let define = "mutation { defineMetric(input: {key: \"empty\", name: \"Empty\", unit: \"x\", kind: FLOW,
        goodDirection: UP}) { metric { id } userErrors { message } } }";
    let empty = owner.ok(define, json!({})).await["defineMetric"]["metric"]["id"].clone();
    let failed = owner.ok(FORECAST, json!({"i": {"metricId": empty, "horizon": 2, "waitSeconds": 20}})).await;
    let run = &failed["forecastMetric"]["run"];
    assert_eq!((&run["status"], &run["failure"]), (&json!("FAILED"), &json!("Empty has no points yet")));
    let stop = "mutation ($id: ID!) { stopRun(input: {runId: $id}) { run { status } userErrors { code field } } }";
    let refused = owner.refusal(stop, json!({"id": run["id"]})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("WRONG_STATE", "input.runId"));
}

#[tokio::test]
async fn a_long_run_is_stopped_and_keeps_what_it_had() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 900, None).await;
    let backtest = "mutation ($i: BacktestInput!) { backtest(input: $i) { run { id } userErrors { message } } }";
    let input = json!({"metricId": metric, "horizon": 28, "origins": 50, "model": "ENSEMBLE", "waitSeconds": 0});
    let asked = owner.ok(backtest, json!({"i": input})).await;
    let id = asked["backtest"]["run"]["id"].clone();
    let stop = "mutation ($id: ID!) { stopRun(input: {runId: $id, waitSeconds: 20}) {
        run { status stopRequested stoppedEarly backtest { origins { start } } } userErrors { code message } } }";
    let stopped = owner.ok(stop, json!({"id": id})).await;
    let run = &stopped["stopRun"]["run"];
    assert_eq!(run["stopRequested"], true, "{stopped}");
    match run["status"].as_str() {
        Some("CANCELLED") => {}
        Some("COMPLETED") => assert_eq!(run["stoppedEarly"], true, "{run}"),
        other => panic!("{other:?}: {run}"),
    }
}

/// What `query` gives about a run once it has ended.
async fn once_ended(client: &Client, id: &Value, query: &str) -> Value {
    for _ in 0..240 {
        let run = client.ok(query, json!({"id": id})).await["run"].clone();
        if !matches!(run["status"].as_str(), Some("QUEUED" | "RUNNING")) {
            return run;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    panic!("the run {id} has not ended");
}

#[tokio::test]
async fn an_ensemble_tells_the_shares_and_errors_of_its_members() {
    let owner = world::owner().await;
    let metric = rhythmic(&owner, 120, None).await;
    let ensemble = "mutation ($i: EnsembleForecastInput!) { ensembleForecast(input: $i) {
        run { id status request forecast { model points { start } members { model weight backtestError } } }
        userErrors { code field } } }";
    let asked = owner.ok(ensemble, json!({"i": {"metricId": metric, "horizon": 7, "waitSeconds": 20}})).await;
    let run = &asked["ensembleForecast"]["run"];
    assert_eq!((&run["status"], &run["request"]["model"]), (&json!("COMPLETED"), &json!("ensemble")), "{asked}");
    let members = run["forecast"]["members"].as_array().expect("members");
    assert!(members.len() >= 3, "{members:?}");
    assert!(members.iter().all(|member| member["backtestError"].as_f64() > Some(0.0)), "{members:?}");
    let weights: f64 = members.iter().filter_map(|member| member["weight"].as_f64()).sum();
    assert!((weights - 1.0).abs() < 1e-9);
    let refused = owner.refusal(ensemble, json!({"i": {"metricId": metric, "horizon": 0}})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", "input.horizon"));
}

const WHAT_IF: &str = "mutation ($i: WhatIfInput!) { whatIf(input: $i) {
    run { id status } position userErrors { code field message } } }";
const WHAT_IF_RUN: &str = "query ($id: ID!) { run(id: $id) { status kind failure summary caveats inputSha256 whatIf {
    unit model history { steps } drivers { metricId name lowest highest expected }
    baseline { start mean intervals { level lower upper } }
    scenarios { name drivers { metricId values } expected supposed difference { value level lower upper }
      points { start mean difference differenceIntervals { level lower upper } intervals { level } } } } } }";

#[tokio::test]
async fn what_if_shows_scenarios_beside_the_baseline_with_how_sure_the_difference_is() {
    let owner = world::owner().await;
    // Spending that wanders between 15 and 25, and orders that are 40 and thrice the spending, give or take 2.
    let spread = |i: i64, by: i64, of: i64| ((i * by + i * i * 7) % of) as f64 / of as f64;
    let spending: Vec<f64> = (0..100).map(|i| 15.0 + 10.0 * spread(i, 37, 101)).collect();
    let orders: Vec<f64> = spending
        .iter()
        .enumerate()
        .map(|(i, spent)| 40.0 + 3.0 * spent + 4.0 * spread(i as i64, 53, 97) - 2.0)
        .collect();
    let spending_id = recorded(&owner, "spending", &spending, 1).await;
    let orders_id = recorded(&owner, "orders_placed", &orders, 1).await;
    let scenario =
        |name: &str, future: Value| json!({"name": name, "drivers": [{"metricId": spending_id, "future": future}]});
    let scenarios = [
        scenario("A tenth more", json!({"changePercent": 10})),
        scenario("Twice as much", json!({"values": vec![40.0; 7]})),
    ];
    let input = json!({"metricId": orders_id, "horizon": 7, "scenarios": scenarios, "waitSeconds": 0});
    let asked = owner.ok(WHAT_IF, json!({"i": input})).await;
    let run = once_ended(&owner, &asked["whatIf"]["run"]["id"], WHAT_IF_RUN).await;
    assert_eq!((&run["status"], &run["kind"]), (&json!("COMPLETED"), &json!("WHAT_IF")), "{run}");
    let answer = &run["whatIf"];
    assert_eq!(
        (&answer["history"]["steps"], &answer["baseline"][0]["start"]),
        (&json!(100), &json!(today().to_string()))
    );
    let driver = &answer["drivers"][0];
    assert_eq!((&driver["metricId"], &driver["name"]), (&spending_id, &json!("Spending")));
    let tenth = &answer["scenarios"][0];
    let expected: f64 = driver["expected"].as_array().expect("values").iter().filter_map(Value::as_f64).sum();
    let difference = &tenth["difference"];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} in {run}"));
    let truth = 0.1 * expected * 3.0;
    assert!((number(&difference["value"]) - truth).abs() < 0.1 * truth, "{difference} where {truth} is true");
    assert!(number(&difference["lower"]) < truth && truth < number(&difference["upper"]), "{difference}");
    let whole = number(&tenth["supposed"]) - number(&tenth["expected"]);
    assert!((whole - number(&difference["value"])).abs() < 1e-6);
    let first = &tenth["points"][0];
    let by = number(&first["mean"]) - number(&answer["baseline"][0]["mean"]);
    assert!((by - number(&first["difference"])).abs() < 1e-9);
    assert!(number(&first["differenceIntervals"][0]["lower"]) >= number(&first["differenceIntervals"][1]["lower"]));
    let caveats = run["caveats"].as_array().expect("caveats");
    let says = |text: &str| caveats.iter().any(|caveat| caveat.as_str().expect("words").contains(text));
    assert!(says("in Twice as much, Spending lies beyond its history"), "{caveats:?}");
    assert!(!says("in A tenth more"), "{caveats:?}");
    assert!(says("no proof that changing Spending changes Orders_placed"), "{caveats:?}");
    assert!(run["summary"].as_str().expect("words").contains("A tenth more: Orders_placed adds up to"), "{run}");

    for (scenarios, code) in [
        (json!([]), "INVALID"),
        (json!([scenario("One value", json!({"values": [1.0]}))]), "INVALID"),
        (json!([{"name": "Itself", "drivers": [{"metricId": orders_id, "future": {"changePercent": 1}}]}]), "INVALID"),
        (
            json!([{"name": "Nothing", "drivers": [{"metricId": "R29hbA", "future": {"changePercent": 1}}]}]),
            "NOT_FOUND",
        ),
    ] {
        let input = json!({"metricId": orders_id, "horizon": 7, "scenarios": scenarios});
        let refused = owner.refusal(WHAT_IF, json!({"i": input})).await;
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, "input.scenarios"), "{scenarios}");
    }
    let ets = json!({"metricId": orders_id, "horizon": 7, "scenarios": scenarios, "model": "ETS"});
    assert_eq!(owner.refusal(WHAT_IF, json!({"i": ets})).await.1, "input.model");
    // A stranger's metrics are no drivers.
    let stranger = world::owner().await;
    let theirs = recorded(&stranger, "theirs", &orders, 1).await;
    let input = json!({"metricId": theirs, "horizon": 7, "scenarios": scenarios});
    assert_eq!(stranger.refusal(WHAT_IF, json!({"i": input})).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn a_new_day_is_forecast_by_itself_and_an_odd_one_is_told_live() {
    let owner = world::owner().await;
    let usual: Vec<f64> = (0..120).map(|i| 100.0 + f64::from(i * 37 % 11)).collect();
    let metric = recorded(&owner, "visits", &usual, 2).await;
    let input = json!({"metricId": metric, "horizon": 14, "levels": [80, 95, 99], "model": "ETS", "waitSeconds": 20});
    let asked = owner.ok(FORECAST, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(asked["status"], "COMPLETED", "{asked}");
    let mut socket = owner.socket().await;
    let live = "subscription ($types: [String!]) { tenantEvents(types: $types) { type stream actor data } }";
    socket.subscribe("1", live, json!({"types": ["MetricAnomalyDetected", "ForecastBreached"]})).await;
    assert_eq!(record(&owner, &metric, vec![point(ago(1), 300.0)]).await, 1);

    let anomaly = socket.item().await["tenantEvents"].clone();
    assert_eq!(
        (&anomaly["type"], &anomaly["actor"]),
        (&json!("MetricAnomalyDetected"), &json!("system:insights_follow_runs"))
    );
    assert_eq!(anomaly["data"]["value"].as_f64(), Some(300.0));
    assert_eq!(anomaly["data"]["start"], ago(1).to_string());
    let breach = socket.item().await["tenantEvents"].clone();
    assert_eq!(breach["type"], "ForecastBreached");

    let insights = "query ($m: ID!) { insights(metricId: $m, last: 10) { edges { node {
        kind bucket start value expected lower upper level explanation forecastId withdrawnAt } } } }";
    // The event is heard before the read model has it.
    let mut told = Value::Null;
    for _ in 0..240 {
        told = owner.ok(insights, json!({"m": metric})).await;
        if told["insights"]["edges"].as_array().map(Vec::len) == Some(2) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let told: Vec<&Value> =
        told["insights"]["edges"].as_array().expect("a list").iter().map(|edge| &edge["node"]).collect();
    assert_eq!(told.iter().map(|one| &one["kind"]).collect::<Vec<_>>(), ["SPIKE", "FORECAST_BREACH"], "{told:?}");
    assert_eq!((&told[1]["forecastId"], &told[1]["level"]), (&asked["id"], &json!(99.0)));
    assert!(told[1]["upper"].as_f64() < Some(300.0), "{told:?}");
    let alerts =
        "query ($m: ID!) { notifications(metricId: $m) { edges { node { kind goalId metricId title message } } } }";
    let alerts = owner.ok(alerts, json!({"m": metric})).await;
    let alert = &alerts["notifications"]["edges"][0]["node"];
    assert_eq!(
        (&alert["kind"], &alert["metricId"], &alert["goalId"]),
        (&json!("METRIC_ANOMALY"), &metric, &Value::Null)
    );
    assert_eq!((&alert["title"], &alert["message"]), (&json!("Visits"), &told[0]["explanation"]));

    // The forecast was made again, by nobody, and both are in the accuracy report: one of them knows how it did.
    let runs = "query ($m: ID!) { runs(metricId: $m) { edges { node { kind requestedBy { id } watch {
        steps { start value isNews anomaly { kind } breach { level } } } } } }
        forecastAccuracy(metricId: $m) { run { requestedBy { id } } steps meanAbsoluteError } }";
    let mut shown = Value::Null;
    for _ in 0..240 {
        shown = owner.ok(runs, json!({"m": metric})).await;
        if shown["forecastAccuracy"].as_array().map(Vec::len) == Some(2) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let runs = shown["runs"]["edges"].as_array().expect("a list");
    let of = |kind: &str| {
        runs.iter().map(|edge| &edge["node"]).find(|run| run["kind"] == kind && run["requestedBy"].is_null())
    };
    let watch = &of("WATCH").expect("a look at the day")["watch"]["steps"];
    assert_eq!(watch.as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!((&watch[0]["isNews"], &watch[0]["anomaly"]["kind"]), (&json!(true), &json!("SPIKE")));
    assert!(of("FORECAST").is_some(), "{shown}");
    let accuracy = &shown["forecastAccuracy"];
    assert_eq!((&accuracy[0]["steps"], &accuracy[1]["steps"]), (&json!(1), &json!(0)), "{accuracy}");
    assert_eq!(accuracy[1]["run"]["requestedBy"], Value::Null);

    let stranger = world::owner().await;
    let hidden = stranger.ok(insights, json!({"m": metric})).await;
    assert_eq!(hidden["insights"]["edges"], json!([]));
}

#[tokio::test]
async fn parts_add_up_to_their_total_and_what_changed_for_good_is_found() {
    let owner = world::owner().await;
    let wave = |i: i64, by: i64| (i * by % 13) as f64;
    // Shop two opened larger rooms on its 61st day; 10 a day are neither's.
    let one: Vec<f64> = (0..100).map(|i| 100.0 + wave(i, 5)).collect();
    let two: Vec<f64> = (0..100).map(|i| if i < 60 { 40.0 } else { 90.0 } + wave(i, 7)).collect();
    let all: Vec<f64> = one.iter().zip(&two).map(|(one, two)| one + two + 10.0).collect();
    let define =
        |key: &'static str| json!({"key": key, "name": key, "unit": "USD", "kind": "FLOW", "goodDirection": "UP"});
    let mut ids = Vec::new();
    for (key, values) in [("all_shops", &all), ("shop_one", &one), ("shop_two", &two)] {
        let mutation =
            "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
        let id = owner.ok(mutation, json!({"i": define(key)})).await["defineMetric"]["metric"]["id"].clone();
        let points = values.iter().zip((1..=100).rev()).map(|(value, days)| point(ago(days), *value)).collect();
        assert_eq!(record(&owner, &id, points).await, 100);
        ids.push(id);
    }
    let hierarchy = "mutation ($i: ForecastHierarchyInput!) { forecastHierarchy(input: $i) { run { id } userErrors { code field } } }";
    let shown = "query ($id: ID!) { run(id: $id) { status failure summary caveats hierarchy { reconciliation
        total { name points { mean } } parts { metricId name points { mean intervals { lower upper } } } } } }";
    let input =
        json!({"metricId": ids[0], "partIds": [ids[1], ids[2]], "horizon": 7, "model": "ETS", "waitSeconds": 0});
    let asked = owner.ok(hierarchy, json!({"i": input})).await;
    let run = once_ended(&owner, &asked["forecastHierarchy"]["run"]["id"], shown).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    let parts = run["hierarchy"]["parts"].as_array().expect("parts");
    assert_eq!((parts.len(), &parts[0]["metricId"], &parts[2]["metricId"]), (3, &ids[1], &Value::Null), "{run}");
    for step in 0..7 {
        let mean = |node: &Value| node["points"][step]["mean"].as_f64().expect("a number");
        let sum: f64 = parts.iter().map(mean).sum();
        assert!((sum - mean(&run["hierarchy"]["total"])).abs() < 1e-6, "{run}");
    }
    let itself = json!({"metricId": ids[0], "partIds": [ids[0]], "horizon": 7});
    assert_eq!(
        owner.refusal(hierarchy, json!({"i": itself})).await,
        ("INVALID".to_owned(), "input.partIds".to_owned())
    );
    let nothing = json!({"metricId": ids[0], "partIds": ["R29hbA"], "horizon": 7});
    assert_eq!(owner.refusal(hierarchy, json!({"i": nothing})).await.0, "NOT_FOUND");

    let changes = "mutation ($i: DetectChangepointsInput!) { detectChangepoints(input: $i) { run { id } userErrors { code field } } }";
    let shown = "query ($id: ID!) { run(id: $id) { status failure summary changepoints { changepoints {
        start kind levelBefore levelAfter confidence explanation } } } }";
    let asked = owner.ok(changes, json!({"i": {"metricId": ids[2], "waitSeconds": 0}})).await;
    let run = once_ended(&owner, &asked["detectChangepoints"]["run"]["id"], shown).await;
    let found = run["changepoints"]["changepoints"].as_array().unwrap_or_else(|| panic!("{run}"));
    let change = &found[0];
    assert_eq!((found.len(), &change["start"]), (1, &json!(ago(40).to_string())), "{run}");
    let up = change["levelAfter"].as_f64().expect("after") - change["levelBefore"].as_f64().expect("before");
    assert!((up - 50.0).abs() < 8.0, "{run}");
    let refused = owner.refusal(changes, json!({"i": {"metricId": ids[2], "falseAlarms": 0.9}})).await;
    assert_eq!(refused.1, "input.falseAlarms");
}
