//! GraphQL, HTTP, authentication and the command line: the binary `dyocense`.

pub mod cli;
