//! Which imports there were, and what all sales add up to.

use async_graphql::{Context, ID, Object, SimpleObject};
use dyocense_domain::ids::ImportId;
use dyocense_projections::{analytics, connectors};
use uuid::Uuid;

use super::types::ImportStatus;
use super::{Import, load};
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot, tenant_at};
use crate::graphql::scalars::{Date, Decimal, Long, Position};

/// What all sales of the business add up to.
#[derive(SimpleObject)]
pub struct SalesTotals {
    /// Rows that are sales.
    transactions: Long,
    /// Orders: sales that belong together count once.
    orders: Long,
    /// How many were sold.
    units: Decimal,
    /// What was paid, in the currency of the business.
    revenue: Decimal,
    /// How many different customers bought.
    customers: Long,
    /// The day of the first sale.
    first_day: Option<Date>,
    /// The day of the last sale.
    last_day: Option<Date>,
}

#[derive(Default)]
pub struct ConnectorsQuery;

#[Object]
impl ConnectorsQuery {
    /// Imports of files, the oldest first.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn imports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only imports that are this far.")] status: Option<ImportStatus>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Import>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        let status = status.map(|status| match status {
            ImportStatus::Running => connectors::ImportStatus::Running,
            ImportStatus::Completed => connectors::ImportStatus::Completed,
            ImportStatus::Failed => connectors::ImportStatus::Failed,
            ImportStatus::Cancelled => connectors::ImportStatus::Cancelled,
        });
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = connectors::imports(&mut snapshot, status, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.import_id.to_string(), Import))
    }

    /// An import by id.
    async fn import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The import's id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Import>, Fault> {
        tenant_at(ctx, min_position).await?;
        match ids::of::<ImportId>(Kind::Import, &id) {
            Some(import) => load::import(ctx, import).await,
            None => Ok(None),
        }
    }

    /// What all imported sales add up to.
    async fn sales_totals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<SalesTotals, Fault> {
        let mut snapshot = snapshot(ctx, min_position).await?;
        let totals = analytics::sales_totals(&mut snapshot).await.map_err(query_fault)?;
        Ok(SalesTotals {
            transactions: Long(totals.transactions),
            orders: Long(totals.orders),
            units: Decimal(totals.units),
            revenue: Decimal(totals.revenue),
            customers: Long(totals.customers),
            first_day: totals.first_day.map(Date),
            last_day: totals.last_day.map(Date),
        })
    }
}
