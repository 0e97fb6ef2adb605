//! Metrics, their points and series.

use serde_json::{Value, json};

use super::client::Client;
use super::world;

const DEFINE: &str = "mutation ($i: DefineMetricInput!, $k: String) { defineMetric(input: $i, idempotencyKey: $k) {
    metric { id key source } position userErrors { code field message } } }";
const RECORD: &str = "mutation ($i: RecordMetricPointsInput!, $k: String) {
    recordMetricPoints(input: $i, idempotencyKey: $k) {
      added corrected unchanged late metric { pointCount } position userErrors { code field } } }";

pub async fn define(client: &Client, key: &str, kind: &str) -> Value {
    let input = json!({"key": key, "name": key, "unit": "pieces", "kind": kind, "goodDirection": "UP",
        "timeZone": "America/New_York"});
    client.ok(DEFINE, json!({"i": input})).await["defineMetric"]["metric"]["id"].clone()
}

fn points(metric: &Value, points: &[(&str, &str)]) -> Value {
    let points: Vec<Value> = points.iter().map(|(at, value)| json!({"at": at, "value": value})).collect();
    json!({"i": {"metricId": metric, "points": points}})
}

#[tokio::test]
async fn new_corrected_equal_and_late_points_are_told_apart() {
    let owner = world::owner().await;
    let metric = define(&owner, "visitors", "FLOW").await;
    let counts = async |input: Value| {
        let data = owner.ok(RECORD, input).await;
        let payload = &data["recordMetricPoints"];
        ["added", "corrected", "unchanged", "late"].map(|name| payload[name].as_i64().expect("a count"))
    };
    let two = [("2026-03-02T12:00:00Z", "10"), ("2026-03-03T12:00:00Z", "20.5")];
    assert_eq!(counts(points(&metric, &two)).await, [2, 0, 0, 0]);
    assert_eq!(counts(points(&metric, &two)).await, [0, 0, 2, 0]);
    let mixed = [("2026-03-03T12:00:00Z", "21"), ("2026-03-01T12:00:00Z", "5"), ("2026-03-02T12:00:00Z", "10")];
    assert_eq!(counts(points(&metric, &mixed)).await, [1, 1, 1, 1]);
    let retract = "mutation ($i: RetractMetricPointsInput!) { retractMetricPoints(input: $i) {
        metric { pointCount latestPoint { value } firstPoint { at } } userErrors { code } } }";
    let retracted = owner.ok(retract, json!({"i": {"metricId": metric, "at": ["2026-03-03T12:00:00Z"]}})).await;
    let metric = &retracted["retractMetricPoints"]["metric"];
    assert_eq!((&metric["pointCount"], &metric["latestPoint"]["value"]), (&json!(2), &json!("10")));
}

#[tokio::test]
async fn a_series_is_summed_in_the_metric_s_own_calendar() {
    let owner = world::owner().await;
    let metric = define(&owner, "sold", "FLOW").await;
    // In New York the first of these is still in February.
    let three = [("2026-03-01T03:00:00Z", "1"), ("2026-03-01T15:00:00Z", "2"), ("2026-04-10T15:00:00Z", "4")];
    owner.ok(RECORD, points(&metric, &three)).await;
    let series = "query ($id: ID, $b: Bucket!, $max: Int! = 1000, $f: Date, $t: Date) { metric(id: $id) {
        series(bucket: $b, maxPoints: $max, from: $f, to: $t) { bucket aggregation points { start value count } } } }";
    let steps = async |variables: Value| owner.ok(series, variables).await["metric"]["series"].clone();
    let months = steps(json!({"id": metric, "b": "MONTH"})).await;
    assert_eq!(months["aggregation"], "SUM");
    let expected = [("2026-02-01", "1"), ("2026-03-01", "2"), ("2026-04-01", "4")]
        .map(|(start, value)| json!({"start": start, "value": value, "count": 1}));
    assert_eq!(months["points"], json!(expected));
    let fewer = steps(json!({"id": metric, "b": "DAY", "max": 1})).await;
    assert_eq!((&fewer["bucket"], &fewer["points"][0]["value"]), (&json!("YEAR"), &json!("7")));
    let range = steps(json!({"id": metric, "b": "DAY", "f": "2026-03-01", "t": "2026-03-01"})).await;
    assert_eq!(range["points"], json!([{"start": "2026-03-01", "value": "2", "count": 1}]));
    assert_eq!(owner.code(series, json!({"id": metric, "b": "DAY", "max": 0})).await, "INVALID");
}

#[tokio::test]
async fn a_repeated_request_is_done_once_and_another_under_its_key_is_refused() {
    let owner = world::owner().await;
    let input = json!({"key": "calls", "name": "Calls", "unit": "calls", "kind": "FLOW", "goodDirection": "UP"});
    let first = owner.ok(DEFINE, json!({"i": input, "k": "once"})).await;
    let again = owner.ok(DEFINE, json!({"i": input, "k": "once"})).await;
    assert_eq!(first, again);
    let mut other = input.clone();
    other["name"] = json!("Other");
    assert_eq!(owner.refusal(DEFINE, json!({"i": other, "k": "once"})).await.0, "KEY_REUSED");
    let taken = owner.refusal(DEFINE, json!({"i": input, "k": "twice"})).await;
    assert_eq!(taken, ("ALREADY_EXISTS".to_owned(), "input.key".to_owned()));
    assert_eq!(owner.code(DEFINE, json!({"i": input, "k": ""})).await, "INVALID");
}

