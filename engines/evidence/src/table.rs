//! Columns of finite numbers with names: what every method here works on.

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};

/// A rectangular table of finite numbers. Columns have unique names; every column has the same length.
///
/// Serialised as a list of `{"name": …, "values": […]}`, checked as by [`Table::new`] when read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    rows: usize,
}

/// A column as it is serialised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub values: Vec<f64>,
}

impl TryFrom<Vec<Column>> for Table {
    type Error = EvidenceError;

    fn try_from(columns: Vec<Column>) -> Result<Self> {
        Table::new(columns.into_iter().map(|c| (c.name, c.values)).collect())
    }
}

impl From<Table> for Vec<Column> {
    fn from(table: Table) -> Self {
        table.names.into_iter().zip(table.columns).map(|(name, values)| Column { name, values }).collect()
    }
}

impl Table {
    /// A table from named columns.
    ///
    /// # Errors
    /// A value that is not finite, columns of different lengths, or a name given twice.
    pub fn new(named: Vec<(String, Vec<f64>)>) -> Result<Self> {
        let rows = named.first().map_or(0, |(_, column)| column.len());
        let mut names: Vec<String> = Vec::with_capacity(named.len());
        let mut columns = Vec::with_capacity(named.len());
        for (name, column) in named {
            if column.len() != rows {
                return Err(EvidenceError::LengthMismatch { column: name, expected: rows, found: column.len() });
            }
            require_finite(&name, &column)?;
            if names.contains(&name) {
                return Err(EvidenceError::DuplicateColumn { column: name });
            }
            names.push(name);
            columns.push(column);
        }
        Ok(Table { names, columns, rows })
    }

    /// A table from rows; columns are named `X1`, `X2`, … where `names` is empty.
    ///
    /// # Errors
    /// As [`Table::new`]; a row of another width is a [`EvidenceError::LengthMismatch`].
    pub fn from_rows(rows: &[Vec<f64>], names: &[String]) -> Result<Self> {
        let width = rows.first().map_or(names.len(), Vec::len);
        if !names.is_empty() && names.len() != width {
            return Err(EvidenceError::LengthMismatch {
                column: "(names of columns)".into(),
                expected: width,
                found: names.len(),
            });
        }
        let mut columns = vec![Vec::with_capacity(rows.len()); width];
        for (r, row) in rows.iter().enumerate() {
            if row.len() != width {
                return Err(EvidenceError::LengthMismatch {
                    column: format!("(row {})", r + 1),
                    expected: width,
                    found: row.len(),
                });
            }
            for (column, &value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let named = columns.into_iter().enumerate().map(|(j, column)| {
            let name = names.get(j).cloned().unwrap_or_else(|| format!("X{}", j + 1));
            (name, column)
        });
        Table::new(named.collect())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn width(&self) -> usize {
        self.columns.len()
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// The column of that name.
    ///
    /// # Errors
    /// [`EvidenceError::UnknownColumn`], listing the columns there are.
    pub fn column(&self, name: &str) -> Result<&[f64]> {
        self.index(name).map(|j| self.columns[j].as_slice())
    }

    /// The index of the column of that name.
    ///
    /// # Errors
    /// [`EvidenceError::UnknownColumn`], listing the columns there are.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| EvidenceError::UnknownColumn { column: name.to_string(), known: self.names.join(", ") })
    }

    /// The named columns, in the order asked for.
    ///
    /// # Errors
    /// [`EvidenceError::UnknownColumn`] or [`EvidenceError::DuplicateColumn`].
    pub fn select(&self, names: &[String]) -> Result<Table> {
        let named =
            names.iter().map(|name| Ok((name.clone(), self.column(name)?.to_vec()))).collect::<Result<Vec<_>>>()?;
        Table::new(named)
    }

    /// The rows with these indices, in that order (an index may repeat).
    pub fn take_rows(&self, rows: &[usize]) -> Table {
        Table {
            names: self.names.clone(),
            columns: self.columns.iter().map(|column| rows.iter().map(|&r| column[r]).collect()).collect(),
            rows: rows.len(),
        }
    }

    /// Refuses a table with a column that never varies.
    ///
    /// # Errors
    /// [`EvidenceError::ConstantColumn`] for the first such column.
    pub fn require_varying(&self) -> Result<()> {
        for (name, column) in self.names.iter().zip(&self.columns) {
            require_varying(name, column)?;
        }
        Ok(())
    }
}

/// Refuses a column with NaN or an infinity.
///
/// # Errors
/// [`EvidenceError::NotFinite`] with the first such row.
pub fn require_finite(name: &str, column: &[f64]) -> Result<()> {
    match column.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(EvidenceError::NotFinite { column: name.to_string(), row: row + 1 }),
        None => Ok(()),
    }
}

/// Refuses a column whose values are all equal.
///
/// # Errors
/// [`EvidenceError::ConstantColumn`].
pub fn require_varying(name: &str, column: &[f64]) -> Result<()> {
    match column.first() {
        Some(&first) if column.iter().all(|&value| value == first) => {
            Err(EvidenceError::ConstantColumn { column: name.to_string(), value: first })
        }
        _ => Ok(()),
    }
}

/// Refuses too short a sample.
///
/// # Errors
/// [`EvidenceError::TooFewObservations`].
pub fn require_observations(what: &str, found: usize, needed: usize) -> Result<()> {
    if found < needed {
        return Err(EvidenceError::TooFewObservations { what: what.to_string(), needed, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_the_data_is_named_by_column_and_row() {
        let refused = Table::new(vec![("price".into(), vec![1.0, f64::NAN])]);
        assert_eq!(refused, Err(EvidenceError::NotFinite { column: "price".into(), row: 2 }));
    }

    #[test]
    fn rows_become_columns_named_x1_x2() {
        let table = Table::from_rows(&[vec![1.0, 2.0], vec![3.0, 4.0]], &[]).expect("valid");
        assert_eq!(table.names(), ["X1", "X2"]);
        assert_eq!(table.column("X2").expect("there"), [2.0, 4.0]);
    }
}
