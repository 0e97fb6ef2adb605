//! Time as a source of commands: what is due is turned into commands, by the clock that the program was given.

use std::time::Duration;

use dyocense_domain::ids::{GoalId, ImportId, MetricId, UploadId};
use dyocense_eventlog::TenantId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::Fault;
use crate::execute::Commands;

const TICK: Duration = Duration::from_secs(1);
const KEY_CHECK: Duration = Duration::from_secs(3600);
/// After a fault the same timer waits this long.
const RETRY: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimerKind {
    /// A goal's pace as of a new day in its calendar; at its due date, its evaluation.
    GoalDay,
    /// Data of a metric came, or a day of it is over: forecasts are made again, and what came is looked at.
    MetricRefresh,
    /// A file has been kept as long as it may be.
    ForgetUpload,
    /// So have the rejected rows of an import.
    ForgetRejected,
}

impl TimerKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::GoalDay => "goal_day",
            Self::MetricRefresh => "metric_refresh",
            Self::ForgetUpload => "forget_upload",
            Self::ForgetRejected => "forget_rejected",
        }
    }

    const ALL: [Self; 4] = [Self::GoalDay, Self::MetricRefresh, Self::ForgetUpload, Self::ForgetRejected];
}

impl Commands {
    /// Sets, moves or (with None) clears a timer.
    pub(crate) async fn set_timer(
        &self,
        tenant: TenantId,
        kind: TimerKind,
        subject: Uuid,
        due_at: Option<Timestamp>,
    ) -> Result<(), Fault> {
        set(self.vault.across_tenants(), tenant, kind, subject, due_at).await
    }

    /// Sets a timer, or moves it where it is due later. Waits for a run of the same timer to end: what that run could not
    /// see yet is seen by the next.
    pub(crate) async fn set_timer_by(
        &self,
        tenant: TenantId,
        kind: TimerKind,
        subject: Uuid,
        due_at: Timestamp,
    ) -> Result<(), Fault> {
        sqlx::query(
            "insert into vault.timers (tenant_id, kind, subject_id, due_at) values ($1, $2, $3, $4)
             on conflict (tenant_id, kind, subject_id)
             do update set due_at = least(timers.due_at, excluded.due_at)",
        )
        .bind(Uuid::from(tenant))
        .bind(kind.as_str())
        .bind(subject)
        .bind(due_at.to_sqlx())
        .execute(self.vault.across_tenants())
        .await?;
        Ok(())
    }

    /// Runs what is due at the clock's now, a few at a time; returns how many were. Nodes share the work by row locks.
    pub async fn run_due_timers(&self) -> Result<usize, Fault> {
        let mut ran = 0;
        loop {
            let mut tx = self.vault.across_tenants().begin().await?;
            // Kinds that only a newer program knows are left to it.
            let due: Option<(Uuid, Uuid, String)> = sqlx::query_as(
                "select tenant_id, subject_id, kind from vault.timers where kind = any($1) and due_at <= $2
                 order by due_at limit 1 for update skip locked",
            )
            .bind(TimerKind::ALL.map(TimerKind::as_str).as_slice())
            .bind(self.now().to_sqlx())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((tenant, subject, kind)) = due else { return Ok(ran) };
            let tenant = TenantId::from(tenant);
            let Some(kind) = TimerKind::ALL.into_iter().find(|known| known.as_str() == kind) else { return Ok(ran) };
            let next = match kind {
                TimerKind::GoalDay => self.goal_day(tenant, GoalId::from(subject)).await,
                TimerKind::MetricRefresh => self.refresh_metric(tenant, MetricId::from(subject)).await,
                TimerKind::ForgetUpload => self.forget_upload(tenant, UploadId::from(subject)).await.map(|()| None),
                TimerKind::ForgetRejected => self.forget_rejected(tenant, ImportId::from(subject)).await.map(|()| None),
            };
            let next = next.unwrap_or_else(|error| {
                tracing::warn!(%tenant, %subject, kind = kind.as_str(), %error, "a timer will be tried again in a minute");
                Some(self.now() + RETRY)
            });
            set(&mut *tx, tenant, kind, subject, next).await?;
            tx.commit().await?;
            ran += 1;
        }
    }

    /// Runs timers as they come due, and renews signing keys, until `stop` is cancelled.
    pub async fn run_scheduler(self, stop: CancellationToken) {
        let mut keys = tokio::time::interval(KEY_CHECK);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {
                    if let Err(error) = self.run_due_timers().await {
                        tracing::warn!(%error, "timers could not be read");
                    }
                }
                _ = keys.tick() => {
                    if let Err(error) = self.access_tokens.rotate(&self.vault, &self.master_key, self.now()).await {
                        tracing::warn!(%error, "signing keys could not be renewed");
                    }
                }
            }
        }
    }
}

async fn set(
    executor: impl sqlx::PgExecutor<'_>,
    tenant: TenantId,
    kind: TimerKind,
    subject: Uuid,
    due_at: Option<Timestamp>,
) -> Result<(), Fault> {
    match due_at {
        Some(due_at) => {
            sqlx::query(
                "insert into vault.timers (tenant_id, kind, subject_id, due_at) values ($1, $2, $3, $4)
                 on conflict (tenant_id, kind, subject_id) do update set due_at = excluded.due_at",
            )
            .bind(Uuid::from(tenant))
            .bind(kind.as_str())
            .bind(subject)
            .bind(due_at.to_sqlx())
            .execute(executor)
            .await?
        }
        None => {
            sqlx::query("delete from vault.timers where tenant_id = $1 and kind = $2 and subject_id = $3")
                .bind(Uuid::from(tenant))
                .bind(kind.as_str())
                .bind(subject)
                .execute(executor)
                .await?
        }
    };
    Ok(())
}
