//! One step of one tenant: a batch of events through all projectors, in one transaction with the checkpoint.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dyocense_eventlog::{EventLog, Position, ReadError, RecordedEvent, TenantId, TenantTx};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::generation::{LIVE, SWAP_LOCK};
use crate::{Projector, ProjectorError};

/// Most events of one transaction: enough that its fixed cost does not show, few enough to hold in memory.
pub const BATCH: usize = 2_000;

#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the database is unavailable: {0}")]
    Database(#[from] sqlx::Error),
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// Someone else has the tenant in hand.
    Busy,
    /// The generation was built by other projectors; it is not ours to write.
    Foreign,
    /// Projected up to `to`; `more` when the batch was full.
    To { to: Position, events: usize, more: bool },
}

/// Which generation a step writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Under the swap lock, by signature.
    Live { signature: &'a str },
    /// The live generation by the holder of the swap lock, or one that nobody reads yet.
    Exclusive { schema: &'a str },
}

impl Target<'_> {
    pub fn schema(&self) -> &str {
        match self {
            Self::Live { .. } => LIVE,
            Self::Exclusive { schema } => schema,
        }
    }
}

pub(crate) struct Stepper {
    pub log: EventLog,
    pub pool: PgPool,
    pub projectors: Vec<Arc<dyn Projector>>,
}

/// How a batch is applied. The careful way pays a savepoint per projector and finds out what is poison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    Swift,
    Careful,
}

enum Attempt {
    Done(Advanced),
    /// Something in the batch cannot be applied.
    Refused,
}

impl Stepper {
    pub async fn advance(&self, target: Target<'_>, tenant: TenantId) -> Result<Advanced, AdvanceError> {
        match self.attempt(target, tenant, Care::Swift).await? {
            Attempt::Done(advanced) => Ok(advanced),
            Attempt::Refused => match self.attempt(target, tenant, Care::Careful).await? {
                Attempt::Done(advanced) => Ok(advanced),
                Attempt::Refused => Ok(Advanced::Busy),
            },
        }
    }

    /// Begins a transaction on a generation: schema and durability are set for it alone. Read models can be derived
    /// again and the checkpoint is in the same transaction, so that nothing has to wait for the disk.
    pub async fn begin(&self, target: Target<'_>, tenant: TenantId) -> Result<TenantTx, sqlx::Error> {
        let lock = match target {
            Target::Live { .. } => format!("select pg_advisory_xact_lock_shared({SWAP_LOCK});"),
            Target::Exclusive { .. } => String::new(),
        };
        let schema = target.schema();
        let statements = format!("{lock} set local search_path = {schema}; set local synchronous_commit = off");
        TenantTx::begin_with(&self.pool, tenant, AssertSqlSafe(statements)).await
    }

    async fn attempt(&self, target: Target<'_>, tenant: TenantId, care: Care) -> Result<Attempt, AdvanceError> {
        let mut tx = self.begin(target, tenant).await?;
        let Some(checkpoint) = lock_checkpoint(&mut tx).await? else {
            return Ok(Attempt::Done(Advanced::Busy));
        };
        if let Target::Live { signature } = target
            && signature != checkpoint.signature
        {
            return Ok(Attempt::Done(Advanced::Foreign));
        }
        let events = self.log.following_in(&mut tx, checkpoint.position, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(Attempt::Done(Advanced::To { to: checkpoint.position, events: 0, more: false }));
        };
        let (to, more) = (last.position, events.len() == BATCH);
        let mut left_out = match checkpoint.exceptions {
            true => LeftOut::load(&mut tx).await?,
            false => LeftOut::default(),
        };
        for projector in &self.projectors {
            let own: Vec<&RecordedEvent> = events
                .iter()
                .filter(|event| projector.handles(&event.event_type) && !left_out.covers(projector.name(), event))
                .collect();
            if own.is_empty() {
                continue;
            }
            match care {
                Care::Swift => match apply(projector.as_ref(), &mut tx, &own).await {
                    Ok(()) => {}
                    Err(error) if is_poison(&error) => return Ok(Attempt::Refused),
                    Err(ProjectorError::Database(error)) => return Err(error.into()),
                    Err(ProjectorError::Poison { .. }) => return Ok(Attempt::Refused),
                },
                Care::Careful => careful(&mut tx, projector.as_ref(), own, &mut left_out).await?,
            }
        }
        sqlx::query("update checkpoints set position = $2 where tenant_id = $1")
            .bind(tenant.uuid())
            .bind(to.get())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Attempt::Done(Advanced::To { to, events: events.len(), more }))
    }
}

/// A panic of a projector (a sum that overflows, say) is the events' fault as well: it must not stop a worker.
async fn apply(projector: &dyn Projector, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
    match AssertUnwindSafe(projector.apply(tx, events)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(sqlx::Error::Encode(format!("the projector panicked: {said}").into()).into())
        }
    }
}

struct Checkpoint {
    position: Position,
    exceptions: bool,
    signature: String,
}

