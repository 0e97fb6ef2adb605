//! "Whenever this event, then that command": the only place where one context reacts to another.
//!
//! A policy reads each tenant's history in order from its own checkpoint. The commands it gives carry idempotency
//! keys made from the policy's name and the event, so a crash between command and checkpoint repeats nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dyocense_eventlog::{Direction, Position, RecordedEvent, TenantId};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::Fault;
use crate::execute::Commands;

mod erasure;
mod evidence;
mod forecasts;
mod goals;
mod insights;
mod plans;
mod sales_metrics;

pub use erasure::FinishErasures;
pub use evidence::CausalModelsFollowData;
pub use forecasts::ForecastsFollowMetrics;
pub use goals::GoalsFollowMetrics;
pub use insights::InsightsFollowRuns;
pub use plans::GoalsFollowPlans;
pub use sales_metrics::SalesMetricsForNewBusinesses;

/// Events of one batch; more would hold the checkpoint's row for long.
const BATCH: usize = 500;
/// Where no wake arrives (another node's commit whose notice was lost), work is found this late.
const SLOW_POLL: Duration = Duration::from_secs(2);
const TENANTS_AT_ONCE: usize = 4;
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Names the checkpoint; never changes.
    fn name(&self) -> &'static str;

    /// Answers a batch of a tenant's events, which are in order and without a gap. Must be safe to repeat.
    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[RecordedEvent]) -> Result<(), Fault>;
}

/// All policies of the product.
pub fn all() -> Vec<Arc<dyn Policy>> {
    vec![
        Arc::new(SalesMetricsForNewBusinesses),
        Arc::new(GoalsFollowMetrics),
        Arc::new(ForecastsFollowMetrics),
        Arc::new(InsightsFollowRuns),
        Arc::new(GoalsFollowPlans),
        Arc::new(CausalModelsFollowData),
        Arc::new(FinishErasures),
    ]
}

/// Runs the policies until `stop` is cancelled. A batch that fails is tried again at the next wake or poll.
pub async fn run(commands: Commands, policies: Vec<Arc<dyn Policy>>, stop: CancellationToken) {
    let mut commits = commands.log.subscribe_commits();
    loop {
        let mut worked = false;
        for policy in &policies {
            match catch_up(&commands, policy.as_ref(), &stop).await {
                Ok(some) => worked |= some,
                Err(error) => tracing::warn!(policy = policy.name(), %error, "a policy could not look for its work"),
            }
        }
        if worked && !stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = commits.recv() => {
                // What else is waiting belongs to the same round.
                while commits.try_recv().is_ok() {}
            }
            () = tokio::time::sleep(SLOW_POLL) => {}
        }
    }
}

/// One batch for every tenant that the policy is behind on. Whether anything was done.
async fn catch_up(commands: &Commands, policy: &dyn Policy, stop: &CancellationToken) -> Result<bool, Fault> {
    let behind: Vec<Uuid> = sqlx::query_scalar(
        "select head.tenant_id from log.tenant_head head
         left join vault.policy_checkpoints done on done.tenant_id = head.tenant_id and done.policy = $1
         where head.position > coalesce(done.position, 0) limit 1000",
    )
    .bind(policy.name())
    .fetch_all(commands.vault.across_tenants())
    .await?;
    let done = futures::stream::iter(behind)
        .take_until(stop.cancelled())
        .map(|tenant| async move {
            let tenant = TenantId::from(tenant);
            let outcome = react_once(commands, policy, tenant).await;
            outcome.unwrap_or_else(|error| {
                tracing::warn!(policy = policy.name(), %tenant, %error, cause = ?std::error::Error::source(&error), "a policy will be tried again");
                false
            })
        })
        .buffer_unordered(TENANTS_AT_ONCE)
        .fold(false, |any, did| async move { any | did })
        .await;
    Ok(done)
}

async fn react_once(commands: &Commands, policy: &dyn Policy, tenant: TenantId) -> Result<bool, Fault> {
    let mut tx = commands.vault.across_tenants().begin().await?;
    sqlx::query("insert into vault.policy_checkpoints (policy, tenant_id) values ($1, $2) on conflict do nothing")
        .bind(policy.name())
        .bind(Uuid::from(tenant))
        .execute(&mut *tx)
        .await?;
    let held: Option<i64> = sqlx::query_scalar(
        "select position from vault.policy_checkpoints where policy = $1 and tenant_id = $2 for update skip locked",
    )
    .bind(policy.name())
    .bind(Uuid::from(tenant))
    .fetch_optional(&mut *tx)
    .await?;
    // Another node works on it.
    let Some(after) = held.and_then(Position::new) else { return Ok(false) };
    let events = commands.log.read_tenant(tenant, after, BATCH, Direction::Forward).await?;
    let Some(last) = events.last() else { return Ok(false) };
    policy.react(commands, tenant, &events).await?;
    sqlx::query("update vault.policy_checkpoints set position = $3 where policy = $1 and tenant_id = $2")
        .bind(policy.name())
        .bind(Uuid::from(tenant))
        .bind(last.position.get())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(true)
}
