//! A new generation beside the live one, then in its place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dyocense_eventlog::TenantId;
use futures::stream::{self, StreamExt, TryStreamExt};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool};
use tokio::task::JoinSet;

use crate::advance::{Advanced, Stepper, Target};
use crate::generation::{BUILD_LOCK, LIVE, Lock, SWAP_LOCK};
use crate::runner::{Inner, behind};
use crate::{AdvanceError, Projections, generation};

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Folding the log as it was when the rebuild began.
    Building,
    /// Folding what was appended meanwhile.
    CatchingUp,
    /// Putting the new generation in the place of the old; projecting pauses for this moment.
    Swapping,
    Done,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    pub phase: Phase,
    pub events: u64,
    /// Events of the log when it was last looked at.
    pub of: u64,
    pub elapsed: Duration,
}

/// A rebuild that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    pub events: u64,
    pub tenants: u64,
    pub elapsed: Duration,
    /// For how long projecting stood still.
    pub pause: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("another rebuild is running")]
    Running,
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    #[error("the database is unavailable: {0}")]
    Database(#[from] sqlx::Error),
    #[error("long queries kept the read models from being swapped for {0:?}; the new generation was dropped")]
    Blocked(Duration),
}

/// Rounds of catching up before the rest is done under the lock.
const CATCH_UP_ROUNDS: usize = 20;
/// A backlog that is quickly done under the lock.
const SMALL: usize = 50;
const SWAP_PATIENCE: Duration = Duration::from_secs(60);
const SWAP_TRIES: u32 = 30;
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

impl Projections {
    /// Builds all read models anew from the log, beside the live ones, and swaps them in. Queries and commands go on
    /// meanwhile. `progress` hears of it several times a second. Fails at once when another process rebuilds.
    pub async fn rebuild(&self, mut progress: impl FnMut(RebuildProgress) + Send) -> Result<Rebuilt, RebuildError> {
        let builder = Builder::new(self).await?;
        let outcome = builder.rebuild(&mut progress).await;
        builder.stepper.pool.close().await;
        outcome
    }

    /// Rebuilds if the live generation is another program version's. `None` where there was nothing to do.
    pub async fn rebuild_if_outdated(
        &self,
        progress: impl FnMut(RebuildProgress) + Send,
    ) -> Result<Option<Rebuilt>, RebuildError> {
        if generation::live_signature(&self.0.stepper.pool).await? == self.0.signature {
            return Ok(None);
        }
        self.rebuild(progress).await.map(Some)
    }
}

/// A rebuild at work.
struct Builder {
    /// On connections of its own: while a swap waits for running batches, those that wait for the swap hold
    /// connections of the projections' pool.
    stepper: Arc<Stepper>,
    workers: usize,
    started: Instant,
}

impl Builder {
    async fn new(projections: &Projections) -> Result<Self, sqlx::Error> {
        let Inner { stepper, options, .. } = &*projections.0;
        let locks_and_looks = 3;
        let pool = stepper
            .pool
            .options()
            .clone()
            .max_connections(options.rebuild_workers as u32 + locks_and_looks)
            .connect_with((*stepper.pool.connect_options()).clone())
            .await?;
        let stepper = Stepper { log: stepper.log.clone(), pool, projectors: stepper.projectors.clone() };
        Ok(Self { stepper: Arc::new(stepper), workers: options.rebuild_workers, started: Instant::now() })
    }

    async fn rebuild(&self, progress: &mut (impl FnMut(RebuildProgress) + Send)) -> Result<Rebuilt, RebuildError> {
        let pool = &self.stepper.pool;
        let mut held = Lock::try_acquire(pool, BUILD_LOCK).await?.ok_or(RebuildError::Running)?;
        for leftover in generation::leftovers(held.connection()).await? {
            generation::drop_schema(held.connection(), &leftover).await?;
        }
        let schema = generation::next_name(held.connection()).await?;
        generation::create(held.connection(), &schema, false, &self.stepper.projectors).await?;
        // What operators left out stays left out.
        held.connection()
            .execute(AssertSqlSafe(format!("insert into {schema}.waived select * from {LIVE}.waived")))
            .await?;

        let built = self.build(&schema, progress).await;
        let outcome = match built {
            Ok(events) => self.swap(&schema, events, progress).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            generation::drop_schema(held.connection(), &schema).await?;
        }
        held.release().await?;
        outcome
    }

    async fn build(
        &self,
        schema: &str,
        progress: &mut (impl FnMut(RebuildProgress) + Send),
    ) -> Result<u64, RebuildError> {
        let pool = &self.stepper.pool;
        let events = Arc::new(AtomicU64::new(0));
        let mut of = log_size(pool).await?;
        for round in 0..CATCH_UP_ROUNDS {
            let phase = if round == 0 { Phase::Building } else { Phase::CatchingUp };
            let tenants: Vec<TenantId> = behind(pool, schema).await?.into_iter().map(|(tenant, _)| tenant).collect();
            // A few tenants behind is what a busy log always has.
            if tenants.is_empty() || (round > 1 && tenants.len() <= SMALL) {
                break;
            }
            let work = self.run(schema, tenants, &events);
            tokio::pin!(work);
            let mut ticks = tokio::time::interval(PROGRESS_EVERY);
            loop {
                tokio::select! {
                    done = &mut work => break done?,
                    _ = ticks.tick() => {
                        let events = events.load(Ordering::Relaxed);
                        progress(RebuildProgress { phase, events, of: of.max(events), elapsed: self.started.elapsed() });
                    }
                }
            }
            of = log_size(pool).await?;
        }
        self.analyze(schema).await?;
        let events = events.load(Ordering::Relaxed);
        progress(RebuildProgress {
            phase: Phase::CatchingUp,
            events,
            of: of.max(events),
            elapsed: self.started.elapsed(),
        });
        Ok(events)
    }

