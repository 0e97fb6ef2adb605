//! Works through queued runs: as many at a time as the node has slots, one of each business, people's before those that
//! the program asked for, the business that has waited longest since its last turn first. A run that a crash interrupts
//! is worked on again, with the same answer.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use dyocense_domain::ids::RunId;
use dyocense_domain::runs::{self, Run, RunCancelled, RunCompleted, RunEvent, RunFailed, RunRefusal, RunRequested};
use dyocense_eventlog::TenantId;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Computed, NoAnswer, analysis};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};

const SLOW_POLL: Duration = Duration::from_secs(2);
/// How soon a wish to stop is heard that was told to another node.
const HEAR_STOP: Duration = Duration::from_millis(500);
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

impl Commands {
    /// Works on runs until `stop` is cancelled, `slots` (1 or more) at a time.
    pub async fn run_analyses(self, slots: usize, stop: CancellationToken) {
        let mut busy: JoinSet<TenantId> = JoinSet::new();
        let mut at_work: Vec<TenantId> = Vec::new();
        let mut last_turn: HashMap<TenantId, Instant> = HashMap::new();
        while !stop.is_cancelled() {
            match self.next_runs(&at_work, &last_turn).await {
                Ok(queued) => {
                    for (tenant, run_id) in queued.into_iter().take(slots.max(1).saturating_sub(at_work.len())) {
                        at_work.push(tenant);
                        last_turn.insert(tenant, Instant::now());
                        let (commands, stop) = (self.clone(), stop.clone());
                        busy.spawn(async move {
                            if let Err(error) = commands.work_on_run(tenant, run_id, &stop).await {
                                tracing::warn!(%tenant, %run_id, %error, cause = ?std::error::Error::source(&error), "a run was interrupted; it will be taken up again");
                                tokio::time::sleep(SLOW_POLL).await;
                            }
                            tenant
                        });
                    }
                }
                Err(error) => tracing::warn!(%error, "runs could not be looked for; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.run_queued.notified() => {}
                () = tokio::time::sleep(SLOW_POLL) => {}
                Some(done) = busy.join_next(), if !busy.is_empty() => match done {
                    Ok(tenant) => at_work.retain(|busy| *busy != tenant),
                    Err(error) => {
                        tracing::error!(%error, "a run's task ended");
                        at_work.clear();
                    }
                }
            }
        }
        while busy.join_next().await.is_some() {}
    }

    /// A run of each business that is not at work: people's before the program's own, the oldest first. What a person
    /// waits for goes before all background work; among equals, whoever's last turn is longest ago goes first.
    async fn next_runs(
        &self,
        at_work: &[TenantId],
        last_turn: &HashMap<TenantId, Instant>,
    ) -> Result<Vec<(TenantId, RunId)>, Fault> {
        // Of the program's own there may be thousands at night: the oldest are enough to choose from.
        let queued: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(
            "select tenant_id, run_id, background from (select * from (
                 select distinct on (tenant_id) tenant_id, run_id, background, queued_at from vault.run_queue
                 where not background order by tenant_id, queued_at
             ) people
             union all
             select * from (
                 select tenant_id, run_id, background, queued_at from vault.run_queue
                 where background order by queued_at limit 1000
             ) own) first
             order by background, queued_at",
        )
        .fetch_all(self.vault.across_tenants())
        .await?;
        let mut queued: Vec<(TenantId, RunId, bool)> = queued
            .into_iter()
            .map(|(tenant, run, background)| (TenantId::from(tenant), RunId::from(run), background))
            .collect();
        let mut seen = HashSet::new();
        queued.retain(|(tenant, ..)| seen.insert(*tenant));
        queued.retain(|(tenant, ..)| !at_work.contains(tenant));
        // Stable: among those that had no turn yet, or had it at once, the older entry goes first.
        queued.sort_by_key(|(tenant, _, background)| (*background, last_turn.get(tenant).copied()));
        Ok(queued.into_iter().map(|(tenant, run, _)| (tenant, run)).collect())
    }

    async fn work_on_run(&self, tenant: TenantId, run_id: RunId, stop: &CancellationToken) -> Result<(), Fault> {
        // Held by a transaction that does nothing else: a dead node, or a task that was dropped, holds nothing.
        let mut lock = self.vault.across_tenants().begin().await?;
        let ours: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("run of {tenant}"))
            .fetch_one(&mut *lock)
            .await?;
        if !ours {
            // Another node is at it; let it, and look again later.
            lock.commit().await?;
            tokio::time::sleep(SLOW_POLL).await;
            return Ok(());
        }
        let run = self.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
        if let (Some(requested), None) = (&run.requested, &run.end) {
            let end = match run.stop_requested {
                true => Some(RunCancelled {}.into()),
                false => self.answer(tenant, requested, stop).await?,
            };
            // None: the node is stopping. The run stays queued.
            let Some(end) = end else { return Ok(lock.commit().await?) };
            self.end_run(tenant, run_id, end).await?;
        }
        // An entry whose run was not asked for may be about to be: it is written first (see `request_run`).
        sqlx::query(
            "delete from vault.run_queue
             where tenant_id = $1 and run_id = $2 and ($3 or queued_at < now() - interval '10 minutes')",
        )
        .bind(tenant.uuid())
        .bind(Uuid::from(run_id))
        .bind(run.requested.is_some())
        .execute(self.vault.across_tenants())
        .await?;
        lock.commit().await?;
        Ok(())
    }

    async fn end_run(&self, tenant: TenantId, run_id: RunId, how: RunEvent) -> Result<(), Fault> {
        let caller = Caller::new(tenant, Actor::System("runs"));
        let ended = self
            .execute::<Run, RunRefusal>(&caller, run_id.stream(), "EndRun", |run| Ok(runs::end(run, how.clone())))
            .await;
        match ended {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(CommandError::Fault(Fault::TooLarge(reason))) => {
                let failed = RunFailed { reason: format!("the answer is too large to be kept: {reason}") };
                Box::pin(self.end_run(tenant, run_id, failed.into())).await
            }
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }

    /// How the run ends; None where the node stops before it does.
    async fn answer(
        &self,
        tenant: TenantId,
        requested: &RunRequested,
        stop: &CancellationToken,
    ) -> Result<Option<RunEvent>, Fault> {
        let failed = |reason: String| Ok(Some(RunFailed { reason }.into()));
        let Some(analysis) = analysis(requested.kind) else {
            return failed("this version of the program does not run it".to_owned());
        };
        let input_position = self.log.head(tenant).await?;
        self.reads.wait_for(tenant, input_position, READ_MODELS_WAIT).await?;
        let gathered = match analysis.gather(self, tenant, &requested.request).await? {
            Ok(gathered) => gathered,
            Err(NoAnswer::Impossible(reason)) => return failed(reason),
            Err(NoAnswer::Stopped) => return Ok(Some(RunCancelled {}.into())),
        };
        let input_sha256 = hex::encode(Sha256::digest(gathered.input.to_string()));

        let going = self.going_runs.begin(tenant, requested.run_id);
        let (control, seed) = (going.control.clone(), requested.seed);
        let began = Instant::now();
        let mut computing = tokio::task::spawn_blocking(move || {
            std::panic::catch_unwind(AssertUnwindSafe(|| analysis.compute(&gathered.input, seed, &control)))
        });
        let computed = loop {
            tokio::select! {
                computed = &mut computing => break computed.map_err(Fault::internal)?,
                () = stop.cancelled(), if !going.control.is_stopped() => going.control.stop(),
                () = tokio::time::sleep(HEAR_STOP) => {
                    if self.load::<Run>(tenant, &stream_id(requested.run_id.stream())?).await?.state.stop_requested {
                        going.control.stop();
                    }
                }
            }
        };
        metrics::histogram!("dyocense_run_seconds", "kind" => format!("{:?}", requested.kind)).record(began.elapsed());
        if stop.is_cancelled() {
            return Ok(None);
        }
        Ok(Some(match computed {
            Ok(Ok(Computed { answer, summary, caveats, stopped_early })) => RunCompleted {
                input_position: input_position.get(),
                input_sha256,
                method: analysis.method().to_owned(),
                summary,
                caveats,
                answer,
                stopped_early,
                elapsed_ms: began.elapsed().as_millis().try_into().unwrap_or(u32::MAX),
            }
            .into(),
            Ok(Err(NoAnswer::Impossible(reason))) => RunFailed { reason }.into(),
            Ok(Err(NoAnswer::Stopped)) => RunCancelled {}.into(),
            Err(_) => {
                tracing::error!(%tenant, run_id = %requested.run_id, "a run's method panicked");
                RunFailed { reason: "a fault of the program; the operator has been told".to_owned() }.into()
            }
        }))
    }
}
