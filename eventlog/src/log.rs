//! The log as the rest of the program sees it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Instant,
};

use futures::Stream;
use sqlx::PgPool;
use tokio::{sync::broadcast, task::JoinHandle};
use uuid::Uuid;

use crate::{
    Append, AppendError, Appended, AppendedStream, BrokenChain, Commit, Direction, Filter, Idempotency, Keyring,
    Metadata, Position, ReadError, RecordedEvent, StreamAppend, StreamId, TenantId, TenantTx, Upcasters, Written,
    batch::Outcome,
    command::{self, Command},
    keys::SubjectKeys,
    lane::Lane,
    read::{self, Closed, Source},
    recent::Recent,
    signal::{self, Commits},
    tail::{self, Hubs},
};

/// How a process uses the log.
#[derive(Clone, Debug)]
pub struct Options {
    /// Appending connections, each with its own group commit; 1 to 16. Two saturate a small machine.
    pub lanes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { lanes: 2 }
    }
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Upcasters(#[from] BrokenChain),
    #[error("{0} lanes: 1 to 16 are allowed")]
    Lanes(usize),
    #[error("the log is unavailable: {0}")]
    Unavailable(#[from] sqlx::Error),
}

/// The event log. Clones share it. When the last clone and the last tail are gone, what is queued is still written,
/// then its tasks end.
#[derive(Clone)]
pub struct EventLog(Arc<Inner>);

pub(crate) struct Inner {
    reader: PgPool,
    writer: PgPool,
    lanes: Vec<Lane>,
    keys: Arc<SubjectKeys>,
    upcasters: Upcasters,
    recent: Arc<Recent>,
    pub commits: Commits,
    pub hubs: Hubs,
    background: Vec<JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in &self.background {
            task.abort();
        }
    }
}

impl EventLog {
    /// Opens the log on migrated schema `log`. `writer` connects as `dyocense_writer`, `reader` as `dyocense_reader`.
    /// Beside the writer pool's own connections the log keeps one per lane, and one of the pool's to listen on.
    pub async fn open(
        writer: PgPool,
        reader: PgPool,
        keyring: Keyring,
        upcasters: Upcasters,
        options: Options,
    ) -> Result<Self, OpenError> {
        upcasters.check()?;
        if !(1..=16).contains(&options.lanes) {
            return Err(OpenError::Lanes(options.lanes));
        }
        // A missing migration or right shows here and not at the first command.
        sqlx::query("select head from log.heads('{}')").execute(&reader).await?;
        sqlx::query("select 1 from log.subject_keys limit 0").execute(&writer).await?;

        let (commits, outgoing) = Commits::new();
        let keys = Arc::new(SubjectKeys::new(writer.clone(), keyring));
        let process = Uuid::new_v4();
        let recent = Arc::new(Recent::default());
        let lanes = (0..options.lanes).map(|_| Lane::start(writer.clone(), commits.clone(), recent.clone())).collect();
        let background = vec![
            tokio::spawn(signal::announce(writer.clone(), process, outgoing)),
            tokio::spawn(signal::listen(writer.clone(), process, commits.clone(), keys.clone())),
            tokio::spawn(signal::poll(reader.clone(), commits.clone())),
        ];
        let hubs = Hubs::default();
        Ok(Self(Arc::new(Inner { reader, writer, lanes, keys, upcasters, recent, commits, hubs, background })))
    }

