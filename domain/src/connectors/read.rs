//! From the rows of a file to transactions, with a reason for every row that is none.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::Encoding;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use jiff::civil::Date;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::events::{Transaction, When};
use super::format::{ColumnMapping, CsvFormat, DateFormat};
use super::lines::{Counted, EvenLines};
use super::records::{LONGEST_RECORD_BYTES, MOST_RECORD_LINES, Record, Records, Uncut};
use super::values::{LARGEST_AMOUNT, NoNumber, parse_when, read_number};
use crate::time_zone::TimeZoneName;

/// Before this, a date in a ledger is a slip.
const EARLIEST_YEAR: i16 = 1900;
const LONGEST_TEXT: usize = 200;
/// A field of a refused row is kept up to here, in characters: longer than any that is read.
const LONGEST_KEPT_FIELD: usize = 4_000;

/// Turns what names a customer into a pseudonym where it could name a person.
pub type Pseudonymize = Box<dyn Fn(&str) -> String + Send>;

/// Why a row is no transaction: which column, what stood there, what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("{column} is empty")]
    Missing { column: String },
    #[error("{column}: `{value}` is not a date of the form {format}")]
    NotADate { column: String, value: String, format: DateFormat },
    #[error("{column}: `{value}` lies before 1900 or after {latest}")]
    DateOutOfRange { column: String, value: String, latest: Date },
    #[error("{column}: `{value}` is not a number with `{separator}` as the decimal separator")]
    NotANumber { column: String, value: String, separator: char },
    #[error("{column}: {value} is larger than {most}")]
    TooLarge { column: String, value: String, most: Decimal },
    #[error("{column}: the text has {length} characters; at most {LONGEST_TEXT} are allowed")]
    TextTooLong { column: String, length: usize },
    #[error("{column}: the text has a control character (U+{code:04X})")]
    Control { column: String, code: u32 },
    #[error("{column}: the amount is in `{value}`, this import is in {currency}")]
    WrongCurrency { column: String, value: String, currency: String },
    #[error("the row has {found} fields; at least {needed} are needed")]
    TooFewFields { found: usize, needed: usize },
    #[error(
        "line {line} opens a quote (\") that is not closed by the end of the file; the lines after it were read without it"
    )]
    OpenQuote { line: u64 },
    #[error(
        "line {line} opens a quote (\") that is not closed within {MOST_RECORD_LINES} lines and {LONGEST_RECORD_BYTES} \
         bytes; the lines after it were read without it"
    )]
    OpenQuoteTooLong { line: u64 },
    #[error("line {line} has more than {LONGEST_RECORD_BYTES} bytes")]
    LineTooLong { line: u64 },
}

/// A row of the file: a transaction, or why it is none. `line` is the line it starts on, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub line: u64,
    pub outcome: Result<Transaction, RowError>,
    /// The fields as they stood, where the row was refused; of a line that could not be cut into fields, its start.
    /// Control characters are spelt out (`\u0000`), and what is longer than 4,000 characters is cut.
    pub fields: Option<Vec<String>>,
}

pub struct ReadOptions {
    pub format: CsvFormat,
    pub mapping: ColumnMapping,
    pub currency: String,
    pub time_zone: TimeZoneName,
    /// Rows dated after this are refused.
    pub latest: Date,
    pub pseudonymize: Pseudonymize,
}

/// Reads a file row by row, in memory that does not grow with its length but for 20 bytes a distinct row: rows that
/// say the same are told apart by how often they came before, so that a file read again gives the same keys.
pub struct TransactionReader<R: Read> {
    records: Records<EvenLines<DecodeReaderBytes<Counted<R>, Vec<u8>>>>,
    bytes_read: Arc<AtomicU64>,
    record: Vec<String>,
    /// Lines above the names of the columns that could not be read.
    above: VecDeque<Row>,
    columns: Vec<String>,
    needed: usize,
    options: ReadOptions,
    occurrences: Occurrences,
}

/// How often each row of a file came, by what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occurrences(HashMap<[u8; 16], u32>);

