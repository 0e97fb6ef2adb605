//! From read models to the API's types.

use async_graphql::Context;
use dyocense_domain::ids::CausalModelId;
use dyocense_projections::evidence;

use super::CausalModel;
use crate::graphql::fault::Fault;
use crate::graphql::request::{query_fault, snapshot};

pub async fn causal_model(ctx: &Context<'_>, id: CausalModelId) -> Result<Option<CausalModel>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(evidence::causal_model(&mut snapshot, id).await.map_err(query_fault)?.map(CausalModel))
}
