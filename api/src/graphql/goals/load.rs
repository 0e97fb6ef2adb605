//! From read models to the API's types.

use async_graphql::Context;
use dyocense_domain::ids::GoalId;
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_projections::{goals, identity};

use super::Goal;
use crate::graphql::fault::Fault;
use crate::graphql::request::{query_fault, snapshot};

pub async fn goal(ctx: &Context<'_>, id: GoalId) -> Result<Option<Goal>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(goals::goal(&mut snapshot, id).await.map_err(query_fault)?.map(Goal))
}

/// The calendar of the business.
pub async fn business_zone(ctx: &Context<'_>) -> Result<TimeZoneName, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    let business = identity::business(&mut snapshot).await.map_err(query_fault)?;
    Ok(business.map_or_else(TimeZoneName::utc, |business| business.time_zone))
}
