//! GraphQL, HTTP, authentication and the command line: the binary `dyocense`.

pub mod auth;
pub mod cli;
pub mod demo;
pub mod edge;
pub mod graphql;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod node;
pub mod operations;
pub mod plan_files;
pub mod serve;
pub mod settings;
pub mod telemetry;
pub mod tenants;
pub mod ws;
