//! Occasions and causal models.

use async_graphql::{Context, ID, Object};
use dyocense_domain::ids::CausalModelId;
use dyocense_projections::evidence;

use super::models::CausalModel;
use super::occasions::Occasion;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::{Date, Position};

#[derive(Default)]
pub struct EvidenceQuery;

#[Object]
impl EvidenceQuery {
    /// The occasions that touch these days, in the order of their first days; there are at most 2,000.
    async fn occasions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Option<Date>,
        #[graphql(desc = "The last day.")] to: Option<Date>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Vec<Occasion>, Fault> {
        let mut snapshot = snapshot(ctx, min_position).await?;
        let (from, to) = (from.map(|day| day.0), to.map(|day| day.0));
        let rows = evidence::occasions(&mut snapshot, from, to).await.map_err(query_fault)?;
        Ok(rows.into_iter().map(Occasion).collect())
    }

    /// The causal models of the business, the older first; at most 1,000.
    async fn causal_models(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Vec<CausalModel>, Fault> {
        let mut snapshot = snapshot(ctx, min_position).await?;
        let rows = evidence::causal_models(&mut snapshot).await.map_err(query_fault)?;
        Ok(rows.into_iter().map(CausalModel).collect())
    }

    /// A causal model; null where there is none with this id.
    async fn causal_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<CausalModel>, Fault> {
        let Some(id) = ids::of::<CausalModelId>(Kind::CausalModel, &id) else { return Ok(None) };
        let mut snapshot = snapshot(ctx, min_position).await?;
        Ok(evidence::causal_model(&mut snapshot, id).await.map_err(query_fault)?.map(CausalModel))
    }
}
