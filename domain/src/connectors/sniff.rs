//! Works out how a delimited file is written from its first bytes.
//!
//! Each answer comes with how sure it is; a person can overrule every one of them before anything is imported.

use std::collections::BTreeMap;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::columns::{ColumnGuess, guess_columns};
use super::format::{ColumnMapping, CsvFormat, DateFormat};
use super::lines::EvenLines;
use super::records::{Record, Records, Uncut};
use super::values::{parse_number, parse_when};
use crate::time_zone::TimeZoneName;

/// As many bytes are worth looking at; more change no answer.
pub const SAMPLE_BYTES: usize = 256 * 1024;
const SAMPLE_ROWS: usize = 500;
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
const DATE_FORMATS: [DateFormat; 5] = [
    DateFormat::YearMonthDay,
    DateFormat::DayMonthYear,
    DateFormat::MonthDayYear,
    DateFormat::Compact,
    DateFormat::UnixSeconds,
];

/// What a file seems to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Sniffed {
    pub format: CsvFormat,
    /// The names in the first line, or `column 1`, `column 2` … where it has none.
    pub columns: Vec<String>,
    /// None where no column can be a date, or none an amount.
    pub mapping: Option<ColumnMapping>,
    /// Other date formats that fit every value as well: the file alone cannot tell.
    pub other_date_formats: Vec<DateFormat>,
    /// Plain sentences on what was unsure.
    pub doubts: Vec<String>,
    /// The first data rows, as text.
    pub sample: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SniffError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is not text: byte {offset} is zero; export it as CSV first")]
    Binary { offset: usize },
    #[error("the file is an Excel workbook; save it as CSV first")]
    Workbook,
}

/// What a person said about the file; None leaves it to detection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormatOverrides {
    pub delimiter: Option<char>,
    pub encoding: Option<String>,
    pub decimal_separator: Option<char>,
    pub date_format: Option<DateFormat>,
    pub header: Option<bool>,
}

/// Looks at the first bytes of a file. `complete`: they are the whole file, so the last line counts too.
pub fn sniff(
    sample: &[u8],
    complete: bool,
    overrides: &FormatOverrides,
    zone: &TimeZoneName,
) -> Result<Sniffed, SniffError> {
    let mut doubts = Vec::new();
    let encoding = detect_encoding(sample, complete, overrides, &mut doubts)?;
    let (text, _, _) = encoding.decode(sample);
    let text = if complete { &*text } else { text.rsplit_once('\n').map_or(&*text, |(whole, _)| whole) };
    if text.trim().is_empty() {
        return Err(SniffError::Empty);
    }

    let (text, named) = without_separator_line(text);
    let delimiter = overrides.delimiter.or(named).unwrap_or_else(|| detect_delimiter(text, complete, &mut doubts));
    let Rows { rows, open_quote } = read_rows(text, delimiter, complete);
    if let Some(line) = open_quote {
        // The line that names the separator was taken off.
        let line = line + u64::from(named.is_some());
        doubts.push(format!("line {line} opens a quote (\") that is never closed; it was passed over"));
    }
    let header = overrides.header.unwrap_or_else(|| has_header(&rows));
    let (names, data) = match rows.split_first() {
        Some((first, rest)) if header => (first.clone(), rest),
        _ => ((1..=rows.first().map_or(0, Vec::len)).map(|n| format!("column {n}")).collect(), rows.as_slice()),
    };
    let columns: Vec<Vec<&str>> =
        (0..names.len()).map(|c| data.iter().filter_map(|row| row.get(c).map(|v| v.trim())).collect()).collect();

    let decimal_separator =
        overrides.decimal_separator.unwrap_or_else(|| detect_decimal_separator(&columns, delimiter, &mut doubts));
    let date_formats = match overrides.date_format {
        Some(format) => vec![format],
        None => fitting_date_formats(&columns, &names, decimal_separator, zone),
    };
    let date_format = date_formats.first().copied().unwrap_or(DateFormat::YearMonthDay);
    let ColumnGuess { mapping, mut missing } = guess_columns(&names, &columns, date_format, decimal_separator, zone);
    if mapping.is_none() && data.is_empty() {
        missing = vec!["the file has no rows below the line that names its columns".to_owned()];
    }
    doubts.append(&mut missing);
    let other_date_formats = date_formats.into_iter().skip(1).collect::<Vec<_>>();
    if mapping.is_some() && !other_date_formats.is_empty() {
        doubts.push("every date fits more than one order of day and month; please check it".to_owned());
    }
    Ok(Sniffed {
        format: CsvFormat {
            delimiter,
            encoding: encoding.name().to_ascii_lowercase(),
            decimal_separator,
            date_format,
            header,
        },
        columns: names,
        mapping,
        other_date_formats,
        doubts,
        sample: data.iter().take(20).cloned().collect(),
    })
}

