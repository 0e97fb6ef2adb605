//! Files, and rows that could not be read, hold whatever somebody typed: they are kept to be corrected, and no longer.

use dyocense_domain::ids::{ImportId, UploadId};
use dyocense_eventlog::TenantId;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::error::Fault;
use crate::execute::Commands;
use crate::timers::TimerKind;

/// A file with rejected rows, one that is never imported, and the rejected rows themselves are deleted after this.
pub const KEPT_DAYS: i64 = 30;
/// A file that never came whole is deleted after this.
const UNFINISHED_DAYS: i64 = 1;

impl Commands {
    /// To be called before anything of the file is stored, so that nothing is stored that no timer deletes.
    pub(super) async fn forget_upload_later(
        &self,
        tenant: TenantId,
        upload_id: UploadId,
        whole: bool,
    ) -> Result<(), Fault> {
        let days = if whole { KEPT_DAYS } else { UNFINISHED_DAYS };
        let due = self.now() + SignedDuration::from_hours(24 * days);
        self.set_timer(tenant, TimerKind::ForgetUpload, upload_id.into(), Some(due)).await
    }

    pub(super) async fn forget_rejected_later(&self, tenant: TenantId, import_id: ImportId) -> Result<(), Fault> {
        let due = self.now() + SignedDuration::from_hours(24 * KEPT_DAYS);
        self.set_timer(tenant, TimerKind::ForgetRejected, import_id.into(), Some(due)).await
    }

    pub(crate) async fn forget_upload(&self, tenant: TenantId, upload_id: UploadId) -> Result<(), Fault> {
        let mut tx = self.vault.of(tenant).await?;
        sqlx::query("delete from vault.uploads where tenant_id = $1 and upload_id = $2")
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(upload_id))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn forget_rejected(&self, tenant: TenantId, import_id: ImportId) -> Result<(), Fault> {
        let mut tx = self.vault.of(tenant).await?;
        sqlx::query("delete from vault.rejected_rows where tenant_id = $1 and import_id = $2")
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(import_id))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Deletes every file and every rejected row of a business: whoever is erased may be named in any of them, in ways
    /// that no search finds. Imports that are not through end as failed.
    pub(crate) async fn forget_files(&self, tenant: TenantId) -> Result<(), Fault> {
        let mut tx = self.vault.of(tenant).await?;
        // Files first: rows are kept only while their file is there, and whoever keeps some holds the file's row.
        for delete in
            ["delete from vault.uploads where tenant_id = $1", "delete from vault.rejected_rows where tenant_id = $1"]
        {
            sqlx::query(delete).bind(Uuid::from(tenant)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }
}
