//! MPS, the column-oriented card format (free and fixed), with integer markers, RANGES, BOUNDS,
//! OBJSENSE and the objective constant as the negative right-hand side of the objective row.

use std::collections::HashMap;

use crate::model::{Column, MAX_COLUMNS, MAX_ROWS, Model, ModelError, Role, Row, Sense, merged};

#[derive(Clone, Copy, PartialEq)]
enum Section {
    None,
    Rows,
    Columns,
    Rhs,
    Ranges,
    Bounds,
    ObjSense,
    Done,
}

struct Reader {
    model: Model,
    kinds: Vec<char>,
    rhs: Vec<f64>,
    ranges: Vec<Option<f64>>,
    row_of: HashMap<String, usize>,
    column_of: HashMap<String, usize>,
    objective: Option<String>,
    free_rows: Vec<String>,
    integer: bool,
    explicit_upper: Vec<bool>,
}

fn syntax(line: usize, message: impl Into<String>) -> ModelError {
    ModelError::Syntax { line, message: message.into() }
}

fn number(line: usize, text: &str) -> Result<f64, ModelError> {
    let value: f64 = text.parse().map_err(|_| syntax(line, format!("{text:?} is not a number")))?;
    if value.is_nan() {
        return Err(syntax(line, format!("{text:?} is not a number")));
    }
    Ok(if value >= 1e20 {
        f64::INFINITY
    } else if value <= -1e20 {
        f64::NEG_INFINITY
    } else {
        value
    })
}

/// Reads a model from MPS text. Errors name the line.
pub fn model_from_mps(text: &str) -> Result<Model, ModelError> {
    let mut reader = Reader {
        model: Model::new("", Sense::Min),
        kinds: Vec::new(),
        rhs: Vec::new(),
        ranges: Vec::new(),
        row_of: HashMap::new(),
        column_of: HashMap::new(),
        objective: None,
        free_rows: Vec::new(),
        integer: false,
        explicit_upper: Vec::new(),
    };
    let mut section = Section::None;
    let mut seen_columns = false;
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        if raw.starts_with('*') || raw.trim().is_empty() {
            continue;
        }
        let fields: Vec<&str> = raw.split_whitespace().collect();
        if !raw.starts_with([' ', '\t']) {
            section = match fields[0].to_ascii_uppercase().as_str() {
                "NAME" => {
                    reader.model.name = fields.get(1).copied().unwrap_or_default().to_string();
                    Section::None
                }
                "ROWS" => Section::Rows,
                "COLUMNS" => {
                    seen_columns = true;
                    Section::Columns
                }
                "RHS" => Section::Rhs,
                "RANGES" => Section::Ranges,
                "BOUNDS" => Section::Bounds,
                "OBJSENSE" => {
                    if let Some(word) = fields.get(1) {
                        reader.sense(line, word)?;
                    }
                    Section::ObjSense
                }
                "OBJSENSEMAX" => {
                    reader.model.sense = Sense::Max;
                    Section::None
                }
                "ENDATA" => Section::Done,
                other => return Err(syntax(line, format!("unknown section {other:?}"))),
            };
            if section == Section::Done {
                break;
            }
            continue;
        }
        match section {
            Section::Rows => reader.row(line, &fields)?,
            Section::Columns => reader.entry(line, &fields)?,
            Section::Rhs => reader.rhs(line, &fields)?,
            Section::Ranges => reader.range(line, &fields)?,
            Section::Bounds => reader.bound(line, &fields)?,
            Section::ObjSense => reader.sense(line, fields[0])?,
            Section::None | Section::Done => {
                return Err(syntax(line, "data outside of a section"));
            }
        }
    }
    if !seen_columns || section != Section::Done {
        return Err(ModelError::Malformed("not an MPS file: it needs ROWS, COLUMNS and ENDATA".into()));
    }
    reader.finish()
}

