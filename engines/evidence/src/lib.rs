#![doc = include_str!("../README.md")]
// Formulas over several arrays read best with the indices of the literature.
#![allow(clippy::needless_range_loop)]

pub mod counterfactual;
pub mod effects;
pub mod error;
pub mod explain;
pub mod graphs;
pub mod progress;
pub mod questions;
pub mod random;
pub mod series;
pub mod statistics;
pub mod table;

pub use error::{EvidenceError, Result};
pub use progress::{Continue, Progress};
pub use table::Table;
