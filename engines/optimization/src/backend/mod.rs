//! Which solver does the work.

#[cfg(feature = "cp")]
mod cp;
#[cfg(feature = "highs")]
mod highs;
mod microlp;

use std::fmt;
use std::str::FromStr;

use crate::effort::Effort;
use crate::model::{Model, ModelError};
use crate::solve::{self, Answer};

/// A solver that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// This crate's own simplex and branch-and-cut, with exact methods where a problem has one.
    #[default]
    Auto,
    /// The `microlp` crate.
    Microlp,
    /// HiGHS, when built with the feature `highs`.
    Highs,
    /// A constraint solver, when built with the feature `cp`.
    Cp,
}

/// Why a solver could not be asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the solver {0} is not in this build: build with `--features {0}`, or choose auto or microlp")]
    NotBuilt(Backend),
    #[error(transparent)]
    Rule(#[from] crate::refusal::Refusal),
    #[error("{backend} failed: {message}")]
    Failed { backend: Backend, message: String },
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Auto => "auto",
            Backend::Microlp => "microlp",
            Backend::Highs => "highs",
            Backend::Cp => "cp",
        })
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Backend::Auto),
            "microlp" => Ok(Backend::Microlp),
            "highs" => Ok(Backend::Highs),
            "cp" => Ok(Backend::Cp),
            other => Err(format!("{other:?} is none of auto, microlp, highs, cp")),
        }
    }
}

/// Solves a model with the solver asked for. Whatever the solver says, integers in the answer are
/// whole and every row has been checked.
pub fn solve_with(model: &Model, backend: Backend, seed: u64, effort: &mut Effort) -> Result<Answer, SolveError> {
    match backend {
        Backend::Auto => Ok(solve::solve(model, seed, effort)?),
        Backend::Microlp => microlp::solve(model, effort),
        #[cfg(feature = "highs")]
        Backend::Highs => highs::solve(model, seed, effort),
        #[cfg(not(feature = "highs"))]
        Backend::Highs => Err(SolveError::NotBuilt(backend)),
        #[cfg(feature = "cp")]
        Backend::Cp => cp::solve(model, effort),
        #[cfg(not(feature = "cp"))]
        Backend::Cp => Err(SolveError::NotBuilt(backend)),
    }
}

/// Makes a foreign solver's point a plan: rounds its integers, fixes them, lets the rest settle, and
/// checks. `None` if that breaks a row.
fn made_whole(model: &Model, x: &[f64], effort: &mut Effort) -> Option<Vec<f64>> {
    let mut fixed = model.clone();
    for (column, &value) in fixed.columns.iter_mut().zip(x) {
        if column.integer {
            column.lower = value.round();
            column.upper = value.round();
            column.integer = false;
        }
    }
    let mut candidate: Vec<f64> = x.to_vec();
    for (value, column) in candidate.iter_mut().zip(&model.columns) {
        if column.integer {
            *value = value.round();
        }
    }
    if crate::model::check(model, &candidate).is_empty() {
        return Some(candidate);
    }
    let solution = crate::lp::solve_lp(&fixed, effort);
    let mut x = solution.x;
    for (value, column) in x.iter_mut().zip(&model.columns) {
        if column.integer {
            *value = value.round();
        }
    }
    crate::model::check(model, &x).is_empty().then_some(x)
}