impl Reader {
    fn sense(&mut self, line: usize, word: &str) -> Result<(), ModelError> {
        self.model.sense = match word.to_ascii_uppercase().as_str() {
            "MAX" | "MAXIMIZE" | "MAXIMISE" => Sense::Max,
            "MIN" | "MINIMIZE" | "MINIMISE" => Sense::Min,
            other => return Err(syntax(line, format!("{other:?} is neither MIN nor MAX"))),
        };
        Ok(())
    }

    fn row(&mut self, line: usize, fields: &[&str]) -> Result<(), ModelError> {
        let [kind, name] = fields else {
            return Err(syntax(line, "a row needs its kind and its name"));
        };
        let kind = kind.to_ascii_uppercase();
        match kind.as_str() {
            "N" => {
                if self.objective.is_none() {
                    self.objective = Some((*name).to_string());
                } else {
                    self.free_rows.push((*name).to_string());
                }
                return Ok(());
            }
            "L" | "G" | "E" => {}
            other => {
                return Err(syntax(line, format!("row kind {other:?} is none of N, L, G, E")));
            }
        }
        if self.model.rows.len() >= MAX_ROWS {
            return Err(ModelError::TooLarge { what: "rows", count: MAX_ROWS + 1, limit: MAX_ROWS });
        }
        if self.row_of.contains_key(*name) {
            return Err(syntax(line, format!("row {name:?} is named twice")));
        }
        self.row_of.insert((*name).to_string(), self.model.rows.len());
        self.model.rows.push(Row {
            name: (*name).to_string(),
            terms: Vec::new(),
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            role: Role::Rule,
            says: String::new(),
            unit: String::new(),
        });
        self.kinds.push(kind.chars().next().unwrap_or('E'));
        self.rhs.push(0.0);
        self.ranges.push(None);
        Ok(())
    }

    fn entry(&mut self, line: usize, fields: &[&str]) -> Result<(), ModelError> {
        if fields.len() >= 3 && fields[1].trim_matches('\'').eq_ignore_ascii_case("MARKER") {
            match fields[2].trim_matches('\'').to_ascii_uppercase().as_str() {
                "INTORG" => self.integer = true,
                "INTEND" => self.integer = false,
                other => return Err(syntax(line, format!("unknown marker {other:?}"))),
            }
            return Ok(());
        }
        if fields.len() != 3 && fields.len() != 5 {
            return Err(syntax(line, "a column line holds a name and one or two row-value pairs"));
        }
        let j = match self.column_of.get(fields[0]) {
            Some(&j) => j,
            None => {
                if self.model.columns.len() >= MAX_COLUMNS {
                    return Err(ModelError::TooLarge { what: "columns", count: MAX_COLUMNS + 1, limit: MAX_COLUMNS });
                }
                let j = self.model.columns.len();
                self.column_of.insert(fields[0].to_string(), j);
                self.model.columns.push(Column {
                    name: fields[0].to_string(),
                    cost: 0.0,
                    lower: 0.0,
                    upper: f64::INFINITY,
                    integer: self.integer,
                });
                self.explicit_upper.push(false);
                j
            }
        };
        for pair in fields[1..].chunks(2) {
            let value = number(line, pair[1])?;
            if self.objective.as_deref() == Some(pair[0]) {
                self.model.columns[j].cost += value;
            } else if let Some(&i) = self.row_of.get(pair[0]) {
                self.model.rows[i].terms.push((j, value));
            } else if !self.free_rows.iter().any(|name| name == pair[0]) {
                return Err(syntax(line, format!("row {:?} is not in ROWS", pair[0])));
            }
        }
        Ok(())
    }

