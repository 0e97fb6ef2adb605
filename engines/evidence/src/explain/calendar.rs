//! What the calendar explains: the weekday mix, the season of the year, a slow trend, known events.

use crate::error::{EvidenceError, Result};
use crate::table::Table;

/// The calendar of a daily (or other) series.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Points per week: 7 for days, 0 or 1 for no weekly pattern.
    pub week: usize,
    /// Points per year (365.25 for days), for a yearly season where at least a year of history exists.
    pub year: Option<f64>,
    /// Events known to the business (holidays, closures), one column each, rows as the series.
    pub known: Table,
}

impl Calendar {
    /// Days of a seven-day week, with a yearly season and no known events.
    pub fn daily() -> Self {
        Calendar { week: 7, year: Some(365.25), known: Table::new(Vec::new()).expect("no columns, so none is wrong") }
    }

    /// The calendar's columns for `rows` points, learnt from the first `history` of them:
    /// a constant, weekdays, yearly waves, known events that occurred, and the trend where asked for.
    ///
    /// # Errors
    /// Known events of another length.
    pub(super) fn columns(&self, rows: usize, history: usize, trend: bool) -> Result<Vec<Vec<f64>>> {
        if self.known.width() > 0 && self.known.rows() != rows {
            return Err(EvidenceError::LengthMismatch {
                column: "known events".into(),
                expected: rows,
                found: self.known.rows(),
            });
        }
        let mut columns = vec![vec![1.0; rows]];
        if self.week > 1 && history >= 3 * self.week {
            for day in 1..self.week {
                columns.push((0..rows).map(|t| f64::from(u8::from(t % self.week == day))).collect());
            }
        }
        if let Some(year) = self.year
            && history as f64 >= year
        {
            for wave in 1..=2 {
                let turn = 2.0 * std::f64::consts::PI * f64::from(wave) / year;
                columns.push((0..rows).map(|t| (turn * t as f64).sin()).collect());
                columns.push((0..rows).map(|t| (turn * t as f64).cos()).collect());
            }
        }
        if trend {
            columns.push((0..rows).map(|t| t as f64 / rows as f64).collect());
        }
        for column in self.known.columns() {
            let varied = column[..history].iter().any(|v| *v != column[0]);
            if varied {
                columns.push(column.clone());
            }
        }
        Ok(columns)
    }
}
