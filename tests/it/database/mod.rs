//! The embedded server, its ownership and its deaths; roles and migrations.

mod crash;
mod ownership;
mod process;
mod roles;
mod start;
