//! Cuts a delimited file into records, in memory that no file can make grow.
//!
//! The crate `csv-core` tells where fields and records end. To it a quote that is never closed makes the rest of the file one
//! field. So a record has bounds here; past them, or at the end of the file, the line of the open quote is refused by
//! itself, and reading goes on at the line after it.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// No record of a ledger is longer.
pub const LONGEST_RECORD_BYTES: usize = 1 << 20;
/// Nor has a field of one more line breaks.
pub const MOST_RECORD_LINES: usize = 1_000;
/// As much of a line that is refused by itself is kept.
const KEPT_BYTES: usize = 4_096;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record, or a line that is none. `line` is the line it starts on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Fields { line: u64, fields: Vec<String> },
    Refused { line: u64, because: Uncut, text: String },
}

/// Why a line is not cut into fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uncut {
    /// The file ends within the quotes that the line opens.
    OpenAtTheEnd,
    /// The record that the line begins would be longer than a record may be.
    OpenTooLong,
    LineTooLong,
}

pub(super) struct Records<R> {
    source: BufReader<R>,
    cutter: Cutter,
    /// Lines that were read and not yet given out: none, or those of a record whose end is looked for.
    ahead: VecDeque<Line>,
    /// The number of the first line that was not given out.
    line: u64,
}

/// A line without its break.
struct Line {
    text: Vec<u8>,
    /// False where only the start of it was kept.
    whole: bool,
    /// Whether a quote is open at its end, where none is at its start.
    opens: bool,
    /// Whether no quote is open at its end, where one is at its start.
    closes: bool,
}

/// Cuts what is in memory.
struct Cutter {
    reader: csv_core::Reader,
    /// The fields, one behind the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cutter {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        Self { reader, text: vec![0; 1 << 10], ends: vec![0; 1 << 5] }
    }

    /// The number of fields of the record that the pieces make with a line break behind them; None where a quote is open
    /// there.
    fn count(&mut self, pieces: &[&[u8]]) -> Option<usize> {
        self.reader.reset();
        let (mut written, mut fields) = (0, 0);
        for mut piece in pieces.iter().copied().chain([b"\n".as_slice()]) {
            while !piece.is_empty() {
                let (text, ends) = (&mut self.text[written..], &mut self.ends[fields..]);
                let (result, read, more_text, more_fields) = self.reader.read_record(piece, text, ends);
                piece = &piece[read..];
                written += more_text;
                fields += more_fields;
                match result {
                    ReadRecordResult::Record | ReadRecordResult::End => return Some(fields),
                    ReadRecordResult::InputEmpty => {}
                    ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                    ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                }
            }
        }
        None
    }

    fn cut(&mut self, record: &[u8]) -> Vec<String> {
        let count = self.count(&[record]).unwrap_or_default();
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let fields = starts.zip(&self.ends[..count]);
        fields.map(|(start, end)| String::from_utf8_lossy(&self.text[start..*end]).into_owned()).collect()
    }
}

impl<R: Read> Records<R> {
    /// `source` is UTF-8 with `\n` as its only line break.
    pub fn new(source: R, delimiter: u8) -> Self {
        let source = BufReader::with_capacity(64 * 1024, source);
        Self { source, cutter: Cutter::new(delimiter), ahead: VecDeque::new(), line: 1 }
    }