impl<R: Read> TransactionReader<R> {
    /// Reads the header, if there is one.
    pub fn new(source: R, options: ReadOptions) -> io::Result<Self> {
        let encoding = Encoding::for_label(options.format.encoding.as_bytes());
        let (counted, bytes_read) = Counted::new(source);
        let decoded = DecodeReaderBytesBuilder::new().encoding(encoding).build(counted);
        let delimiter = u8::try_from(options.format.delimiter).unwrap_or(b',');
        let mut records = Records::new(EvenLines::new(decoded), delimiter);
        let (columns, above) = if options.format.header { names(&mut records)? } else { Default::default() };
        let mapping = &options.mapping;
        let optional = [mapping.units, mapping.customer, mapping.order, mapping.product, mapping.currency];
        let needed = 1 + optional.into_iter().flatten().chain([mapping.date, mapping.amount]).max().unwrap_or(0);
        let occurrences = Occurrences::default();
        Ok(Self { records, bytes_read, record: Vec::new(), above, columns, needed, options, occurrences })
    }

    /// Counts on from the rows of another file, which this one corrects: else a corrected row would be taken for its
    /// twin there, such as the line before it of the same order.
    pub fn after(mut self, corrected: Occurrences) -> Self {
        self.occurrences = corrected;
        self
    }

    /// Reads to the end, and says how often each row came.
    pub fn into_occurrences(mut self) -> io::Result<Occurrences> {
        while self.next_row()?.is_some() {}
        Ok(self.occurrences)
    }

