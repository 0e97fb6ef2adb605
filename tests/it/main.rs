//! One test binary: a module per context.

mod architecture;
mod commands;
mod database;
mod eventlog;
