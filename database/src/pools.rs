//! The connection pools: one per role, so that no code path can do more than its role may.

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::roles::Role;

/// Most connections each pool may hold. An append is bound by processor from about 16 connections on, so more only
/// queue inside Postgres instead of here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSizes {
    pub writer: u32,
    pub reader: u32,
    pub projector: u32,
    pub vault: u32,
}

impl Default for PoolSizes {
    fn default() -> Self {
        PoolSizes { writer: 8, reader: 12, projector: 4, vault: 8 }
    }
}

/// Why no pool could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the database URL cannot be read: {0}")]
    Url(#[source] sqlx::Error),
    #[error("cannot connect as {}: {source}", role.name())]
    Refused {
        role: Role,
        #[source]
        source: sqlx::Error,
    },
}

/// The pools of one process on one database.
#[derive(Debug, Clone)]
pub struct Database {
    pub writer: PgPool,
    pub reader: PgPool,
    pub projector: PgPool,
    pub vault: PgPool,
    /// As given to [`Database::connect`]; it may hold a password and is never to be logged.
    pub url: String,
}

impl Database {
    /// Opens one pool per role and proves that each can connect. The database must have been migrated.
    pub async fn connect(url: &str, sizes: PoolSizes) -> Result<Database, ConnectError> {
        let options = PgConnectOptions::from_str(url).map_err(ConnectError::Url)?;
        let (writer, reader, projector, vault) = tokio::try_join!(
            open(&options, Role::Writer, sizes.writer),
            open(&options, Role::Reader, sizes.reader),
            open(&options, Role::Projector, sizes.projector),
            open(&options, Role::Vault, sizes.vault),
        )?;
        Ok(Database { writer, reader, projector, vault, url: url.to_owned() })
    }

    /// Each pool with its role, for metrics.
    pub fn pools(&self) -> [(Role, &PgPool); 4] {
        [
            (Role::Writer, &self.writer),
            (Role::Reader, &self.reader),
            (Role::Projector, &self.projector),
            (Role::Vault, &self.vault),
        ]
    }

    /// Closes all pools and waits until their connections are gone.
    pub async fn close(&self) {
        tokio::join!(self.writer.close(), self.reader.close(), self.projector.close(), self.vault.close(),);
    }
}

async fn open(options: &PgConnectOptions, role: Role, size: u32) -> Result<PgPool, ConnectError> {
    let mut options = options.clone().application_name(role.name());
    if role == Role::Projector {
        // Its statements take keys as lists and go by primary key: a plan made for one list serves all.
        options = options.options([("plan_cache_mode", "force_generic_plan")]);
    }
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(10))
        // The test is a round trip before every statement. A connection that died is noticed by its next statement,
        // whose error is retried where that is safe.
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(role.assume(connection)))
        .connect_with(options)
        .await
        .map_err(|source| ConnectError::Refused { role, source })
}
