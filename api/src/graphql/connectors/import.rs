//! An import as the API shows it.

use async_graphql::{Context, ID, Object};
use dyocense_projections::connectors;

use super::types::*;
use crate::graphql::connection::{Connection, Named, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::Kind;
use crate::graphql::request::{commands, fault, visitor};
use crate::graphql::scalars::{Date, DateTime, Decimal, Long};
use dyocense_projections::{Page, Take};

/// The import of a file: rows that are good come in as sales, others are kept with the reason.
#[derive(Debug, Clone)]
pub struct Import(pub connectors::Import);

impl Named for Import {
    const NAME: &'static str = "Import";
}

impl Named for RejectedRow {
    const NAME: &'static str = "RejectedRow";
}

/// The import of a file: rows that are good come in as sales, others are kept with the reason.
#[Object]
impl Import {
    /// The id of the import, for `node`.
    pub async fn id(&self) -> ID {
        Kind::Import.id(self.0.import_id)
    }

    /// What the file was called.
    async fn file_name(&self) -> &str {
        &self.0.file_name
    }

    /// How many bytes the file has.
    async fn bytes(&self) -> Long {
        Long(self.0.bytes)
    }

    /// The file's SHA-256, hexadecimal.
    async fn sha256(&self) -> &str {
        &self.0.file_sha256
    }

    /// How the file is written.
    async fn format(&self) -> CsvFormat {
        self.0.format.0.clone().into()
    }

    /// Which column means what.
    async fn mapping(&self) -> ColumnMapping {
        self.0.mapping.0.clone().into()
    }

    /// The currency of amounts (ISO 4217).
    async fn currency(&self) -> &str {
        &self.0.currency
    }

    /// The id of the import whose rejected rows this file corrects.
    async fn corrects(&self) -> Option<ID> {
        self.0.corrects.map(|import| Kind::Import.id(import))
    }

    /// How far it is.
    async fn status(&self) -> ImportStatus {
        match self.0.status {
            connectors::ImportStatus::Running => ImportStatus::Running,
            connectors::ImportStatus::Completed => ImportStatus::Completed,
            connectors::ImportStatus::Failed => ImportStatus::Failed,
            connectors::ImportStatus::Cancelled => ImportStatus::Cancelled,
        }
    }

    /// The share of the file that was read, from 0 to 1.
    async fn progress(&self) -> f64 {
        self.0.progress()
    }

    /// Why it could not go on.
    async fn failure(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Who started it, as events show it: `user:…`, `api_key:…`.
    async fn started_by(&self) -> &str {
        &self.0.started_by
    }

    /// When it was started.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }

    /// Rows read: the sum of imported, unchanged and rejected.
    async fn rows(&self) -> Long {
        Long(self.0.rows)
    }

    /// Rows that became sales, new or corrected.
    async fn imported(&self) -> Long {
        Long(self.0.imported)
    }

    /// Rows whose sale was known already and the same.
    async fn unchanged(&self) -> Long {
        Long(self.0.unchanged)
    }

    /// How many of the imported rows replaced a known sale.
    async fn corrected(&self) -> Long {
        Long(self.0.corrected)
    }

    /// Rows that were not good.
    async fn rejected(&self) -> Long {
        Long(self.0.rejected)
    }

    /// The first day of the imported sales.
    async fn first_day(&self) -> Option<Date> {
        self.0.first_day.map(Date)
    }

    /// The last day of the imported sales.
    async fn last_day(&self) -> Option<Date> {
        self.0.last_day.map(Date)
    }

    /// How many were sold, summed over the imported rows.
    async fn units(&self) -> Decimal {
        Decimal(self.0.units)
    }

    /// What was paid, summed over the imported rows.
    async fn amount(&self) -> Decimal {
        Decimal(self.0.amount)
    }

    /// Where the rejected rows can be downloaded as CSV, to be corrected and imported again; null where there are none.
    /// They are kept for 30 days after the import, or until a person of the business is erased.
    async fn rejected_rows_path(&self) -> Option<String> {
        (self.0.rejected > 0).then(|| format!("/imports/{}/rejected.csv", *Kind::Import.id(self.0.import_id)))
    }

    /// The rows that were not good, in the order of the file: of each the first 100 fields, and of each field the first
    /// 200 characters (the download has 4,000). They are kept for 30 days after the import, or until a person of the
    /// business is erased.
    async fn rejected_rows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<Connection<RejectedRow>, Fault> {
        let keys = Paging { first, after, ..Paging::default() }.keyset(|text| text.parse::<u64>().ok())?;
        let (Take::First(count) | Take::Last(count)) = keys.take;
        let after = keys.after.unwrap_or(0);
        let tenant = visitor(ctx).tenant()?;
        let rows = commands(ctx).shown_rejected_rows(tenant, self.0.import_id, after, count + 1).await;
        let mut items = rows.map_err(fault)?;
        let has_next = items.len() > count as usize;
        items.truncate(count as usize);
        let page = Page { items, has_next, has_previous: keys.after.is_some() };
        Ok(Connection::of(page, |row| row.line.to_string(), Into::into))
    }
}