    /// Pairs of a card whose set name may be missing.
    fn pairs<'f>(line: usize, fields: &'f [&'f str]) -> Result<&'f [&'f str], ModelError> {
        match fields.len() {
            2 | 4 => Ok(fields),
            3 | 5 => Ok(&fields[1..]),
            _ => Err(syntax(line, "expected one or two row-value pairs")),
        }
    }

    fn rhs(&mut self, line: usize, fields: &[&str]) -> Result<(), ModelError> {
        for pair in Self::pairs(line, fields)?.chunks(2) {
            let value = number(line, pair[1])?;
            if self.objective.as_deref() == Some(pair[0]) {
                self.model.offset = -value;
            } else if let Some(&i) = self.row_of.get(pair[0]) {
                self.rhs[i] = value;
            } else if !self.free_rows.iter().any(|name| name == pair[0]) {
                return Err(syntax(line, format!("row {:?} is not in ROWS", pair[0])));
            }
        }
        Ok(())
    }

    fn range(&mut self, line: usize, fields: &[&str]) -> Result<(), ModelError> {
        for pair in Self::pairs(line, fields)?.chunks(2) {
            let value = number(line, pair[1])?;
            let Some(&i) = self.row_of.get(pair[0]) else {
                return Err(syntax(line, format!("row {:?} is not in ROWS", pair[0])));
            };
            self.ranges[i] = Some(value);
        }
        Ok(())
    }

    fn bound(&mut self, line: usize, fields: &[&str]) -> Result<(), ModelError> {
        let kind = fields[0].to_ascii_uppercase();
        let needs_value = !matches!(kind.as_str(), "FR" | "MI" | "PL" | "BV");
        let (name, value) = match (fields.len(), needs_value) {
            (4, _) => (fields[2], Some(number(line, fields[3])?)),
            (3, true) => (fields[1], Some(number(line, fields[2])?)),
            (3, false) => (fields[2], None),
            (2, false) => (fields[1], None),
            _ => return Err(syntax(line, "a bound needs its kind, a column and a value")),
        };
        let Some(&j) = self.column_of.get(name) else {
            return Err(syntax(line, format!("column {name:?} is not in COLUMNS")));
        };
        let column = &mut self.model.columns[j];
        let value = value.unwrap_or(0.0);
        match kind.as_str() {
            "UP" | "UI" => {
                column.upper = value;
                // An upper bound below zero on a column without a lower one frees it downwards.
                if value < 0.0 && column.lower == 0.0 {
                    column.lower = f64::NEG_INFINITY;
                }
                self.explicit_upper[j] = true;
            }
            "LO" | "LI" => column.lower = value,
            "FX" => {
                column.lower = value;
                column.upper = value;
                self.explicit_upper[j] = true;
            }
            "FR" => {
                column.lower = f64::NEG_INFINITY;
                column.upper = f64::INFINITY;
                self.explicit_upper[j] = true;
            }
            "MI" => column.lower = f64::NEG_INFINITY,
            "PL" => {
                column.upper = f64::INFINITY;
                self.explicit_upper[j] = true;
            }
            "BV" => {
                column.lower = 0.0;
                column.upper = 1.0;
                column.integer = true;
                self.explicit_upper[j] = true;
            }
            other => return Err(syntax(line, format!("bound kind {other:?} is not supported"))),
        }
        if matches!(kind.as_str(), "UI" | "LI") {
            column.integer = true;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Model, ModelError> {
        if self.objective.is_none() {
            return Err(ModelError::Malformed("no objective (N) row".into()));
        }
        for (i, row) in self.model.rows.iter_mut().enumerate() {
            row.terms = merged(std::mem::take(&mut row.terms));
            let rhs = self.rhs[i];
            let range = self.ranges[i];
            (row.lower, row.upper) = match (self.kinds[i], range) {
                ('L', None) => (f64::NEG_INFINITY, rhs),
                ('G', None) => (rhs, f64::INFINITY),
                ('L', Some(r)) => (rhs - r.abs(), rhs),
                ('G', Some(r)) => (rhs, rhs + r.abs()),
                (_, None) => (rhs, rhs),
                (_, Some(r)) if r < 0.0 => (rhs + r, rhs),
                (_, Some(r)) => (rhs, rhs + r),
            };
        }
        self.model.validate()?;
        Ok(self.model)
    }
}
