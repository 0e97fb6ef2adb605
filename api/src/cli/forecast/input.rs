//! Reading series from CSV: `unique_id,ds,y` in any column order, between commas, semicolons or tabs. A bad row is named by
//! its line.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use dyocense_forecasting::calendar::{Frequency, parse_time};
use dyocense_forecasting::{MAX_VALUE, Series};
use jiff::civil::DateTime;

use super::write_time;

/// The rows of one series, in the order of the file.
pub struct Rows {
    pub id: String,
    /// As written; empty when the file has no `ds` column.
    pub times: Vec<String>,
    /// One per row, `NaN` where the cell is empty or says that it is missing.
    pub values: Vec<f64>,
    lines: Vec<u64>,
}

/// Reads all series of a file, in order of appearance. Without `unique_id` the file is one series, named after it.
/// The value column is `y`, or `value`; the time column `ds`, or `timestamp`; `unique_id` may also be called `id`.
pub fn read_series(path: &Path) -> anyhow::Result<Vec<Rows>> {
    let mut table = Table::open(path)?;
    let (id_at, time_at) = (table.column(&IDS), table.column(&TIMES));
    let Some(value_at) = table.column(&["y", "value"]) else { bail!(table.lacks("y")) };
    let stem = path.file_stem().map_or_else(|| "series".to_string(), |s| s.to_string_lossy().into_owned());
    let mut out: Vec<Rows> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    while let Some((line, record)) = table.next()? {
        let id = id_at.and_then(|i| record.get(i)).map_or(stem.as_str(), clean);
        let value = table.number(line, "y", record.get(value_at).unwrap_or_default())?;
        let time = time_at.and_then(|i| record.get(i)).map_or("", clean);
        let index = *place.entry(id.to_string()).or_insert_with(|| {
            out.push(Rows { id: id.to_string(), times: Vec::new(), values: Vec::new(), lines: Vec::new() });
            out.len() - 1
        });
        let rows = &mut out[index];
        rows.times.push(time.to_string());
        rows.values.push(value);
        rows.lines.push(line);
    }
    if out.is_empty() {
        bail!("{}: no rows", path.display());
    }
    Ok(out)
}

impl Rows {
    /// Leaves out what comes after the last value: there is nothing to learn from it, and it may be the very steps that are
    /// asked for. Says so in words, where there was any.
    pub fn without_tail(&mut self, path: &Path) -> anyhow::Result<Option<String>> {
        let places: Vec<Place> = self.places(path)?;
        let known = places.iter().zip(&self.values).filter(|(_, value)| !value.is_nan()).map(|(place, _)| place);
        let Some(last) = known.max().copied() else { return Ok(None) };
        let keep: Vec<bool> = places.iter().map(|place| *place <= last).collect();
        let dropped = keep.iter().filter(|keep| !**keep).count();
        if dropped == 0 {
            return Ok(None);
        }
        let mut kept = keep.iter();
        self.times.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        self.values.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        self.lines.retain(|_| *kept.next().unwrap_or(&true));
        let last = match last {
            Place::Time(time) => write_time(time),
            Place::Number(number) => number.to_string(),
        };
        let rows = if dropped == 1 { "1 row".to_string() } else { format!("{dropped} rows") };
        Ok(Some(format!("{}: {rows} after {last} without a value: the forecast begins there", self.id)))
    }

    /// Where each row belongs: at its time, at its number, or where it stands in the file.
    fn places(&self, path: &Path) -> anyhow::Result<Vec<Place>> {
        if self.times.iter().all(String::is_empty) {
            return Ok((1..).map(Place::Number).take(self.times.len()).collect());
        }
        if self.times.iter().all(|t| t.parse::<i64>().is_ok()) && self.times.iter().any(|t| t.len() != 4) {
            return Ok(self.times.iter().filter_map(|t| t.parse().ok()).map(Place::Number).collect());
        }
        let time = |(text, line): (&String, &u64)| Ok(Place::Time(read_time(path, *line, text)?));
        self.times.iter().zip(&self.lines).map(time).collect()
    }

