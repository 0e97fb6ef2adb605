//! Benchmarks against peers and against the limit of the machine.
