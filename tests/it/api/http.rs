//! GraphQL over HTTP as the draft has it, and the pages beside it.

use reqwest::Method;
use serde_json::{Value, json};

use super::world;

#[tokio::test]
async fn the_status_says_what_became_of_a_request() {
    let owner = world::owner().await;
    let graphql = "application/graphql-response+json";
    let cases = [
        ("{ viewer { role } }", graphql, 200),
        ("{ viewer { role } ", graphql, 400),
        ("{ nothing }", graphql, 400),
        ("{ viewer { role } ", "application/json", 200),
        ("{ nothing }", "application/json", 200),
        ("{ viewer { role } }", "text/html", 406),
    ];
    for (query, accept, status) in cases {
        let request = owner.request(Method::POST, "/graphql").header("accept", accept);
        let request = request.header("content-type", "application/json").body(json!({"query": query}).to_string());
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status, "{query} as {accept}");
        let answer: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert_eq!(answer.get("data").is_some(), query == "{ viewer { role } }" && status == 200, "{answer}");
    }
}

#[tokio::test]
async fn a_query_may_come_by_get_and_a_mutation_not() {
    let owner = world::owner().await;
    let get = |query: &str| {
        let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        owner.request(Method::GET, &format!("/graphql?query={query}")).send()
    };
    assert_eq!(get("{ viewer { role } }").await.expect("an answer").status(), 200);
    let mutation = get("mutation { logout { position } }").await.expect("an answer");
    assert_eq!((mutation.status().as_u16(), mutation.headers()["allow"].as_bytes()), (405, b"POST".as_slice()));
    assert_eq!(owner.ok("{ viewer { role } }", Value::Null).await["viewer"]["role"], "OWNER");
    assert_eq!(get("subscription { tenantEvents { position } }").await.expect("an answer").status(), 400);
    let put = owner.request(Method::PUT, "/graphql").body("{}").send().await.expect("an answer");
    assert_eq!(put.status(), 405);
}

#[tokio::test]
async fn only_json_is_taken_by_post() {
    let owner = world::owner().await;
    let body = json!({"query": "mutation { logout { position } }"}).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let request = owner.request(Method::POST, "/graphql").header("content-type", kind).body(body.clone());
        assert_eq!(request.send().await.expect("an answer").status(), 415, "{kind}");
    }
    for (body, status) in [("[]", 400), ("\"x\"", 400), ("{", 400), ("{\"query\":1}", 400), ("{}", 400)] {
        let request = owner.request(Method::POST, "/graphql").header("content-type", "application/json").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), status, "{body}");
    }
}

#[tokio::test]
async fn operators_are_told_how_it_is() {
    let client = world::anonymous().await;
    let get = async |path: &str| {
        let response = client.request(Method::GET, path).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    let (_, ready) = get("/readyz").await;
    let ready: Value = serde_json::from_str(&ready).expect("JSON");
    assert_eq!((&ready["database"], &ready["pendingMigrations"]), (&json!("reachable"), &json!([])));
    client.ok("{ viewer { role } }", Value::Null).await;
    let (status, metrics) = get("/metrics").await;
    assert_eq!(status, 200);
    for name in ["dyocense_http_seconds", "dyocense_graphql_seconds", "dyocense_pool_connections"] {
        assert!(metrics.contains(name), "{name}");
    }
    let (status, page) = get("/explorer").await;
    assert!(status == 200 && !page.contains("https://"), "the explorer needs nothing from elsewhere");
    assert!(get("/schema.graphql").await.1.contains("type Goal"));
    assert_eq!(get("/nothing").await.0, 404);
}

#[tokio::test]
async fn the_history_is_read_oldest_first_and_filtered() {
    let owner = world::owner().await;
    super::metrics::define(&owner, "audited", "FLOW").await;
    let query = "query ($f: EventFilter!, $first: Int, $last: Int, $after: String) {
        auditEvents(filter: $f, first: $first, last: $last, after: $after) {
          edges { node { position type actor stream command } cursor } pageInfo { hasNextPage endCursor } } }";
    let page = async |variables: Value| owner.ok(query, variables).await["auditEvents"].clone();
    let first = page(json!({"f": {}, "first": 2})).await;
    let types: Vec<&Value> =
        first["edges"].as_array().expect("edges").iter().map(|edge| &edge["node"]["type"]).collect();
    assert_eq!(types, ["BusinessRegistered", "UserJoined"]);
    let next = page(json!({"f": {}, "first": 1, "after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!(next["edges"][0]["node"]["position"], 3);
    let defined = page(json!({"f": {"types": ["MetricDefined"], "stream": "metric-"}, "last": 1})).await;
    let actor = defined["edges"][0]["node"]["actor"].as_str().expect("an actor").to_owned();
    assert!(actor.starts_with("user:"), "{actor}");
    let by_actor = page(json!({"f": {"actor": actor, "types": ["MetricDefined"]}, "first": 10})).await;
    assert_eq!(by_actor["edges"].as_array().expect("edges").len(), 1);
    let none = page(json!({"f": {"to": "2020-01-01T00:00:00Z"}, "first": 10})).await;
    assert_eq!(none["edges"], json!([]));
}
