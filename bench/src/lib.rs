//! Benchmarks against peers and against the limit of the machine: one module, and one subcommand, a benchmark.
//!
//! Those whose peers are Python programs live in folders of `bench/` with a `run` script of their own.

pub mod faults;
pub mod live;
pub mod nightly;
pub mod processes;
pub mod report;
