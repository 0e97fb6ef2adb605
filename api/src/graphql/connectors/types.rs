//! Files, their formats, and imports, as the API shows them.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use dyocense_commands::connectors::{self as uses, PreviewRow};
use dyocense_domain::connectors::{self as format, FormatOverrides, Sniffed, Transaction, When};

use crate::graphql::ids::Kind;
use crate::graphql::scalars::{Date, DateTime, Decimal, Long};

/// The order and shape of dates.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "format::DateFormat")]
pub enum DateFormat {
    /// `1997-01-31`, with an optional time.
    YearMonthDay,
    /// `31.01.1997`
    DayMonthYear,
    /// `01/31/1997`
    MonthDayYear,
    /// `19970131`
    Compact,
    /// Seconds since 1970.
    UnixSeconds,
}

/// How a delimited file is written.
#[derive(SimpleObject, Debug, Clone)]
pub struct CsvFormat {
    /// What separates columns.
    pub delimiter: String,
    /// The character encoding, by its label in the WHATWG standard.
    pub encoding: String,
    /// What separates whole from fraction: a point or a comma.
    pub decimal_separator: String,
    /// How dates are written.
    pub date_format: DateFormat,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl From<format::CsvFormat> for CsvFormat {
    fn from(format: format::CsvFormat) -> Self {
        Self {
            delimiter: format.delimiter.to_string(),
            encoding: format.encoding,
            decimal_separator: format.decimal_separator.to_string(),
            date_format: format.date_format.into(),
            header: format.header,
        }
    }
}

/// Which column means what. Columns are counted from 0.
#[derive(SimpleObject, Debug, Clone)]
pub struct ColumnMapping {
    /// The day or the instant of the sale.
    pub date: i32,
    /// What was paid; negative for a refund.
    pub amount: i32,
    /// How many were sold.
    pub units: Option<i32>,
    /// Who bought.
    pub customer: Option<i32>,
    /// The order that rows belong to.
    pub order: Option<i32>,
    /// What was sold.
    pub product: Option<i32>,
    /// The currency of the amount.
    pub currency: Option<i32>,
}

impl From<format::ColumnMapping> for ColumnMapping {
    fn from(mapping: format::ColumnMapping) -> Self {
        let column = |column: usize| i32::try_from(column).unwrap_or(i32::MAX);
        Self {
            date: column(mapping.date),
            amount: column(mapping.amount),
            units: mapping.units.map(column),
            customer: mapping.customer.map(column),
            order: mapping.order.map(column),
            product: mapping.product.map(column),
            currency: mapping.currency.map(column),
        }
    }
}

/// Which column means what. Columns are counted from 0.
#[derive(InputObject, Debug, Clone)]
pub struct ColumnMappingInput {
    /// The day or the instant of the sale.
    date: u32,
    /// What was paid; negative for a refund.
    amount: u32,
    /// How many were sold; one a row where it is left out.
    units: Option<u32>,
    /// Who bought.
    customer: Option<u32>,
    /// The order that rows belong to; each row is an order of its own where it is left out.
    order: Option<u32>,
    /// What was sold.
    product: Option<u32>,
    /// The currency of the amount.
    currency: Option<u32>,
}

impl From<ColumnMappingInput> for format::ColumnMapping {
    fn from(input: ColumnMappingInput) -> Self {
        let column = |column: u32| column as usize;
        Self {
            date: column(input.date),
            amount: column(input.amount),
            units: input.units.map(column),
            customer: input.customer.map(column),
            order: input.order.map(column),
            product: input.product.map(column),
            currency: input.currency.map(column),
        }
    }
}

/// What is known better than the file tells. What is left out is detected.
#[derive(InputObject, Debug, Clone, Default)]
pub struct CsvFormatInput {
    /// What separates columns: one character.
    #[graphql(validator(chars_min_length = 1, chars_max_length = 1))]
    delimiter: Option<String>,
    /// The character encoding, by its label in the WHATWG standard.
    encoding: Option<String>,
    /// What separates whole from fraction: a point or a comma.
    #[graphql(validator(chars_min_length = 1, chars_max_length = 1))]
    decimal_separator: Option<String>,
    /// How dates are written.
    date_format: Option<DateFormat>,
    /// Whether the first line names the columns.
    header: Option<bool>,
}

impl From<CsvFormatInput> for FormatOverrides {
    fn from(input: CsvFormatInput) -> Self {
        let character = |text: Option<String>| text.and_then(|text| text.chars().next());
        Self {
            delimiter: character(input.delimiter),
            encoding: input.encoding,
            decimal_separator: character(input.decimal_separator),
            date_format: input.date_format.map(Into::into),
            header: input.header,
        }
    }
}

/// A file that was received whole. Send one with `POST /uploads?fileName=…`, the file as the body. It is deleted when all
/// its rows were imported, else after 30 days, or when a person of the business is erased.
#[derive(SimpleObject, Debug, Clone)]
pub struct Upload {
    /// The id of the upload.
    pub id: ID,
    /// What the file was called.
    pub file_name: String,
    /// How many bytes it has.
    pub bytes: Long,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

impl From<uses::Upload> for Upload {
    fn from(upload: uses::Upload) -> Self {
        Self {
            id: Kind::Upload.id(upload.upload_id),
            file_name: upload.file_name,
            bytes: upload.bytes.into(),
            sha256: upload.sha256,
        }
    }
}

/// A sale as it is read from a row.
#[derive(SimpleObject, Debug, Clone)]
pub struct SaleRow {
    /// The day of the sale in the calendar of the business.
    pub day: Date,
    /// The instant, where the file has one.
    pub at: Option<DateTime>,
    /// What was paid.
    pub amount: Decimal,
    /// How many were sold.
    pub units: Decimal,
    /// Who bought, by a pseudonym.
    pub customer: Option<String>,
    /// The order it belongs to.
    pub order: Option<String>,
    /// What was sold.
    pub product: Option<String>,
}

impl From<Transaction> for SaleRow {
    fn from(sale: Transaction) -> Self {
        Self {
            day: Date(sale.day),
            at: match sale.when {
                When::At(at) => Some(DateTime(at)),
                When::On(_) => None,
            },
            amount: Decimal(sale.amount),
            units: Decimal(sale.units),
            customer: sale.customer,
            order: sale.order,
            product: sale.product,
        }
    }
}

/// A row of the file, read as an import would read it.
#[derive(SimpleObject, Debug, Clone)]
pub struct PreviewedRow {
    /// The row's line in the file, from 1.
    pub line: Long,
    /// The sale; null where the row is not good.
    pub sale: Option<SaleRow>,
    /// Why the row is not good.
    pub problem: Option<String>,
    /// The fields as they stand, where the row is not good.
    pub fields: Option<Vec<String>>,
}

impl From<PreviewRow> for PreviewedRow {
    fn from(row: PreviewRow) -> Self {
        let (sale, problem) = match row.outcome {
            Ok(sale) => (Some(sale.into()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { line: row.line.into(), sale, problem, fields: row.fields }
    }
}

/// How a file would be read, and its first rows read that way.
#[derive(SimpleObject, Debug, Clone)]
pub struct ImportPreview {
    /// The file.
    pub upload: Upload,
    /// How the file seems to be written.
    pub format: CsvFormat,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Which column means what; null where it cannot be guessed.
    pub mapping: Option<ColumnMapping>,
    /// Other date formats that fit every value as well: choose one if the first is wrong.
    pub other_date_formats: Vec<DateFormat>,
    /// What was unsure, in plain words.
    pub doubts: Vec<String>,
    /// The first rows as text.
    pub sample: Vec<Vec<String>>,
    /// The first rows as sales; empty while the mapping is not known.
    pub rows: Vec<PreviewedRow>,
    /// The currency of amounts (ISO 4217).
    pub currency: String,
}

impl From<uses::ImportPreview> for ImportPreview {
    fn from(preview: uses::ImportPreview) -> Self {
        let Sniffed { format, columns, mapping, other_date_formats, doubts, sample } = preview.sniffed;
        Self {
            upload: preview.upload.into(),
            format: format.into(),
            columns,
            mapping: mapping.map(Into::into),
            other_date_formats: other_date_formats.into_iter().map(Into::into).collect(),
            doubts,
            sample,
            rows: preview.rows.into_iter().map(Into::into).collect(),
            currency: preview.currency,
        }
    }
}

/// How far an import is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStatus {
    /// Rows are being read, or wait to be.
    Running,
    /// Every row was read.
    Completed,
    /// It could not go on; `failure` says why.
    Failed,
    /// It was stopped by a person.
    Cancelled,
}

/// A row of an import's file that was not good.
#[derive(SimpleObject, Debug, Clone)]
pub struct RejectedRow {
    /// The row's line in the file, from 1.
    pub line: Long,
    /// Why it is not good.
    pub reason: String,
    /// The fields as they stand, the first 100, each cut to 200 characters; control characters are spelt out, as JSON does.
    /// Of a line that could not be cut into fields, its start.
    pub fields: Vec<String>,
}

impl From<uses::RejectedRow> for RejectedRow {
    fn from(row: uses::RejectedRow) -> Self {
        Self { line: row.line.into(), reason: row.reason, fields: row.fields }
    }
}
