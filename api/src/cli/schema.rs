//! `dyocense schema`

use clap::Args;

use crate::graphql::schema;

/// Print the GraphQL schema
///
/// In the schema definition language, as in the file schema.graphql. Needs no server and no database.
#[derive(Args)]
pub struct SchemaArgs {}

pub fn run(_: SchemaArgs) -> anyhow::Result<()> {
    say!("{}", schema::sdl().trim_end());
    Ok(())
}
