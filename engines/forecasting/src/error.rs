//! What can be wrong with a request, and what a caller can do about it.

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Error)]
pub enum ForecastError {
    #[error("the series has no observed value")]
    Empty,
    #[error("the value at point {index} is infinite")]
    Infinite { index: usize },
    #[error("the value {value:e} at point {index} is outside ±{bound:e}")]
    TooLarge { index: usize, value: f64, bound: f64 },
    #[error("the series has {length} points; at most {bound} are accepted")]
    TooLong { length: usize, bound: usize },
    #[error("the season {season} is outside 1..={bound}")]
    Season { season: usize, bound: usize },
    #[error("the horizon {horizon} is outside 1..={bound}")]
    Horizon { horizon: usize, bound: usize },
    #[error("the level {level} % is outside 1..=99.9")]
    Level { level: f64 },
    #[error("{model} needs at least {needed} points, the series has {length}")]
    TooShort { model: &'static str, needed: usize, length: usize },
    #[error("the column {column} has {length} values; {needed} are needed (history and horizon)")]
    Exogenous { column: usize, length: usize, needed: usize },
    #[error("the column {column} has no finite value at point {index}")]
    ExogenousMissing { column: usize, index: usize },
    #[error("{model} cannot forecast this series: {reason}")]
    NotApplicable { model: &'static str, reason: &'static str },
    #[error("{name} {value} is outside {bound}")]
    Setting { name: String, value: String, bound: String },
    #[error("the hierarchy does not fit: {reason}")]
    Hierarchy { reason: String },
    #[error("the observation of {at} is out of order or not a time of this frequency")]
    Time { at: String },
}
