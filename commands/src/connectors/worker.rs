//! Works through queued imports: as many at a time as the node has slots, one of each business, the business that has
//! waited longest since its last turn first. An import goes on where a crash left it; one that meets the same fault again
//! and again ends.

use std::collections::HashMap;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use dyocense_domain::connectors::{
    Import, ImportEvent, ImportRefusal, ImportStarted, ImportTotals, Occurrences, ReadOptions, Row, TransactionReader,
    TransactionsImported, complete, fail, take_batch,
};
use dyocense_domain::ids::{ImportId, UploadId};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::TenantId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::imports::RejectedRow;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::Commands;

/// Rows of one event: about 100 KB, and a few milliseconds of projecting.
const BATCH_ROWS: usize = 500;
/// Where rows are long, a batch ends with the row that passes this: well below what an event may have.
const BATCH_BYTES: usize = 384 << 10;
/// Corrections of corrections of … are followed back this far.
const MOST_CORRECTIONS: usize = 20;
const SLOW_POLL: Duration = Duration::from_secs(5);
/// An entry whose import has not started may be about to: it is written first (see `start_import`).
const ABOUT_TO_START: Duration = Duration::from_millis(200);
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);
/// What is known of an import that rested this long ago is of no use: another node has ended it.
const MOST_REST: Duration = Duration::from_secs(600);
/// An import that meets a fault which does not pass by itself this often at the same line ends as failed.
const MOST_FAULTS: u32 = 3;
const FILE_GONE: &str =
    "the file is no longer kept: files go after 30 days, and when a person of the business is erased";

struct Batch {
    rows: Vec<Row>,
    last_line: u64,
    bytes_read: u64,
}

enum Piece {
    Columns(Vec<String>),
    Batch(Batch),
    /// The source is no longer there.
    Unreadable(String),
    /// The whole file was read.
    End,
}

/// Where an import stands that met a fault, and how often it did there.
#[derive(Debug, Clone, Copy)]
struct Stuck {
    line: u64,
    times: u32,
}

/// What became of an import's turn.
enum Turn {
    /// Its entry is gone, or it was stopped.
    Over,
    /// Not to be tried again before this has passed.
    Rest(Duration, Option<Stuck>),
}

