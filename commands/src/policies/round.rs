//! How policies take their turns: woken by appends, looked after by a poll, one batch of a business at a time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dyocense_eventlog::{Commit, Position, RecordedEvent, TenantId};
use futures::StreamExt;
use sqlx::PgConnection;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Policy;
use crate::error::Fault;
use crate::execute::Commands;

/// Events of one batch; more would hold the checkpoint's row for long.
const BATCH: usize = 500;
/// Where no wake arrives (another node's commit whose notice was lost), work is found this late.
const SLOW_POLL: Duration = Duration::from_secs(2);
/// How long a policy that gathers lets events come together.
const GATHER: Duration = Duration::from_millis(500);
/// Events that a policy's checkpoint may stay behind when they are none of its own: it is moved once for all of them.
const IDLE: i64 = 100;
const TENANTS_AT_ONCE: usize = 4;

/// Runs the policies until `stop` is cancelled. A batch that fails is tried again at the next wake or poll.
///
/// A wake names its businesses and how far their histories have come, and only they are looked at, and of the policies only
/// those that listen: most events are nobody's. All businesses are looked at every [`SLOW_POLL`], whatever else there is
/// to do.
pub async fn run(commands: Commands, policies: Vec<Arc<dyn Policy>>, stop: CancellationToken) {
    let (gathering, prompt): (Vec<_>, Vec<_>) = policies.into_iter().partition(|policy| policy.gathers());
    tokio::join!(
        Round::new(commands.clone(), prompt).run_every(Duration::ZERO, &stop),
        Round::new(commands, gathering).run_every(GATHER, &stop),
    );
}

/// Policies that take their turns together.
struct Round {
    commands: Commands,
    policies: Vec<Arc<dyn Policy>>,
    /// How far the businesses' events have been answered, or are nobody's here. A checkpoint may be behind it.
    looked: HashMap<TenantId, Position>,
    stuck: Stuck,
}

/// Whose history may have gone on.
enum Look {
    All,
    At(Vec<TenantId>),
}

/// Where a business's policies stand after their turn.
struct Stand {
    /// All of them have answered everything up to here. The start where one has failed, or is another node's: the next wake
    /// or poll looks again.
    at: Position,
    /// Whether there is more than the batch that was answered.
    more: bool,
}

impl Round {
    fn new(commands: Commands, policies: Vec<Arc<dyn Policy>>) -> Self {
        Self { commands, policies, looked: HashMap::new(), stuck: Stuck::default() }
    }

