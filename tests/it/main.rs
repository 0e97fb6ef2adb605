//! One test binary: a module per context.

mod database;
