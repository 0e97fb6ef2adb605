//! Reading series from CSV: `unique_id,ds,y` in any column order. A bad row is named by its line.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use dyocense_forecasting::Series;
use dyocense_forecasting::calendar::{Frequency, parse_time};
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
    let mut reader = open(path)?;
    let header = reader.headers().with_context(|| format!("{}: cannot read the header", path.display()))?.clone();
    let column = |names: &[&str]| header.iter().position(|h| names.contains(&clean(h).to_lowercase().as_str()));
    let id_at = column(&["unique_id", "id"]);
    let time_at = column(&["ds", "timestamp", "date"]);
    let Some(value_at) = column(&["y", "value"]) else {
        bail!("{}: no column y; the header is {}", path.display(), header.iter().collect::<Vec<_>>().join(","));
    };
    let stem = path.file_stem().map_or_else(|| "series".to_string(), |s| s.to_string_lossy().into_owned());
    let mut out: Vec<Rows> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{}: line {}", path.display(), number + 2))?;
        let line = record.position().map_or(number as u64 + 2, csv::Position::line);
        let id = id_at.and_then(|i| record.get(i)).map_or(stem.as_str(), clean);
        let value = record.get(value_at).map_or("", clean);
        let value = number_or_missing(value)
            .with_context(|| format!("{}: line {line}: y is not a number: {value:?}", path.display()))?;
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
    /// The series on its regular grid. Times that are whole numbers are places in a row; without times the order of the
    /// file is the order of the series.
    ///
    /// The season is the given one, else the usual one of the frequency.
    pub fn series(&self, path: &Path, season: Option<usize>) -> anyhow::Result<Series> {
        let named = |line: u64, what: &str| format!("{}: line {line}: {what}", path.display());
        if self.times.iter().all(String::is_empty) {
            return Ok(Series::new(self.id.as_str(), self.values.clone(), season.unwrap_or(1))?);
        }
        if self.times.iter().all(|t| t.parse::<i64>().is_ok()) && self.times.iter().any(|t| t.len() != 4) {
            let mut rows: Vec<(i64, f64)> =
                self.times.iter().zip(&self.values).filter_map(|(t, v)| Some((t.parse().ok()?, *v))).collect();
            rows.sort_by_key(|r| r.0);
            let values = rows.iter().map(|r| r.1).collect();
            return Ok(Series::new(self.id.as_str(), values, season.unwrap_or(1))?);
        }
        let mut observations: Vec<(DateTime, f64)> = Vec::with_capacity(self.times.len());
        for ((text, value), line) in self.times.iter().zip(&self.values).zip(&self.lines) {
            let time = read_time(text).with_context(|| named(*line, &format!("ds is not a time: {text:?}")))?;
            observations.push((time, *value));
        }
        Series::from_observations(self.id.as_str(), observations, None, season)
            .with_context(|| format!("{}: series {}", path.display(), self.id))
    }
}

fn read_time(text: &str) -> Option<DateTime> {
    if text.len() == 4 {
        return parse_time(&format!("{text}-01-01"));
    }
    parse_time(text)
}

/// Columns beside a series: for each id, its columns over history and horizon on the grid of the series.
pub struct Exogenous {
    pub names: Vec<String>,
    rows: HashMap<String, Vec<(DateTime, Vec<f64>)>>,
}

/// Reads every column that is not `unique_id`, `ds` or `y`; `true` and `false` count as 1 and 0.
pub fn read_exogenous(path: &Path) -> anyhow::Result<Exogenous> {
    let mut reader = open(path)?;
    let header = reader.headers().with_context(|| format!("{}: cannot read the header", path.display()))?.clone();
    let at = |name: &str| header.iter().position(|h| clean(h) == name);
    let Some(time_at) = at("ds") else { bail!("{}: no column ds", path.display()) };
    let id_at = at("unique_id");
    let wanted: Vec<usize> =
        (0..header.len()).filter(|&i| i != time_at && Some(i) != id_at && clean(&header[i]) != "y").collect();
    let names = wanted.iter().map(|&i| clean(&header[i]).to_string()).collect();
    let mut rows: HashMap<String, Vec<(DateTime, Vec<f64>)>> = HashMap::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{}: line {}", path.display(), number + 2))?;
        let line = record.position().map_or(number as u64 + 2, csv::Position::line);
        let text = record.get(time_at).map_or("", clean);
        let time =
            read_time(text).with_context(|| format!("{}: line {line}: ds is not a time: {text:?}", path.display()))?;
        let mut values = Vec::with_capacity(wanted.len());
        for &i in &wanted {
            let text = record.get(i).map_or("", clean);
            let value = match text.to_lowercase().as_str() {
                "true" => 1.0,
                "false" => 0.0,
                other => number_or_missing(other).with_context(|| {
                    format!("{}: line {line}: {} is not a number: {text:?}", path.display(), &header[i])
                })?,
            };
            values.push(value);
        }
        let id = id_at.and_then(|i| record.get(i)).map_or("", clean).to_string();
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

fn open(path: &Path) -> anyhow::Result<csv::Reader<std::fs::File>> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("cannot open {}", path.display()))
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
