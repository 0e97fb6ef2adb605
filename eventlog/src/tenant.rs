//! A tenant, and the only way to its data: a transaction that has named it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    pin::Pin,
    str::FromStr,
    task::{Context, Poll, ready},
};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

/// One business: the unit of order, isolation, audit and scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(Uuid);

impl TenantId {
    /// A new tenant's id (UUIDv7, so that ids of tenants sort by age).
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Uuid> for TenantId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<TenantId> for Uuid {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

impl FromStr for TenantId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A transaction in which Postgres shows one tenant's rows and no others.
///
/// The tenant is set for the transaction only (`SET LOCAL`), in the same round trip as `BEGIN`, so that a
/// pooled connection never carries it to the next user. Row-level security does the rest, and fails closed. It derefs
/// to the transaction's connection; dropped without [`commit`](Self::commit) it rolls back.
pub struct TenantTx {
    tenant: TenantId,
    transaction: Transaction<'static, Postgres>,
}

impl TenantTx {
    /// Begins a transaction that may write what the pool's role may write.
    pub async fn begin(pool: &PgPool, tenant: TenantId) -> Result<Self, sqlx::Error> {
        Self::start(pool, tenant, "BEGIN", "").await
    }

    /// As [`begin`](Self::begin), with further statements in the same round trip.
    pub async fn begin_with(
        pool: &PgPool,
        tenant: TenantId,
        statements: AssertSqlSafe<String>,
    ) -> Result<Self, sqlx::Error> {
        Self::start(pool, tenant, "BEGIN", &statements.0).await
    }

    /// Begins a read-only transaction: all its statements see one snapshot.
    pub async fn read(pool: &PgPool, tenant: TenantId) -> Result<Self, sqlx::Error> {
        Self::start(pool, tenant, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "").await
    }

    async fn start(pool: &PgPool, tenant: TenantId, begin: &str, then: &str) -> Result<Self, sqlx::Error> {
        // A simple query takes no parameters; a formatted UUID holds nothing but hex digits and hyphens.
        let statement = format!("{begin}; SET LOCAL app.tenant = '{tenant}'; {then}");
        let pool = pool.clone();
        let begin = async move { pool.begin_with(AssertSqlSafe(statement)).await };
        let transaction = Beginning { begin: Some(Box::pin(begin)), polled: false }.await?;
        Ok(Self { tenant, transaction })
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

/// Goes on to its end where the caller goes away while it begins, and what began is rolled back. Dropped in between, the
/// connection would go back to the pool with its transaction open, and its next user would see the past (held by
/// `tests/it/eventlog/transactions.rs`).
struct Beginning {
    /// None once it has ended.
    begin: Option<BoxFuture<'static, Result<Transaction<'static, Postgres>, sqlx::Error>>>,
    polled: bool,
}

impl Future for Beginning {
    type Output = Result<Transaction<'static, Postgres>, sqlx::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polled = true;
        let Some(begin) = &mut self.begin else { return Poll::Pending };
        let ended = ready!(begin.as_mut().poll(context));
        self.begin = None;
        Poll::Ready(ended)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let begun = self.begin.take().filter(|_| self.polled);
        // Without a runtime there is no connection either.
        if let (Some(begin), Ok(runtime)) = (begun, tokio::runtime::Handle::try_current()) {
            runtime.spawn(begin);
        }
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
