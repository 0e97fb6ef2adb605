//! The edge as proxies, their clients and operators meet it: whose attempts are counted, and what the log says.

use std::net::{IpAddr, Ipv4Addr};

use dyocense_tests::{Business, Client, DataDir, Program, ProgramOptions};
use serde_json::{Value, json};

const REFRESH: &str = "mutation { refreshSession(input: {refreshToken: \"no such token\"}) { userErrors { code } } }";

/// What became of one request that came over `forwarded`, connected from `from`.
async fn ask(program: &Program, from: Ipv4Addr, forwarded: &str, query: &str) -> Value {
    let http = reqwest::Client::builder().local_address(IpAddr::V4(from)).build().expect("no setting is wrong");
    let request = http.post(format!("{}/graphql", program.url())).header("x-forwarded-for", forwarded);
    let answer = request.json(&json!({"query": query})).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// The code of the first error, or of the first user error.
fn code(answer: &Value) -> &str {
    let fault = answer["errors"][0]["extensions"]["code"].as_str();
    let payload = answer["data"].as_object().and_then(|data| data.values().next());
    let refusal = payload.and_then(|payload| payload["userErrors"][0]["code"].as_str());
    fault.or(refusal).unwrap_or_else(|| panic!("neither refused nor faulty: {answer}"))
}

#[tokio::test]
async fn attempts_to_get_in_are_counted_for_the_client_behind_a_trusted_proxy() {
    const LIMIT: usize = 3;
    let data = DataDir::new("proxies");
    let setting = |name: &str, value: &str| (format!("DYOCENSE_{name}"), value.to_owned());
    let environment = vec![
        setting("AUTH_ATTEMPTS_PER_MINUTE", &LIMIT.to_string()),
        setting("HTTP_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
    ];
    let options = ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        log: Some(data.path().join("program.log")),
        environment,
        ..ProgramOptions::default()
    };
    let program = Program::serve(options).await;
    let (proxy, stranger) = (Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2));
    let exhaust = async |from, forwarded: &str| {
        for _ in 0..LIMIT {
            assert_eq!(code(&ask(&program, from, forwarded, REFRESH).await), "SESSION_ENDED", "{forwarded}");
        }
        assert_eq!(code(&ask(&program, from, forwarded, REFRESH).await), "RATE_LIMITED", "{forwarded}");
    };
    exhaust(proxy, "203.0.113.1").await;
    exhaust(proxy, "203.0.113.2, 10.1.2.3").await;
    // What the client claims itself stands before what its proxy knows.
    assert_eq!(code(&ask(&program, proxy, "198.51.100.7, 203.0.113.1", REFRESH).await), "RATE_LIMITED");
    // Whoever is no trusted proxy may claim what it likes.
    exhaust(stranger, "203.0.113.3").await;
    assert_eq!(code(&ask(&program, stranger, "203.0.113.4", REFRESH).await), "RATE_LIMITED");

    // Requests that are not well formed are no attempts.
    let malformed = [
        "mutation { login(input: {email: \"a@example.com\"}) { userErrors { code } } }",
        "mutation { login(input: {email: 1, password: \"x\"}) { userErrors { code } } }",
        "mutation { refreshSession(input: {refreshToken: \"x\"}) { nothing } }",
        "mutation { registerBusiness(input: {name: \"A\", timeZone: \"Mars/Olympus\", currency: \"USD\",
           ownerName: \"B\", email: \"b@example.com\", password: \"a long enough secret\"}) { userErrors { code } } }",
        "mutation { registerBusiness(input: {name: \"A\", timeZone: \"UTC\", currency: \"USD\", ownerName: \"B\",
           email: \"b@example.com\", password: \"short\"}) { userErrors { code } } }",
    ];
    for query in malformed.iter().cycle().take(5 * LIMIT) {
        assert_eq!(code(&ask(&program, proxy, "203.0.113.5", query).await), "INVALID", "{query}");
    }
    exhaust(proxy, "203.0.113.5").await;
}

#[tokio::test]
async fn each_request_is_a_line_of_the_log_with_its_id_and_business_and_without_secrets() {
    let data = DataDir::new("lines");
    let log = data.path().join("program.log");
    let options =
        ProgramOptions { data_dir: Some(data.path().to_owned()), log: Some(log.clone()), ..ProgramOptions::default() };
    let program = Program::serve(options).await;
    let business = Business::register(&Client::new(&program.url())).await;
    let id = uuid::Uuid::now_v7().to_string();
    let query = "query Whoever { viewer { role business { id } } }";
    let answer = reqwest::Client::new()
        .post(format!("{}/graphql?hidden=parameter", program.url()))
        .header("x-request-id", &id)
        .bearer_auth(&business.auditor_key)
        .json(&json!({"query": query}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(program.interrupt().success());

    let log = std::fs::read_to_string(log).expect("the log");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
    let [line] = lines[..] else { panic!("{lines:?} in {log}") };
    for part in ["INFO", "answered", "POST", "/graphql", "status=200", "ms=", "tenant="] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    for secret in [business.auditor_key.as_str(), "Whoever", "hidden", "correct horse battery staple"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    // What a first start does is told before it is done.
    let told = ["creating the private Postgres", "bringing the database", "ready"].map(|what| log.find(what));
    assert!(told.iter().all(Option::is_some) && told.is_sorted(), "{log}");
}
