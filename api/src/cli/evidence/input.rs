//! Reading a question: a JSON file of inputs, or tables of columns.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use dyocense_evidence::Table;
use serde_json::{Map, Value};

use super::Input;

/// Everything a question may need, from the files and the command line.
pub struct Given {
    fields: Map<String, Value>,
    /// Columns of text, for dates.
    texts: BTreeMap<String, Vec<String>>,
    names: Vec<String>,
    columns: BTreeMap<String, Vec<f64>>,
}

impl Given {
    pub fn read(input: &Input) -> anyhow::Result<Self> {
        let mut given =
            Given { fields: Map::new(), texts: BTreeMap::new(), names: Vec::new(), columns: BTreeMap::new() };
        for (place, file) in input.files.iter().enumerate() {
            let text = read_text(file).with_context(|| format!("file {}", file.display()))?;
            if text.trim_start().starts_with('{') {
                given.take_json(&text, file)?;
            } else {
                given.take_table(&text, place > 0).with_context(|| format!("table {}", file.display()))?;
            }
        }
        given.take_options(input);
        given.derive()?;
        if let Some(rows) = given.number("n_rows").or(given.number("rows")) {
            let rows = rows as usize;
            given.columns.values_mut().for_each(|c| c.truncate(rows));
            given.texts.values_mut().for_each(|c| c.truncate(rows));
        }
        Ok(given)
    }

    /// Columns made of others, by the field `derived`, separated by commas: `ab=a*b`, `none=a==0` (1 where it holds,
    /// else 0), and by name alone the powers `asq` and `acube` of a column `a`.
    fn derive(&mut self) -> anyhow::Result<()> {
        let Some(terms) = self.text_of("derived") else { return Ok(()) };
        for term in terms.split(',').map(str::trim).filter(|term| !term.is_empty()) {
            let (name, formula) = term.split_once('=').unwrap_or((term, ""));
            if self.columns.contains_key(name) {
                continue;
            }
            let column = if let Some((of, value)) = formula.split_once("==") {
                let value: f64 = value.trim().parse().with_context(|| format!("`derived` compares in {term}"))?;
                self.column(of.trim())?
                    .iter()
                    .map(|v| if v.is_nan() { *v } else { f64::from(u8::from(*v == value)) })
                    .collect()
            } else if let Some((a, b)) = formula.split_once('*') {
                self.column(a.trim())?.iter().zip(self.column(b.trim())?).map(|(a, b)| a * b).collect()
            } else if let Some(of) = name.strip_suffix("sq").filter(|_| formula.is_empty()) {
                self.column(of)?.iter().map(|v| v * v).collect()
            } else if let Some(of) = name.strip_suffix("cube").filter(|_| formula.is_empty()) {
                self.column(of)?.iter().map(|v| v * v * v).collect()
            } else {
                bail!("`derived` has {term}, but knows only name=a*b, name=a==0, asq and acube");
            };
            self.add(name, column);
        }
        Ok(())
    }

