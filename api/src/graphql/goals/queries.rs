//! Which goals there are.

use async_graphql::{Context, ID, InputObject, Object};
use dyocense_domain::ids::{GoalId, UserId};
use dyocense_projections::goals;
use uuid::Uuid;

use super::types::{GoalStatus, Lifecycle};
use super::{Goal, load};
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot, tenant_at};
use crate::graphql::scalars::Position;

/// Which goals to show. What is left out shows all.
#[derive(InputObject, Default)]
pub struct GoalFilter {
    /// Only goals that are here in their life.
    lifecycle: Option<Lifecycle>,
    /// Only goals that go like this.
    status: Option<GoalStatus>,
    /// Only goals this person answers for.
    owner_id: Option<ID>,
}

#[derive(Default)]
pub struct GoalsQuery;

#[Object]
impl GoalsQuery {
    /// The goals of the business, the oldest first.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn goals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which goals to show.", default)] filter: GoalFilter,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Goal>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        // An id that names nobody owns nothing.
        let owned_by = |id: &ID| ids::of::<UserId>(Kind::User, id).unwrap_or_else(|| Uuid::nil().into());
        let owner = filter.owner_id.as_ref().map(owned_by);
        let filter = goals::GoalFilter {
            lifecycle: filter.lifecycle.map(Into::into),
            status: filter.status.map(Into::into),
            owner,
        };
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = goals::goals(&mut snapshot, &filter, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.goal_id.to_string(), Goal))
    }

    /// A goal by id.
    async fn goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The goal's id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Goal>, Fault> {
        tenant_at(ctx, min_position).await?;
        match ids::of::<GoalId>(Kind::Goal, &id) {
            Some(goal) => load::goal(ctx, goal).await,
            None => Ok(None),
        }
    }
}
