//! One test binary: a module per context.

// Functions that tests share fail as tests do.
#![allow(clippy::unwrap_used)]

mod api;
mod architecture;
mod cli;
mod commands;
mod database;
mod edge;
mod eventlog;
mod faults;
mod program;
mod projections;
