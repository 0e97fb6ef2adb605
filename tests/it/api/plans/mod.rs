//! Plans through the API: files, metrics behind them, constraints, scenarios, goals that follow them.

mod constraints;
mod files;
mod following;
mod from_metrics;
mod scenarios;
mod search;
mod today;

use serde_json::{Value, json};

use super::client::Client;

pub const RUN: &str = "id status summary caveats failure seed method inputSha256 inputPosition elapsedMs stoppedEarly
    answer request changes scenarioOf { id } files { format path fileName } acceptedAt
    followedBy { figure of amount metric { key } goal { id title status start due aim { direction target }
        milestones { value due } } }
    plan { status objective bound gap plan replayable solver work nodes problem costs { name amount }
           againstToday { name before after change } binding { says } bindingConstraints { says price }
           foreseen { unit bucket forecast metric { key } points { start mean standardDeviation } }
           supposed { run summary metric { key } points { start mean standardDeviation } }
           stockTargets { product serviceLevel leadTime leadTimeDemand reorderPoint safetyStock }
           whyNot { members verified repairs { says from to } } }";

/// Asks for a plan; the answer's payload.
pub async fn ask(client: &Client, mutation: &str, input: Value) -> Value {
    let query = format!(
        "mutation ($i: OptimizeInput!) {{ {mutation}(input: $i) {{ run {{ {RUN} }} userErrors {{ code field message }} }} }}"
    );
    client.ok(&query, json!({"i": input})).await[mutation].clone()
}

/// Asks for a plan, and waits for its end however long that takes; the run.
pub async fn ended(client: &Client, mutation: &str, mut input: Value) -> Value {
    input["waitSeconds"] = json!(20);
    let payload = ask(client, mutation, input).await;
    let mut run = payload["run"].clone();
    assert!(run.is_object(), "{payload}");
    let query = format!("query ($id: ID!) {{ run(id: $id) {{ {RUN} }} }}");
    while ["QUEUED", "RUNNING"].iter().any(|open| run["status"] == *open) {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        run = client.ok(&query, json!({"id": run["id"]})).await["run"].clone();
    }
    run
}

/// Asks for a plan that there is; the run.
pub async fn plan(client: &Client, mutation: &str, mut input: Value) -> Value {
    input["seconds"] = input.get("seconds").cloned().unwrap_or_else(|| json!(1));
    let run = ended(client, mutation, input).await;
    assert_eq!((&run["status"], &run["failure"]), (&json!("COMPLETED"), &Value::Null), "{run}");
    run
}

pub fn shops() -> Value {
    json!({
        "channels": [
            {"name": "ads", "alpha": 9000.0, "k": 3000.0, "cap": 8000.0},
            {"name": "mail", "alpha": 2500.0, "k": 800.0, "cap": 4000.0, "min_if_active": 200.0},
        ],
        "periods": 2, "budget_per_period": 9000.0, "activation_cost": 10.0, "lot": 50.0, "max_active": 2,
    })
}

/// Five people, two weeks from a Monday, three shifts.
pub fn cafe() -> Value {
    let people = 6;
    let (off, pref) = (vec![vec![false; 14]; people], vec![vec![vec![1.0, 1.0, 2.0]; 14]; people]);
    json!({
        "E": people, "D": 14, "shifts": ["Early", "Late", "Evening"],
        "demand": vec![vec![1.0, 1.0, 1.0]; 14],
        "senior": [true, true, true, false, false, false], "nonight": vec![false; people],
        "names": ["Maria", "Ben", "Chloe", "Dora, \"Dodo\"", "=HYPERLINK(1)", "Ümit"],
        "off": off, "pref": pref, "nights_max": 7, "week_max": 6, "week_min": 2, "max_consecutive": 6,
    })
}

pub fn bakery() -> Value {
    json!({
        "products": [
            {"name": "Bread", "demand": [20.0, 30.0, 25.0, 40.0], "hold": 0.5, "setup_cost": 20.0, "unit_cost": 1.0,
             "lost_sale": 8.0, "unit_time": 1.0, "init": 5.0},
            {"name": "Cake", "demand": [5.0, 5.0, 10.0, 5.0], "hold": 1.0, "setup_cost": 15.0, "unit_cost": 4.0,
             "lost_sale": 20.0, "unit_time": 2.0},
        ],
        "periods": 4, "capacity": [120.0, 120.0, 120.0, 120.0],
    })
}

pub fn counter() -> Value {
    let day = |open: f64| (0..24).map(|h| if (9..19).contains(&h) { open } else { 0.0 }).collect::<Vec<f64>>();
    let week: Vec<f64> = (0..7).flat_map(|d| day(if d < 5 { 2.0 } else { 3.0 })).collect();
    let tours: Vec<Value> = [9, 11]
        .into_iter()
        .flat_map(|start| {
            (0..7).map(move |off| json!({"start": start, "len": 8, "off": [off, (off + 1) % 7], "cost": 600.0}))
        })
        .collect();
    json!({"demand": [week], "tours": tours, "under_penalty": 40.0, "max_heads": [20.0]})
}

/// Defines a metric and records a value a day, up to yesterday.
pub async fn metric(client: &Client, key: &str, days: i64, value: impl Fn(i64) -> f64) -> Value {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let point = |i: i64| {
        let day = today.checked_sub(jiff::Span::new().days(days - i)).expect("a day");
        json!({"at": format!("{day}T12:00:00Z"), "value": format!("{:.2}", value(i))})
    };
    define(client, key, (0..days).map(point).collect()).await
}

/// Defines a metric and records points.
pub async fn define(client: &Client, key: &str, points: Vec<Value>) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let metric = json!({"key": key, "name": key, "unit": "units", "kind": "FLOW", "goodDirection": "UP"});
    let defined = client.ok(define, json!({"i": metric})).await;
    let id = defined["defineMetric"]["metric"]["id"].clone();
    assert!(id.is_string(), "{defined}");
    let record =
        "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { message } } }";
    let (count, recorded) = (points.len(), client.ok(record, json!({"i": {"metricId": id, "points": points}})).await);
    assert_eq!(recorded["recordMetricPoints"]["added"], count, "{recorded}");
    id
}

/// As numbers are compared: the log writes 3.0 as 3.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(parts) => parts.iter().map(plain).collect(),
        Value::Object(parts) => parts.iter().map(|(name, part)| (name.clone(), plain(part))).collect(),
        other => other.clone(),
    }
}
