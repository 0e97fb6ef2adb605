//! The embedded server, its ownership and its deaths; roles and migrations.

mod crash;
mod ownership;
pub mod process;
mod roles;
mod start;
