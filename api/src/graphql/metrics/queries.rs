//! Which metrics there are.

use async_graphql::{Context, ID, Object};
use dyocense_domain::ids::MetricId;
use dyocense_projections::metrics;

use super::{Metric, load};
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot, tenant_at};
use crate::graphql::scalars::Position;

#[derive(Default)]
pub struct MetricsQuery;

#[Object]
impl MetricsQuery {
    /// The metrics of the business, in the order of their keys.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn metrics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Also metrics that take no more points.", default = false)] include_archived: bool,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Metric>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Some(text.to_owned()))?;
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = metrics::metrics(&mut snapshot, include_archived, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.key.clone(), Metric))
    }

    /// A metric by its id or by its key.
    async fn metric(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The metric's id.")] id: Option<ID>,
        #[graphql(desc = "The metric's key, such as `revenue`.")] key: Option<String>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Metric>, Fault> {
        tenant_at(ctx, min_position).await?;
        match (id, key) {
            (Some(id), None) => match ids::of::<MetricId>(Kind::Metric, &id) {
                Some(metric) => load::metric(ctx, metric).await,
                None => Ok(None),
            },
            (None, Some(key)) => {
                let mut snapshot = snapshot(ctx, None).await?;
                Ok(metrics::metric_by_key(&mut snapshot, &key).await.map_err(query_fault)?.map(Metric))
            }
            _ => Err(Fault::new(Code::Invalid, "give the metric's `id` or its `key`")),
        }
    }
}
