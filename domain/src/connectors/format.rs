//! How a delimited file is written, and which column means what.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvFormat {
    /// One ASCII character: `,` `;` tab or `|`.
    pub delimiter: char,
    /// A label of the WHATWG encoding standard: `utf-8`, `windows-1252`, `utf-16le`.
    pub encoding: String,
    /// `.` or `,`.
    pub decimal_separator: char,
    pub date_format: DateFormat,
    /// Whether the first line names the columns.
    pub header: bool,
}

/// The order and shape of dates. Separators may be `-`, `/` or `.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// `1997-01-31`, with an optional time, as in the other formats: `1997-01-31T14:05:00Z`, `1997-01-31 14:05`,
    /// `1997-01-31 2:05 PM -0500`.
    YearMonthDay,
    /// `31.01.1997`, or with the month's name: `31 Jan 1997`, `Jan 31, 1997`.
    DayMonthYear,
    /// `01/31/1997`
    MonthDayYear,
    /// `19970131`
    Compact,
    /// Seconds since 1970-01-01T00:00:00Z.
    UnixSeconds,
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::YearMonthDay => "year-month-day, as in 1997-01-31",
            Self::DayMonthYear => "day.month.year, as in 31.01.1997 or 31 Jan 1997",
            Self::MonthDayYear => "month/day/year, as in 01/31/1997",
            Self::Compact => "eight digits of year, month and day, as in 19970131",
            Self::UnixSeconds => "seconds since 1970, as in 854668800",
        })
    }
}

/// Columns by their number, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMapping {
    pub date: usize,
    pub amount: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<usize>,
}
