//! Group commit. A lane is one task with one connection: while a transaction is being committed, the commands that
//! arrive wait, and the next transaction takes them all. No timer: an idle lane appends at once, a busy one in batches
//! as large as the disk is slow.
//!
//! A tenant's commands always go to the same lane, so that the lanes of a process never wait for each other's locks.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};

use crate::{
    AppendError, Position, StreamId, TenantId, Written,
    batch::{self, Outcome},
    command::Command,
    recent::{Recent, Stored},
    signal::{Commit, Commits},
};

const MAX_BATCH_COMMANDS: usize = 1_000;
const MAX_BATCH_EVENTS: usize = 10_000;
const MAX_BATCH_BYTES: usize = 16 << 20;
/// Commands that may wait in one lane before callers wait to enter it.
const QUEUE: usize = 10_000;
/// A batch that the database rolled back for a passing reason (a deadlock with another version of the program, say).
const ATTEMPTS: u32 = 4;

pub(crate) type Answer = Result<Outcome, AppendError>;

struct Job {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

/// The entrance of a lane.
pub(crate) struct Lane {
    jobs: mpsc::Sender<Job>,
}

impl Lane {
    pub fn start(writer: PgPool, commits: Commits, recent: Arc<Recent>) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let worker = Worker { writer, commits, recent, connection: None, queue, waiting: VecDeque::new() };
        tokio::spawn(worker.run());
        Self { jobs }
    }

    /// Appends a command with whichever others are waiting. Once it is queued it runs to its end, even when the caller
    /// stops listening.
    pub async fn append(&self, command: Command) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { command, answer }).await.map_err(|_| AppendError::Closed)?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }
}

struct Worker {
    writer: PgPool,
    commits: Commits,
    recent: Arc<Recent>,
    connection: Option<PgConnection>,
    queue: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
}

impl Worker {
    /// Ends when the last [`Lane`] handle is gone and everything queued is answered.
    async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                match self.queue.recv().await {
                    Some(job) => self.waiting.push_back(job),
                    None => break,
                }
            }
            while self.waiting.len() < QUEUE {
                match self.queue.try_recv() {
                    Ok(job) => self.waiting.push_back(job),
                    Err(_) => break,
                }
            }
            let jobs = next_batch(&mut self.waiting);
            self.append(jobs).await;
        }
    }

    async fn append(&mut self, jobs: Vec<Job>) {
        let (mut commands, answers): (Vec<Command>, Vec<_>) =
            jobs.into_iter().map(|job| (job.command, job.answer)).unzip();
        metrics::histogram!("dyocense_eventlog_batch_commands").record(commands.len() as f64);
        let outcomes = match self.write(&commands).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            // One bad command must not fail its neighbours: each is tried alone.
            Err(Failure { written: Written::No, .. }) if commands.len() > 1 => {
                let mut outcomes = Vec::with_capacity(commands.len());
                for command in &commands {
                    let alone = self.write(std::slice::from_ref(command)).await;
                    outcomes.push(alone.map(|mut one| one.remove(0)).map_err(AppendError::from));
                }
                outcomes
            }
            Err(failure) => commands.iter().map(|_| Err(failure.clone().into())).collect::<Vec<Answer>>(),
        };
        // Before those who are told come to ask.
        self.keep(&mut commands, &outcomes);
        self.announce(&commands, &outcomes);
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // The caller may have gone: its command stands all the same.
            let _ = answer.send(outcome);
        }
    }

    async fn write(&mut self, commands: &[Command]) -> Result<Vec<Outcome>, Failure> {
        let mut attempt = 1;
        loop {
            let failure = match self.write_once(commands).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(failure) => failure,
            };
            metrics::counter!("dyocense_eventlog_batch_failures_total").increment(1);
            tracing::warn!(error = %failure.source, written = %failure.written, attempt, "a batch of appends failed");
            if !failure.may_pass() || attempt == ATTEMPTS {
                return Err(failure);
            }
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
            attempt += 1;
        }
    }

    async fn write_once(&mut self, commands: &[Command]) -> Result<Vec<Outcome>, Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(connect(&self.writer).await.map_err(Failure::before)?),
        };
        let started = Instant::now();
        let written = batch::write(connection, commands).await;
        metrics::histogram!("dyocense_eventlog_batch_seconds").record(started.elapsed());
        written.map_err(|error| {
            if error.as_database_error().is_some_and(|error| !is_fatal(error)) {
                // Postgres answered: the one statement, and so its transaction, was rolled back.
                return Failure::before(error);
            }
            self.connection = None;
            match error {
                sqlx::Error::Encode(_) => Failure::before(error),
                error => Failure { written: Written::Unknown, source: Arc::new(error) },
            }
        })
    }

    fn keep(&self, commands: &mut [Command], outcomes: &[Answer]) {
        for (command, outcome) in commands.iter_mut().zip(outcomes) {
            if let Ok(Outcome::Appended { first_position, versions_before, .. }) = outcome {
                let events = command.slices.iter_mut().zip(versions_before).flat_map(|(slice, before)| {
                    let bodies = slice.events.iter_mut().map(|event| std::mem::take(&mut event.body));
                    let stream = &slice.stream;
                    let stored =
                        |(body, version): (String, _)| Stored { stream: stream.clone(), version, body: body.into() };
                    bodies.zip(before + 1..).map(stored)
                });
                self.recent.put(command.tenant, *first_position, events);
            }
        }
    }

    fn announce(&self, commands: &[Command], outcomes: &[Answer]) {
        let mut reached: Vec<Commit> = Vec::with_capacity(commands.len());
        let mut events = 0;
        for (command, outcome) in commands.iter().zip(outcomes) {
            if let Ok(Outcome::Appended { last_position, .. }) = outcome {
                events += command.events as u64;
                reached.push(Commit { tenant: command.tenant, position: Position::from_log(*last_position) });
            }
        }
        metrics::counter!("dyocense_eventlog_events_total").increment(events);
        reached.sort_unstable_by_key(|commit| (commit.tenant, std::cmp::Reverse(commit.position)));
        reached.dedup_by_key(|commit| commit.tenant);
        if !reached.is_empty() {
            self.commits.publish(reached);
        }
    }
}

