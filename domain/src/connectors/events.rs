use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::format::{ColumnMapping, CsvFormat};
use crate::events;
use crate::ids::{ImportId, UploadId, UserId};

events! {
    /// Events of a stream `import-<id>`.
    pub enum ImportEvent {
        ImportStarted = 1,
        TransactionsImported = 1,
        ImportCompleted = 1,
        ImportFailed = 1,
        ImportCancelled = 1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportStarted {
    pub import_id: ImportId,
    pub upload_id: UploadId,
    pub file_name: String,
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal.
    pub file_sha256: String,
    pub format: CsvFormat,
    pub mapping: ColumnMapping,
    /// The currency of amounts where the file has no column for it (ISO 4217).
    pub currency: String,
    /// The import whose rejected rows this file corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<ImportId>,
}

/// When a transaction happened: a day, where the file has no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum When {
    At(Timestamp),
    On(Date),
}

/// One sale. `key` names it across imports: the same key again is the same sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    pub key: String,
    /// The order it belongs to, where the file names orders; else the sale is an order of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// A pseudonym: as given where the file has codes, a keyed hash where it has e-mail addresses or names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The calendar day of the sale in the business's time zone.
    pub day: Date,
    pub when: When,
    pub units: Decimal,
    /// Negative for a refund.
    pub amount: Decimal,
}

/// A batch of good rows. Rows whose transaction is already known and equal are counted, not repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransactionsImported {
    pub batch: u32,
    pub transactions: Vec<Transaction>,
    /// The last line of the file that this batch covers; a resumed import goes on after it.
    pub last_line: u64,
    /// How many bytes of the file had been read by then: with `ImportStarted::bytes`, the progress.
    pub bytes_read: u64,
    /// Rows read since the last batch: `transactions` + `unchanged` + `rejected`.
    pub rows: u32,
    pub unchanged: u32,
    /// How many of `transactions` replace a known one with the same key.
    pub corrected: u32,
    pub rejected: u32,
    /// Sums of the import with this batch, so that its first and last events say where it stands.
    pub totals: ImportTotals,
}

/// Sums over the batches of an import. Days, units and amount are of the rows that were imported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportTotals {
    pub rows: u64,
    pub imported: u64,
    pub unchanged: u64,
    /// How many of `imported` replaced a known transaction.
    pub corrected: u64,
    pub rejected: u64,
    pub first_day: Option<Date>,
    pub last_day: Option<Date>,
    pub units: Decimal,
    pub amount: Decimal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportCompleted {
    pub totals: ImportTotals,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportFailed {
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportCancelled {
    pub cancelled_by: UserId,
}