/// Locks the tenant's checkpoint, or `None` where someone else has it.
async fn lock_checkpoint(tx: &mut TenantTx) -> Result<Option<Checkpoint>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    for first_try in [true, false] {
        let row: Option<(i64, bool, String)> = sqlx::query_as(
            "select c.position,
                    exists (select from parked p where p.tenant_id = $1) or exists (select from waived w where w.tenant_id = $1),
                    (select g.signature from generation g)
             from checkpoints c where c.tenant_id = $1 for update of c skip locked",
        )
        .bind(tenant)
        .fetch_optional(&mut **tx)
        .await?;
        if let Some((position, exceptions, signature)) = row {
            let position = Position::new(position).unwrap_or(Position::START);
            return Ok(Some(Checkpoint { position, exceptions, signature }));
        }
        if first_try {
            // Either new, or locked by another: then this does nothing and the second look finds nothing either.
            let inserted = sqlx::query(
                "insert into checkpoints (tenant_id, position) select $1, 0
                 where not exists (select from checkpoints where tenant_id = $1) on conflict do nothing",
            )
            .bind(tenant)
            .execute(&mut **tx)
            .await?;
            if inserted.rows_affected() == 0 {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

/// Streams and events that a projection passes over: parked, or waived by an operator.
#[derive(Default)]
struct LeftOut {
    /// (projection, stream, from position)
    streams: Vec<(String, String, i64)>,
    events: HashSet<(String, i64)>,
}

impl LeftOut {
    async fn load(tx: &mut TenantTx) -> Result<Self, sqlx::Error> {
        let tenant = tx.tenant().uuid();
        let rows: Vec<(String, String, i64, bool)> = sqlx::query_as(
            "select projection, stream_id, position, true from parked where tenant_id = $1
             union all select projection, stream_id, position, rest_of_stream from waived where tenant_id = $1",
        )
        .bind(tenant)
        .fetch_all(&mut **tx)
        .await?;
        let mut left_out = Self::default();
        for (projection, stream, position, rest_of_stream) in rows {
            if rest_of_stream {
                left_out.streams.push((projection, stream, position));
            } else {
                left_out.events.insert((projection, position));
            }
        }
        Ok(left_out)
    }

    fn covers(&self, projection: &str, event: &RecordedEvent) -> bool {
        let position = event.position.get();
        self.streams
            .iter()
            .any(|(of, stream, from)| of == projection && stream == event.stream.as_str() && *from <= position)
            || (!self.events.is_empty() && self.events.contains(&(projection.to_owned(), position)))
    }
}

/// Whether the events are at fault, and not the connection: data exceptions and violated constraints.
fn is_poison(error: &ProjectorError) -> bool {
    match error {
        ProjectorError::Poison { .. } => true,
        ProjectorError::Database(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| ["21", "22", "23", "54"].iter().any(|class| code.starts_with(class)))
        }
        // A value that has no encoding, such as a text with a NUL.
        ProjectorError::Database(sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. }) => true,
        ProjectorError::Database(_) => false,
    }
}

/// Applies what can be applied and parks the streams of what cannot.
async fn careful(
    tx: &mut TenantTx,
    projector: &dyn Projector,
    mut events: Vec<&RecordedEvent>,
    left_out: &mut LeftOut,
) -> Result<(), AdvanceError> {
    loop {
        match within_savepoint(tx, projector, &events).await? {
            Ok(()) => return Ok(()),
            Err(ProjectorError::Poison { position, reason }) => {
                let Some(poison) = events.iter().find(|event| event.position == position).copied() else {
                    // The projector blames an event that it was not given: a fault of ours, not of the data.
                    return Err(AdvanceError::Database(sqlx::Error::Protocol(reason)));
                };
                park(tx, projector.name(), poison, &reason, left_out).await?;
                events.retain(|event| !left_out.covers(projector.name(), event));
            }
            // The database does not say which event it was: one by one.
            Err(ProjectorError::Database(_)) => break,
        }
    }
    for event in events {
        if left_out.covers(projector.name(), event) {
            continue;
        }
        if let Err(error) = within_savepoint(tx, projector, &[event]).await? {
            park(tx, projector.name(), event, &error.to_string(), left_out).await?;
        }
    }
    Ok(())
}

/// The outer error is the connection's, the inner one the events'.
pub(crate) async fn within_savepoint(
    tx: &mut TenantTx,
    projector: &dyn Projector,
    events: &[&RecordedEvent],
) -> Result<Result<(), ProjectorError>, sqlx::Error> {
    tx.execute("savepoint apply").await?;
    match apply(projector, tx, events).await {
        Ok(()) => {
            tx.execute("release savepoint apply").await?;
            Ok(Ok(()))
        }
        Err(error) if is_poison(&error) => {
            tx.execute("rollback to savepoint apply; release savepoint apply").await?;
            Ok(Err(error))
        }
        Err(ProjectorError::Database(error)) => Err(error),
        Err(poison) => Ok(Err(poison)),
    }
}

async fn park(
    tx: &mut TenantTx,
    projection: &str,
    event: &RecordedEvent,
    reason: &str,
    left_out: &mut LeftOut,
) -> Result<(), sqlx::Error> {
    tracing::error!(
        tenant = %event.tenant, projection, stream = %event.stream, position = %event.position, reason,
        "parked a stream: its events wait in the log for an operator"
    );
    metrics::counter!("dyocense_projections_parked_total", "projection" => projection.to_owned()).increment(1);
    // A text of the database may quote the event; NUL is what a text column cannot hold.
    let reason = reason.replace('\0', "\u{fffd}");
    sqlx::query(
        "insert into parked (tenant_id, projection, stream_id, position, version, event_type, reason)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(event.tenant.uuid())
    .bind(projection)
    .bind(event.stream.as_str())
    .bind(event.position.get())
    .bind(event.version)
    .bind(&event.event_type)
    .bind(reason)
    .execute(&mut **tx)
    .await?;
    left_out.streams.push((projection.to_owned(), event.stream.as_str().to_owned(), event.position.get()));
    Ok(())
}
