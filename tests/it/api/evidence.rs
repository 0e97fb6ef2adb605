//! Why a metric changed, what would happen if, and what causes what, through the API.

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

fn day(i: i64) -> Date {
    jiff::civil::date(2026, 1, 1).checked_add(i.days()).expect("a day")
}

/// A number between -1 and 1 that looks random and is always the same.
fn noise(i: i64, of: i64) -> f64 {
    let mut x = (i * 2_654_435_761 + of * 40_503).rem_euclid(4_294_967_296) as u64;
    x ^= x >> 13;
    x = x.wrapping_mul(0x5bd1_e995) & 0xffff_ffff;
    x ^= x >> 15;
    x as f64 / 2_147_483_648.0 - 1.0
}

async fn metric(client: &Client, key: &str, days: i64, value: impl Fn(i64) -> f64) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let input = json!({"key": key, "name": key, "unit": "pieces", "kind": "FLOW", "goodDirection": "UP"});
    let defined = client.ok(define, json!({"i": input})).await;
    let id = defined["defineMetric"]["metric"]["id"].clone();
    let points: Vec<Value> = (0..days)
        .map(|i| json!({"at": format!("{}T12:00:00Z", day(i)), "value": format!("{:.3}", value(i))}))
        .collect();
    let record =
        "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { message } } }";
    let recorded = client.ok(record, json!({"i": {"metricId": id, "points": points}})).await;
    assert_eq!(recorded["recordMetricPoints"]["added"], days, "{recorded}");
    id
}

const DAYS: i64 = 200;
const CHANGED: i64 = 186;

fn adverts(i: i64) -> f64 {
    50.0 + 10.0 * noise(i, 1) + if i >= CHANGED { -30.0 } else { 0.0 }
}

/// Sales follow adverts at once; the weather has nothing to do with them. Adverts stop at the end.
async fn shop(client: &Client) -> (Value, Value, Value) {
    let ads = metric(client, "adverts", DAYS, adverts).await;
    let weather = metric(client, "weather", DAYS, |i| 20.0 + 5.0 * noise(i, 2)).await;
    let sales = metric(client, "sold", DAYS, |i| 100.0 + 2.0 * adverts(i) + 4.0 * noise(i, 3)).await;
    (sales, ads, weather)
}

#[tokio::test]
async fn a_change_is_traced_to_its_cause_and_the_innocent_is_ruled_out() {
    let owner = world::owner().await;
    let (sales, ..) = shop(&owner).await;
    let explain = "mutation ($i: ExplainChangeInput!) { explainChange(input: $i) { run { status failure summary method
        changeExplanation { verdict unit actual expected change lower upper p unexplained
            calendarParts { name effect } causes { key contribution lag q words }
            ruledOut { key } contributors { key } notTestable { key } } } userErrors { code field message } } }";
    let range = json!({"metricId": sales, "first": day(CHANGED).to_string(), "last": day(DAYS - 1).to_string(),
        "waitSeconds": 20});
    let asked = owner.ok(explain, json!({"i": range})).await;
    let run = &asked["explainChange"]["run"];
    assert_eq!((&run["status"], &run["failure"]), (&json!("COMPLETED"), &Value::Null), "{asked}");
    let found = &run["changeExplanation"];
    assert_eq!(found["causes"][0]["key"], "adverts", "{found}");
    let contribution = found["causes"][0]["contribution"].as_f64().expect("a number");
    assert!((contribution + 60.0).abs() < 10.0, "30 adverts fewer at 2 pieces each, not {contribution}");
    let others: Vec<&Value> = found["causes"].as_array().expect("causes").iter().skip(1).collect();
    assert!(others.is_empty(), "{found}");
    assert!(run["summary"].as_str().expect("words").len() > 20, "{run}");
    // The same question, the same answer.
    let again = owner.ok(explain, json!({"i": range})).await;
    assert_eq!(again["explainChange"]["run"]["changeExplanation"], *found);

    let backwards = json!({"metricId": sales, "first": "2026-03-02", "last": "2026-03-01"});
    let refused = owner.refusal(explain, json!({"i": backwards})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", "input.last"));
    let early = json!({"metricId": sales, "first": "2026-01-02", "last": "2026-01-03", "waitSeconds": 20});
    let asked = owner.ok(explain, json!({"i": early})).await;
    assert_eq!(asked["explainChange"]["run"]["status"], "FAILED", "one day of history explains nothing: {asked}");
}