    async fn run_every(mut self, gather: Duration, stop: &CancellationToken) {
        let mut commits = self.commands.log.subscribe_commits();
        let mut all_seen = Instant::now();
        let mut look = Look::All;
        loop {
            if matches!(look, Look::All) {
                all_seen = Instant::now();
            }
            let caught = self.catch_up(look, stop).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "policies could not look for their work");
                Vec::new()
            });
            let mut woken = Woken::default();
            for (tenant, stand) in caught {
                self.looked.insert(tenant, stand.at);
                if stand.more {
                    woken.tell(&[Commit { tenant, position: Position::END }]);
                }
            }
            let mut lost = false;
            if woken.0.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    commit = commits.recv() => match commit {
                        Ok(commits) => woken.tell(&commits),
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
                    Ok(commits) => woken.tell(&commits),
                    Err(TryRecvError::Lagged(_)) => lost = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            look = match lost || all_seen.elapsed() >= SLOW_POLL {
                true => Look::All,
                false => Look::At(woken.beyond(&self.looked)),
            };
        }
    }

    /// One batch for every business that has something new.
    async fn catch_up(&self, look: Look, stop: &CancellationToken) -> Result<Vec<(TenantId, Stand)>, Fault> {
        let (tenants, only_listeners) = match look {
            Look::All => (self.behind().await?, false),
            Look::At(tenants) => (tenants, true),
        };
        let done = futures::stream::iter(tenants)
            .take_until(stop.cancelled())
            .map(|tenant| async move {
                let outcome = match only_listeners {
                    true => self.wake(tenant).await,
                    false => self.react(tenant, &self.policies).await,
                };
                let stand = outcome.unwrap_or_else(|error| {
                    tracing::warn!(%tenant, %error, cause = ?std::error::Error::source(&error), "policies will be tried again");
                    Stand { at: Position::START, more: false }
                });
                (tenant, stand)
            })
            .buffer_unordered(TENANTS_AT_ONCE)
            .collect()
            .await;
        Ok(done)
    }

    /// The businesses on which a policy is behind with something, or far behind with nothing.
    async fn behind(&self) -> Result<Vec<TenantId>, sqlx::Error> {
        let names: Vec<&str> = self.policies.iter().map(|policy| policy.name()).collect();
        let behind: Vec<(Uuid, i64, i64)> =
            sqlx::query_as(BEHIND).bind(names).fetch_all(self.commands.vault.across_tenants()).await?;
        let behind = behind.into_iter().map(|(tenant, head, done)| (TenantId::from(tenant), head, done));
        let idle = |tenant, head, done| {
            head - done < IDLE && self.looked.get(&tenant).is_some_and(|looked| looked.get() >= head)
        };
        Ok(behind.filter(|(tenant, head, done)| !idle(*tenant, *head, *done)).map(|(tenant, ..)| tenant).collect())
    }

    /// Lets the policies answer that listen to one of the events that have not been looked at.
    async fn wake(&self, tenant: TenantId) -> Result<Stand, Fault> {
        let Some(looked) = self.looked.get(&tenant).copied().filter(|looked| *looked > Position::START) else {
            return self.react(tenant, &self.policies).await;
        };
        let events = self.commands.log.following(tenant, looked, BATCH).await?;
        let listeners: Vec<Arc<dyn Policy>> =
            self.policies.iter().filter(|policy| events.iter().any(|event| policy.hears(event))).cloned().collect();
        let last = events.last().map_or(looked, |event| event.position);
        let stand = match listeners.is_empty() {
            true => Stand { at: last, more: false },
            false => self.react(tenant, &listeners).await?,
        };
        // What came after `events` only the listeners may have seen.
        Ok(Stand { at: stand.at.min(last), more: stand.more || events.len() == BATCH })
    }

    /// Lets every one of the policies that no other node works on for this tenant answer its next batch. Those that
    /// stand at the same position share the reading.
    async fn react(&self, tenant: TenantId, policies: &[Arc<dyn Policy>]) -> Result<Stand, Fault> {
        let mut tx = self.commands.vault.across_tenants().begin().await?;
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
        let mut more = false;
        let mut all_stand_at = if held.len() == policies.len() { Position::END } else { Position::START };
        for (after, policies) in standing {
            let after = Position::new(after).unwrap_or(Position::START);
            let events = self.commands.log.following(tenant, after, BATCH).await?;
            let last = events.last().map_or(after, |event| event.position);
            more |= events.len() == BATCH;
            all_stand_at = last.min(all_stand_at);
            for policy in policies {
                let answered = answer(policy.as_ref(), &self.commands, tenant, &events).await;
                self.stuck.tell(policy.name(), tenant, answered.is_err());
                match answered {
                    Ok(()) if last > after => {
                        reached.0.push(policy.name());
                        reached.1.push(last.get());
                    }
                    Ok(()) => {}
                    Err(error) => {
                        tracing::warn!(policy = policy.name(), %tenant, %error, cause = ?std::error::Error::source(&error), "a policy will be tried again");
                        all_stand_at = Position::START;
                    }
                }
            }
        }
        if reached.0.is_empty() {
            tx.rollback().await?;
            return Ok(Stand { at: all_stand_at, more: false });
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
        Ok(Stand { at: all_stand_at, more })
    }
}

/// Businesses whose histories have gone on, and how far.
#[derive(Default)]
struct Woken(BTreeMap<TenantId, Position>);

impl Woken {
    fn tell(&mut self, commits: &[Commit]) {
        for commit in commits {
            let position = self.0.entry(commit.tenant).or_default();
            *position = commit.position.max(*position);
        }
    }

    /// Those that have not been looked at so far.
    fn beyond(mut self, looked: &HashMap<TenantId, Position>) -> Vec<TenantId> {
        self.0.retain(|tenant, position| looked.get(tenant).is_none_or(|looked| looked < position));
        self.0.into_keys().collect()
    }
}

/// The businesses that a policy could not answer when it last tried: operators see them, for whoever waits for the policy
/// sees nothing.
#[derive(Default)]
struct Stuck(Mutex<HashSet<(&'static str, TenantId)>>);

impl Stuck {
    fn tell(&self, policy: &'static str, tenant: TenantId, failed: bool) {
        let mut stuck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = match failed {
            true => {
                metrics::counter!("dyocense_policies_errors_total", "policy" => policy).increment(1);
                stuck.insert((policy, tenant))
            }
            false => stuck.remove(&(policy, tenant)),
        };
        if changed {
            let tenants = stuck.iter().filter(|(of, _)| *of == policy).count();
            metrics::gauge!("dyocense_policies_stuck_tenants", "policy" => policy).set(tenants as f64);
        }
    }
}

/// Gives a policy those of the events that it listens to.
async fn answer(
    policy: &dyn Policy,
    commands: &Commands,
    tenant: TenantId,
    events: &[RecordedEvent],
) -> Result<(), Fault> {
    let events: Vec<&RecordedEvent> = events.iter().filter(|event| policy.hears(event)).collect();
    match events.is_empty() {
        true => Ok(()),
        false => policy.react(commands, tenant, &events).await,
    }
}

/// Tenants with their heads and the least position of a policy, the furthest behind first.
const BEHIND: &str = "select head.tenant_id, head.position, coalesce(done.position, 0) from log.tenant_head head
     left join (
         select tenant_id, case when count(*) < cardinality($1) then 0 else min(position) end as position
         from vault.policy_checkpoints where policy = any ($1) group by tenant_id
     ) done on done.tenant_id = head.tenant_id
     where head.position > coalesce(done.position, 0)
     order by head.position - coalesce(done.position, 0) desc limit 10000";

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