    /// The series on its regular grid. Times that are whole numbers are numbers of points; without times the order
    /// of the file is the order of the series.
    ///
    /// The season is the given one, else the usual one of the frequency.
    pub fn series(&self, path: &Path, season: Option<usize>) -> anyhow::Result<Series> {
        let places = self.places(path)?;
        let made = match places.first() {
            Some(Place::Time(_)) => {
                let times = places.iter().filter_map(|place| match place {
                    Place::Time(time) => Some(*time),
                    Place::Number(_) => None,
                });
                let observations = times.zip(self.values.iter().copied()).collect();
                Series::from_observations(self.id.as_str(), observations, None, season)
            }
            _ => {
                let numbers = places.iter().filter_map(|place| match place {
                    Place::Number(number) => Some(*number),
                    Place::Time(_) => None,
                });
                let observations = numbers.zip(self.values.iter().copied()).collect();
                Series::from_numbered(self.id.as_str(), observations, season.unwrap_or(1))
            }
        };
        made.with_context(|| format!("{}: series {}", path.display(), self.id))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Time(DateTime),
    Number(i64),
}

fn read_time(path: &Path, line: u64, text: &str) -> anyhow::Result<DateTime> {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_string(),
    };
    parse_time(&whole).with_context(|| {
        format!(
            "{}: line {line}: ds is not a time: {text:?} (2024-03-05, 2024-03-05 14:30, 2024-03 and 2024 are)",
            path.display()
        )
    })
}

/// Columns beside a series: for each id, its columns over history and horizon on the grid of the series.
pub struct Exogenous {
    pub names: Vec<String>,
    rows: HashMap<String, Vec<(DateTime, Vec<f64>)>>,
}

/// Reads every column that is not `unique_id`, `ds` or `y`; `true` and `false` count as 1 and 0.
pub fn read_exogenous(path: &Path) -> anyhow::Result<Exogenous> {
    let mut table = Table::open(path)?;
    let Some(time_at) = table.column(&TIMES) else { bail!(table.lacks("ds")) };
    let id_at = table.column(&IDS);
    let is_column = |&i: &usize| i != time_at && Some(i) != id_at && !table.header[i].eq_ignore_ascii_case("y");
    let wanted: Vec<usize> = (0..table.header.len()).filter(is_column).collect();
    if wanted.is_empty() {
        bail!("{}: no columns beside those of time, name and y", path.display());
    }
    let names: Vec<String> = wanted.iter().map(|&i| table.header[i].clone()).collect();
    let mut rows: HashMap<String, Vec<(DateTime, Vec<f64>)>> = HashMap::new();
    let mut seen: HashSet<(String, DateTime)> = HashSet::new();
    while let Some((line, record)) = table.next()? {
        let text = record.get(time_at).map_or("", clean);
        let time = read_time(path, line, text)?;
        let mut values = Vec::with_capacity(wanted.len());
        for (&i, name) in wanted.iter().zip(&names) {
            let text = record.get(i).map_or("", clean);
            let value = match text.to_lowercase().as_str() {
                "true" => 1.0,
                "false" => 0.0,
                other => table.number(line, name, other)?,
            };
            values.push(value);
        }
        let id = id_at.and_then(|i| record.get(i)).map_or("", clean).to_string();
        if !seen.insert((id.clone(), time)) {
            bail!(
                "{}: line {line}: {text} comes twice{}",
                path.display(),
                if id.is_empty() { String::new() } else { format!(" for {id}") }
            );
        }
        rows.entry(id).or_default().push((time, values));
    }
    Ok(Exogenous { names, rows })
}

impl Exogenous {
    /// Names that rows are for; empty for rows of every series.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// Whether there are rows for the name, or for every series.
    pub fn has(&self, id: &str) -> bool {
        self.rows.contains_key(id) || self.rows.contains_key("")
    }

    /// The columns of one series over its points and `horizon` more, `NaN` where the file has no row. A file without
    /// `unique_id` serves every series.
    pub fn columns(&self, series: &Series, horizon: usize) -> Vec<Vec<f64>> {
        self.columns_over(series, series.values().len() + horizon)
    }

    /// The columns of one series from its first point on.
    pub fn columns_over(&self, series: &Series, length: usize) -> Vec<Vec<f64>> {
        let mut columns = vec![vec![f64::NAN; length]; self.names.len()];
        let Some((first, frequency)) = series.grid() else { return columns };
        let Some(rows) = self.rows.get(series.id()).or_else(|| self.rows.get("")) else { return columns };
        for (time, values) in rows {
            let place = distance(frequency, first, *time);
            if let Some(place) = place.filter(|p| *p < length) {
                for (column, value) in columns.iter_mut().zip(values) {
                    column[place] = *value;
                }
            }
        }
        // A gap inside the rows given is bridged by the value before it; before the first and after the last row there
        // is nothing to say.
        for column in &mut columns {
            let last = column.iter().rposition(|v| !v.is_nan()).unwrap_or(0);
            for t in 1..=last {
                if column[t].is_nan() {
                    column[t] = column[t - 1];
                }
            }
        }
        columns
    }
}

