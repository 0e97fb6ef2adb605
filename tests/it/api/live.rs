//! Live queries: sockets, event streams, and how both end.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::{goals, metrics, world};

const EVENTS: &str = "subscription ($after: Position, $types: [String!]) {
    tenantEvents(after: $after, types: $types) { position type stream actor data } }";

#[tokio::test]
async fn every_event_comes_once_in_order_and_a_resumed_reader_misses_none() {
    let owner = world::owner().await;
    let mut socket = owner.socket().await;
    socket.subscribe("1", EVENTS, json!({"after": 0})).await;
    let mut last = 0;
    for _ in 0..3 {
        let position = socket.item().await["tenantEvents"]["position"].as_i64().expect("a position");
        assert_eq!(position, last + 1);
        last = position;
    }
    drop(socket);
    metrics::define(&owner, "later", "FLOW").await;
    let mut socket = owner.socket().await;
    socket.subscribe("1", EVENTS, json!({"after": last})).await;
    loop {
        let event = socket.item().await["tenantEvents"].clone();
        assert_eq!(event["position"].as_i64(), Some(last + 1));
        last += 1;
        if event["type"] == "MetricDefined" && event["data"]["key"] == "later" {
            return;
        }
    }
}

#[tokio::test]
async fn a_goal_is_shown_as_it_stands_and_again_when_it_changed() {
    let owner = world::owner().await;
    let goal = goals::create(&owner).await;
    let mut socket = owner.socket().await;
    let query = "subscription ($id: ID!, $after: Position) { goalProgress(goalId: $id, after: $after) {
        position goal { pace { actual } } } }";
    socket.subscribe("1", query, json!({"id": goal["id"]})).await;
    let first = socket.item().await["goalProgress"].clone();
    let record = "mutation ($i: RecordGoalProgressInput!) { recordGoalProgress(input: $i) { position
        userErrors { code } } }";
    owner.ok(record, json!({"i": {"goalId": goal["id"], "value": "120"}})).await;
    let next = loop {
        let next = socket.item().await["goalProgress"].clone();
        if next["goal"]["pace"]["actual"] == "120" {
            break next;
        }
    };
    assert!(next["position"].as_i64() > first["position"].as_i64());
    // Behind the first state there is the change; behind the last there is nothing yet.
    let mut resumed = owner.socket().await;
    resumed.subscribe("1", query, json!({"id": goal["id"], "after": first["position"]})).await;
    assert_eq!(resumed.item().await["goalProgress"]["goal"]["pace"]["actual"], "120");
    let stranger = world::owner().await;
    let mut socket = stranger.socket().await;
    socket.subscribe("1", query, json!({"id": goal["id"]})).await;
    let refused = socket.receive().await.expect("a message");
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], "INVALID", "{refused}");
}

#[tokio::test]
async fn nobody_can_go_on_behind_what_has_not_happened() {
    let owner = world::owner().await;
    let goal = goals::create(&owner).await;
    let progress = "subscription ($id: ID!) { goalProgress(goalId: $id, after: 999999) { position } }";
    for (query, variables) in [(EVENTS, json!({"after": 999_999})), (progress, json!({"id": goal["id"]}))] {
        let mut socket = owner.socket().await;
        socket.subscribe("1", query, variables).await;
        let refused = socket.receive().await.expect("a message");
        let error = &refused["payload"]["errors"][0];
        assert_eq!(error["extensions"]["code"], "INVALID", "{refused}");
        let said = error["message"].as_str().expect("a message");
        assert!(said.starts_with("there is no position 999999 yet: the history ends at "), "{said}");
    }
}

