//! What is hard to forecast gets an answer that says so, or a refusal that names the value and the bound.

use serde_json::{Value, json};

use super::super::world;
use super::{FORECAST, WHAT_IF, ago, once_ended, point, record, recorded};

const RUN: &str = "query ($id: ID!) { run(id: $id) { status failure summary caveats forecast {
    points { mean intervals { level lower upper } } total { mean lower upper } } } }";

/// Its name and values, where its forecast lies, and what is said of it.
type HardHistory = (&'static str, Vec<f64>, (f64, f64), Option<&'static str>);

#[tokio::test]
async fn hard_histories_are_answered_with_what_the_answer_is_worth() {
    let owner = world::owner().await;
    let wave = |i: usize| (i * 37 % 11) as f64;
    let days = |count: usize, of: &dyn Fn(usize) -> f64| (0..count).map(of).collect::<Vec<f64>>();
    let usual = |i: usize| 100.0 + wave(i);
    let cases: Vec<HardHistory> = vec![
        ("constant", vec![42.0; 60], (42.0, 42.0), Some("the series never changes: its value is repeated")),
        ("zeros", vec![0.0; 60], (0.0, 0.0), Some("the series never changes: its value is repeated")),
        ("one", vec![7.0], (7.0, 7.0), Some("only 1 day is known: its value is repeated")),
        ("two", days(2, &usual), (95.0, 115.0), Some("only 2 days are known: the last value is repeated")),
        ("three", days(3, &usual), (95.0, 115.0), Some("only 3 days are known: the last value is repeated")),
        ("four", days(4, &usual), (90.0, 120.0), Some("4 days are not more than one week")),
        ("five", days(5, &usual), (90.0, 120.0), Some("5 days are not more than one week")),
        ("eight", days(8, &usual), (90.0, 120.0), Some("8 days are less than two weeks")),
        ("huge", days(90, &|i| 1e12 + 1e10 * wave(i)), (0.98e12, 1.15e12), None),
        ("negative", days(90, &|i| -50.0 - wave(i)), (-63.0, -48.0), None),
        (
            "shifted",
            days(90, &|i| if i < 86 { 100.0 } else { 300.0 } + wave(i)),
            (100.0, 330.0),
            Some("the level changed 4 days ago"),
        ),
        (
            "seldom",
            days(90, &|i| if i % 5 == 0 { 3.0 + wave(i) } else { 0.0 }),
            (0.0, 5.0),
            Some("80 % of the days are zero"),
        ),
    ];
    for (name, values, (low, high), said) in cases {
        let metric = recorded(&owner, name, &values, 1).await;
        let input = json!({"metricId": metric, "horizon": 5, "waitSeconds": 20});
        let run = owner.ok(FORECAST, json!({"i": input})).await["forecastMetric"]["run"].clone();
        assert_eq!(run["status"], "COMPLETED", "{name}: {run}");
        for point in run["forecast"]["points"].as_array().expect("points") {
            let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{name}: {point}"));
            let mean = number(&point["mean"]);
            assert!((low..=high).contains(&mean), "{name}: {mean} is not within {low} and {high}");
            for interval in point["intervals"].as_array().expect("intervals") {
                assert!(number(&interval["lower"]) <= mean && mean <= number(&interval["upper"]), "{name}: {point}");
            }
        }
        let caveats = run["caveats"].as_array().expect("caveats");
        let says = |words: &str| caveats.iter().any(|caveat| caveat.as_str().expect("words").contains(words));
        match said {
            Some(words) => assert!(says(words), "{name}: {caveats:?}"),
            None => assert!(caveats.is_empty(), "{name}: {caveats:?}"),
        }
    }
}

