//! What attackers send, and what they get: a refusal, soon, that tells nothing.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{goals, world};

#[tokio::test]
async fn costly_documents_are_refused_before_they_run() {
    let owner = world::owner().await;
    let aliases: String = (0..1_000).map(|i| format!("a{i}: viewer {{ role }} ")).collect();
    let spreads: String =
        (0..30).map(|i| format!("fragment F{i} on Query {{ ...F{} ...F{} }} ", i + 1, i + 1)).collect();
    let nested = "goals(first: 500) { edges { node { readings(first: 500) { edges { node { at } } } } } }";
    let table: Vec<(&str, String, &str)> = vec![
        ("a thousand aliases", format!("{{ {aliases} }}"), "LIMIT_EXCEEDED"),
        (
            "five hundred directives",
            format!("{{ viewer {} {{ role }} }}", "@skip(if: false) ".repeat(500)),
            "LIMIT_EXCEEDED",
        ),
        ("ten thousand fields", format!("{{ {} }}", "viewer { role } ".repeat(10_000)), "LIMIT_EXCEEDED"),
        ("circular fragments", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into(), "INVALID"),
        (
            "doubling fragments",
            format!("{{ ...F0 }} {spreads} fragment F30 on Query {{ viewer {{ role }} }}"),
            "LIMIT_EXCEEDED",
        ),
        (
            "circular introspection",
            format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(6), "} } ".repeat(6)),
            "LIMIT_EXCEEDED",
        ),
        ("nested pages", format!("{{ {nested} }}"), "LIMIT_EXCEEDED"),
        ("ten thousand brackets", format!("{{ node(id: {}", "[".repeat(10_000)), "LIMIT_EXCEEDED"),
        ("no document", String::new(), "SYNTAX"),
        ("NUL", "{ viewer { role\0 } }".into(), "SYNTAX"),
        ("odd unicode", "{ viewer { rôle } } \u{202e}\u{feff}🦀".into(), "SYNTAX"),
    ];
    for (name, query, code) in table {
        let began = Instant::now();
        assert_eq!(owner.code(&query, Value::Null).await, code, "{name}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn the_standard_introspection_query_is_answered_to_who_is_logged_in() {
    let owner = world::owner().await;
    let ofs = "ofType { kind name ".repeat(9) + &"}".repeat(9);
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
           types {{ ...FullType }} directives {{ name description locations args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description
           fields(includeDeprecated: true) {{ name description args {{ ...InputValue }} type {{ ...TypeRef }} isDeprecated
             deprecationReason }}
           inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }}
           enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
           possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ kind name {ofs} }}"
    );
    let types = owner.ok(&query, Value::Null).await["__schema"]["types"].as_array().expect("types").len();
    assert!(types > 100, "{types} types");
    let anonymous = world::anonymous().await;
    assert_eq!(anonymous.code("{ __schema { types { name } } }", Value::Null).await, "UNAUTHENTICATED");
    let (_, answer) = anonymous.ask("{ viwer { role } }", Value::Null).await;
    assert!(!answer.to_string().contains("Did you mean"), "{answer}");
}

