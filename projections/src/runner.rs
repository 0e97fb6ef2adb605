//! Keeps the live generation up with the log: workers that take one tenant at a time, woken by appends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dyocense_eventlog::{EventLog, Position, TenantId};
use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::advance::{Advanced, Stepper, Target};
use crate::queue::{Queue, Then};
use crate::reached::Reached;
use crate::{AdvanceError, Projected, Projector, QueryError, Snapshot, generation, projectors};

/// How a process keeps its read models.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tenants projected at the same time; each takes a connection of the projector pool. 1 to 64.
    pub workers: usize,
    /// Tenants folded at the same time by a rebuild, on connections of its own. 1 to 64.
    pub rebuild_workers: usize,
    /// How often to look for work that no signal told of.
    pub poll: Duration,
}

impl Default for Options {
    fn default() -> Self {
        // A worker waits for the database about as long as it folds, and the log is read while others are written.
        let rebuild_workers = std::thread::available_parallelism().map_or(8, |cores| (4 * cores.get()).min(64));
        Self { workers: 2, rebuild_workers, poll: Duration::from_secs(1) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0} workers: 1 to 64 are allowed")]
    Workers(usize),
    #[error("the read models cannot be opened: {0}")]
    Unavailable(#[from] sqlx::Error),
}

/// How the live generation stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is this program's, and kept up.
    Current,
    /// It was built by other projectors: it is read, but stands still until a rebuild has replaced it.
    Outdated,
}

/// How far the read models are behind the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    pub tenants: u64,
    pub events: u64,
}

/// The read models have not come as far as was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the read models have not reached position {wanted} of the tenant within {waited:?}")]
pub struct NotReached {
    pub wanted: Position,
    pub waited: Duration,
}

/// The read models of a process. Clones share them.
#[derive(Clone)]
pub struct Projections(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub stepper: Stepper,
    pub reader: PgPool,
    pub options: Options,
    pub signature: String,
    queue: Queue,
    pub reached: Reached,
    outdated: AtomicBool,
}

/// The running workers. Dropping it stops them where they are, which loses nothing.
pub struct Running {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Lets the workers finish their batches, then ends them.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

const OUTDATED_PAUSE: Duration = Duration::from_millis(250);
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// How often a waiter looks whether another process has projected what it waits for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Most tenants that one poll wakes: the next poll finds the rest.
const POLL_LIMIT: i64 = 10_000;

impl Projections {
    /// Opens the read models with the projectors of every context, and creates the live generation where there is
    /// none. `projector` connects as `dyocense_projector`, with at least two connections more than `options.workers`;
    /// `reader` connects as `dyocense_reader`.
    pub async fn open(log: EventLog, projector: PgPool, reader: PgPool, options: Options) -> Result<Self, OpenError> {
        Self::open_with(projectors(), log, projector, reader, options).await
    }

    /// As [`open`](Self::open), with other projectors.
    pub async fn open_with(
        projectors: Vec<Arc<dyn Projector>>,
        log: EventLog,
        projector: PgPool,
        reader: PgPool,
        options: Options,
    ) -> Result<Self, OpenError> {
        for workers in [options.workers, options.rebuild_workers] {
            if !(1..=64).contains(&workers) {
                return Err(OpenError::Workers(workers));
            }
        }
        generation::ensure_live(&projector, &projectors).await?;
        let signature = generation::signature(&projectors);
        let outdated = AtomicBool::new(generation::live_signature(&projector).await? != signature);
        Ok(Self(Arc::new(Inner {
            stepper: Stepper { log, pool: projector, projectors },
            reader,
            options,
            signature,
            queue: Queue::default(),
            reached: Reached::default(),
            outdated,
        })))
    }

    /// Starts the workers.
    pub fn start(&self) -> Running {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for _ in 0..self.0.options.workers {
            tasks.spawn(work(self.0.clone(), stop.clone()));
        }
        tasks.spawn(listen(self.0.clone(), stop.clone()));
        tasks.spawn(poll(self.0.clone(), stop.clone()));
        Running { stop, tasks }
    }

    /// A moment of a tenant's read models, for queries.
    pub async fn snapshot(&self, tenant: TenantId) -> Result<Snapshot, QueryError> {
        Snapshot::begin(&self.0.reader, tenant).await
    }

    /// Waits until a tenant's read models include `position`, for `at_most` that long.
    pub async fn wait_for(&self, tenant: TenantId, position: Position, at_most: Duration) -> Result<(), NotReached> {
        if position == Position::START {
            return Ok(());
        }
        let started = Instant::now();
        let mut waiting = self.0.reached.wait(tenant);
        if waiting.known() >= position {
            return Ok(());
        }
        let reach = async {
            // The signal says it at once where this process projects; the look is for the other cases.
            let mut look_every = LOOK_EVERY;
            self.0.queue.wake(tenant, position);
            loop {
                match tokio::time::timeout(look_every, waiting.until(position)).await {
                    Ok(()) => return,
                    Err(_) => {
                        if let Ok(reached) = self.0.checkpoint(tenant).await {
                            self.0.reached.publish(tenant, reached);
                        }
                        look_every = (look_every * 2).min(Duration::from_secs(1));
                    }
                }
            }
        };
        let outcome = tokio::time::timeout(at_most, reach).await;
        metrics::histogram!("dyocense_projections_wait_seconds").record(started.elapsed());
        outcome.map_err(|_| NotReached { wanted: position, waited: at_most })
    }