    /// Appends one command's events to one stream. When this returns `Ok` they are on disk.
    ///
    /// Concurrent commands share transactions, but each succeeds or fails alone. Dropping the future does not take a
    /// command back that was already queued.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let Append { tenant, stream, expected, events, metadata, idempotency } = append;
        self.append_all(tenant, vec![StreamAppend { stream, expected, events }], metadata, idempotency).await
    }

    /// Appends one command's events to several streams of a tenant: all of them or none.
    pub async fn append_all(
        &self,
        tenant: TenantId,
        streams: Vec<StreamAppend>,
        metadata: Metadata,
        idempotency: Option<Idempotency>,
    ) -> Result<Appended, AppendError> {
        let started = Instant::now();
        let log = &self.0;
        let names: Vec<(StreamId, _, usize)> =
            streams.iter().map(|s| (s.stream.clone(), s.expected, s.events.len())).collect();
        let key = idempotency.as_ref().map(|used| used.key.clone());
        let command: Command = command::prepare(tenant, streams, metadata, idempotency, &log.keys).await?;
        let outcome = log.lane(tenant).append(command).await;
        metrics::histogram!("dyocense_eventlog_append_seconds").record(started.elapsed());
        match outcome? {
            Outcome::Appended { first_position, last_position, versions_before } => Ok(Appended {
                first_position: Position::from_log(first_position),
                last_position: Position::from_log(last_position),
                streams: names
                    .into_iter()
                    .zip(versions_before)
                    .map(|((stream, _, events), before)| AppendedStream {
                        stream,
                        first_version: before + 1,
                        last_version: before + events as i64,
                    })
                    .collect(),
                replayed: false,
            }),
            Outcome::Conflict { versions } => {
                metrics::counter!("dyocense_eventlog_conflicts_total").increment(1);
                let conflict = names
                    .into_iter()
                    .zip(versions)
                    .find(|((_, expected, _), actual)| ![-1, *actual].contains(&expected.to_log()));
                let ((stream, expected, _), actual) = conflict.expect("a conflict names a stream that has moved on");
                Err(AppendError::Conflict { stream, expected, actual })
            }
            Outcome::Replayed { first_position, last_position } => {
                metrics::counter!("dyocense_eventlog_replays_total").increment(1);
                let first = Position::from_log(first_position);
                let last = Position::from_log(last_position);
                log.first_answer(tenant, first, last).await.map_err(not_written)
            }
            Outcome::KeyReused => Err(AppendError::KeyReused { key: key.unwrap_or_default() }),
        }
    }

    /// The first answer to a command whose idempotency key was used before, or `None` for a new key. A handler asks
    /// this before it decides: the state that the first attempt left behind may refuse the second.
    pub async fn answered(&self, tenant: TenantId, idempotency: &Idempotency) -> Result<Option<Appended>, AppendError> {
        self.0.answered(tenant, idempotency).await
    }

    /// A stream's events with versions beyond `beyond` in the given direction: `0` and forward is the whole stream,
    /// `i64::MAX` and backward begins at its last.
    pub async fn read_stream(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        beyond: i64,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.read(tenant, Source::Stream { stream, beyond }, limit, direction).await
    }

    /// A tenant's events beyond a position in the given direction: [`Position::START`] forward, [`Position::END`]
    /// backward for all of them.
    pub async fn read_tenant(
        &self,
        tenant: TenantId,
        beyond: Position,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.read_tenant(tenant, beyond, limit, direction).await
    }

    /// The events right after a position, for whoever keeps up with a tenant's history: what this process appended a
    /// moment ago comes from memory. What another process has appended since may be left out, unless nothing else
    /// follows; so who needs all that there is reads with [`read_tenant`](Self::read_tenant).
    pub async fn following(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.following(tenant, after, limit).await
    }

    /// As [`following`](Self::following), within a transaction that the caller has open as a role that may read the log.
    pub async fn following_in(
        &self,
        tx: &mut TenantTx,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let log = &self.0;
        let Some(closed) = log.remembered_after(tx.tenant(), after, limit)? else {
            let source = Source::Tenant { beyond: after };
            return read::events(tx, source, limit, Direction::Forward, &log.keys, &log.upcasters).await;
        };
        let keys = log.keys.to_open(tx, &closed.subjects).await?;
        Ok(closed.open(&keys, &log.upcasters))
    }

    /// Position and version of the last event that this process remembers of a stream. Another process may have gone
    /// on: who builds on it and meets a conflict asks the log, by [`read_stream`](Self::read_stream).
    pub fn remembered(&self, tenant: TenantId, stream: &StreamId) -> Option<(Position, i64)> {
        self.0.recent.last_of(tenant, stream)
    }

    /// As [`read_tenant`](Self::read_tenant), only what matches: for audits. It scans the tenant's history in order
    /// until `limit` events match; a rare match far away takes as long as reading everything before it.
    pub async fn search(
        &self,
        tenant: TenantId,
        filter: &Filter,
        beyond: Position,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.read(tenant, Source::Matching { beyond, filter }, limit, direction).await
    }

    /// The tenant's last position; [`Position::START`] when it has no events.
    pub async fn head(&self, tenant: TenantId) -> Result<Position, ReadError> {
        self.0.head(tenant).await
    }

    /// Follows a tenant's history: every event after `after`, each once, in order, and then those to come. Ends with
    /// the first error; a new tail after the last event's position goes on where it stopped.
    pub fn tail(
        &self,
        tenant: TenantId,
        after: Position,
    ) -> impl Stream<Item = Result<Arc<RecordedEvent>, ReadError>> + Send + use<> {
        tail::tail(self.0.clone(), tenant, after)
    }

    /// Tells of appends, of this process and of others, as they happen. It is a hint and may lose messages (the
    /// receiver then sees `Lagged`, or nothing when a connection broke): whoever must not miss work also looks by itself.
    pub fn subscribe_commits(&self) -> broadcast::Receiver<Arc<[Commit]>> {
        self.0.commits.subscribe()
    }

    /// Destroys the key under which a person's data is sealed in this tenant's events. Nothing can open them again,
    /// here at once, in other processes as soon as they hear of it (30 seconds at most); nothing new about the person
    /// can be appended. Appending the fact of the erasure is the caller's part.
    pub async fn erase_subject(&self, tenant: TenantId, subject: &str) -> Result<(), sqlx::Error> {
        self.0.keys.erase(tenant, subject).await?;
        if let Err(error) = signal::announce_erasure(&self.0.writer, tenant, subject).await {
            tracing::warn!(%error, "could not tell other processes of an erasure; their keys lapse by themselves");
        }
        Ok(())
    }
}