#[tokio::test]
async fn large_and_deep_requests_are_refused() {
    let owner = world::owner().await;
    let post = async |body: String| {
        let request = owner.request(Method::POST, "/graphql").header("content-type", "application/json").body(body);
        request.send().await.expect("an answer").status().as_u16()
    };
    let padding = " ".repeat(1_100_000);
    assert_eq!(post(json!({"query": format!("{{ viewer {{ role }} }}{padding}")}).to_string()).await, 413);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(post(format!(r#"{{"query":"{{ viewer {{ role }} }}","variables":{{"a":{deep}}}}}"#)).await, 400);
    assert_eq!(post(r#"[{"query":"{ viewer { role } }"}]"#.to_owned()).await, 400);
}

#[tokio::test]
async fn forged_tokens_open_nothing() {
    let owner = world::owner().await;
    let good = owner.token.clone().expect("a token");
    let parts: Vec<&str> = good.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let hs256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    // {"typ":"JWT","alg":"EdDSA","kid":"0000000000000000"}
    let wrong_kid = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6IjAwMDAwMDAwMDAwMDAwMDAifQ";
    let table = [
        ("a key that there is not", format!("{wrong_kid}.{}.{}", parts[1], parts[2])),
        ("alg none", format!("{none}.{}.", parts[1])),
        ("alg none with the signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("another algorithm", format!("{hs256}.{}.{}", parts[1], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("a changed payload", format!("{}.{}x.{}", parts[0], parts[1], parts[2])),
        ("not a token", "x".to_owned()),
        ("a long one", "x".repeat(5_000)),
        ("an unknown key", format!("dyk_{}", "a".repeat(60))),
        ("the refresh token", owner.refresh_token.clone().expect("a token")),
    ];
    for (name, token) in table {
        let mut client = owner.clone();
        client.token = Some(token);
        let (status, answer) = client.ask("{ viewer { role } }", Value::Null).await;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (401, &json!("UNAUTHENTICATED")), "{name}");
    }
}

#[tokio::test]
async fn ids_of_another_business_name_nothing() {
    let owner = world::owner().await;
    let stranger = world::owner().await;
    let goal = goals::create(&owner).await["id"].clone();
    let metric = super::metrics::define(&owner, "mine", "FLOW").await;
    let viewer = owner.ok("{ viewer { user { id } business { id } } }", Value::Null).await;
    let user = &viewer["viewer"]["user"]["id"];
    let table = [
        ("mutation ($id: ID!) { pauseGoal(input: {goalId: $id}) { userErrors { code field } } }", &goal),
        ("mutation ($id: ID!) { archiveMetric(input: {metricId: $id}) { userErrors { code field } } }", &metric),
        ("mutation ($id: ID!) { removeUser(input: {userId: $id}) { userErrors { code field } } }", user),
        ("mutation ($id: ID!) { erasePerson(input: {personId: $id}) { userErrors { code field } } }", user),
        (
            "mutation ($id: ID!) { retractMetricPoints(input: {metricId: $id, at: [\"2026-01-01T00:00:00Z\"]}) {
            userErrors { code field } } }",
            &metric,
        ),
        // The right id in the wrong place.
        ("mutation ($id: ID!) { revokeApiKey(input: {apiKeyId: $id}) { userErrors { code field } } }", &goal),
        ("mutation ($id: ID!) { startImport(input: {uploadId: $id}) { userErrors { code field } } }", &metric),
    ];
    for (mutation, id) in table {
        assert_eq!(stranger.refusal(mutation, json!({"id": id})).await.0, "NOT_FOUND", "{mutation}");
    }
    for id in ["", "x", "' or 1=1 --", "../../etc/passwd", "R29hbDo", "🦀"] {
        let data = stranger.ok("query ($id: ID!) { node(id: $id) { id } goal(id: $id) { title } }", json!({"id": id}));
        assert_eq!(data.await, json!({"node": null, "goal": null}), "{id}");
    }
    // What was tried changed nothing.
    let mine = owner.ok("query ($id: ID!) { goal(id: $id) { lifecycle } }", json!({"id": goal})).await;
    assert_eq!(mine["goal"]["lifecycle"], "ACTIVE");
}

#[tokio::test]
async fn a_socket_runs_so_many_operations_and_no_more() {
    let owner = world::owner().await;
    let mut socket = owner.socket().await;
    for i in 0..1_000 {
        let query = "subscription { tenantEvents(types: [\"Nothing\"]) { position } }";
        socket.subscribe(&i.to_string(), query, Value::Null).await;
    }
    let refused = socket.receive().await;
    match refused {
        Ok(message) => assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{message}"),
        // A client that sends a thousand without reading may be closed for that.
        Err((code, _)) => assert_eq!(code, 1013),
    }
}

#[tokio::test]
async fn a_frame_of_16_megabytes_closes_its_socket_and_nothing_else() {
    let owner = world::owner().await;
    let mut other = owner.socket().await;
    let mut socket = owner.socket().await;
    socket.send_text(&"x".repeat(16 << 20)).await;
    // 1009 says too big; the server hangs up before all was sent, which may reach the client first.
    let code = socket.close_code().await;
    assert!(code == 1009 || code == 1006, "{code}");
    other.send(json!({"type": "ping"})).await;
    assert_eq!(other.receive().await, Ok(json!({"type": "pong"})));
}
