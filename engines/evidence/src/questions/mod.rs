//! The product's three questions, each with an input and an answer that can be stored: everything a
//! replay needs is in the input (seed included), and the same input gives the same answer.
//!
//! Each entry point takes a [`Progress`](crate::Progress), which reports steps and may cancel.

mod change;
mod graph;
mod simulation;

pub use change::{ChangeInput, explain_change};
pub use graph::{
    Background, CausalEdge, CausalGraph, CausalGraphInput, EdgeSource, Edit, EditKind, Observations, build_causal_graph,
};
pub use simulation::{SimulationInput, simulate_intervention};

/// Version of the methods behind the answers. It rises when the same input would give other numbers.
pub const METHOD_VERSION: u32 = 1;
