//! The independent checker: a plan against a model, by plain arithmetic.

use serde::Serialize;

use super::Model;

/// A promise that a plan breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The row, column or rule, in words.
    pub what: String,
    /// By how much it is missed, in its own unit.
    pub by: f64,
}

/// Every row, bound and integrality that `x` misses by more than `1e-6` relative to the size of
/// what is added up. Integers must be whole to `1e-9`.
pub fn check(model: &Model, x: &[f64]) -> Vec<Violation> {
    let mut out = Vec::new();
    if x.len() != model.columns.len() {
        out.push(Violation { what: "number of decisions".into(), by: (x.len() as f64) - model.columns.len() as f64 });
        return out;
    }
    for (column, &value) in model.columns.iter().zip(x) {
        let tolerance = 1e-6 * (1.0 + value.abs());
        if !value.is_finite() {
            out.push(Violation { what: format!("{} is not a number", column.name), by: f64::INFINITY });
            continue;
        }
        let by = (column.lower - value).max(value - column.upper);
        if by > tolerance {
            out.push(Violation { what: format!("bounds of {}", column.name), by });
        }
        if column.integer && (value - value.round()).abs() > 1e-9 {
            out.push(Violation { what: format!("{} must be whole", column.name), by: (value - value.round()).abs() });
        }
    }
    for row in &model.rows {
        let mut sum = 0.0;
        let mut size = 1.0f64;
        for &(j, v) in &row.terms {
            sum += v * x[j];
            size = size.max((v * x[j]).abs());
        }
        let by = (row.lower - sum).max(sum - row.upper);
        if by > 1e-6 * size {
            out.push(Violation { what: row.words().to_string(), by });
        }
    }
    out
}
