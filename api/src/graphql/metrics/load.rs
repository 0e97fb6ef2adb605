//! From read models to the API's types.

use async_graphql::Context;
use dyocense_domain::ids::MetricId;
use dyocense_projections::metrics;

use super::Metric;
use crate::graphql::fault::Fault;
use crate::graphql::request::{query_fault, snapshot};

pub async fn metric(ctx: &Context<'_>, id: MetricId) -> Result<Option<Metric>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(metrics::metric(&mut snapshot, id).await.map_err(query_fault)?.map(Metric))
}
