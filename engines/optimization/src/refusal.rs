//! Why a problem or a rule of its owner cannot be taken.

use crate::model::ModelError;

/// Why a problem or a rule cannot be taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Problem(#[from] ModelError),
    #[error("rule {rule:?} is about {family}, the problem is about {problem}")]
    OtherFamily { rule: String, family: &'static str, problem: &'static str },
    #[error("two rules have the id {rule:?}")]
    SameId { rule: String },
    #[error("rule {rule:?}: no {what} is called {id:?}; there are {known}")]
    Unknown { rule: String, what: &'static str, id: String, known: String },
    #[error("rule {rule:?}: {field} is {value}, it must be {bound}")]
    Impossible { rule: String, field: &'static str, value: String, bound: String },
}
