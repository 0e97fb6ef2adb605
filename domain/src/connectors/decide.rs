use super::events::*;
use crate::event::Aggregate;
use crate::ids::{ImportId, UserId};
use crate::text::{self, TextError};

/// What the events of a stream `import-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    pub started: Option<ImportStarted>,
    pub batches: u32,
    /// A resumed import goes on after this line.
    pub last_line: u64,
    pub totals: ImportTotals,
    pub end: Option<ImportEnd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportEnd {
    Completed,
    Failed,
    Cancelled,
}

impl Aggregate for Import {
    type Event = ImportEvent;

    fn evolve(mut self, event: &ImportEvent) -> Self {
        match event {
            ImportEvent::ImportStarted(started) => self.started = Some(started.clone()),
            ImportEvent::TransactionsImported(batch) => {
                self.batches = batch.batch;
                self.last_line = batch.last_line;
                self.totals = batch.totals.clone();
            }
            ImportEvent::ImportCompleted(_) => self.end = Some(ImportEnd::Completed),
            ImportEvent::ImportFailed(_) => self.end = Some(ImportEnd::Failed),
            ImportEvent::ImportCancelled(_) => self.end = Some(ImportEnd::Cancelled),
        }
        self
    }
}

impl ImportTotals {
    fn with(mut self, batch: &TransactionsImported) -> Self {
        self.rows += u64::from(batch.rows);
        self.imported += batch.transactions.len() as u64;
        self.unchanged += u64::from(batch.unchanged);
        self.corrected += u64::from(batch.corrected);
        self.rejected += u64::from(batch.rejected);
        for transaction in &batch.transactions {
            self.first_day = Some(self.first_day.map_or(transaction.day, |day| day.min(transaction.day)));
            self.last_day = Some(self.last_day.map_or(transaction.day, |day| day.max(transaction.day)));
            self.units += transaction.units;
            self.amount += transaction.amount;
        }
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("there is no such import in this business")]
    NoSuchImport,
    #[error("this import has started already")]
    AlreadyStarted,
    #[error("this import has ended")]
    Ended,
    #[error("column {column} does not exist; the file has {columns}")]
    NoSuchColumn { column: usize, columns: usize },
    #[error("column {column} is mapped twice")]
    ColumnTwice { column: usize },
    #[error("`{0}` cannot separate columns; use a comma, a semicolon, a tab or a bar")]
    Delimiter(char),
    #[error("`{0}` cannot be a decimal separator; use a point or a comma")]
    DecimalSeparator(char),
    #[error("`{0}` is not a known character encoding")]
    Encoding(String),
}

/// Starts an import of a file that has `columns` columns.
pub fn start(import: &Import, mut started: ImportStarted, columns: usize) -> Result<Vec<ImportEvent>, ImportRefusal> {
    if import.started.is_some() {
        return Err(ImportRefusal::AlreadyStarted);
    }
    started.currency = text::currency(&started.currency)?;
    let format = &started.format;
    if !matches!(format.delimiter, ',' | ';' | '\t' | '|') {
        return Err(ImportRefusal::Delimiter(format.delimiter));
    }
    if !matches!(format.decimal_separator, '.' | ',') {
        return Err(ImportRefusal::DecimalSeparator(format.decimal_separator));
    }
    if encoding_rs::Encoding::for_label(format.encoding.as_bytes()).is_none() {
        return Err(ImportRefusal::Encoding(format.encoding.clone()));
    }
    let mapping = &started.mapping;
    let optional = [mapping.units, mapping.customer, mapping.order, mapping.product, mapping.currency];
    let mut mapped: Vec<usize> =
        [mapping.date, mapping.amount].into_iter().chain(optional.into_iter().flatten()).collect();
    mapped.sort_unstable();
    if let Some(column) = mapped.iter().copied().find(|column| *column >= columns) {
        return Err(ImportRefusal::NoSuchColumn { column, columns });
    }
    if let Some(pair) = mapped.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ImportRefusal::ColumnTwice { column: pair[0] });
    }
    Ok(vec![started.into()])
}

/// Takes in a batch, and adds up its totals; one that is already in changes nothing.
pub fn take_batch(import: &Import, mut batch: TransactionsImported) -> Result<Vec<ImportEvent>, ImportRefusal> {
    running(import)?;
    if batch.batch != import.batches + 1 {
        return Ok(vec![]);
    }
    batch.totals = import.totals.clone().with(&batch);
    Ok(vec![batch.into()])
}

pub fn complete(import: &Import) -> Result<Vec<ImportEvent>, ImportRefusal> {
    if import.end == Some(ImportEnd::Completed) {
        return Ok(vec![]);
    }
    running(import)?;
    Ok(vec![ImportCompleted { totals: import.totals.clone() }.into()])
}

pub fn fail(import: &Import, reason: String) -> Result<Vec<ImportEvent>, ImportRefusal> {
    running(import)?;
    Ok(vec![ImportFailed { reason }.into()])
}

pub fn cancel(import: &Import, cancelled_by: UserId) -> Result<Vec<ImportEvent>, ImportRefusal> {
    running(import)?;
    Ok(vec![ImportCancelled { cancelled_by }.into()])
}

fn running(import: &Import) -> Result<ImportId, ImportRefusal> {
    match (&import.started, import.end) {
        (None, _) => Err(ImportRefusal::NoSuchImport),
        (Some(_), Some(_)) => Err(ImportRefusal::Ended),
        (Some(started), None) => Ok(started.import_id),
    }
}