#[tokio::test]
async fn missing_days_are_filled_in_and_counted_and_points_of_one_day_add_up() {
    let owner = world::owner().await;
    let metric = recorded(&owner, "gap", &[], 1).await;
    let days = (1..=60).filter(|days_ago| !(20..23).contains(days_ago));
    let points: Vec<Value> = days.map(|days_ago| point(ago(days_ago), 100.0 + (days_ago * 37 % 11) as f64)).collect();
    assert_eq!(record(&owner, &metric, points.clone()).await, 57);
    let input = json!({"metricId": metric, "horizon": 5, "waitSeconds": 20});
    let run = owner.ok(FORECAST, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(
        (&run["status"], &run["caveats"]),
        (&json!("COMPLETED"), &json!(["3 days without a value were filled in"]))
    );
    assert_eq!(run["forecast"]["history"]["steps"], 60);
    // The same points again are no news; another instant of a day adds to it.
    assert_eq!(record(&owner, &metric, points).await, 0);
    let second = json!({"at": format!("{}T13:00:00Z", ago(1)), "value": "50"});
    assert_eq!(record(&owner, &metric, vec![second.clone()]).await, 1);
    let series =
        "query ($id: ID, $f: Date) { metric(id: $id) { series(bucket: DAY, from: $f) { points { value count } } } }";
    let shown = owner.ok(series, json!({"id": metric, "f": ago(1).to_string()})).await;
    let day = &shown["metric"]["series"]["points"][0];
    let sum: f64 = day["value"].as_str().expect("a decimal").parse().expect("a number");
    assert_eq!((sum, &day["count"]), (100.0 + 4.0 + 50.0, &json!(2)));
    // One instant twice in one request is two values for one thing.
    let record = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { code field message } } }";
    let twice = json!({"metricId": metric, "points": [second, {"at": second["at"], "value": "51"}]});
    let refused = owner.ok(record, json!({"i": twice})).await;
    let error = &refused["recordMetricPoints"]["userErrors"][0];
    assert_eq!(error["code"], "INVALID", "{refused}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_the_value_and_the_bound() {
    let owner = world::owner().await;
    let metric = recorded(&owner, "refused", &[5.0; 30], 1).await;
    let message = async |input: Value| {
        let data = owner.ok(FORECAST, json!({"i": input})).await;
        let error = &data["forecastMetric"]["userErrors"][0];
        assert_eq!(error["code"], "INVALID", "{data}");
        error["message"].as_str().expect("words").to_owned()
    };
    for (horizon, levels, words) in [
        (0, json!([80]), "a horizon of 0 steps: 1 to 1000 are allowed"),
        (-3, json!([80]), "a horizon of -3 steps: 1 to 1000 are allowed"),
        (10_000, json!([80]), "a horizon of 10000 steps: 1 to 1000 are allowed"),
        (5, json!([0]), "a level of 0 %: 1 to 99.9 % are allowed"),
        (5, json!([80, 100]), "a level of 100 %: 1 to 99.9 % are allowed"),
        (5, json!([101]), "a level of 101 %: 1 to 99.9 % are allowed"),
        (5, json!([-5]), "a level of -5 %: 1 to 99.9 % are allowed"),
        (5, json!(vec![80; 11]), "11 levels: at most 10 are allowed"),
    ] {
        let said = message(json!({"metricId": metric, "horizon": horizon, "levels": levels})).await;
        assert!(said.contains(words), "{said}");
    }
    // No number of steps at all.
    for horizon in [json!(2.5), json!("a week"), json!(1e12)] {
        let input = json!({"metricId": metric, "horizon": horizon});
        assert_eq!(owner.code(FORECAST, json!({"i": input})).await, "INVALID", "{horizon}");
    }
}

#[tokio::test]
async fn another_business_s_metric_is_no_metric() {
    let (owner, stranger) = (world::owner().await, world::owner().await);
    let own = recorded(&stranger, "own", &[5.0; 30], 1).await;
    let theirs = recorded(&owner, "theirs", &[5.0; 30], 1).await;
    for (name, more) in [
        ("forecastMetric", json!({"horizon": 3})),
        ("ensembleForecast", json!({"horizon": 3})),
        ("backtest", json!({"horizon": 3})),
        ("detectAnomalies", json!({})),
        ("detectChangepoints", json!({})),
        ("forecastHierarchy", json!({"horizon": 3, "partIds": [own]})),
        (
            "whatIf",
            json!({"horizon": 3, "scenarios": [
            {"name": "More", "drivers": [{"metricId": own, "future": {"changePercent": 5}}]}]}),
        ),
    ] {
        let kind = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        let mutation = format!(
            "mutation ($i: {kind}Input!) {{ {name}(input: $i) {{ run {{ id }} userErrors {{ code field }} }} }}"
        );
        let mut input = more;
        input["metricId"] = theirs.clone();
        let refused = stranger.refusal(&mutation, json!({"i": input})).await;
        assert_eq!(refused, ("NOT_FOUND".to_owned(), "input.metricId".to_owned()), "{name}");
    }
    let hidden =
        stranger.ok("query ($m: ID!) { forecastAccuracy(metricId: $m) { steps } }", json!({"m": theirs})).await;
    assert_eq!(hidden["forecastAccuracy"], json!([]));
}