impl Commands {
    /// Works on imports until `stop` is cancelled, `slots` (1 or more) at a time. Each holds a connection of the vault's
    /// pool, and needs another now and then.
    pub async fn run_imports(self, slots: usize, stop: CancellationToken) {
        let mut busy: JoinSet<(ImportId, Turn)> = JoinSet::new();
        let mut at_work: HashMap<tokio::task::Id, TenantId> = HashMap::new();
        let mut last_turn: HashMap<TenantId, Instant> = HashMap::new();
        let mut resting: HashMap<ImportId, (Instant, Option<Stuck>)> = HashMap::new();
        while !stop.is_cancelled() {
            let now = Instant::now();
            resting.retain(|_, (until, _)| *until + MOST_REST > now);
            let asleep: Vec<ImportId> =
                resting.iter().filter(|(_, (until, _))| *until > now).map(|(import, _)| *import).collect();
            match self.next_imports(&asleep).await {
                Ok(mut queued) => {
                    queued.retain(|(tenant, _)| !at_work.values().any(|busy| busy == tenant));
                    // Stable: among those that had no turn yet, the older entry goes first.
                    queued.sort_by_key(|(tenant, _)| last_turn.get(tenant).copied());
                    for (tenant, import_id) in queued.into_iter().take(slots.max(1).saturating_sub(at_work.len())) {
                        last_turn.insert(tenant, now);
                        let stuck = resting.remove(&import_id).and_then(|(_, stuck)| stuck);
                        let (commands, stop) = (self.clone(), stop.clone());
                        let task = busy
                            .spawn(async move { (import_id, commands.turn(tenant, import_id, stuck, &stop).await) });
                        at_work.insert(task.id(), tenant);
                    }
                }
                Err(error) => tracing::warn!(%error, "imports could not be looked for; trying again"),
            }
            let wake = asleep.iter().filter_map(|import| resting.get(import)).map(|(until, _)| *until).min();
            let wait = wake.map_or(SLOW_POLL, |until| until.saturating_duration_since(now).min(SLOW_POLL));
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.import_queued.notified() => {}
                () = tokio::time::sleep(wait) => {}
                Some(done) = busy.join_next_with_id(), if !busy.is_empty() => match done {
                    Ok((task, (import_id, turn))) => {
                        at_work.remove(&task);
                        if let Turn::Rest(pause, stuck) = turn {
                            resting.insert(import_id, (Instant::now() + pause, stuck));
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "an import's task ended");
                        at_work.remove(&error.id());
                        tokio::time::sleep(ABOUT_TO_START).await;
                    }
                }
            }
        }
        while busy.join_next().await.is_some() {}
    }

    /// The oldest import of each business but those that rest, the oldest of all first.
    async fn next_imports(&self, resting: &[ImportId]) -> Result<Vec<(TenantId, ImportId)>, Fault> {
        let queued: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "select tenant_id, import_id from (
                 select distinct on (tenant_id) tenant_id, import_id, queued_at from vault.import_queue
                 where import_id <> all($1) order by tenant_id, queued_at
             ) first
             order by queued_at",
        )
        .bind(resting.iter().map(|import| Uuid::from(*import)).collect::<Vec<_>>())
        .fetch_all(self.vault.across_tenants())
        .await?;
        Ok(queued.into_iter().map(|(tenant, import)| (TenantId::from(tenant), ImportId::from(import))).collect())
    }

    async fn turn(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        stuck: Option<Stuck>,
        stop: &CancellationToken,
    ) -> Turn {
        let worked = match self.work_on_alone(tenant, import_id, stop).await {
            Ok(turn) => return turn,
            Err(fault) => fault,
        };
        tracing::warn!(%tenant, %import_id, error = %worked, cause = ?std::error::Error::source(&worked), "an import was interrupted; it will be resumed");
        if worked.may_pass() {
            return Turn::Rest(SLOW_POLL, stuck);
        }
        let Ok(import) = self.load_import(tenant, import_id).await else { return Turn::Rest(SLOW_POLL, stuck) };
        let line = import.state.last_line;
        let times = 1 + stuck.filter(|stuck| stuck.line == line).map_or(0, |stuck| stuck.times);
        if times >= MOST_FAULTS {
            let reason = format!(
                "the rows after line {line} could not be stored ({worked}, {times} times); those up to it are in, or among \
                 the rejected ones"
            );
            match self.finish(tenant, import_id, |import| fail(import, reason.clone())).await {
                // Its entry is removed by its next turn.
                Ok(_) => return Turn::Rest(Duration::ZERO, None),
                Err(error) => tracing::warn!(%tenant, %import_id, %error, "an import could not be ended"),
            }
        }
        Turn::Rest(SLOW_POLL, Some(Stuck { line, times }))
    }

    /// Works on an import unless another node works on one of the same business.
    async fn work_on_alone(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        stop: &CancellationToken,
    ) -> Result<Turn, Fault> {
        // Held by a transaction that does nothing else: a dead node, or a task that was dropped, holds nothing.
        let mut lock = self.vault.across_tenants().begin().await?;
        let ours: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("import of {tenant}"))
            .fetch_one(&mut *lock)
            .await?;
        if !ours {
            return Ok(Turn::Rest(SLOW_POLL, None));
        }
        let worked = self.work_on(tenant, import_id, stop).await;
        lock.commit().await?;
        worked
    }

    async fn work_on(&self, tenant: TenantId, import_id: ImportId, stop: &CancellationToken) -> Result<Turn, Fault> {
        let import = self.load_import(tenant, import_id).await?.state;
        if let (Some(started), None) = (&import.started, import.end)
            && !self.import_rows(tenant, started.clone(), &import, stop).await?
        {
            return Ok(Turn::Over);
        }
        // A file with rejected rows is kept: how often its good rows came is part of the keys of the corrected ones.
        let rejected = self.load_import(tenant, import_id).await?.state.totals.rejected;
        if let (Some(started), 0) = (&import.started, rejected) {
            self.discard_upload(tenant, started.upload_id).await?;
        }
        let removed = sqlx::query(
            "delete from vault.import_queue
             where tenant_id = $1 and import_id = $2 and ($3 or queued_at < now() - interval '10 minutes')",
        )
        .bind(Uuid::from(tenant))
        .bind(Uuid::from(import_id))
        .bind(import.started.is_some())
        .execute(self.vault.across_tenants())
        .await?;
        Ok(if removed.rows_affected() > 0 { Turn::Over } else { Turn::Rest(ABOUT_TO_START, None) })
    }

    /// Whether the import came to an end (rather than to `stop`).
    async fn import_rows(
        &self,
        tenant: TenantId,
        started: ImportStarted,
        import: &Import,
        stop: &CancellationToken,
    ) -> Result<bool, Fault> {
        // Rows of earlier imports must be visible, so that known ones are recognised.
        let head = self.log.head(tenant).await?;
        self.reads.wait_for(tenant, head, READ_MODELS_WAIT).await?;

        let import_id = started.import_id;
        let mut pieces = self.read_file(tenant, &started, import.last_line).await?;
        let mut batch_number = import.batches;
        while let Some(piece) = pieces.recv().await {
            if stop.is_cancelled() {
                return Ok(false);
            }
            match piece? {
                Piece::Columns(columns) => {
                    let header = RejectedRow { line: 0, reason: String::new(), fields: columns };
                    self.forget_rejected_later(tenant, import_id).await?;
                    self.keep_rejected(tenant, import_id, started.upload_id, &[header]).await?;
                }
                Piece::Batch(batch) => {
                    batch_number += 1;
                    if !self.take_in(tenant, &started, batch_number, batch).await? {
                        return Ok(true);
                    }
                }
                Piece::Unreadable(reason) => {
                    return self.finish(tenant, import_id, |import| fail(import, reason.clone())).await;
                }
                Piece::End => return self.finish(tenant, import_id, complete).await,
            }
        }
        Err(Fault::internal("the reader of the file ended before the file did"))
    }

    /// Whether the import goes on: it may have been cancelled meanwhile.
    async fn take_in(
        &self,
        tenant: TenantId,
        started: &ImportStarted,
        batch_number: u32,
        batch: Batch,
    ) -> Result<bool, Fault> {
        let import_id = started.import_id;
        let rows = batch.rows.len() as u32;
        let mut transactions = Vec::with_capacity(batch.rows.len());
        let mut rejected = Vec::new();
        for row in batch.rows {
            match row.outcome {
                Ok(transaction) => transactions.push(transaction),
                Err(error) => rejected.push(RejectedRow {
                    line: row.line,
                    reason: error.to_string(),
                    fields: row.fields.unwrap_or_default(),
                }),
            }
        }
        self.keep_rejected(tenant, import_id, started.upload_id, &rejected).await?;

        let keys: Vec<String> = transactions.iter().map(|transaction| transaction.key.clone()).collect();
        let known = self.reads.transactions(tenant, &keys).await?;
        let before = transactions.len();
        transactions.retain(|transaction| known.get(&transaction.key) != Some(transaction));
        let corrected = transactions.iter().filter(|transaction| known.contains_key(&transaction.key)).count() as u32;
        let event = TransactionsImported {
            batch: batch_number,
            last_line: batch.last_line,
            bytes_read: batch.bytes_read,
            rows,
            unchanged: (before - transactions.len()) as u32,
            corrected,
            rejected: rejected.len() as u32,
            transactions,
            totals: ImportTotals::default(),
        };
        self.apply(tenant, import_id, "ImportBatch", |import| take_batch(import, event.clone())).await
    }

    async fn finish(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        decide: impl Fn(&Import) -> Result<Vec<ImportEvent>, ImportRefusal>,
    ) -> Result<bool, Fault> {
        self.apply(tenant, import_id, "FinishImport", decide).await?;
        Ok(true)
    }

    /// Whether the command was accepted; a refusal means that the import has ended.
    async fn apply(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        name: &'static str,
        decide: impl Fn(&Import) -> Result<Vec<ImportEvent>, ImportRefusal>,
    ) -> Result<bool, Fault> {
        let caller = Caller::new(tenant, Actor::System("import"));
        match self.decide_import(&caller, import_id, name, decide).await {
            Ok(_) => Ok(true),
            Err(CommandError::Refused(_)) => Ok(false),
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }

    /// Reads and parses on a thread of its own; the channel's bound keeps it at most two batches ahead.
    async fn read_file(
        &self,
        tenant: TenantId,
        started: &ImportStarted,
        after_line: u64,
    ) -> Result<mpsc::Receiver<Result<Piece, Fault>>, Fault> {
        let (time_zone, _) = self.locale(tenant).await?;
        let mut corrected = Vec::new();
        let mut next = started.corrects;
        while let (Some(import_id), true) = (next, corrected.len() < MOST_CORRECTIONS) {
            let import = self.load_import(tenant, import_id).await?.state;
            let Some(before) = import.started else { break };
            next = before.corrects;
            // Of a file without rejected rows nothing is kept, and nothing of it is corrected.
            if import.totals.rejected == 0 && self.upload(tenant, before.upload_id).await?.is_none() {
                continue;
            }
            corrected.push(self.open_file(tenant, &before, &time_zone));
        }
        corrected.reverse();
        let file = self.open_file(tenant, started, &time_zone);
        let (sender, receiver) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_pieces(file, corrected, after_line, &sender) {
                let _ = sender.blocking_send(match error.kind() {
                    io::ErrorKind::NotFound => Ok(Piece::Unreadable(error.to_string())),
                    _ => Err(Fault::Unavailable(error.into())),
                });
            }
        });
        Ok(receiver)
    }

    fn open_file(&self, tenant: TenantId, started: &ImportStarted, time_zone: &TimeZoneName) -> File {
        let options = ReadOptions {
            format: started.format.clone(),
            mapping: started.mapping.clone(),
            currency: started.currency.clone(),
            latest: self.latest_day(time_zone),
            time_zone: time_zone.clone(),
            pseudonymize: self.pseudonymizer(tenant),
        };
        let source = ChunkReader {
            commands: self.clone(),
            runtime: tokio::runtime::Handle::current(),
            tenant,
            upload_id: started.upload_id,
            left: started.bytes,
            next_chunk: 0,
            chunk: io::Cursor::new(Vec::new()),
        };
        (source, options)
    }
}

