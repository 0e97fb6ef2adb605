use dyocense_domain::connectors::{ColumnMapping, CsvFormat};
use dyocense_domain::ids::{ImportId, UploadId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{BadValue, Column, Document, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    Running,
    Completed,
    Failed,
    Cancelled,
}

names!(ImportStatus);

rows! {
    /// An import, and how far it is.
    pub struct Import in imports {
        [import_id: ImportId],
        upload_id: UploadId,
        file_name: String,
        bytes: i64,
        file_sha256: String,
        format: Document<CsvFormat>,
        mapping: Document<ColumnMapping>,
        currency: String,
        /// The import whose rejected rows this file corrects.
        corrects: Option<ImportId>,
        started_at: Timestamp,
        /// `user:<id>`, `api_key:<id>` or `system:<policy>`.
        started_by: String,
        status: ImportStatus,
        batches: i64,
        last_line: i64,
        /// With `bytes`, the progress.
        bytes_read: i64,
        rows: i64,
        imported: i64,
        unchanged: i64,
        corrected: i64,
        rejected: i64,
        first_day: Option<Date>,
        last_day: Option<Date>,
        units: Decimal,
        amount: Decimal,
        finished_at: Option<Timestamp>,
        /// Why it failed.
        reason: Option<String>,
        cancelled_by: Option<UserId>,
    }
}

impl Import {
    /// The share of the file that has been read, 0 to 1.
    pub fn progress(&self) -> f64 {
        match self.status {
            ImportStatus::Completed => 1.0,
            _ if self.bytes <= 0 => 0.0,
            _ => (self.bytes_read as f64 / self.bytes as f64).clamp(0.0, 1.0),
        }
    }
}

pub async fn import(snapshot: &mut Snapshot, import: ImportId) -> Result<Option<Import>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and import_id = $2", |query| query.bind(import.to_wire())).await
}

/// Imports by id (the older first), those of one status on demand.
pub async fn imports(
    snapshot: &mut Snapshot,
    status: Option<ImportStatus>,
    keys: &Keyset<Uuid>,
) -> Result<Page<Import>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and import_id > $2 and import_id < $3 and ($4::text is null or status = $4)
         order by import_id {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(status.map(|s| s.to_wire())).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

/// The latest completed import of a file with this content.
pub async fn completed_import_of(snapshot: &mut Snapshot, file_sha256: &str) -> Result<Option<Import>, QueryError> {
    let file_sha256 = file_sha256.to_owned();
    let rest = "where tenant_id = $1 and file_sha256 = $2 and status = 'completed' order by import_id desc limit 1";
    find::one(snapshot, rest, |query| query.bind(file_sha256)).await
}