#[tokio::test]
async fn an_archived_metric_takes_no_points_and_is_listed_on_demand() {
    let owner = world::owner().await;
    let metric = define(&owner, "old", "LEVEL").await;
    let describe = "mutation ($i: DescribeMetricInput!) { describeMetric(input: $i) {
        metric { name goodDirection } userErrors { code } } }";
    let described = owner.ok(describe, json!({"i": {"metricId": metric, "name": "Older"}})).await;
    assert_eq!(described["describeMetric"]["metric"], json!({"name": "Older", "goodDirection": "UP"}));
    let archive = "mutation ($id: ID!) { archiveMetric(input: {metricId: $id}) { metric { archived }
        userErrors { code } } }";
    assert_eq!(owner.ok(archive, json!({"id": metric})).await["archiveMetric"]["metric"]["archived"], true);
    let refused = owner.refusal(RECORD, points(&metric, &[("2026-03-01T00:00:00Z", "1")])).await;
    assert_eq!(refused.0, "WRONG_STATE");
    let list = "query ($a: Boolean!) { metrics(includeArchived: $a, first: 100) { edges { node { key } } } }";
    let keys = async |archived: bool| {
        let data = owner.ok(list, json!({"a": archived})).await;
        let edges = data["metrics"]["edges"].as_array().expect("edges").clone();
        edges.iter().any(|edge| edge["node"]["key"] == "old")
    };
    assert!(!keys(false).await);
    assert!(keys(true).await);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_in_both_directions() {
    let owner = world::owner().await;
    for key in ["p_a", "p_b", "p_c"] {
        define(&owner, key, "FLOW").await;
    }
    let page = "query ($first: Int, $after: String, $last: Int, $before: String) {
        metrics(first: $first, after: $after, last: $last, before: $before) {
          edges { cursor node { key } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let all = owner.ok(page, json!({"first": 100})).await["metrics"]["edges"].as_array().expect("edges").clone();
    let keys = |edges: &[Value]| edges.iter().map(|edge| edge["node"]["key"].clone()).collect::<Vec<_>>();
    let mut forward = Vec::new();
    let mut after = Value::Null;
    loop {
        let data = owner.ok(page, json!({"first": 2, "after": after})).await;
        forward.extend(data["metrics"]["edges"].as_array().expect("edges").clone());
        after = data["metrics"]["pageInfo"]["endCursor"].clone();
        if data["metrics"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(keys(&forward), keys(&all));
    let last = owner.ok(page, json!({"last": 2})).await;
    let edges = last["metrics"]["edges"].as_array().expect("edges").clone();
    assert_eq!(keys(&edges), keys(&all[all.len() - 2..]));
    assert_eq!(owner.code(page, json!({"first": 0})).await, "INVALID");
    assert_eq!(owner.code(page, json!({"first": 1, "after": "???"})).await, "INVALID");
}

#[tokio::test]
async fn what_no_column_can_hold_is_the_request_s_fault() {
    let owner = world::owner().await;
    assert_eq!(owner.code("query ($k: String!) { metric(key: $k) { id } }", json!({"k": "a\0b"})).await, "INVALID");
    let audit = "query ($f: EventFilter!) { auditEvents(filter: $f) { edges { node { position } } } }";
    for filter in [json!({"stream": "goal\0"}), json!({"from": "-009999-01-02T00:00:00Z"})] {
        assert_eq!(owner.code(audit, json!({"f": filter})).await, "INVALID", "{filter}");
    }
}

#[tokio::test]
async fn customers_rates_and_averages_of_a_longer_step_are_made_from_its_sales() {
    let owner = world::owner().await;
    // Ada buys in December and on two days of January, Bob in January, Cem in January and February.
    let file = "date,amount,order,customer\n2025-12-30,10,o1,ada\n2026-01-03,20,o2,ada\n2026-01-03,60,o3,bob\n\
        2026-01-09,10,o4,ada\n2026-01-20,30,o5,cem\n2026-02-02,50,o6,cem\n";
    let done = super::imports::import(&owner, &super::imports::upload(&owner, file).await).await;
    assert_eq!(done["status"], "COMPLETED", "{done}");
    let query = "query ($key: String!, $from: Date, $to: Date, $aggregation: SeriesAggregation) { metric(key: $key) {
        series(bucket: MONTH, from: $from, to: $to, aggregation: $aggregation) { aggregation points { start value count } } } }";
    let values = async |variables: Value| {
        let series = owner.ok(query, variables).await["metric"]["series"].clone();
        let points = series["points"].as_array().expect("points").clone();
        (series["aggregation"].clone(), points.iter().map(|point| point["value"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(values(json!({"key": "customers"})).await, (Value::Null, vec![json!("1"), json!("3"), json!("1")]));
    let by_day = values(json!({"key": "customers", "aggregation": "SUM"})).await;
    assert_eq!(by_day, (json!("SUM"), vec![json!("1"), json!("4"), json!("1")]));
    // One of January's three had bought before; February's one had.
    assert_eq!(values(json!({"key": "returning_rate"})).await.1, ["0", "33.3333", "100"]);
    // 120 by four orders.
    assert_eq!(values(json!({"key": "average_order_value"})).await.1, ["10", "30", "50"]);
    // Days outside of the range do not count.
    let part = json!({"key": "customers", "from": "2026-01-04", "to": "2026-01-15"});
    assert_eq!(values(part).await.1, ["1"]);
    assert_eq!(values(json!({"key": "revenue"})).await, (json!("SUM"), vec![json!("10"), json!("120"), json!("50")]));
}
