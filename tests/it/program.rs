//! The program as an operator meets it: started, interrupted, killed, started again.

use std::path::Path;

use std::time::Duration;

use dyocense_tests::{Business, CallError, Client, DataDir, Incoming, Program, ProgramOptions, Socket};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::database::process::{eventually, living_in};

fn in_directory(data: &DataDir) -> ProgramOptions {
    ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        log: Some(data.path().join("program.log")),
        ..ProgramOptions::default()
    }
}

fn postgres_of(data: &DataDir) -> std::path::PathBuf {
    data.path().join("postgres")
}

async fn business_name(owner: &Client) -> serde_json::Value {
    let data = owner.call("{ business { name } }", json!({})).await.expect("the business is there");
    data["business"]["name"].clone()
}

#[tokio::test]
async fn an_interrupt_ends_the_program_cleanly_and_its_postgres_with_it() {
    let data = DataDir::new("interrupt");
    let program = Program::serve(in_directory(&data)).await;
    assert!(!living_in(&postgres_of(&data)).is_empty());
    let status = program.interrupt();
    assert!(status.success(), "{status}");
    assert_eq!(living_in(&postgres_of(&data)), Vec::<i32>::new());
    assert!(!Path::new(&postgres_of(&data)).join("postmaster.pid").exists(), "it was shut down, not killed");
}

#[tokio::test]
async fn a_killed_program_leaves_nothing_running_and_finds_everything_at_its_next_start() {
    let data = DataDir::new("restart");
    let options = ProgramOptions { port: Some(dyocense_tests::free_port()), ..in_directory(&data) };
    let program = Program::serve(options.clone()).await;
    let business = Business::register(&Client::new(&program.url())).await;
    program.kill();
    let postgres = postgres_of(&data);
    eventually("nothing runs in the data directory", || living_in(&postgres).is_empty()).await;

    let _program = Program::serve(options).await;
    assert_eq!(business_name(&business.auditor).await, "Trial Ltd");
}

#[tokio::test]
async fn without_a_private_server_the_one_of_the_url_is_used() {
    let database = dyocense_tests::database().await;
    let data = DataDir::new("url");
    // With a database of one's own, the master key is one's own too.
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
    let environment = vec![("DYOCENSE_KEYS_MASTER".to_owned(), key)];
    let options = ProgramOptions { database_url: Some(database.url.clone()), environment, ..in_directory(&data) };
    let program = Program::serve(options).await;
    let business = Business::register(&Client::new(&program.url())).await;
    assert_eq!(business_name(&business.owner).await, "Trial Ltd");
    assert!(!postgres_of(&data).exists());
}