/// Where columns of a series have no value, in words; None where they are whole.
pub fn gap(series: &Series, names: &[String], columns: &[Vec<f64>]) -> Option<String> {
    let found = |(name, column): (&String, &Vec<f64>)| Some((name.clone(), column.iter().position(|v| v.is_nan())?));
    let (name, index) = names.iter().zip(columns).find_map(found)?;
    let at = match series.time(index) {
        Some(time) => write_time(time),
        None => "any point: the series has no dates".to_string(),
    };
    Some(format!("{} has no value of {name} for {at}", series.id()))
}

fn distance(frequency: Frequency, first: DateTime, time: DateTime) -> Option<usize> {
    usize::try_from(frequency.distance(first, time)).ok()
}

const IDS: [&str; 2] = ["unique_id", "id"];
const TIMES: [&str; 3] = ["ds", "timestamp", "date"];

/// A CSV file with a header, row by row.
struct Table<'a> {
    path: &'a Path,
    reader: csv::Reader<BufReader<File>>,
    header: Vec<String>,
    delimiter: u8,
    record: csv::StringRecord,
}

impl<'a> Table<'a> {
    fn open(path: &'a Path) -> anyhow::Result<Table<'a>> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let begin = file.fill_buf().with_context(|| format!("cannot read {}", path.display()))?;
        let first = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // Of equals the comma.
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).delimiter(delimiter).from_reader(file);
        let header = reader.headers().with_context(|| format!("{}: cannot read the header", path.display()))?;
        let header: Vec<String> = header.iter().map(|name| clean(name).to_string()).collect();
        if header.is_empty() {
            bail!("{}: the file is empty", path.display());
        }
        Ok(Table { path, reader, header, delimiter, record: csv::StringRecord::new() })
    }

    /// Where the column of one of these names is.
    fn column(&self, names: &[&str]) -> Option<usize> {
        self.header.iter().position(|h| names.contains(&h.to_lowercase().as_str()))
    }

    fn lacks(&self, name: &str) -> String {
        format!("{}: no column {name}; the header is {}", self.path.display(), self.header.join(","))
    }

    /// The next row and its line.
    fn next(&mut self) -> anyhow::Result<Option<(u64, csv::StringRecord)>> {
        let at = self.reader.position().line();
        if !self.reader.read_record(&mut self.record).with_context(|| format!("{}: line {at}", self.path.display()))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(at, csv::Position::line);
        let (fields, expected) = (self.record.len(), self.header.len());
        let more_is_empty = self.record.iter().skip(expected).all(str::is_empty);
        if fields < expected || !more_is_empty {
            let quote = match self.record.iter().any(|field| field.contains('\n')) {
                true => "; does a quote not close?",
                false => "",
            };
            let fields = if fields == 1 { "1 field".to_string() } else { format!("{fields} fields") };
            bail!("{}: line {line} has {fields}, the header {expected}{quote}", self.path.display());
        }
        Ok(Some((line, self.record.clone())))
    }

    /// A number that the engine takes; `NaN` where the cell says that there is none.
    fn number(&self, line: u64, name: &str, text: &str) -> anyhow::Result<f64> {
        let text = clean(text);
        let named = |what: String| format!("{}: line {line}: {name} {what}", self.path.display());
        let point = if self.delimiter == b',' { None } else { decimal_point(text) };
        let value = number_or_missing(point.as_deref().unwrap_or(text))
            .with_context(|| named(format!("is not a number: {text:?}")))?;
        if value.abs() > MAX_VALUE {
            bail!(named(format!("is {text}, outside ±{MAX_VALUE:e}")));
        }
        Ok(value)
    }
}

/// `103.5` of `103,5`.
fn decimal_point(text: &str) -> Option<String> {
    (text.matches(',').count() == 1 && !text.contains('.')).then(|| text.replace(',', "."))
}

fn clean(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// `None` when the text is neither a number nor a way to say that there is none.
fn number_or_missing(text: &str) -> Option<f64> {
    if text.is_empty() || ["na", "nan", "null", "none", "-"].contains(&text.to_lowercase().as_str()) {
        return Some(f64::NAN);
    }
    text.parse().ok()
}