#[tokio::test]
async fn a_forecast_and_a_what_if_that_are_stopped_end_soon() {
    let owner = world::owner().await;
    let noise = |i: i64, by: i64| (i * by % 101) as f64 + (i % 7) as f64;
    let values = |by: i64| (0..2_000).map(|i| 100.0 + noise(i, by)).collect::<Vec<_>>();
    let (sales, ads) = (recorded(&owner, "sales", &values(37), 1).await, recorded(&owner, "ads", &values(53), 1).await);
    let scenario = json!([{"name": "More", "drivers": [{"metricId": ads, "future": {"changePercent": 10}}]}]);
    let what_if =
        json!({"metricId": sales, "horizon": 28, "model": "ENSEMBLE", "scenarios": scenario, "waitSeconds": 0});
    let forecast = json!({"metricId": sales, "horizon": 28, "model": "ENSEMBLE", "waitSeconds": 0});
    let backtest = json!({"metricId": sales, "horizon": 28, "origins": 50, "waitSeconds": 0});
    let ask_back = "mutation ($i: BacktestInput!) { backtest(input: $i) { run { id } userErrors { message } } }";
    let stop = "mutation ($id: ID!) { stopRun(input: {runId: $id, waitSeconds: 0}) {
        run { status } userErrors { code message } } }";
    // A forecast alone may be done before it is stopped: it waits for the backtest, of which there are fifty.
    for (mutation, name, input) in [(FORECAST, "forecastMetric", forecast), (WHAT_IF, "whatIf", what_if)] {
        let before = owner.ok(ask_back, json!({"i": backtest})).await["backtest"]["run"]["id"].clone();
        let asked = owner.ok(mutation, json!({"i": input})).await;
        let id = asked[name]["run"]["id"].clone();
        for run in [&id, &before] {
            let stopped = owner.ok(stop, json!({"id": run})).await;
            assert_eq!(stopped["stopRun"]["userErrors"], json!([]), "{stopped}");
        }
        let run = once_ended(&owner, &id, RUN).await;
        assert_eq!((&run["status"], &run["failure"]), (&json!("CANCELLED"), &Value::Null), "{run}");
    }
}

#[tokio::test]
async fn a_day_whose_hours_are_missing_is_no_weak_day() {
    let owner = world::owner().await;
    let define = "mutation { defineMetric(input: {key: \"steps\", name: \"Steps\", unit: \"steps\", kind: FLOW,
        goodDirection: UP, timeZone: \"UTC\"}) { metric { id } userErrors { message } } }";
    let metric = owner.ok(define, json!({})).await["defineMetric"]["metric"]["id"].clone();
    // Thirty days by the hour; of the first only the evening is known, of the last the night, of one in between half.
    let hours = |days_ago: i64| match days_ago {
        30 => 20..24,
        1 => 0..2,
        12 => 0..12,
        _ => 0..24,
    };
    let points = (1..=30).rev().flat_map(|days_ago| hours(days_ago).map(move |hour| (days_ago, hour)));
    let points: Vec<Value> = points
        .map(|(days_ago, hour)| json!({"at": format!("{}T{hour:02}:00:00Z", ago(days_ago)), "value": format!("{}", 10 + (hour + days_ago) * 7 % 5)}))
        .collect();
    record(&owner, &metric, points).await;
    let input = json!({"metricId": metric, "horizon": 5, "waitSeconds": 20});
    let run = owner.ok(FORECAST, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(run["status"], "COMPLETED", "{run}");
    let forecast = &run["forecast"];
    assert_eq!(
        (&forecast["history"]["steps"], &forecast["points"][0]["start"]),
        (&json!(28), &json!(ago(1).to_string()))
    );
    for point in forecast["points"].as_array().expect("points") {
        let mean = point["mean"].as_f64().expect("a number");
        assert!((280.0..296.0).contains(&mean), "{mean} is not about 24 times 12");
    }
    let caveats = run["caveats"].to_string();
    assert!(caveats.contains("3 days have fewer points than Steps's days usually have"), "{caveats}");
    let detect = "mutation ($i: DetectAnomaliesInput!) { detectAnomalies(input: $i) {
        run { status caveats anomalies { anomalies { start explanation } } } userErrors { code field } } }";
    let found = owner.ok(detect, json!({"i": {"metricId": metric, "waitSeconds": 20}})).await;
    let run = &found["detectAnomalies"]["run"];
    assert_eq!(run["anomalies"]["anomalies"], json!([]), "{run}");
    assert!(run["caveats"].to_string().contains("1 day without a value was filled in"), "{run}");
}