impl Inner {
    fn lane(&self, tenant: TenantId) -> &Lane {
        // DefaultHasher::new() has fixed keys: processes agree on which tenants share a lane.
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        &self.lanes[(hasher.finish() % self.lanes.len() as u64) as usize]
    }

    pub async fn read_tenant(
        &self,
        tenant: TenantId,
        beyond: Position,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.read(tenant, Source::Tenant { beyond }, limit, direction).await
    }

    pub async fn following(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let Some(closed) = self.remembered_after(tenant, after, limit)? else {
            return self.read_tenant(tenant, after, limit, Direction::Forward).await;
        };
        let keys = match closed.subjects.is_empty() {
            true => Default::default(),
            false => {
                let mut tx = TenantTx::read(&self.reader, tenant).await?;
                let keys = self.keys.to_open(&mut tx, &closed.subjects).await?;
                tx.commit().await?;
                keys
            }
        };
        Ok(closed.open(&keys, &self.upcasters))
    }

    fn remembered_after(&self, tenant: TenantId, after: Position, limit: usize) -> Result<Option<Closed>, ReadError> {
        let stored = self.recent.following(tenant, after, limit);
        (!stored.is_empty()).then(|| Closed::decode(&stored, &self.upcasters)).transpose()
    }

    async fn read(
        &self,
        tenant: TenantId,
        source: Source<'_>,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut tx = TenantTx::read(&self.reader, tenant).await?;
        let events = read::events(&mut tx, source, limit, direction, &self.keys, &self.upcasters).await?;
        tx.commit().await?;
        Ok(events)
    }

    pub async fn head(&self, tenant: TenantId) -> Result<Position, ReadError> {
        let head: Option<i64> = sqlx::query_scalar("select head from log.heads(array[$1])")
            .bind(tenant.uuid())
            .fetch_optional(&self.reader)
            .await?;
        Ok(head.map_or(Position::START, Position::from_log))
    }

    async fn answered(&self, tenant: TenantId, asked: &Idempotency) -> Result<Option<Appended>, AppendError> {
        let mut tx = TenantTx::read(&self.reader, tenant).await.map_err(not_written)?;
        let receipt: Option<(Vec<u8>, i64, i64)> = sqlx::query_as(
            "select request_hash, first_position, last_position from log.receipts where tenant_id = $1 and key = $2",
        )
        .bind(tenant.uuid())
        .bind(&asked.key)
        .fetch_optional(&mut *tx)
        .await
        .map_err(not_written)?;
        tx.commit().await.map_err(not_written)?;
        match receipt {
            None => Ok(None),
            Some((hash, _, _)) if hash != asked.request_hash => Err(AppendError::KeyReused { key: asked.key.clone() }),
            Some((_, first, last)) => {
                let (first, last) = (Position::from_log(first), Position::from_log(last));
                self.first_answer(tenant, first, last).await.map(Some).map_err(not_written)
            }
        }
    }

    /// What a command answered, from the events it left.
    async fn first_answer(&self, tenant: TenantId, first: Position, last: Position) -> Result<Appended, sqlx::Error> {
        let mut tx = TenantTx::read(&self.reader, tenant).await?;
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select stream_id, version from log.events
             where tenant_id = $1 and position between $2 and $3 order by position",
        )
        .bind(tenant.uuid())
        .bind(first.get())
        .bind(last.get())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut streams: Vec<AppendedStream> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (name, version) in rows {
            match known.get(&name) {
                Some(&i) => streams[i].last_version = version,
                None => {
                    let stream = StreamId::new(name.clone()).map_err(|error| sqlx::Error::Decode(error.into()))?;
                    known.insert(name, streams.len());
                    streams.push(AppendedStream { stream, first_version: version, last_version: version });
                }
            }
        }
        Ok(Appended { first_position: first, last_position: last, streams, replayed: true })
    }
}

fn not_written(error: sqlx::Error) -> AppendError {
    AppendError::Unavailable { written: Written::No, source: Arc::new(error) }
}