fn detect_encoding(
    sample: &[u8],
    complete: bool,
    overrides: &FormatOverrides,
    doubts: &mut Vec<String>,
) -> Result<&'static Encoding, SniffError> {
    if sample.is_empty() {
        return Err(SniffError::Empty);
    }
    if sample.starts_with(b"PK\x03\x04") || sample.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(SniffError::Workbook);
    }
    if let Some(named) = overrides.encoding.as_deref().and_then(|label| Encoding::for_label(label.as_bytes())) {
        return Ok(named);
    }
    if let Some((marked, _)) = Encoding::for_bom(sample) {
        return Ok(marked);
    }
    if let Some(offset) = sample.iter().position(|byte| *byte == 0) {
        return Err(SniffError::Binary { offset });
    }
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        // The sample may end within a character.
        Err(error) => !complete && error.error_len().is_none(),
    };
    if valid {
        return Ok(encoding_rs::UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, complete);
    let guess = detector.guess(None, Utf8Detection::Deny);
    doubts.push(format!("the characters were read as {}; check names with accents", guess.name()));
    Ok(guess)
}

/// Takes Excel's first line `sep=;` off, and the delimiter it names.
fn without_separator_line(text: &str) -> (&str, Option<char>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim().to_ascii_lowercase();
    match first.strip_prefix("sep=").and_then(|named| named.chars().next()) {
        Some(named) if DELIMITERS.contains(&named) => (rest, Some(named)),
        _ => (text, None),
    }
}

struct Rows {
    rows: Vec<Vec<String>>,
    /// The first line that opens a quote which is never closed, as far as can be told.
    open_quote: Option<u64>,
}

/// `complete`: the text is the whole file, so a quote that is open at its end stays open.
fn read_rows(text: &str, delimiter: char, complete: bool) -> Rows {
    let mut records = Records::new(EvenLines::new(text.as_bytes()), u8::try_from(delimiter).unwrap_or(b','));
    let (mut rows, mut open_quote) = (Vec::new(), None);
    while rows.len() < SAMPLE_ROWS {
        // Memory can always be read.
        match records.next_record().ok().flatten() {
            Some(Record::Fields { fields, .. }) => {
                if fields.iter().any(|field| !field.trim().is_empty()) {
                    rows.push(fields);
                }
            }
            Some(Record::Refused { line, because: Uncut::OpenTooLong, .. }) => open_quote = open_quote.or(Some(line)),
            Some(Record::Refused { line, because: Uncut::OpenAtTheEnd, .. }) if complete => {
                open_quote = open_quote.or(Some(line));
            }
            Some(Record::Refused { .. }) => {}
            None => break,
        }
    }
    Rows { rows, open_quote }
}

/// The delimiter that cuts most lines into the same number of fields, the larger number where two do.
fn detect_delimiter(text: &str, complete: bool, doubts: &mut Vec<String>) -> char {
    let scored = DELIMITERS.into_iter().filter_map(|delimiter| {
        let rows = read_rows(text, delimiter, complete).rows;
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        rows.iter().for_each(|row| *widths.entry(row.len()).or_default() += 1);
        let (width, count) = widths.into_iter().filter(|(width, _)| *width > 1).max_by_key(|(_, count)| *count)?;
        Some((count * 1000 / rows.len().max(1), width, delimiter))
    });
    match scored.max_by_key(|(share, width, _)| (*share, *width)) {
        Some((share, _, delimiter)) => {
            if share < 900 {
                doubts.push(format!("{} of 1,000 lines have another number of fields than the rest", 1000 - share));
            }
            delimiter
        }
        None => ',',
    }
}

