//! Reading: one tenant, one moment, one generation.

use dyocense_eventlog::{Position, TenantId, TenantTx};
use sqlx::PgPool;

/// Why the read models could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("the read models are unavailable: {0}")]
    Unavailable(#[from] sqlx::Error),
    #[error("the read models were replaced {0} times while this query was about to begin")]
    Swapped(u32),
}

/// A transaction that sees one tenant's read models as of one position. All queries take it.
pub struct Snapshot {
    tx: TenantTx,
    position: Position,
}

impl Snapshot {
    const TRIES: u32 = 20;

    /// `pool` connects as `dyocense_reader`.
    pub(crate) async fn begin(pool: &PgPool, tenant: TenantId) -> Result<Self, QueryError> {
        for _ in 0..Self::TRIES {
            let mut tx = TenantTx::read(pool, tenant).await?;
            // Holds off a swap until the snapshot ends, and notices one that came between BEGIN and here: the new
            // generation's flag is not yet up in a snapshot that is older than the swap.
            let (live, position): (bool, Option<i64>) = sqlx::query_as(
                "select g.live, (select c.position from read_models.checkpoints c where c.tenant_id = $1)
                 from read_models.generation g",
            )
            .bind(tenant.uuid())
            .fetch_optional(&mut *tx)
            .await?
            .unwrap_or((false, None));
            if live {
                let position = position.and_then(Position::new).unwrap_or(Position::START);
                return Ok(Self { tx, position });
            }
        }
        Err(QueryError::Swapped(Self::TRIES))
    }

    /// Everything up to here is in what the queries say, and nothing after it.
    pub fn position(&self) -> Position {
        self.position
    }

    pub fn tenant(&self) -> TenantId {
        self.tx.tenant()
    }

    pub(crate) fn tx(&mut self) -> &mut TenantTx {
        &mut self.tx
    }

    /// Ends the transaction; dropping it does too, at the connection's next use.
    pub async fn end(self) -> Result<(), QueryError> {
        Ok(self.tx.commit().await?)
    }
}
