//! Events, deciders and value types of every context. Pure: no I/O, no clock, no randomness.