    fn take_options(&mut self, input: &Input) {
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                self.fields.insert(name.to_string(), value);
            }
        };
        let text = |v: &Option<String>| v.clone().map(Value::from);
        let count = |v: Option<usize>| v.map(Value::from);
        set("columns", input.columns.clone().map(Value::from));
        set("n_rows", count(input.rows));
        set("x", text(&input.x));
        set("y", text(&input.y));
        set("maxlag", count(input.maxlag));
        set("lags", count(input.lags));
        set("alpha", input.alpha.map(Value::from));
        set("test", text(&input.test));
        set("score", text(&input.score));
        set("tau_max", count(input.tau_max));
        set("pc_alpha", input.pc_alpha.map(Value::from));
        set("n_pre", count(input.n_pre));
        set("season", count(input.season));
        set("treatment", text(&input.treatment));
        set("counterfactual", text(&input.counterfactual));
        set("treated", input.treated.clone().map(Value::from));
        set("effect", input.effect.clone().map(Value::from));
        set("set_to", input.set_to.map(Value::from));
        set("outcome", text(&input.outcome));
        set("repeats", count(input.repeats));
        set("seed", input.seed.map(Value::from));
        set("range", input.range.clone().map(Value::from));
        set("dates", text(&input.dates));
    }

    fn take_json(&mut self, text: &str, file: &Path) -> anyhow::Result<()> {
        let value: Value =
            serde_json::from_str(text).with_context(|| format!("{} is not valid JSON", file.display()))?;
        let Value::Object(fields) = value else {
            bail!("{} must hold a JSON object", file.display());
        };
        for (name, value) in fields {
            self.fields.insert(name, value);
        }
        match self.fields.get("data").cloned() {
            Some(Value::String(path)) => {
                let beside = file.parent().unwrap_or(Path::new(".")).join(&path);
                let table = read_text(&beside).with_context(|| format!("`data` names the file {path}"))?;
                self.take_table(&table, false)?;
            }
            Some(Value::Object(columns)) => {
                for (name, column) in &columns {
                    if let Some(texts) = texts(column) {
                        self.texts.insert(name.clone(), texts);
                    } else {
                        self.add(name, numbers(name, column)?);
                    }
                }
            }
            Some(Value::Array(rows)) => {
                let names = self.names_of("columns", rows.first());
                for (j, name) in names.iter().enumerate() {
                    let column = rows
                        .iter()
                        .map(|row| row.get(j).map_or(Ok(f64::NAN), |cell| number(name, cell)))
                        .collect::<anyhow::Result<Vec<f64>>>()?;
                    self.add(name, column);
                }
            }
            Some(_) => bail!("`data` must be rows, named columns, or the name of a file"),
            None => {}
        }
        Ok(())
    }

    /// Names of inline rows' columns: as given under `nodes`, `cols` or `columns`, else X1, X2, …
    fn names_of(&self, _field: &str, first: Option<&Value>) -> Vec<String> {
        let width = first.and_then(Value::as_array).map_or(0, Vec::len);
        for field in ["columns", "cols", "nodes"] {
            if let Some(names) = self.texts_of(field)
                && names.len() == width
            {
                return names;
            }
        }
        (1..=width).map(|j| format!("X{j}")).collect()
    }

    fn add(&mut self, name: &str, column: Vec<f64>) {
        if !self.columns.contains_key(name) {
            self.names.push(name.to_string());
        }
        self.columns.insert(name.to_string(), column);
    }

    fn take_table(&mut self, text: &str, append: bool) -> anyhow::Result<()> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let head = lines.next().context("the file is empty")?;
        let delimiter = [',', ';', '\t'].into_iter().find(|d| head.contains(*d)).unwrap_or(' ');
        let split = |line: &str| -> Vec<String> {
            let clean = |cell: &str| cell.trim().trim_matches('"').to_string();
            if delimiter == ' ' {
                line.split_whitespace().map(clean).collect()
            } else {
                line.split(delimiter).map(clean).collect()
            }
        };
        let names = split(head);
        let mut cells: Vec<Vec<String>> = vec![Vec::new(); names.len()];
        for (number, line) in lines.enumerate() {
            let row = split(line);
            if row.len() != names.len() {
                bail!("line {} has {} cells where the first line names {} columns", number + 2, row.len(), names.len());
            }
            cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
        }
        for (name, column) in names.iter().zip(cells) {
            let missing = |cell: &str| matches!(cell, "" | "NA" | "NaN" | "nan" | "null");
            let parsed: Option<Vec<f64>> =
                column.iter().map(|c| if missing(c) { Some(f64::NAN) } else { c.parse().ok() }).collect();
            match parsed {
                Some(mut values) => {
                    if append && let Some(before) = self.columns.get(name) {
                        let mut joined = before.clone();
                        joined.append(&mut values);
                        values = joined;
                    }
                    self.add(name, values);
                }
                None => {
                    let texts = self.texts.entry(name.clone()).or_default();
                    if append {
                        texts.extend(column);
                    } else {
                        *texts = column;
                    }
                }
            }
        }
        Ok(())
    }

    /// A number by the first of these names, also where a `method` line holds it as `name=3` or `'name': 3`.
    pub fn number(&self, name: &str) -> Option<f64> {
        if let Some(value) = self.fields.get(name) {
            return value.as_f64();
        }
        self.in_method(name).and_then(|text| text.parse().ok())
    }

    pub fn count(&self, name: &str) -> Option<usize> {
        self.number(name).map(|v| v as usize)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => self.in_method(name),
        }
    }

    /// A text by its own name alone: what a `method` line says does not count.
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.fields.get(name)?.as_str().map(str::to_string)
    }

    fn in_method(&self, name: &str) -> Option<String> {
        let method = self.fields.get("method")?.as_str()?;
        let mut words = method.split(|c: char| c.is_whitespace() || "={}'\":,()".contains(c)).filter(|w| !w.is_empty());
        words.find(|word| *word == name)?;
        words.next().map(str::to_string)
    }

    pub fn texts_of(&self, name: &str) -> Option<Vec<String>> {
        texts(self.fields.get(name)?)
    }

    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A series given inline under this name, or the column that the name's value names.
    pub fn series(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        match self.fields.get(name) {
            Some(Value::String(column)) => self.column(column),
            Some(value @ Value::Array(_)) => numbers(name, value),
            Some(_) => bail!("`{name}` must be a list of numbers or the name of a column"),
            None if self.columns.contains_key(name) => self.column(name),
            None if self.names.len() == 1 => self.column(&self.names[0]),
            None => bail!("give `{name}`: a list in the JSON file, or --{name} COLUMN"),
        }
    }

    pub fn column(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        match self.columns.get(name) {
            Some(column) => Ok(column.clone()),
            None if self.texts.contains_key(name) => {
                bail!("column `{name}` holds text, not numbers")
            }
            None => bail!("there is no column `{name}`; there are: {}", self.names.join(", ")),
        }
    }

    /// Refuses a column of dates (YYYY-MM-DD) that skips, repeats or turns back: weekdays and delays
    /// count rows, so every day must have one.
    pub fn check_daily(&self, column: &str) -> anyhow::Result<()> {
        let texts = self.texts.get(column).with_context(|| format!("there is no column of dates `{column}`"))?;
        let days = texts
            .iter()
            .enumerate()
            .map(|(row, text)| {
                let head = text.get(..10).unwrap_or(text);
                head.parse::<jiff::civil::Date>()
                    .with_context(|| format!("row {} of `{column}` holds {text}, not YYYY-MM-DD", row + 1))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        for (row, pair) in days.windows(2).enumerate() {
            let gap = (pair[1] - pair[0]).get_days();
            if gap != 1 {
                bail!(
                    "after {} (row {}) comes {}: every day must have one row; fill the gap or leave --dates out",
                    pair[0],
                    row + 1,
                    pair[1]
                );
            }
        }
        Ok(())
    }

    pub fn has_column(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    pub fn column_names(&self) -> &[String] {
        &self.names
    }

    /// The table of the columns asked for, or of all columns.
    pub fn table(&self) -> anyhow::Result<Table> {
        let asked = self
            .texts_of("columns")
            .filter(|names| names.iter().all(|n| self.columns.contains_key(n)) || !self.names.is_empty());
        let names = asked.unwrap_or_else(|| self.names.clone());
        if names.is_empty() {
            bail!("there are no data: give `data` in the JSON file, or a table");
        }
        self.columns_table(&names)
    }

    pub fn columns_table(&self, names: &[String]) -> anyhow::Result<Table> {
        let named =
            names.iter().map(|name| Ok((name.clone(), self.column(name)?))).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Table::new(named)?)
    }

    /// Rows given inline under this name (one list per row), as columns named x1, x2, …
    pub fn matrix(&self, name: &str) -> anyhow::Result<Option<Table>> {
        let Some(Value::Array(rows)) = self.fields.get(name) else {
            return Ok(None);
        };
        let rows = rows
            .iter()
            .map(|row| match row {
                Value::Array(_) => numbers(name, row),
                single => Ok(vec![number(name, single)?]),
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let width = rows.first().map_or(0, Vec::len);
        let names: Vec<String> = (1..=width).map(|j| format!("x{j}")).collect();
        Ok(Some(Table::from_rows(&rows, &names)?))
    }
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    let text = std::fs::read_to_string(file)?;
    Ok(text.trim_start_matches('\u{feff}').to_string())
}

/// `null` is a hole; the engine refuses holes by column and row.
fn number(name: &str, value: &Value) -> anyhow::Result<f64> {
    match value {
        Value::Null => Ok(f64::NAN),
        Value::Bool(b) => Ok(f64::from(u8::from(*b))),
        other => other.as_f64().with_context(|| format!("`{name}` holds {other}, which is not a number")),
    }
}

fn numbers(name: &str, value: &Value) -> anyhow::Result<Vec<f64>> {
    value
        .as_array()
        .with_context(|| format!("`{name}` must be a list of numbers"))?
        .iter()
        .map(|v| number(name, v))
        .collect()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list: Vec<String> = value.as_array()?.iter().map(|v| v.as_str().map(str::to_string)).collect::<Option<_>>()?;
    (!list.is_empty()).then_some(list)
}
