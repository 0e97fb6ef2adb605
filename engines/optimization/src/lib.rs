#![doc = include_str!("../README.md")]
// Index loops read like the algorithms they implement: several arrays share one index.
#![allow(clippy::needless_range_loop)]

pub mod backend;
mod bounds;
pub mod business;
pub mod changes;
pub mod effort;
pub mod explain;
pub mod format;
pub mod inventory;
pub mod lp;
mod mip;
pub mod mmm;
pub mod model;
mod refusal;
pub mod run;
pub mod scenario;
pub mod solve;
