//! "Whenever this event, then that command": the only place where one context reacts to another.
//!
//! A policy reads each tenant's history in order from its own checkpoint. The commands it gives carry idempotency
//! keys made from the policy's name and the event, so a crash between command and checkpoint repeats nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dyocense_eventlog::{Direction, Position, RecordedEvent, TenantId};
use futures::StreamExt;
use sqlx::PgConnection;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::Fault;
use crate::execute::Commands;

mod erasure;
mod evidence;
mod forecasts;
mod goals;
mod insights;
mod invitations;
mod plans;
mod sales_metrics;

pub use erasure::FinishErasures;
pub use evidence::CausalModelsFollowData;
pub use forecasts::ForecastsFollowMetrics;
pub use goals::GoalsFollowMetrics;
pub use insights::InsightsFollowRuns;
pub use invitations::InvitationsAreMailed;
pub use plans::GoalsFollowPlans;
pub use sales_metrics::SalesMetricsForNewBusinesses;

/// Events of one batch; more would hold the checkpoint's row for long.
const BATCH: usize = 500;
/// Where no wake arrives (another node's commit whose notice was lost), work is found this late.
const SLOW_POLL: Duration = Duration::from_secs(2);
/// How long a policy that gathers lets events come together.
const GATHER: Duration = Duration::from_millis(500);
const TENANTS_AT_ONCE: usize = 4;
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Names the checkpoint; never changes.
    fn name(&self) -> &'static str;

    /// Whether what it does may come a little later, for many events at once: nobody waits for it.
    fn gathers(&self) -> bool {
        false
    }

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
        Arc::new(InvitationsAreMailed),
    ]
}

/// Runs the policies until `stop` is cancelled. A batch that fails is tried again at the next wake or poll.
///
/// A wake names its businesses and only they are looked at: among thousands, most have nothing new. All are looked at
/// every [`SLOW_POLL`], whatever else there is to do.
pub async fn run(commands: Commands, policies: Vec<Arc<dyn Policy>>, stop: CancellationToken) {
    let (gathering, prompt): (Vec<_>, Vec<_>) = policies.into_iter().partition(|policy| policy.gathers());
    tokio::join!(
        run_every(Duration::ZERO, commands.clone(), prompt, stop.clone()),
        run_every(GATHER, commands, gathering, stop),
    );
}

async fn run_every(gather: Duration, commands: Commands, policies: Vec<Arc<dyn Policy>>, stop: CancellationToken) {
    let mut commits = commands.log.subscribe_commits();
    let mut all_seen = Instant::now();
    let mut look = Look::All;
    loop {
        if matches!(look, Look::All) {
            all_seen = Instant::now();
        }
        let caught = catch_up(&commands, &policies, &look, &stop).await;
        // Those whose batch was full have more to do.
        let mut woken = caught.unwrap_or_else(|error| {
            tracing::warn!(%error, "policies could not look for their work");
            BTreeSet::new()
        });
        let mut lost = false;
        if woken.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                commit = commits.recv() => match commit {
                    Ok(reached) => woken.extend(reached.iter().map(|commit| commit.tenant)),
                    Err(_) => lost = true,
                },
                () = tokio::time::sleep_until((all_seen + SLOW_POLL).into()) => {}
            }
        }
        if !gather.is_zero() {
            stop.run_until_cancelled(tokio::time::sleep(gather)).await;
        }
        if stop.is_cancelled() {
            return;
        }
        // What else is waiting belongs to the same round.
        loop {
            match commits.try_recv() {
                Ok(reached) => woken.extend(reached.iter().map(|commit| commit.tenant)),
                Err(TryRecvError::Lagged(_)) => lost = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let all = lost || woken.is_empty() || all_seen.elapsed() >= SLOW_POLL;
        look = if all { Look::All } else { Look::At(woken) };
    }
}

/// Whose history may have gone on.
enum Look {
    All,
    At(BTreeSet<TenantId>),
}

const BEHIND: &str = "select head.tenant_id from log.tenant_head head
     left join (
         select tenant_id, count(*) as known, min(position) as position from vault.policy_checkpoints
         where policy = any ($1) group by tenant_id
     ) done on done.tenant_id = head.tenant_id
     where head.position > coalesce(done.position, 0) or done.known < cardinality($1) limit 1000";
const BEHIND_AMONG: &str = "select head.tenant_id from log.tenant_head head
     cross join lateral (
         select count(*) as known, min(position) as position from vault.policy_checkpoints
         where policy = any ($1) and tenant_id = head.tenant_id
     ) done
     where head.tenant_id = any ($2) and (head.position > coalesce(done.position, 0) or done.known < cardinality($1))";