/// Takes from the front what one transaction can hold. A second command of the same stream, or with the same key, has
/// to see what the first did and stays for the next.
fn next_batch(waiting: &mut VecDeque<Job>) -> Vec<Job> {
    if waiting.len() == 1 {
        return waiting.drain(..).collect();
    }
    let mut batch: Vec<Job> = Vec::with_capacity(waiting.len().min(MAX_BATCH_COMMANDS));
    let mut streams: HashSet<(TenantId, StreamId)> = HashSet::new();
    let mut keys: HashSet<(TenantId, String)> = HashSet::new();
    let (mut events, mut bytes) = (0, 0);
    let mut left = VecDeque::new();
    while let Some(job) = waiting.pop_front() {
        let Command { tenant, slices, idempotency, .. } = &job.command;
        let full = !batch.is_empty()
            && (batch.len() == MAX_BATCH_COMMANDS
                || events + job.command.events > MAX_BATCH_EVENTS
                || bytes + job.command.bytes > MAX_BATCH_BYTES);
        if full {
            left.push_back(job);
            break;
        }
        let free = slices.iter().all(|slice| !streams.contains(&(*tenant, slice.stream.clone())))
            && idempotency.as_ref().is_none_or(|used| !keys.contains(&(*tenant, used.key.clone())));
        if !free {
            left.push_back(job);
            continue;
        }
        streams.extend(slices.iter().map(|slice| (*tenant, slice.stream.clone())));
        keys.extend(idempotency.iter().map(|used| (*tenant, used.key.clone())));
        events += job.command.events;
        bytes += job.command.bytes;
        batch.push(job);
    }
    left.append(waiting);
    *waiting = left;
    batch
}

const PLANNING: &str = "set plan_cache_mode = force_generic_plan; set jit = off; set enable_hashjoin = off; \
     set enable_mergejoin = off; set enable_seqscan = off";

/// A connection of the lane's own, outside the pool's count, whose plans are made once. They are nested loops over the
/// lists of a batch: their lengths are unknown to the planner, and their order is the order of the locks.
async fn connect(writer: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let mut connection = writer.acquire().await?.detach();
    sqlx::raw_sql(PLANNING).execute(&mut connection).await?;
    Ok(connection)
}

#[derive(Clone)]
struct Failure {
    written: Written,
    source: Arc<sqlx::Error>,
}

impl Failure {
    fn before(source: sqlx::Error) -> Self {
        Self { written: Written::No, source: Arc::new(source) }
    }

    /// Rolled back by the database for a reason that another attempt may not meet: class 40 of SQLSTATE.
    fn may_pass(&self) -> bool {
        self.written == Written::No
            && self.source.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("40"))
    }
}

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable { written: failure.written, source: failure.source }
    }
}

/// The server is ending the session (class 57P0x): it may have ended while the commit was being written.
fn is_fatal(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| code.starts_with("57P"))
}
