//! The event log: what it promises, through its public interface, on a real Postgres.

mod append;
mod database;
mod following;
mod plans;
mod processes;
mod sealing;
mod tail;
mod transactions;

use std::mem::ManuallyDrop;

use dyocense_database::Database;
use dyocense_eventlog::*;
use dyocense_tests::TestDatabase;
use serde_json::json;
use uuid::Uuid;

/// A log on a database of its own.
struct Given {
    log: EventLog,
    pools: Database,
    /// Never dropped: tests take the log out of here, and their database must outlive that. It goes with the server.
    database: ManuallyDrop<TestDatabase>,
    keyring: Keyring,
}

async fn given_a_log() -> Given {
    let database = ManuallyDrop::new(dyocense_tests::database().await);
    let keyring = Keyring::new(MasterKey::generate("test"), vec![]);
    let pools = database.pools().await;
    let log = open(&pools, &keyring, Upcasters::new()).await;
    Given { log, pools, database, keyring }
}

async fn open(pools: &Database, keyring: &Keyring, upcasters: Upcasters) -> EventLog {
    EventLog::open(pools.writer.clone(), pools.reader.clone(), keyring.clone(), upcasters, Options::default())
        .await
        .expect("the log opens")
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).expect("a stream name")
}

fn metadata() -> Metadata {
    Metadata {
        actor: "user:1".into(),
        at: jiff::Timestamp::now(),
        correlation: Uuid::now_v7(),
        causation: None,
        command: "DoIt".into(),
    }
}

fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|n| NewEvent::new("ThingDone", 1, json!({"n": n}))).collect()
}

fn command(tenant: TenantId, name: &str, expected: ExpectedVersion, count: usize) -> Append {
    let (stream, events, metadata) = (stream(name), events(count), metadata());
    Append { tenant, stream, expected, events, metadata, idempotency: None }
}

fn keyed(key: &str, request: u8, append: Append) -> Append {
    Append { idempotency: Some(Idempotency { key: key.into(), request_hash: [request; 32] }), ..append }
}

/// All of a tenant's events, oldest first.
async fn history(log: &EventLog, tenant: TenantId) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = Vec::new();
    loop {
        let last = events.last().map_or(Position::START, |event| event.position);
        let more = log.read_tenant(tenant, last, 1_000, Direction::Forward).await.expect("the log can be read");
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

/// Positions 1, 2, 3 … and, in each stream, versions 1, 2, 3 … in the order of positions.
fn assert_gapless(history: &[RecordedEvent]) {
    let mut versions = std::collections::HashMap::new();
    for (i, event) in history.iter().enumerate() {
        assert_eq!(event.position.get(), i as i64 + 1, "positions have a gap or a repetition");
        let version = versions.entry(event.stream.clone()).or_insert(0);
        *version += 1;
        assert_eq!(event.version, *version, "versions of {} have a gap or a repetition", event.stream);
    }
}
