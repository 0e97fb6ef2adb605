//! Files as they come in: stored in chunks, so that any node can read them and an interrupted import can go on.

use dyocense_domain::ids::{UploadId, UserId};
use dyocense_domain::text::{self, TextError};
use dyocense_eventlog::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::Commands;
use crate::timers::TimerKind;

const CHUNK_BYTES: usize = 1 << 20;
/// 16 GiB: a bound against running the disk full, far above any ledger.
pub const MOST_UPLOAD_BYTES: u64 = 16 << 30;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadRefusal {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("the file is empty")]
    Empty,
    #[error("the file has more than {most} bytes")]
    TooLarge { most: u64 },
    #[error("an upload needs a person or an API key, and its role must allow changes")]
    NotAllowed,
}

/// A file that was stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub upload_id: UploadId,
    pub file_name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// Receives a file piece by piece. Dropped before [`UploadWriter::finish`], what was stored is deleted a day later; files
/// that are kept for corrections go after [`KEPT_DAYS`](super::KEPT_DAYS) days.
pub struct UploadWriter {
    commands: Commands,
    tenant: TenantId,
    upload_id: UploadId,
    file_name: String,
    buffer: Vec<u8>,
    chunk: i32,
    bytes: u64,
    digest: Sha256,
}

impl Commands {
    pub async fn begin_upload(
        &self,
        caller: &Caller,
        file_name: &str,
    ) -> Result<UploadWriter, CommandError<UploadRefusal>> {
        let uploaded_by: UserId = caller.actor.user_id().ok_or(CommandError::Refused(UploadRefusal::NotAllowed))?;
        let file_name = text::line("file name", file_name, 255).map_err(|error| CommandError::Refused(error.into()))?;
        let upload_id = UploadId::from(Uuid::now_v7());
        self.forget_upload_later(caller.tenant, upload_id, false).await?;
        let mut tx = self.vault.of(caller.tenant).await?;
        sqlx::query("insert into vault.uploads (tenant_id, upload_id, file_name, uploaded_by) values ($1, $2, $3, $4)")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(upload_id))
            .bind(&file_name)
            .bind(Uuid::from(uploaded_by))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(UploadWriter {
            commands: self.clone(),
            tenant: caller.tenant,
            upload_id,
            file_name,
            buffer: Vec::with_capacity(CHUNK_BYTES),
            chunk: 0,
            bytes: 0,
            digest: Sha256::new(),
        })
    }

    /// The upload, if it was stored whole and belongs to this tenant.
    pub async fn upload(&self, tenant: TenantId, upload_id: UploadId) -> Result<Option<Upload>, Fault> {
        let mut tx = self.vault.of(tenant).await?;
        let row: Option<(String, i64, Vec<u8>)> = sqlx::query_as(
            "select file_name, bytes, sha256 from vault.uploads
             where tenant_id = $1 and upload_id = $2 and sha256 is not null",
        )
        .bind(Uuid::from(tenant))
        .bind(Uuid::from(upload_id))
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.map(|(file_name, bytes, sha256)| Upload {
            upload_id,
            file_name,
            bytes: bytes.unsigned_abs(),
            sha256: hex::encode(sha256),
        }))
    }

    /// One chunk of a stored file, counted from 0; None behind the last.
    pub(crate) async fn upload_chunk(
        &self,
        tenant: TenantId,
        upload_id: UploadId,
        chunk: i32,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut tx = self.vault.of(tenant).await?;
        let bytes = sqlx::query_scalar(
            "select bytes from vault.upload_chunks where tenant_id = $1 and upload_id = $2 and chunk = $3",
        )
        .bind(Uuid::from(tenant))
        .bind(Uuid::from(upload_id))
        .bind(chunk)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(bytes)
    }

    /// Removes a file whose import has ended.
    pub(crate) async fn discard_upload(&self, tenant: TenantId, upload_id: UploadId) -> Result<(), Fault> {
        self.forget_upload(tenant, upload_id).await?;
        self.set_timer(tenant, TimerKind::ForgetUpload, upload_id.into(), None).await
    }
}

impl UploadWriter {
    pub async fn write(&mut self, mut piece: &[u8]) -> Result<(), CommandError<UploadRefusal>> {
        self.bytes += piece.len() as u64;
        if self.bytes > MOST_UPLOAD_BYTES {
            return Err(CommandError::Refused(UploadRefusal::TooLarge { most: MOST_UPLOAD_BYTES }));
        }
        self.digest.update(piece);
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(CHUNK_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            piece = later;
            if self.buffer.len() == CHUNK_BYTES {
                self.store_chunk().await?;
            }
        }
        Ok(())
    }

    pub async fn finish(mut self) -> Result<Upload, CommandError<UploadRefusal>> {
        if self.bytes == 0 {
            return Err(CommandError::Refused(UploadRefusal::Empty));
        }
        if !self.buffer.is_empty() {
            self.store_chunk().await?;
        }
        let sha256: [u8; 32] = self.digest.finalize().into();
        self.commands.forget_upload_later(self.tenant, self.upload_id, true).await?;
        let mut tx = self.commands.vault.of(self.tenant).await?;
        sqlx::query("update vault.uploads set bytes = $3, sha256 = $4 where tenant_id = $1 and upload_id = $2")
            .bind(Uuid::from(self.tenant))
            .bind(Uuid::from(self.upload_id))
            .bind(self.bytes.cast_signed())
            .bind(sha256.as_slice())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Upload {
            upload_id: self.upload_id,
            file_name: self.file_name,
            bytes: self.bytes,
            sha256: hex::encode(sha256),
        })
    }

    async fn store_chunk(&mut self) -> Result<(), Fault> {
        let mut tx = self.commands.vault.of(self.tenant).await?;
        sqlx::query("insert into vault.upload_chunks (tenant_id, upload_id, chunk, bytes) values ($1, $2, $3, $4)")
            .bind(Uuid::from(self.tenant))
            .bind(Uuid::from(self.upload_id))
            .bind(self.chunk)
            .bind(self.buffer.as_slice())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.chunk += 1;
        self.buffer.clear();
        Ok(())
    }
}