/// The businesses that a policy is behind on.
async fn behind(commands: &Commands, names: &[&str], look: &Look) -> Result<Vec<Uuid>, sqlx::Error> {
    let query = match look {
        Look::All => sqlx::query_scalar(BEHIND).bind(names),
        Look::At(tenants) => {
            let tenants: Vec<Uuid> = tenants.iter().map(|tenant| Uuid::from(*tenant)).collect();
            sqlx::query_scalar(BEHIND_AMONG).bind(names).bind(tenants)
        }
    };
    query.fetch_all(commands.vault.across_tenants()).await
}

/// One batch for every business that a policy is behind on. Those that have more.
async fn catch_up(
    commands: &Commands,
    policies: &[Arc<dyn Policy>],
    look: &Look,
    stop: &CancellationToken,
) -> Result<BTreeSet<TenantId>, Fault> {
    let names: Vec<&str> = policies.iter().map(|policy| policy.name()).collect();
    let behind = behind(commands, &names, look).await?;
    let done = futures::stream::iter(behind)
        .take_until(stop.cancelled())
        .map(|tenant| async move {
            let tenant = TenantId::from(tenant);
            let outcome = react_once(commands, policies, tenant).await;
            let more = outcome.unwrap_or_else(|error| {
                tracing::warn!(%tenant, %error, cause = ?std::error::Error::source(&error), "policies will be tried again");
                false
            });
            more.then_some(tenant)
        })
        .buffer_unordered(TENANTS_AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    Ok(done)
}

/// Lets every policy that no other node works on for this tenant answer its next batch. Those that stand at the same
/// position, as they do unless one has failed, share the reading. Says whether there is more than this batch.
async fn react_once(commands: &Commands, policies: &[Arc<dyn Policy>], tenant: TenantId) -> Result<bool, Fault> {
    let mut tx = commands.vault.across_tenants().begin().await?;
    let mut held = checkpoints(&mut tx, policies, tenant).await?;
    if held.len() < policies.len() {
        // New for this tenant, or held by another node.
        let names: Vec<&str> = policies.iter().map(|policy| policy.name()).collect();
        sqlx::query(
            "insert into vault.policy_checkpoints (policy, tenant_id)
             select policy, $2 from unnest($1::text[]) policy order by policy on conflict do nothing",
        )
        .bind(&names)
        .bind(Uuid::from(tenant))
        .execute(&mut *tx)
        .await?;
        held = checkpoints(&mut tx, policies, tenant).await?;
    }
    let mut reached: (Vec<&str>, Vec<i64>) = Default::default();
    let mut standing: BTreeMap<i64, Vec<&Arc<dyn Policy>>> = BTreeMap::new();
    for policy in policies {
        if let Some(position) = held.get(policy.name()) {
            standing.entry(*position).or_default().push(policy);
        }
    }
    let mut more = standing.len() > 1;
    for (after, policies) in standing {
        let after = Position::new(after).unwrap_or(Position::START);
        let events = commands.log.read_tenant(tenant, after, BATCH, Direction::Forward).await?;
        let Some(last) = events.last() else { continue };
        more |= events.len() == BATCH;
        for policy in policies {
            match policy.react(commands, tenant, &events).await {
                Ok(()) => {
                    reached.0.push(policy.name());
                    reached.1.push(last.position.get());
                }
                Err(error) => {
                    tracing::warn!(policy = policy.name(), %tenant, %error, cause = ?std::error::Error::source(&error), "a policy will be tried again");
                }
            }
        }
    }
    sqlx::query(
        "update vault.policy_checkpoints done set position = now.position
         from unnest($2::text[], $3::bigint[]) now (policy, position)
         where done.tenant_id = $1 and done.policy = now.policy",
    )
    .bind(Uuid::from(tenant))
    .bind(&reached.0)
    .bind(&reached.1)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(more && !reached.0.is_empty())
}

/// Where the policies stand for a tenant, each held for this transaction; those that another node holds are left out.
async fn checkpoints(
    tx: &mut PgConnection,
    policies: &[Arc<dyn Policy>],
    tenant: TenantId,
) -> Result<HashMap<String, i64>, Fault> {
    let names: Vec<&str> = policies.iter().map(|policy| policy.name()).collect();
    let held: Vec<(String, i64)> = sqlx::query_as(
        "select policy, position from vault.policy_checkpoints
         where policy = any ($1) and tenant_id = $2 order by policy for update skip locked",
    )
    .bind(&names)
    .bind(Uuid::from(tenant))
    .fetch_all(tx)
    .await?;
    Ok(held.into_iter().collect())
}