    /// Tells the planner what is in the new tables before anyone reads them.
    async fn analyze(&self, schema: &str) -> Result<(), sqlx::Error> {
        let pool = &self.stepper.pool;
        let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = $1")
            .bind(schema)
            .fetch_all(pool)
            .await?;
        let analyzed = tables.into_iter().map(|table| async move {
            sqlx::raw_sql(AssertSqlSafe(format!("analyze {schema}.{table}"))).execute(pool).await.map(drop)
        });
        stream::iter(analyzed).buffer_unordered(self.workers).try_collect().await
    }

    async fn swap(
        &self,
        schema: &str,
        mut events: u64,
        progress: &mut (impl FnMut(RebuildProgress) + Send),
    ) -> Result<Rebuilt, RebuildError> {
        let pool = &self.stepper.pool;
        progress(RebuildProgress { phase: Phase::Swapping, events, of: events, elapsed: self.started.elapsed() });
        // Waits for the running batches of every process; those that come after wait for us.
        let mut held = Lock::acquire(pool, SWAP_LOCK).await?;
        let paused = Instant::now();
        let rest = Arc::new(AtomicU64::new(0));
        loop {
            let tenants: Vec<TenantId> = behind(pool, schema).await?.into_iter().map(|(tenant, _)| tenant).collect();
            // Only up to where the live generation stands: the log may be written to faster than we read.
            let tenants = ahead(pool, schema, &tenants).await?;
            if tenants.is_empty() {
                break;
            }
            self.run(schema, tenants, &rest).await?;
        }
        events += rest.load(Ordering::Relaxed);

        let retired = format!("retired_{}", schema.trim_start_matches("gen_"));
        let mut tries = 0;
        loop {
            tries += 1;
            let mut tx = held.connection().begin().await?;
            tx.execute("set local lock_timeout = '2s'").await?;
            // Snapshots hold this table until they end (see snapshot.rs); those that come meanwhile wait here, and
            // find that the flag of what they look at is not up.
            let locked =
                tx.execute(AssertSqlSafe(format!("lock table {LIVE}.generation in access exclusive mode"))).await;
            match locked {
                Ok(_) => {
                    tx.execute(AssertSqlSafe(format!(
                        "update {schema}.generation set live = true;
                         update {LIVE}.generation set live = false;
                         alter schema {LIVE} rename to {retired};
                         alter schema {schema} rename to {LIVE}"
                    )))
                    .await?;
                    tx.commit().await?;
                    break;
                }
                Err(error) if is_lock_timeout(&error) && tries < SWAP_TRIES => {
                    tx.rollback().await?;
                    // Let the queries that queue behind us through.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) if is_lock_timeout(&error) => return Err(RebuildError::Blocked(SWAP_PATIENCE)),
                Err(error) => return Err(error.into()),
            }
        }
        held.release().await?;
        let pause = paused.elapsed();
        let mut connection = pool.acquire().await?;
        generation::drop_schema(&mut connection, &retired).await?;
        let tenants: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {LIVE}.checkpoints")))
            .fetch_one(&mut *connection)
            .await?;
        let elapsed = self.started.elapsed();
        progress(RebuildProgress { phase: Phase::Done, events, of: events, elapsed });
        Ok(Rebuilt { events, tenants: tenants.unsigned_abs(), elapsed, pause })
    }

    /// Brings tenants up to the log, as many at a time as there are workers, each on a task of its own: folding is
    /// work for processors, and the database has its own.
    async fn run(&self, schema: &str, tenants: Vec<TenantId>, events: &Arc<AtomicU64>) -> Result<(), AdvanceError> {
        let workers = self.workers.min(tenants.len());
        let queue = Arc::new(Mutex::new(tenants.into_iter()));
        let mut running: JoinSet<Result<(), AdvanceError>> = JoinSet::new();
        for _ in 0..workers {
            let (stepper, queue, events) = (self.stepper.clone(), queue.clone(), events.clone());
            let schema = schema.to_owned();
            running.spawn(async move {
                let target = Target::Exclusive { schema: &schema };
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(tenant) = next else { return Ok(()) };
                    while let Advanced::To { events: applied, more, .. } = stepper.advance(target, tenant).await? {
                        events.fetch_add(applied as u64, Ordering::Relaxed);
                        if !more {
                            break;
                        }
                    }
                }
            });
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(outcome) => outcome?,
                // Only dropping the set cancels a worker.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        Ok(())
    }
}

/// Those of the tenants whose live read models are further than the new ones.
async fn ahead(pool: &PgPool, schema: &str, tenants: &[TenantId]) -> Result<Vec<TenantId>, sqlx::Error> {
    let tenants: Vec<uuid::Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let ahead: Vec<uuid::Uuid> = sqlx::query_scalar(AssertSqlSafe(format!(
        "select l.tenant_id from {LIVE}.checkpoints l left join {schema}.checkpoints c using (tenant_id)
         where l.tenant_id = any($1) and l.position > coalesce(c.position, 0)"
    )))
    .bind(tenants)
    .fetch_all(pool)
    .await?;
    Ok(ahead.into_iter().map(TenantId::from).collect())
}

async fn log_size(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let size: i64 =
        sqlx::query_scalar("select coalesce(sum(position), 0)::int8 from log.tenant_head").fetch_one(pool).await?;
    Ok(size.unsigned_abs())
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}