type File = (ChunkReader, ReadOptions);

/// Sends the rows of `file` after a line; `corrected` are the files whose rows it corrects, the first one first.
fn send_pieces(
    (source, options): File,
    corrected: Vec<File>,
    after_line: u64,
    sender: &mpsc::Sender<Result<Piece, Fault>>,
) -> io::Result<()> {
    let mut seen = Occurrences::default();
    for (source, options) in corrected {
        seen = TransactionReader::new(source, options)?.after(seen).into_occurrences()?;
    }
    let mut reader = TransactionReader::new(source, options)?.after(seen);
    if after_line == 0 && sender.blocking_send(Ok(Piece::Columns(reader.columns().to_vec()))).is_err() {
        return Ok(());
    }
    let (mut rows, mut bytes) = (Vec::with_capacity(BATCH_ROWS), 0);
    loop {
        let row = reader.next_row()?;
        let at_end = row.is_none();
        // Rows that are in already are read all the same: how often a row came before is part of its key.
        let row = row.filter(|row| row.line > after_line);
        bytes += row.as_ref().map_or(0, weight);
        rows.extend(row);
        if rows.len() == BATCH_ROWS || bytes >= BATCH_BYTES || (at_end && !rows.is_empty()) {
            bytes = 0;
            let last_line = rows.last().map_or(after_line, |row| row.line);
            let batch = Batch { rows: std::mem::take(&mut rows), last_line, bytes_read: reader.bytes_read() };
            if sender.blocking_send(Ok(Piece::Batch(batch))).is_err() {
                return Ok(());
            }
        }
        if at_end {
            // Whoever listens no more was stopped.
            let _ = sender.blocking_send(Ok(Piece::End));
            return Ok(());
        }
    }
}

