//! The read models: what they say, and that nothing can make them say anything else.

mod fold;
mod history;
mod isolation;
mod parked;
mod plans;
mod rebuild;
mod runner;

use std::time::Duration;

use dyocense_database::Database;
use dyocense_domain::event::DomainEvent;
use dyocense_eventlog::{
    Append, EventLog, ExpectedVersion, Keyring, MasterKey, Metadata, NewEvent, Position, StreamId, TenantId, Upcasters,
};
use dyocense_projections::{Options, Projections};
use dyocense_tests::{TestDatabase, database};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(30);

/// An event log and its read models on a database of their own.
pub struct House {
    pub pools: Database,
    pub log: EventLog,
    pub projections: Projections,
    pub database: TestDatabase,
    keyring: Keyring,
}

impl House {
    pub async fn build() -> Self {
        let database = database().await;
        let keyring = Keyring::new(MasterKey::generate("test"), vec![]);
        let (pools, log, projections) = open(&database, &keyring).await;
        Self { pools, log, projections, database, keyring }
    }

    /// The same database as another process would use it.
    pub async fn replica(&self) -> (Database, EventLog, Projections) {
        open(&self.database, &self.keyring).await
    }

    /// Appends events to a stream in one command.
    pub async fn append<E: DomainEvent>(&self, tenant: TenantId, stream: &str, events: &[E]) -> Position {
        let events = events.iter().map(|event| {
            let of = event.event_type();
            NewEvent::new(of.name, of.schema_version, event.to_json())
        });
        self.append_raw(tenant, stream, events.collect()).await
    }

    pub async fn append_raw(&self, tenant: TenantId, stream: &str, events: Vec<NewEvent>) -> Position {
        let append = Append {
            tenant,
            stream: StreamId::new(stream).unwrap(),
            expected: ExpectedVersion::Any,
            events,
            metadata: metadata(),
            idempotency: None,
        };
        self.log.append(append).await.unwrap().last_position
    }

    pub async fn reach(&self, tenant: TenantId, position: Position) {
        self.projections.wait_for(tenant, position, PATIENCE).await.unwrap();
    }

    /// Every row of every projector's table, as text.
    pub async fn rows(&self, schema: &str) -> Vec<String> {
        let mut connection = self.database.superuser().await;
        let mut rows = Vec::new();
        for table in tables(&mut connection, schema).await {
            if ["generation", "parked", "waived"].contains(&table.as_str()) {
                continue;
            }
            let sql = format!("select t::text from {schema}.{table} t order by 1");
            for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
                rows.push(format!("{table} {}", row.get::<String, _>(0)));
            }
        }
        rows
    }
}

async fn open(database: &TestDatabase, keyring: &Keyring) -> (Database, EventLog, Projections) {
    let pools = database.pools().await;
    let log = EventLog::open(
        pools.writer.clone(),
        pools.reader.clone(),
        keyring.clone(),
        Upcasters::default(),
        dyocense_eventlog::Options::default(),
    )
    .await
    .unwrap();
    let options = Options { poll: Duration::from_millis(100), ..Options::default() };
    let projections =
        Projections::open(log.clone(), pools.projector.clone(), pools.reader.clone(), options).await.unwrap();
    (pools, log, projections)
}

pub async fn tables(connection: &mut sqlx::PgConnection, schema: &str) -> Vec<String> {
    sqlx::query_scalar("select tablename::text from pg_tables where schemaname = $1 order by 1")
        .bind(schema)
        .fetch_all(connection)
        .await
        .unwrap()
}

pub fn metadata() -> Metadata {
    Metadata {
        actor: "system:test".to_owned(),
        at: "2026-01-01T12:00:00Z".parse::<Timestamp>().unwrap(),
        correlation: Uuid::now_v7(),
        causation: None,
        command: "Test".to_owned(),
    }
}
