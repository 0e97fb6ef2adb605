//! From read models to the API's types.

use std::time::Duration;

use async_graphql::Context;
use dyocense_domain::ids::RunId;
use dyocense_eventlog::TenantId;
use dyocense_projections::runs;

use super::Run;
use crate::graphql::fault::Fault;
use crate::graphql::request::{commands, fault, query_fault, settle, snapshot};

/// How long a request may wait for an answer, in seconds.
const LONGEST_WAIT: u32 = 20;

pub async fn run(ctx: &Context<'_>, id: RunId) -> Result<Option<Run>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(runs::run(&mut snapshot, id).await.map_err(query_fault)?.map(Run))
}

/// A run once it has ended, or as it stands after `wait` seconds.
pub async fn run_within(ctx: &Context<'_>, tenant: TenantId, id: RunId, wait: u32) -> Result<Option<Run>, Fault> {
    let at_most = Duration::from_secs(wait.min(LONGEST_WAIT).into());
    let position = commands(ctx).await_run(tenant, id, at_most).await.map_err(fault)?;
    settle(ctx, tenant, position).await;
    run(ctx, id).await
}
