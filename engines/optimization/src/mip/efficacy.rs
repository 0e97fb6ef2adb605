//! Whether a cut is worth a row.

use crate::lp::simplex::BoundedRow as Row;

const MIN_EFFICACY: f64 = 1e-4;

/// A cut with its efficacy (distance by which it cuts `x` off), if that is worth a row.
pub(super) fn rated(row: Row, x: &[f64]) -> Option<(f64, Row)> {
    let mut sum = 0.0;
    let mut norm = 0.0;
    for &(j, v) in &row.0 {
        sum += v * x[j];
        norm += v * v;
    }
    let efficacy = (row.1 - sum).max(sum - row.2) / norm.sqrt().max(1e-9);
    (efficacy > MIN_EFFICACY).then_some((efficacy, row))
}