#[tokio::test]
async fn what_would_happen_is_simulated_with_its_doubt() {
    let owner = world::owner().await;
    let (sales, ads, _) = shop(&owner).await;
    let simulate = "mutation ($i: SimulateInterventionInput!) { simulateIntervention(input: $i) { run { status failure summary
        intervention { effect p placeboP assumptions warnings points { day with without lower80 upper80 lower95 upper95 } } }
        userErrors { code field message } } }";
    let input = json!({"metricId": sales, "factorId": ads, "impact": 10, "horizon": 14, "waitSeconds": 20});
    let asked = owner.ok(simulate, json!({"i": input})).await;
    let run = &asked["simulateIntervention"]["run"];
    let found = &run["intervention"];
    let effect = found["effect"].as_f64().unwrap_or_else(|| panic!("{asked}"));
    assert!((effect - 2.0).abs() < 0.3, "2 pieces an advert, not {effect}");
    let points = found["points"].as_array().expect("points");
    assert_eq!((points.len(), &points[0]["day"]), (14, &json!(day(DAYS).to_string())));
    for point in points {
        let number = |name: &str| point[name].as_f64().expect("a number");
        assert!((number("with") - number("without") - 10.0 * effect).abs() < 1e-6, "{point}");
        assert!(number("lower95") <= number("lower80") && number("upper80") <= number("upper95"), "{point}");
    }
    assert!(!found["assumptions"].as_array().expect("assumptions").is_empty(), "{found}");
    let own = json!({"metricId": sales, "factorId": sales, "impact": 1});
    assert_eq!(owner.refusal(simulate, json!({"i": own})).await.1, "input.factorId");
}

#[tokio::test]
async fn a_causal_graph_is_learnt_and_edited_with_a_reason() {
    let owner = world::owner().await;
    let (sales, ads, weather) = shop(&owner).await;
    let build = "mutation ($i: BuildCausalGraphInput!) { buildCausalGraph(input: $i) { run { status failure
        causalGraph { nodes days method edges { from to directed lag strength p q source reason } } }
        userErrors { code field message } } }";
    let input = json!({"metricIds": [sales, ads, weather], "maxLag": 2, "waitSeconds": 20});
    let asked = owner.ok(build, json!({"i": input})).await;
    let graph = &asked["buildCausalGraph"]["run"]["causalGraph"];
    assert_eq!((&graph["nodes"], &graph["days"]), (&json!(["sold", "adverts", "weather"]), &json!(DAYS)), "{asked}");
    let edges = graph["edges"].as_array().expect("edges");
    let joins = |edge: &Value, a: &str, b: &str| {
        (edge["from"] == a && edge["to"] == b) || (edge["from"] == b && edge["to"] == a)
    };
    assert!(edges.iter().any(|edge| joins(edge, "adverts", "sold")), "{graph}");
    assert!(!edges.iter().any(|edge| joins(edge, "weather", "sold") && edge["lag"] == 0), "{graph}");

    let mut edited = input.clone();
    edited["edits"] = json!([{"from": "weather", "to": "sold", "edit": "CONFIRM", "reason": "we sell umbrellas"}]);
    let asked = owner.ok(build, json!({"i": edited})).await;
    let edges = asked["buildCausalGraph"]["run"]["causalGraph"]["edges"].as_array().expect("edges").clone();
    let confirmed = edges.iter().find(|edge| edge["from"] == "weather" && edge["to"] == "sold").expect("the edit");
    assert_eq!((&confirmed["source"], &confirmed["reason"]), (&json!("PERSON"), &json!("we sell umbrellas")));
    let alone = json!({"metricIds": [sales]});
    assert_eq!(owner.refusal(build, json!({"i": alone})).await.1, "input.metricIds");
}