#[tokio::test]
async fn an_event_stream_carries_a_subscription_with_resumable_ids() {
    let owner = world::owner().await;
    let response = owner
        .request(Method::POST, "/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(json!({"query": EVENTS, "variables": {"after": 0}}).to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    while text.matches("\n\n").count() < 2 {
        let bytes = tokio::time::timeout(Duration::from_secs(30), stream.next()).await.expect("in time");
        text += std::str::from_utf8(&bytes.expect("more").expect("bytes")).expect("text");
    }
    assert!(text.starts_with("event: next\nid: 1\ndata: {\"data\":{\"tenantEvents\":{\"position\":1,"), "{text}");
    assert!(text.contains("\n\nevent: next\nid: 2\ndata: "), "{text}");
    let query = owner
        .request(Method::POST, "/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(json!({"query": "{ viewer { role } }"}).to_string())
        .send();
    let text = query.await.expect("an answer").text().await.expect("a body");
    assert!(text.starts_with("event: next\ndata: {\"data\":{\"viewer\":{\"role\":\"OWNER\"}}}"), "{text}");
    assert!(text.contains("event: complete\ndata:"), "{text}");
}

async fn closed_by(client: &Client, change: impl Future<Output = ()>) -> (u16, Duration) {
    let mut socket = client.socket().await;
    socket.subscribe("1", EVENTS, json!({"types": ["Nothing"]})).await;
    change.await;
    let began = Instant::now();
    (socket.close_code().await, began.elapsed())
}

#[tokio::test]
async fn a_socket_ends_within_a_second_of_its_access() {
    let owner = world::owner().await;
    let second = Duration::from_secs(1);

    let member = world::join(&owner, "MEMBER").await;
    let logout = async {
        member.ok("mutation { logout { position } }", Value::Null).await;
    };
    let (code, after) = closed_by(&member, logout).await;
    assert_eq!(code, 4401);
    assert!(after < second, "{after:?}");

    let admin = world::join(&owner, "ADMIN").await;
    let id = admin.ok("{ viewer { user { id } } }", Value::Null).await["viewer"]["user"]["id"].clone();
    let change = "mutation ($u: ID!) { changeRole(input: {userId: $u, role: MEMBER}) { userErrors { code } } }";
    let (code, after) = closed_by(&admin, async {
        owner.ok(change, json!({"u": id})).await;
    })
    .await;
    assert_eq!(code, 4403);
    assert!(after < second, "{after:?}");

    let remove = "mutation ($u: ID!) { removeUser(input: {userId: $u}) { userErrors { code } } }";
    let (code, after) = closed_by(&admin, async {
        owner.ok(remove, json!({"u": id})).await;
    })
    .await;
    assert_eq!(code, 4401);
    assert!(after < second, "{after:?}");
}

#[tokio::test]
async fn a_socket_that_breaks_the_protocol_is_closed_with_its_code() {
    let owner = world::owner().await;
    let anonymous = world::anonymous().await;
    let subscribe = json!({"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { role } }"}});

    let mut socket = anonymous.raw_socket().await;
    socket.send(subscribe.clone()).await;
    assert_eq!(socket.close_code().await, 4401);

    let mut socket = anonymous.raw_socket().await;
    socket.send(json!({"type": "connection_init"})).await;
    assert_eq!(socket.close_code().await, 4403);

    for text in ["", "{}", "[]", "hello", r#"{"type":"start"}"#, r#"{"type":"subscribe","id":"1"}"#] {
        let mut socket = owner.socket().await;
        socket.send_text(text).await;
        assert_eq!(socket.close_code().await, 4400, "{text}");
    }

    let mut socket = owner.socket().await;
    socket.send_bytes(vec![1, 2, 3]).await;
    assert_eq!(socket.close_code().await, 4400);

    let mut socket = anonymous.raw_socket().await;
    assert_eq!(socket.close_code().await, 4408, "no connection_init in time");

    let mut socket = owner.socket().await;
    socket.subscribe("1", EVENTS, Value::Null).await;
    socket.subscribe("1", EVENTS, Value::Null).await;
    assert_eq!(socket.close_code().await, 4409);

    let mut socket = owner.socket().await;
    socket.send(json!({"type": "connection_init"})).await;
    assert_eq!(socket.close_code().await, 4429);

    let mut socket = owner.socket().await;
    socket.send_text(&"x".repeat(300_000)).await;
    let code = socket.close_code().await;
    assert!(code == 1009 || code == 1006, "a message over the limit: {code}");
}

#[tokio::test]
async fn a_socket_answers_queries_and_pings_and_frees_its_ids() {
    let owner = world::owner().await;
    let mut socket = owner.socket().await;
    socket.send(json!({"type": "ping", "payload": {"n": 1}})).await;
    assert_eq!(socket.receive().await, Ok(json!({"type": "pong", "payload": {"n": 1}})));
    for _ in 0..3 {
        socket.subscribe("a", "{ viewer { role } }", Value::Null).await;
        assert_eq!(socket.item().await, json!({"viewer": {"role": "OWNER"}}));
        assert_eq!(socket.receive().await, Ok(json!({"id": "a", "type": "complete"})));
    }
    socket.subscribe("b", "{ nothing }", Value::Null).await;
    let refused = socket.receive().await.expect("a message");
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("b")));
    // A running operation is stopped by `complete`, and its id is free at once.
    socket.subscribe("c", EVENTS, json!({"types": ["Nothing"]})).await;
    socket.send(json!({"type": "complete", "id": "c"})).await;
    socket.subscribe("c", "{ viewer { role } }", Value::Null).await;
    assert_eq!(socket.item().await, json!({"viewer": {"role": "OWNER"}}));
}