    /// The next record or refused line; lines without a character are passed over. None at the end.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        loop {
            if !self.look_ahead(1)? {
                return Ok(None);
            }
            let line = self.line;
            let first = &self.ahead[0];
            let lines = match (first.whole, first.opens) {
                (false, _) => Err(Uncut::LineTooLong),
                (true, false) => Ok(1),
                (true, true) => self.lines_to_the_close()?,
            };
            let record = self.take(lines.unwrap_or(1));
            match lines {
                Ok(_) if record.is_empty() => {}
                Ok(_) => return Ok(Some(Record::Fields { line, fields: self.cutter.cut(&record) })),
                Err(because) => {
                    let text = String::from_utf8_lossy(&record[..record.len().min(KEPT_BYTES)]).into_owned();
                    return Ok(Some(Record::Refused { line, because, text }));
                }
            }
        }
    }

    /// How many lines the record has whose first line leaves a quote open.
    fn lines_to_the_close(&mut self) -> io::Result<Result<usize, Uncut>> {
        let (mut lines, mut bytes) = (1, self.ahead[0].text.len());
        loop {
            if !self.look_ahead(lines + 1)? {
                return Ok(Err(Uncut::OpenAtTheEnd));
            }
            let next = &self.ahead[lines];
            lines += 1;
            bytes += 1 + next.text.len();
            if lines > MOST_RECORD_LINES || bytes > LONGEST_RECORD_BYTES || !next.whole {
                return Ok(Err(Uncut::OpenTooLong));
            }
            if next.closes {
                return Ok(Ok(lines));
            }
        }
    }

    fn take(&mut self, lines: usize) -> Vec<u8> {
        self.line += lines as u64;
        let mut taken = self.ahead.drain(..lines).map(|line| line.text);
        let first = taken.next().unwrap_or_default();
        taken.fold(first, |mut record, line| {
            record.push(b'\n');
            record.extend(line);
            record
        })
    }

    /// Whether there are `count` lines ahead.
    fn look_ahead(&mut self, count: usize) -> io::Result<bool> {
        while self.ahead.len() < count {
            match self.read_line()? {
                Some(line) => self.ahead.push_back(line),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let most = LONGEST_RECORD_BYTES as u64 + 1;
        if self.source.by_ref().take(most).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        let ended = text.last() == Some(&b'\n');
        if ended {
            text.pop();
        }
        if self.line == 1 && self.ahead.is_empty() && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        let whole = text.len() <= LONGEST_RECORD_BYTES;
        if !whole {
            text.truncate(KEPT_BYTES);
            text.shrink_to_fit();
            if !ended {
                self.pass_to_the_break()?;
            }
        }
        let quotes = text.contains(&b'"');
        let opens = quotes && self.cutter.count(&[&text]).is_none();
        let closes = quotes && self.cutter.count(&[b"\"", &text]).is_some();
        Ok(Some(Line { text, whole, opens, closes }))
    }

    fn pass_to_the_break(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            let (passed, found) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.source.consume(passed);
            if found {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<Record> {
        let mut records = Records::new(text.as_bytes(), b',');
        std::iter::from_fn(|| records.next_record().unwrap()).collect()
    }

    fn refused(line: u64, because: Uncut, text: &str) -> Record {
        Record::Refused { line, because, text: text.to_owned() }
    }

    fn fields(line: u64, fields: &[&str]) -> Record {
        Record::Fields { line, fields: fields.iter().map(|field| (*field).to_owned()).collect() }
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line() {
        assert_eq!(
            read("a,b\n\"c,d\ne,f\n"),
            [fields(1, &["a", "b"]), refused(2, Uncut::OpenAtTheEnd, "\"c,d"), fields(3, &["e", "f"])]
        );
        let many = "e,f\n".repeat(MOST_RECORD_LINES);
        let found = read(&format!("\"c,d\n{many}g,\"h\ni\"\n"));
        assert_eq!(found[0], refused(1, Uncut::OpenTooLong, "\"c,d"));
        assert_eq!(found.len(), MOST_RECORD_LINES + 2);
        assert_eq!(found.last(), Some(&fields(MOST_RECORD_LINES as u64 + 2, &["g", "h\ni"])));
    }

    #[test]
    fn a_record_as_long_as_one_may_be_is_read() {
        let text = format!("\"{}\",b", "x\n".repeat(MOST_RECORD_LINES - 1));
        assert!(matches!(&read(&text)[..], [Record::Fields { .. }]));
        let text = format!("{},b", "x".repeat(LONGEST_RECORD_BYTES - 2));
        assert!(matches!(&read(&text)[..], [Record::Fields { .. }]));
    }

    #[test]
    fn a_line_without_an_end_is_passed_over_and_not_kept() {
        let found = read(&format!("a,b\n\"c\n{}\nd,e\n", "x".repeat(3 * LONGEST_RECORD_BYTES)));
        assert_eq!(found[1], refused(2, Uncut::OpenTooLong, "\"c"));
        assert_eq!(found[2], refused(3, Uncut::LineTooLong, &"x".repeat(KEPT_BYTES)));
        assert_eq!(found[3], fields(4, &["d", "e"]));
    }

    proptest! {
        #[test]
        fn what_is_within_bounds_is_cut_as_the_csv_crate_cuts_it(text in "[a,\"\n ]{0,60}") {
            let found = read(&text);
            prop_assume!(found.iter().all(|record| matches!(record, Record::Fields { .. })));
            let theirs: Vec<Vec<String>> = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes())
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let ours: Vec<Vec<String>> = found
                .into_iter()
                .filter_map(|record| match record {
                    Record::Fields { fields, .. } => Some(fields),
                    Record::Refused { .. } => None,
                })
                .collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
