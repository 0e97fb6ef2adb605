//! Asking for runs, stopping them, waiting for them.

use std::time::Duration;

use dyocense_domain::ids::{RunId, UserId};
use dyocense_domain::runs::{self, Run, RunEvent, RunKind, RunRefusal, RunRequested};
use dyocense_eventlog::{Position, TenantId};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Progress, analysis};
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome, stream_id};

/// Runs of one business that may wait at a time: those that people asked for, and those that the program did.
const MOST_WAITING: usize = 100;
const MOST_BACKGROUND_WAITING: usize = 50;
/// How soon an end is seen that another node brings about.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Commands {
    /// Queues a run of an engine. It is worked on in the background; [`Commands::await_run`] waits for it. What the
    /// program asks for by itself is worked on once no person's run waits, and has a bound of its own.
    pub async fn request_run(
        &self,
        caller: &Caller,
        kind: RunKind,
        request: Value,
        seed: u32,
    ) -> Result<(RunId, Position), CommandError<RunRefusal>> {
        if let Some(Outcome { position, events, .. }) = self.replay::<RunEvent>(caller).await?
            && let Some(RunEvent::RunRequested(requested)) = events.into_iter().next()
        {
            return Ok((requested.run_id, position));
        }
        let analysis = analysis(kind).ok_or_else(|| Fault::internal(format!("{kind:?} has no analysis")))?;
        analysis.check(&request).map_err(CommandError::Refused)?;
        let background = caller.actor.user_id().is_none();
        let bound = if background { MOST_BACKGROUND_WAITING } else { MOST_WAITING };
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from vault.run_queue where tenant_id = $1 and background = $2")
                .bind(caller.tenant.uuid())
                .bind(background)
                .fetch_one(self.vault.across_tenants())
                .await?;
        if waiting as usize >= bound {
            return Err(CommandError::Refused(RunRefusal::TooMany { waiting: waiting as usize, bound }));
        }
        let run_id = RunId::from(Uuid::now_v7());
        let requested = RunRequested { run_id, kind, request, seed, requested_by: caller.actor.user_id() };
        // Queued first: an entry whose run was never asked for is dropped by the worker that finds it.
        sqlx::query("insert into vault.run_queue (tenant_id, run_id, background) values ($1, $2, $3)")
            .bind(caller.tenant.uuid())
            .bind(Uuid::from(run_id))
            .bind(background)
            .execute(self.vault.across_tenants())
            .await?;
        let outcome = self
            .execute::<Run, RunRefusal>(caller, run_id.stream(), "RequestRun", |run| {
                Ok(runs::request(run, requested.clone()))
            })
            .await?;
        self.run_queued.notify_one();
        let asked = outcome.events.iter().find_map(|event| match event {
            RunEvent::RunRequested(requested) => Some(requested.run_id),
            _ => None,
        });
        Ok((asked.unwrap_or(run_id), outcome.position))
    }

    /// Asks a run to end. What it has found by then is its answer, if it has found any.
    pub async fn stop_run(
        &self,
        caller: &Caller,
        run_id: RunId,
    ) -> Result<Outcome<RunEvent>, CommandError<RunRefusal>> {
        let by: UserId = caller.actor.user_id().ok_or(CommandError::Refused(RunRefusal::NotAPerson))?;
        let outcome =
            self.execute::<Run, RunRefusal>(caller, run_id.stream(), "StopRun", |run| runs::stop(run, by)).await?;
        if let Some(control) = self.going_runs.control(caller.tenant, run_id) {
            control.stop();
        }
        self.run_queued.notify_one();
        Ok(outcome)
    }

    /// Waits until a run has ended, `at_most` so long; returns how far the history reaches then.
    pub async fn await_run(&self, tenant: TenantId, run_id: RunId, at_most: Duration) -> Result<Position, Fault> {
        let until = Instant::now() + at_most;
        let stream = stream_id(run_id.stream())?;
        loop {
            let run = self.load::<Run>(tenant, &stream).await?.state;
            if run.end.is_some() || Instant::now() >= until {
                return Ok(self.log.head(tenant).await?);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// How far a run is; None where this node does not work on it.
    pub fn run_progress(&self, tenant: TenantId, run_id: RunId) -> Option<watch::Receiver<Progress>> {
        self.going_runs.watch(tenant, run_id)
    }
}