    /// Tells of tenants whose read models have moved on, in this process or another. It is a hint that may lose
    /// messages (`Lagged`) and may repeat a position.
    pub fn subscribe_projected(&self) -> broadcast::Receiver<Projected> {
        self.0.reached.subscribe()
    }

    /// Whether the live generation is this program's.
    pub fn state(&self) -> State {
        if self.0.outdated.load(Ordering::Relaxed) { State::Outdated } else { State::Current }
    }

    /// Compares the log with the checkpoints of all tenants.
    pub async fn lag(&self) -> Result<Lag, sqlx::Error> {
        let (tenants, events): (i64, i64) = sqlx::query_as(
            "select count(*), coalesce(sum(h.position - coalesce(c.position, 0)), 0)::int8
             from log.tenant_head h left join read_models.checkpoints c using (tenant_id)
             where h.position > coalesce(c.position, 0)",
        )
        .fetch_one(&self.0.stepper.pool)
        .await?;
        let lag = Lag { tenants: tenants.unsigned_abs(), events: events.unsigned_abs() };
        metrics::gauge!("dyocense_projections_lag_tenants").set(lag.tenants as f64);
        metrics::gauge!("dyocense_projections_lag_events").set(lag.events as f64);
        Ok(lag)
    }
}

impl Inner {
    async fn checkpoint(&self, tenant: TenantId) -> Result<Position, QueryError> {
        Ok(Snapshot::begin(&self.reader, tenant).await?.position())
    }

    pub fn target(&self) -> Target<'_> {
        Target::Live { signature: &self.signature }
    }

    /// Wakes a tenant for a position that is not known to be reached.
    fn wake(&self, tenant: TenantId, position: Position) {
        if self.reached.known(tenant) < position {
            self.queue.wake(tenant, position);
        }
    }

    async fn step(&self, tenant: TenantId) -> Result<Then, AdvanceError> {
        let started = Instant::now();
        match self.stepper.advance(self.target(), tenant).await? {
            Advanced::To { to, events, more } => {
                self.outdated.store(false, Ordering::Relaxed);
                // Also when there was nothing to do: another process may have done it.
                self.reached.publish(tenant, to);
                if events == 0 {
                    return Ok(Then::Leave);
                }
                metrics::counter!("dyocense_projections_events_total").increment(events as u64);
                metrics::histogram!("dyocense_projections_batch_seconds").record(started.elapsed());
                Ok(if more { Then::Again } else { Then::Reached(to) })
            }
            Advanced::Busy => {
                tokio::time::sleep(BUSY_PAUSE).await;
                Ok(Then::Again)
            }
            Advanced::Foreign => {
                if !self.outdated.swap(true, Ordering::Relaxed) {
                    tracing::warn!("the read models were built by other projectors and stand still until a rebuild");
                }
                tokio::time::sleep(OUTDATED_PAUSE).await;
                Ok(Then::Leave)
            }
        }
    }
}

async fn work(inner: Arc<Inner>, stop: CancellationToken) {
    while let Some(taken) = stop.run_until_cancelled(inner.queue.take()).await {
        let tenant = taken.tenant();
        let then = match inner.step(tenant).await {
            Ok(then) => then,
            Err(error) => {
                metrics::counter!("dyocense_projections_errors_total").increment(1);
                tracing::warn!(%tenant, %error, "projecting failed; it will be tried again");
                stop.run_until_cancelled(tokio::time::sleep(ERROR_PAUSE)).await;
                Then::Again
            }
        };
        taken.done(then);
        metrics::gauge!("dyocense_projections_queue").set(inner.queue.waiting() as f64);
    }
}

/// Wakes tenants as they append, here or in another process.
async fn listen(inner: Arc<Inner>, stop: CancellationToken) {
    let mut commits = inner.stepper.log.subscribe_commits();
    while let Some(received) = stop.run_until_cancelled(commits.recv()).await {
        match received {
            Ok(commits) => commits.iter().for_each(|commit| inner.wake(commit.tenant, commit.position)),
            // What was missed is found by the poll.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn poll(inner: Arc<Inner>, stop: CancellationToken) {
    loop {
        match behind(&inner.stepper.pool, generation::LIVE).await {
            Ok(tenants) => tenants.into_iter().for_each(|(tenant, head)| inner.queue.wake(tenant, head)),
            Err(error) => tracing::warn!(%error, "could not look for events to project"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(inner.options.poll)).await.is_none() {
            return;
        }
    }
}

/// Tenants whose checkpoint in a generation is behind the log, with the log's head, the furthest behind first.
pub(crate) async fn behind(pool: &PgPool, schema: &str) -> Result<Vec<(TenantId, Position)>, sqlx::Error> {
    let tenants: Vec<(Uuid, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select h.tenant_id, h.position from log.tenant_head h left join {schema}.checkpoints c using (tenant_id)
         where h.position > coalesce(c.position, 0) order by h.position - coalesce(c.position, 0) desc limit $1"
    )))
    .bind(POLL_LIMIT)
    .fetch_all(pool)
    .await?;
    let head = |position| Position::new(position).unwrap_or(Position::START);
    Ok(tenants.into_iter().map(|(tenant, position)| (tenant.into(), head(position))).collect())
}
