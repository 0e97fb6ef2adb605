//! What can be wrong with a question or its data. Every refusal names the value and the bound.

/// Why no answer was given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvidenceError {
    #[error("column `{column}` is constant (always {value}): nothing varies with it, so nothing can be learnt from it")]
    ConstantColumn { column: String, value: f64 },
    #[error("column `{column}` is a linear combination of the columns before it ({before}): leave it out")]
    CollinearColumn { column: String, before: String },
    #[error("column `{column}` has no finite number at row {row} (counted from 1)")]
    NotFinite { column: String, row: usize },
    #[error("{what} needs at least {needed} observations, but there are {found}")]
    TooFewObservations { what: String, needed: usize, found: usize },
    #[error("column `{column}` has {found} rows where {expected} were expected")]
    LengthMismatch { column: String, expected: usize, found: usize },
    #[error("column `{column}` is given twice")]
    DuplicateColumn { column: String },
    #[error("there is no column `{column}`; there are: {known}")]
    UnknownColumn { column: String, known: String },
    #[error("treatment `{column}` must be 0 or 1, but row {row} (counted from 1) holds {value}")]
    NotBinary { column: String, row: usize, value: f64 },
    #[error("treatment `{column}` has no treated rows (value 1): there is no effect to estimate")]
    NoTreated { column: String },
    #[error("treatment `{column}` has no untreated rows (value 0): there is nothing to compare with")]
    NoUntreated { column: String },
    #[error(
        "the covariates separate treated from untreated perfectly ({detail}): the two groups share no comparable rows, so the effect is not identifiable from these data"
    )]
    PerfectSeparation { detail: String },
    #[error("{name} is {value}, but must be {bound}")]
    OutOfRange { name: &'static str, value: f64, bound: String },
    #[error(
        "column `{column}` holds {value} at row {row} (counted from 1): a categorical test needs whole-number codes"
    )]
    NotCategorical { column: String, row: usize, value: f64 },
    #[error("the matrix of {what} is singular: {hint}")]
    Singular { what: String, hint: String },
    #[error("not identifiable from your data: {reason}")]
    NotIdentifiable { reason: String },
    #[error("{method} did not converge within {iterations} iterations")]
    NoConvergence { method: &'static str, iterations: usize },
    #[error("the graph has a directed cycle through `{node}`")]
    Cyclic { node: String },
    #[error("background knowledge contradicts itself: {reason}")]
    Contradiction { reason: String },
    #[error("cancelled")]
    Cancelled,
}

/// The result of every question asked of this crate.
pub type Result<T> = std::result::Result<T, EvidenceError>;
