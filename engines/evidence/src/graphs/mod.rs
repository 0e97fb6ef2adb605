//! Causal graphs from data: PC and GES for cross-sections, PCMCI for time series, and what follows
//! from a graph (adjustment sets, interventions).
//!
//! A graph learnt from observations assumes that no hidden common cause is at work and that
//! independence in the data means absence of an edge. Edges whose direction the data cannot tell stay
//! undirected.

pub mod adjustment;
pub mod equivalence;
pub mod ges;
pub mod independence;
pub mod intervention;
pub mod knowledge;
pub mod meek;
pub mod pc;
pub mod pcmci;
pub mod pdag;
pub mod score;
pub mod stability;
