//! Forecasts, backtests and anomalies of a metric, asked for, followed and stopped.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

/// A level of 100 with 20 more once a week, over `days` days that end yesterday; the day `odd` is far off.
async fn rhythmic(client: &Client, days: i64, odd: Option<i64>) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let metric =
        json!({"key": "visitors", "name": "Visitors", "unit": "visitors", "kind": "FLOW", "goodDirection": "UP"});
    let defined = client.ok(define, json!({"i": metric})).await;
    let id = defined["defineMetric"]["metric"]["id"].clone();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let points: Vec<Value> = (0..days)
        .map(|i| {
            let day = today.checked_sub((days - i).days()).expect("a day");
            // Small, regular and without a pattern that a week would show.
            let wobble = (i * 37 % 11) as f64 / 10.0;
            let odd = if odd == Some(i) { 150.0 } else { 0.0 };
            let value = 100.0 + 20.0 * f64::from(i32::from(i % 7 == 5)) + wobble + odd;
            json!({"at": format!("{day}T12:00:00Z"), "value": format!("{value:.1}")})
        })
        .collect();
    let record =
        "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { message } } }";
    let recorded = client.ok(record, json!({"i": {"metricId": id, "points": points}})).await;
    assert_eq!(recorded["recordMetricPoints"]["added"], days, "{recorded}");
    id
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
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(points[0]["start"], today.to_string());
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
    // A day passes: the forecasts are scored against it.
    let record = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added position userErrors { message } } }";
    let point = json!({"at": format!("{today}T00:00:00Z"), "value": "90"});
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
    assert!(spike["explanation"].as_str().expect("words").contains("over what is usual for a "), "{spike}");
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
    assert!(run["caveats"][0].as_str().expect("a caveat").contains("3 points"), "{run}");
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
