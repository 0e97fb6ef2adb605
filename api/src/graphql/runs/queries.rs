//! Which runs there were.

use async_graphql::{Context, ID, Object};
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_projections::runs::{self, RunFilter};
use uuid::Uuid;

use super::run::RunKind;
use super::{Run, load};
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot, tenant_at};
use crate::graphql::scalars::Position;

#[derive(Default)]
pub struct RunsQuery;

#[Object]
impl RunsQuery {
    /// The runs of the business, the oldest first. Ask for the `last` to see the newest.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only those that do this.")] kind: Option<RunKind>,
        #[graphql(desc = "Only those about this metric.")] metric_id: Option<ID>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Run>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        // An id that names no metric has no runs.
        let metric = metric_id.map(|id| ids::of::<MetricId>(Kind::Metric, &id).unwrap_or_else(|| Uuid::nil().into()));
        let filter = RunFilter { kind: kind.map(Into::into), status: None, metric };
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = runs::runs(&mut snapshot, &filter, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.run_id.to_string(), Run))
    }

    /// A run by its id.
    async fn run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Run>, Fault> {
        tenant_at(ctx, min_position).await?;
        match ids::of::<RunId>(Kind::Run, &id) {
            Some(run) => load::run(ctx, run).await,
            None => Ok(None),
        }
    }
}