#[tokio::test]
async fn an_interrupt_under_load_answers_what_is_in_flight_and_loses_nothing_that_was_acknowledged() {
    const DEFINE: &str = "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id }
        userErrors { message } } }";
    let data = DataDir::new("drain");
    let options = ProgramOptions { port: Some(dyocense_tests::free_port()), ..in_directory(&data) };
    let program = Program::serve(options.clone()).await;
    let business = Business::register(&Client::new(&program.url())).await;
    let mut socket = Socket::connect(&program.socket_url(), &business.auditor_key).await.expect("a socket");
    socket.subscribe("1", "subscription { tenantEvents { type } }", json!({})).await.expect("it is sent");
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let client = business.writer.clone();
            tokio::spawn(async move {
                let mut acknowledged: Vec<String> = Vec::new();
                loop {
                    let key = format!("m_{writer}_{}", acknowledged.len());
                    let input = json!({"i": {"key": key, "name": key, "unit": "pieces", "kind": "FLOW", "goodDirection": "UP"}});
                    match client.call(DEFINE, input).await {
                        Ok(data) => {
                            assert_eq!(data["defineMetric"]["userErrors"], json!([]), "{data}");
                            acknowledged.push(key);
                        }
                        // Said in so many words that the server is going, or no connection at all: not acknowledged.
                        Err(CallError::Network(_)) => return acknowledged,
                        Err(CallError::Faults(errors)) => {
                            assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE", "{errors}");
                            return acknowledged;
                        }
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let status = tokio::task::spawn_blocking(move || program.interrupt()).await.expect("it was waited for");
    assert!(status.success(), "{status}");
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("a writer ends by itself"));
    }
    assert!(acknowledged.len() > 8, "there was load: {}", acknowledged.len());
    let farewell = loop {
        match socket.next().await {
            Incoming::Closed { code, .. } => break code,
            Incoming::Next { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(farewell, Some(1001), "going away");

    let _program = Program::serve(options).await;
    let query = "query ($key: String!) { metric(key: $key) { key } }";
    for key in acknowledged {
        let found = business.auditor.call(query, json!({"key": key})).await.expect("an answer");
        assert_eq!(found["metric"]["key"], key, "{found}");
    }
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_closed_with_the_position_from_which_it_goes_on() {
    const EVENTS: &str =
        "subscription ($after: Position) { tenantEvents(after: $after, types: [\"MetricPointsRecorded\"]) {
        position data } }";
    const RECORD: &str = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) {
        added userErrors { message } } }";
    let data = DataDir::new("slow");
    let environment = vec![("DYOCENSE_WEBSOCKET_SEND_TIMEOUT".to_owned(), "5s".to_owned())];
    let program = Program::serve(ProgramOptions { environment, ..in_directory(&data) }).await;
    let business = Business::register(&Client::new(&program.url())).await;
    let define = "mutation { defineMetric(input: {key: \"visits\", name: \"Visits\", unit: \"people\", kind: LEVEL, goodDirection: UP}) {
        metric { id } userErrors { message } } }";
    let metric = business.writer.done(define, json!({})).await["metric"]["id"].clone();
    // More than the kernel holds for a socket that is not read.
    const COMMANDS: i64 = 160;
    let first: jiff::Timestamp = "2001-01-01T00:00:00Z".parse().expect("a timestamp");
    for command in 0..COMMANDS {
        let points: Vec<_> = (0..1_000_i64)
            .map(|i| {
                let at = first + jiff::SignedDuration::from_secs(command * 1_000 + i);
                json!({"at": at.to_string(), "value": "123456789.123456"})
            })
            .collect();
        business.writer.done(RECORD, json!({"i": {"metricId": metric, "points": points}})).await;
    }
    let mut socket = Socket::connect(&program.socket_url(), &business.auditor_key).await.expect("a socket");
    socket.subscribe("1", EVENTS, json!({"after": 0})).await.expect("it is sent");
    // The server gives up after five seconds, and for five more says so to whoever reads again.
    tokio::time::sleep(std::time::Duration::from_millis(7_500)).await;

    let mut seen: Vec<i64> = Vec::new();
    let after = loop {
        match socket.next().await {
            Incoming::Next { payload, .. } => {
                seen.push(payload["data"]["tenantEvents"]["position"].as_i64().expect("a position"))
            }
            Incoming::Closed { code, reason } => {
                assert_eq!(code, Some(1013), "{reason}");
                let position = reason.rsplit(' ').next().and_then(|position| position.parse::<i64>().ok());
                break position.unwrap_or_else(|| panic!("no position in: {reason}"));
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(seen.len() < COMMANDS as usize, "it was closed before the end");
    seen.retain(|position| *position <= after);
    let mut socket = Socket::connect(&program.socket_url(), &business.auditor_key).await.expect("a socket");
    socket.subscribe("1", EVENTS, json!({"after": after})).await.expect("it is sent");
    while seen.len() < COMMANDS as usize {
        match socket.next().await {
            Incoming::Next { payload, .. } => {
                seen.push(payload["data"]["tenantEvents"]["position"].as_i64().expect("a position"))
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap, nothing twice: {seen:?}");
}

/// The next request to a collector, its first line and its body; it is answered with 200.
async fn exported(collector: &TcpListener) -> (String, Vec<u8>) {
    let (mut connection, _) = collector.accept().await.expect("a connection");
    let mut received: Vec<u8> = Vec::new();
    loop {
        let read = connection.read_buf(&mut received).await.expect("a request");
        let end = received.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.map(|end| String::from_utf8_lossy(&received[..end]).to_ascii_lowercase());
        let length = head.as_deref().and_then(|head| {
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok())
        });
        if let (Some(end), Some(head), Some(length)) = (end, &head, length)
            && received.len() >= end + 4 + length
        {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(answer).await.expect("an answer");
            return (head.lines().next().unwrap_or_default().to_owned(), received[end + 4..].to_vec());
        }
        assert!(read > 0, "the request ended early");
    }
}

#[tokio::test]
async fn traces_reach_the_collector_that_is_configured() {
    let collector = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = collector.local_addr().expect("its address");
    let data = DataDir::new("traces");
    let environment = vec![
        ("DYOCENSE_TELEMETRY_OTLP_ENDPOINT".to_owned(), format!("http://{address}")),
        ("DYOCENSE_TELEMETRY_SERVICE_NAME".to_owned(), "dyocense-on-trial".to_owned()),
    ];
    let program = Program::serve(ProgramOptions { environment, ..in_directory(&data) }).await;
    Business::register(&Client::new(&program.url())).await;
    let holds = |body: &[u8], words: &str| body.windows(words.len()).any(|part| part == words.as_bytes());
    let wait = Duration::from_secs(30);
    loop {
        let (request, body) = tokio::time::timeout(wait, exported(&collector)).await.expect("traces arrive");
        assert!(request.starts_with("post /v1/traces "), "{request}");
        assert!(holds(&body, "dyocense-on-trial"), "every export names the service");
        // Readiness is asked for first; the spans of the mutations follow.
        if holds(&body, "/graphql") {
            break;
        }
    }
}
