//! From read models to the API's types.

use async_graphql::Context;
use dyocense_domain::ids::ImportId;
use dyocense_projections::connectors;

use super::Import;
use crate::graphql::fault::Fault;
use crate::graphql::request::{query_fault, snapshot};

pub async fn import(ctx: &Context<'_>, id: ImportId) -> Result<Option<Import>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(connectors::import(&mut snapshot, id).await.map_err(query_fault)?.map(Import))
}