    /// The names in the first line; empty where the file has none.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many bytes of the source have been read; rows are some kilobytes behind.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The next row that is not blank; None at the end. An error is of the source, not of a row.
    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        if let Some(row) = self.above.pop_front() {
            return Ok(Some(row));
        }
        loop {
            match self.records.next_record()? {
                None => return Ok(None),
                Some(Record::Refused { line, because, text }) => return Ok(Some(refused(line, because, &text))),
                Some(Record::Fields { fields, .. }) if is_blank(&fields) => {}
                Some(Record::Fields { line: 1, fields }) if names_separator(&fields) => {}
                Some(Record::Fields { line, fields }) => {
                    self.record = fields;
                    let outcome = self.transaction();
                    let fields = outcome.is_err().then(|| self.record.iter().map(|field| kept(field)).collect());
                    return Ok(Some(Row { line, outcome, fields }));
                }
            }
        }
    }

    fn transaction(&mut self) -> Result<Transaction, RowError> {
        let found = self.record.len();
        if found < self.needed {
            return Err(RowError::TooFewFields { found, needed: self.needed });
        }
        let mapping = self.options.mapping.clone();
        self.check_currency(mapping.currency)?;
        let (day, when) = self.day(mapping.date)?;
        let amount = self.number(mapping.amount)?.ok_or_else(|| self.missing(mapping.amount))?;
        let units = match mapping.units {
            Some(column) => self.number(column)?.ok_or_else(|| self.missing(column))?,
            None => Decimal::ONE,
        };
        let customer = self.text(mapping.customer)?.map(|customer| (self.options.pseudonymize)(&customer));
        let order = self.text(mapping.order)?;
        let product = self.text(mapping.product)?;

        let when_text = match when {
            When::On(day) => day.to_string(),
            When::At(at) => at.to_string(),
        };
        let identity = match &order {
            Some(order) => digest(&["order", order, product.as_deref().unwrap_or_default()]),
            None => digest(&[
                "row",
                customer.as_deref().unwrap_or_default(),
                &when_text,
                &units.normalize().to_string(),
                &amount.normalize().to_string(),
                product.as_deref().unwrap_or_default(),
            ]),
        };
        let occurrence = self.occurrences.0.entry(identity).or_default();
        *occurrence += 1;
        let key = format!("{}-{occurrence}", hex::encode(identity));
        Ok(Transaction { key, order, customer, product, day, when, units, amount })
    }

    fn check_currency(&self, column: Option<usize>) -> Result<(), RowError> {
        let currency = &self.options.currency;
        match self.text(column)? {
            Some(value) if !value.eq_ignore_ascii_case(currency) => Err(RowError::WrongCurrency {
                column: self.name(column.unwrap_or_default()),
                value,
                currency: currency.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn day(&self, column: usize) -> Result<(Date, When), RowError> {
        let value = self.text(Some(column))?.ok_or_else(|| self.missing(column))?;
        let zone = &self.options.time_zone;
        let Some(when) = parse_when(&value, self.options.format.date_format, zone) else {
            return Err(RowError::NotADate {
                column: self.name(column),
                value,
                format: self.options.format.date_format,
            });
        };
        // Databases keep microseconds: a sale read back must equal the sale read again.
        let when = match when {
            When::At(at) => When::At(at.round(jiff::Unit::Microsecond).unwrap_or(at)),
            on => on,
        };
        let day = match when {
            When::On(day) => day,
            When::At(at) => zone.date_of(at),
        };
        if day.year() < EARLIEST_YEAR || day > self.options.latest {
            return Err(RowError::DateOutOfRange { column: self.name(column), value, latest: self.options.latest });
        }
        Ok((day, when))
    }

    fn number(&self, column: usize) -> Result<Option<Decimal>, RowError> {
        let Some(value) = self.text(Some(column))? else { return Ok(None) };
        let separator = self.options.format.decimal_separator;
        let too_large = |value| RowError::TooLarge { column: self.name(column), value, most: LARGEST_AMOUNT };
        match read_number(&value, separator) {
            Ok(number) if number.abs() > LARGEST_AMOUNT => Err(too_large(number.to_string())),
            Ok(number) => Ok(Some(number)),
            Err(NoNumber::TooLarge) => Err(too_large(value)),
            Err(NoNumber::NotOne) => Err(RowError::NotANumber { column: self.name(column), value, separator }),
        }
    }

    fn text(&self, column: Option<usize>) -> Result<Option<String>, RowError> {
        let Some((column, value)) = column.and_then(|column| Some((column, self.record.get(column)?.trim()))) else {
            return Ok(None);
        };
        let length = value.chars().count();
        if length > LONGEST_TEXT {
            return Err(RowError::TextTooLong { column: self.name(column), length });
        }
        // Databases and people's programs cannot hold them all; a zero byte they cannot hold at all.
        if let Some(control) = value.chars().find(|c| is_control(*c)) {
            return Err(RowError::Control { column: self.name(column), code: control as u32 });
        }
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    fn missing(&self, column: usize) -> RowError {
        RowError::Missing { column: self.name(column) }
    }

    fn name(&self, column: usize) -> String {
        self.columns.get(column).cloned().unwrap_or_else(|| format!("column {}", column + 1))
    }
}

/// The names in the first line that has any, and the lines above it that could not be read. Below a thousand of those
/// nobody looks for names.
fn names<R: Read>(records: &mut Records<R>) -> io::Result<(Vec<String>, VecDeque<Row>)> {
    let mut above = VecDeque::new();
    while above.len() < MOST_RECORD_LINES {
        match records.next_record()? {
            Some(Record::Fields { fields, .. }) if is_blank(&fields) || names_separator(&fields) => {}
            Some(Record::Fields { fields, .. }) => {
                return Ok((fields.iter().map(|name| kept(name)).collect(), above));
            }
            Some(Record::Refused { line, because, text }) => above.push_back(refused(line, because, &text)),
            None => break,
        }
    }
    Ok((Vec::new(), above))
}

/// Whether a first line is Excel's `sep=;`, which names the delimiter.
fn names_separator(record: &[String]) -> bool {
    let Some((first, rest)) = record.split_first() else { return false };
    let first = first.trim().to_ascii_lowercase();
    first.starts_with("sep=") && first.len() <= 5 && rest.iter().all(String::is_empty)
}

fn is_blank(record: &[String]) -> bool {
    record.iter().all(|field| field.trim().is_empty())
}

fn refused(line: u64, because: Uncut, text: &str) -> Row {
    let error = match because {
        Uncut::OpenAtTheEnd => RowError::OpenQuote { line },
        Uncut::OpenTooLong => RowError::OpenQuoteTooLong { line },
        Uncut::LineTooLong => RowError::LineTooLong { line },
    };
    Row { line, outcome: Err(error), fields: Some(vec![kept(text)]) }
}

/// Line breaks and tabs are part of texts; other control characters are of no file that a person wrote.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// A field as it is kept with a refused row.
fn kept(field: &str) -> String {
    let end = field.char_indices().nth(LONGEST_KEPT_FIELD).map_or(field.len(), |(end, _)| end);
    let mut kept = spelt_out(&field[..end]);
    if end < field.len() {
        kept.push('…');
    }
    kept
}

/// Control characters as JSON spells them, so that a person sees them and any program can store and read the text.
fn spelt_out(text: &str) -> String {
    if !text.contains(is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut spelt, c| {
        match is_control(c) {
            true => spelt += &format!("\\u{:04x}", c as u32),
            false => spelt.push(c),
        }
        spelt
    })
}

/// Whether a customer's mark is a code (a word with a digit and no `@`) rather than something that names a person.
pub fn is_code(customer: &str) -> bool {
    customer.chars().any(|c| c.is_ascii_digit()) && !customer.contains('@') && !customer.contains(char::is_whitespace)
}

/// The first 16 bytes of a SHA-256 over the parts, each preceded by its length.
fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()[..16].try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