fn looks_like_data(value: &str) -> bool {
    let value = value.trim();
    parse_number(value, '.').is_some()
        || parse_number(value, ',').is_some()
        || DATE_FORMATS[..3].iter().any(|format| parse_when(value, *format, &TimeZoneName::utc()).is_some())
}

/// A first line without a number or a date above lines that have some.
fn has_header(rows: &[Vec<String>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    !first.iter().any(|value| looks_like_data(value))
        && (rest.is_empty() || rest.iter().any(|row| row.iter().any(|value| looks_like_data(value))))
}

fn detect_decimal_separator(columns: &[Vec<&str>], delimiter: char, doubts: &mut Vec<String>) -> char {
    let (mut dots, mut commas) = (0usize, 0usize);
    let mut either = None;
    for value in columns.iter().flatten() {
        match (parse_number(value, '.'), parse_number(value, ',')) {
            (Some(_), None) => dots += 1,
            (None, Some(_)) => commas += 1,
            (Some(as_dot), Some(as_comma)) if as_dot != as_comma => either = either.or(Some(value)),
            _ => {}
        }
    }
    // Where commas separate decimals, semicolons separate columns.
    let guess = if dots != commas {
        if commas > dots { ',' } else { '.' }
    } else if delimiter == ';' && either.is_some() {
        ','
    } else {
        '.'
    };
    if let (Some(value), 0) = (either, dots.max(commas)) {
        doubts.push(format!("numbers such as `{value}` may mean a thousand or one; please check them"));
    }
    guess
}

/// The formats that read at least half the values of the best date column, best first.
fn fitting_date_formats(
    columns: &[Vec<&str>],
    names: &[String],
    decimal_separator: char,
    zone: &TimeZoneName,
) -> Vec<DateFormat> {
    let plausible = |column: &Vec<&str>, name: &str, format: DateFormat| {
        let filled: Vec<&&str> = column.iter().filter(|value| !value.is_empty()).collect();
        let fit = filled.iter().filter(|value| parse_when(value, format, zone).is_some()).count();
        // Plain numbers are dates only where the column says so.
        let by_digits = matches!(format, DateFormat::Compact | DateFormat::UnixSeconds);
        let named = super::columns::names_a_date(name);
        if filled.is_empty() || (by_digits && !named) { 0 } else { fit * 1000 / filled.len() + usize::from(named) }
    };
    let mut scored: Vec<(usize, usize, DateFormat)> = DATE_FORMATS
        .into_iter()
        .enumerate()
        .filter_map(|(order, format)| {
            let best = columns.iter().zip(names).map(|(column, name)| plausible(column, name, format)).max()?;
            (best >= 500).then_some((best, order, format))
        })
        .collect();
    // Where day and month cannot be told apart: most of the world writes the day first. Files from the United States
    // are the common exception; they write slashes, and points in numbers.
    let is_american = decimal_separator == '.'
        && columns
            .iter()
            .flatten()
            .any(|value| value.contains('/') && parse_when(value, DateFormat::MonthDayYear, zone).is_some());
    let preference = |format: DateFormat| match format {
        DateFormat::DayMonthYear => usize::from(is_american),
        DateFormat::MonthDayYear => usize::from(!is_american),
        _ => 0,
    };
    scored.sort_by_key(|(fit, order, format)| (usize::MAX - fit, preference(*format), *order));
    let best = scored.first().map_or(0, |(fit, ..)| *fit);
    scored.into_iter().filter(|(fit, ..)| *fit == best).map(|(.., format)| format).collect()
}

#[cfg(test)]
#[path = "sniff_tests.rs"]
mod tests;
