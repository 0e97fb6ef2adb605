//! What the calendar explains: the weekday mix, the season of the year, a slow trend, known events.

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::table::Table;

/// Name of the part that never moves.
pub(super) const CONSTANT: &str = "constant";

/// One column of the calendar and the part it belongs to.
pub(super) struct CalendarColumn {
    pub part: String,
    pub values: Vec<f64>,
}

/// The calendar of a daily (or other) series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Points per week: 7 for days, 0 or 1 for no weekly pattern.
    pub week: usize,
    /// Points per year (365.25 for days), for a yearly season where at least a year of history exists.
    pub year: Option<f64>,
    /// Events known to the business (holidays, closures), one column each, rows as the series.
    pub known: Table,
}

/// [`Calendar::daily`].
impl Default for Calendar {
    fn default() -> Self {
        Calendar::daily()
    }
}

impl Calendar {
    /// Days of a seven-day week, with a yearly season and no known events.
    pub fn daily() -> Self {
        Calendar { week: 7, year: Some(365.25), known: Table::default() }
    }

    /// The calendar's columns for `rows` points, learnt from the first `history` of them:
    /// a constant, weekdays, yearly waves, known events that occurred, and the trend where asked for.
    ///
    /// # Errors
    /// Known events of another length.
    pub(super) fn columns(&self, rows: usize, history: usize, trend: bool) -> Result<Vec<CalendarColumn>> {
        if self.known.width() > 0 && self.known.rows() != rows {
            return Err(EvidenceError::LengthMismatch {
                column: "known events".into(),
                expected: rows,
                found: self.known.rows(),
            });
        }
        let mut columns = Vec::new();
        let mut add = |part: &str, values: Vec<f64>| columns.push(CalendarColumn { part: part.to_string(), values });
        add(CONSTANT, vec![1.0; rows]);
        if self.week > 1 && history >= 3 * self.week {
            for day in 1..self.week {
                add("weekday", (0..rows).map(|t| f64::from(u8::from(t % self.week == day))).collect());
            }
        }
        if let Some(year) = self.year
            && history as f64 >= year
        {
            for wave in 1..=2 {
                let turn = 2.0 * std::f64::consts::PI * f64::from(wave) / year;
                add("season", (0..rows).map(|t| (turn * t as f64).sin()).collect());
                add("season", (0..rows).map(|t| (turn * t as f64).cos()).collect());
            }
        }
        if trend {
            add("trend", (0..rows).map(|t| t as f64 / rows as f64).collect());
        }
        for (name, column) in self.known.names().iter().zip(self.known.columns()) {
            let varied = column[..history].iter().any(|v| *v != column[0]);
            if varied {
                add(name, column.clone());
            }
        }
        Ok(columns)
    }
}