/// About what a row takes up, in memory and in an event.
fn weight(row: &Row) -> usize {
    const OF_A_FIELD: usize = 32;
    const OF_A_SALE: usize = 150;
    let texts = match &row.outcome {
        Ok(sale) => [&sale.order, &sale.customer, &sale.product].into_iter().flatten().map(String::len).sum(),
        Err(_) => 0,
    };
    let fields = row.fields.iter().flatten().map(|field| OF_A_FIELD + field.len()).sum::<usize>();
    OF_A_SALE + texts + fields
}

/// A stored file as a [`Read`], chunk by chunk. For a blocking thread only.
struct ChunkReader {
    commands: Commands,
    runtime: tokio::runtime::Handle,
    tenant: TenantId,
    upload_id: UploadId,
    /// How many bytes of the file come after the chunk.
    left: u64,
    next_chunk: i32,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let next = self.commands.upload_chunk(self.tenant, self.upload_id, self.next_chunk);
            match self.runtime.block_on(next).map_err(io::Error::other)? {
                Some(bytes) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    self.chunk = io::Cursor::new(bytes);
                }
                None if self.left > 0 => return Err(io::Error::new(io::ErrorKind::NotFound, FILE_GONE)),
                None => return Ok(0),
            }
            self.next_chunk += 1;
        }
    }
}
