//! A linear or mixed-integer model with names, units and the words of its owner on every row.

use serde::{Deserialize, Serialize};

mod check;
pub use check::{Violation, check};

/// Whether less or more of the objective is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sense {
    Min,
    Max,
}

impl Sense {
    /// +1 for minimisation, -1 for maximisation.
    pub fn sign(self) -> f64 {
        match self {
            Sense::Min => 1.0,
            Sense::Max => -1.0,
        }
    }
}

/// A decision.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// Objective per unit.
    pub cost: f64,
    /// Lower bound; may be `-inf`.
    pub lower: f64,
    /// Upper bound; may be `inf`.
    pub upper: f64,
    /// Only whole values are allowed.
    pub integer: bool,
}

/// What a row is to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A wish or a limit the owner could change: it may appear in a conflict and be relaxed.
    Rule,
    /// A definition or a law of nature (stock balance, a switch): never relaxed.
    Structure,
}

/// `lower <= sum of terms <= upper`.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub terms: Vec<(usize, f64)>,
    pub lower: f64,
    pub upper: f64,
    pub role: Role,
    /// The row in its owner's words; empty when it has none but its name.
    pub says: String,
    /// Unit of both sides ("hours", "USD"); empty when unknown.
    pub unit: String,
}

impl Row {
    /// The owner's words, or the name where there are none.
    pub fn words(&self) -> &str {
        if self.says.is_empty() { &self.name } else { &self.says }
    }
}

/// A linear objective over bounded, possibly integer, decisions and two-sided rows.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub sense: Sense,
    /// Constant part of the objective.
    pub offset: f64,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// The largest models this engine takes. More is refused, not attempted.
pub const MAX_COLUMNS: usize = 1_000_000;
pub const MAX_ROWS: usize = 500_000;
pub const MAX_ENTRIES: usize = 20_000_000;
/// Magnitudes at and above this count as infinite in bounds and are refused elsewhere.
pub const HUGE: f64 = 1e20;

/// Why a model is not a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error("{field} is {value}: it must be a finite number below 1e20 in size")]
    NotFinite { field: String, value: f64 },
    #[error("{field}: the lower bound {lower} is above the upper bound {upper}")]
    CrossedBounds { field: String, lower: f64, upper: f64 },
    #[error("{field} is {value}: it must be {bound}")]
    OutOfRange { field: String, value: String, bound: String },
    #[error("{what}: {count} is more than the {limit} that are accepted")]
    TooLarge { what: &'static str, count: usize, limit: usize },
    #[error("line {line}: {message}")]
    Syntax { line: usize, message: String },
    #[error("{0}")]
    Malformed(String),
}

impl Model {
    pub fn new(name: impl Into<String>, sense: Sense) -> Self {
        Self { name: name.into(), sense, offset: 0.0, columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a continuous decision and returns its index.
    pub fn column(&mut self, name: impl Into<String>, cost: f64, lower: f64, upper: f64) -> usize {
        self.columns.push(Column { name: name.into(), cost, lower, upper, integer: false });
        self.columns.len() - 1
    }

    /// Adds a decision in whole units and returns its index.
    pub fn integer(&mut self, name: impl Into<String>, cost: f64, lower: f64, upper: f64) -> usize {
        let j = self.column(name, cost, lower, upper);
        self.columns[j].integer = true;
        j
    }

    /// Adds a row and returns its index. Terms of the same column are summed.
    pub fn row(
        &mut self,
        name: impl Into<String>,
        role: Role,
        terms: Vec<(usize, f64)>,
        lower: f64,
        upper: f64,
    ) -> usize {
        self.rows.push(Row {
            name: name.into(),
            terms: merged(terms),
            lower,
            upper,
            role,
            says: String::new(),
            unit: String::new(),
        });
        self.rows.len() - 1
    }

    /// Gives a row its owner's words and unit.
    pub fn say(&mut self, row: usize, says: impl Into<String>, unit: impl Into<String>) {
        self.rows[row].says = says.into();
        self.rows[row].unit = unit.into();
    }

    pub fn entries(&self) -> usize {
        self.rows.iter().map(|row| row.terms.len()).sum()
    }

    pub fn has_integers(&self) -> bool {
        self.columns.iter().any(|c| c.integer)
    }

    /// The objective of a plan, in the model's own sense.
    pub fn objective(&self, x: &[f64]) -> f64 {
        self.offset + self.columns.iter().zip(x).map(|(column, x)| column.cost * x).sum::<f64>()
    }

    /// Checks numbers, indices, bounds and size.
    pub fn validate(&self) -> Result<(), ModelError> {
        let too_large = |what, count, limit| {
            if count > limit { Err(ModelError::TooLarge { what, count, limit }) } else { Ok(()) }
        };
        too_large("columns", self.columns.len(), MAX_COLUMNS)?;
        too_large("rows", self.rows.len(), MAX_ROWS)?;
        too_large("entries", self.entries(), MAX_ENTRIES)?;
        let finite = |field: &dyn Fn() -> String, value: f64| {
            if value.is_finite() && value.abs() < HUGE {
                Ok(())
            } else {
                Err(ModelError::NotFinite { field: field(), value })
            }
        };
        let bounds = |field: &dyn Fn() -> String, lower: f64, upper: f64| {
            if lower.is_nan() || upper.is_nan() {
                return Err(ModelError::NotFinite { field: field(), value: f64::NAN });
            }
            if lower > upper || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
                return Err(ModelError::CrossedBounds { field: field(), lower, upper });
            }
            Ok(())
        };
        finite(&|| "the objective's constant".into(), self.offset)?;
        for (j, column) in self.columns.iter().enumerate() {
            finite(&|| format!("c[{j}] ({})", column.name), column.cost)?;
            bounds(&|| format!("column {j} ({})", column.name), column.lower, column.upper)?;
        }
        for (i, row) in self.rows.iter().enumerate() {
            bounds(&|| format!("row {i} ({})", row.name), row.lower, row.upper)?;
            for &(j, v) in &row.terms {
                if j >= self.columns.len() {
                    return Err(ModelError::OutOfRange {
                        field: format!("rows[{i}].i ({})", row.name),
                        value: j.to_string(),
                        bound: format!("below {}, the number of columns", self.columns.len()),
                    });
                }
                finite(&|| format!("rows[{i}].v ({}) of column {j}", row.name), v)?;
            }
        }
        Ok(())
    }
}

/// Terms in order of column, same columns summed, zeros dropped.
pub(crate) fn merged(mut terms: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    terms.sort_by_key(|&(j, _)| j);
    let mut out: Vec<(usize, f64)> = Vec::with_capacity(terms.len());
    for (j, v) in terms {
        match out.last_mut() {
            Some(last) if last.0 == j => last.1 += v,
            _ => out.push((j, v)),
        }
    }
    out.retain(|&(_, v)| v != 0.0);
    out
}
