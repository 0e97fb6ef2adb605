use std::sync::Arc;

use dyocense_eventlog::{TenantId, TenantTx};
use sqlx::PgPool;

/// The schema `vault`: secrets and lookups that do not follow from the log. Each context's queries stand beside
/// their use.
#[derive(Clone)]
pub(crate) struct Vault(Arc<PgPool>);

impl Vault {
    pub fn new(pool: PgPool) -> Self {
        Self(Arc::new(pool))
    }

    /// Tables of one tenant.
    pub async fn of(&self, tenant: TenantId) -> Result<TenantTx, sqlx::Error> {
        TenantTx::begin(&self.0, tenant).await
    }

    /// Tables that hold no tenant's data: hashes of addresses, ids, times, positions.
    pub fn across_tenants(&self) -> &PgPool {
        &self.0
    }
}
