//! Rows of features with what came, as trees learn from them.

/// Rows of features, row-major, `NaN` for missing.
pub(super) struct Table {
    pub width: usize,
    pub values: Vec<f64>,
    pub target: Vec<f64>,
}
