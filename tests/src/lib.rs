//! What every end-to-end test stands on: a real Postgres, a database of its own, and the real program.
//!
//! All tests of one process share one server, started by the first that asks for it; each gets a copy of a migrated
//! template database. The server ends with the process, however that ends.

mod client;
pub mod faults;
pub mod mail;
mod postgres;
mod program;

pub use client::{Business, CallError, Client, Incoming, Socket};
pub use postgres::{DataDir, TestDatabase, TestServer, database, server};
pub use program::{Program, ProgramOptions, free_port, program_path};
