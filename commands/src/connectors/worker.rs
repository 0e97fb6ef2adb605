//! Works through queued imports: one at a time per business, resumed where a crash left them.

use std::io::{self, Read};
use std::time::Duration;

use dyocense_domain::connectors::{
    Import, ImportEvent, ImportRefusal, ImportStarted, ImportTotals, Occurrences, ReadOptions, Row, TransactionReader,
    TransactionsImported, complete, fail, take_batch,
};
use dyocense_domain::ids::{ImportId, UploadId};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::TenantId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::imports::RejectedRow;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::Commands;

/// Rows of one event: about 100 KB, and a few milliseconds of projecting.
const BATCH_ROWS: usize = 500;
/// Corrections of corrections of … are followed back this far.
const MOST_CORRECTIONS: usize = 20;
const SLOW_POLL: Duration = Duration::from_secs(5);
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

struct Batch {
    rows: Vec<Row>,
    last_line: u64,
    bytes_read: u64,
}

enum Piece {
    Columns(Vec<String>),
    Batch(Batch),
    /// The source is no table at all.
    Unreadable(String),
}

impl Commands {
    /// Works through imports until `stop` is cancelled.
    pub async fn run_imports(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.work_on_queue(&stop).await {
                tracing::warn!(%error, "imports could not be worked on; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.import_queued.notified() => {}
                () = tokio::time::sleep(SLOW_POLL) => {}
            }
        }
    }

    async fn work_on_queue(&self, stop: &CancellationToken) -> Result<(), Fault> {
        let queued: Vec<(Uuid, Uuid)> =
            sqlx::query_as("select tenant_id, import_id from vault.import_queue order by queued_at limit 100")
                .fetch_all(self.vault.across_tenants())
                .await?;
        for (tenant, import_id) in queued {
            if stop.is_cancelled() {
                return Ok(());
            }
            let (tenant, import_id) = (TenantId::from(tenant), ImportId::from(import_id));
            // Held by a transaction that does nothing else: a dead node, or a task that was dropped, holds nothing.
            let mut lock = self.vault.across_tenants().begin().await?;
            let ours: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(format!("import of {tenant}"))
                .fetch_one(&mut *lock)
                .await?;
            if !ours {
                continue;
            }
            let worked = self.work_on(tenant, import_id, stop).await;
            lock.commit().await?;
            if let Err(error) = worked {
                tracing::warn!(%tenant, %import_id, %error, cause = ?std::error::Error::source(&error), "an import was interrupted; it will be resumed");
            }
        }
        Ok(())
    }

    async fn work_on(&self, tenant: TenantId, import_id: ImportId, stop: &CancellationToken) -> Result<(), Fault> {
        let import = self.load_import(tenant, import_id).await?.state;
        let finished = match &import.started {
            Some(started) if import.end.is_none() => self.import_rows(tenant, started.clone(), &import, stop).await?,
            _ => true,
        };
        if finished {
            // A file with rejected rows is kept: how often its good rows came is part of the keys of the corrected ones.
            let rejected = self.load_import(tenant, import_id).await?.state.totals.rejected;
            if let (Some(started), 0) = (&import.started, rejected) {
                self.discard_upload(tenant, started.upload_id).await?;
            }
            // An entry whose import has not started may be about to: it is written first (see `start_import`).
            sqlx::query(
                "delete from vault.import_queue
                 where tenant_id = $1 and import_id = $2 and ($3 or queued_at < now() - interval '10 minutes')",
            )
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(import_id))
            .bind(import.started.is_some())
            .execute(self.vault.across_tenants())
            .await?;
        }
        Ok(())
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
                    self.keep_rejected(tenant, import_id, &[header]).await?;
                }
                Piece::Batch(batch) => {
                    batch_number += 1;
                    if !self.take_in(tenant, import_id, batch_number, batch).await? {
                        return Ok(true);
                    }
                }
                Piece::Unreadable(reason) => {
                    return self.finish(tenant, import_id, |import| fail(import, reason.clone())).await;
                }
            }
        }
        self.finish(tenant, import_id, complete).await
    }

    /// Whether the import goes on: it may have been cancelled meanwhile.
    async fn take_in(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        batch_number: u32,
        batch: Batch,
    ) -> Result<bool, Fault> {
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
        self.keep_rejected(tenant, import_id, &rejected).await?;

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
            let Some(before) = self.load_import(tenant, import_id).await?.state.started else { break };
            next = before.corrects;
            corrected.push(self.open_file(tenant, &before, &time_zone));
        }
        corrected.reverse();
        let file = self.open_file(tenant, started, &time_zone);
        let (sender, receiver) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_pieces(file, corrected, after_line, &sender) {
                let _ = sender.blocking_send(match error.into_kind() {
                    csv::ErrorKind::Io(error) => Err(Fault::Unavailable(error.into())),
                    other => Ok(Piece::Unreadable(format!("the file cannot be read as a table: {other:?}"))),
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
) -> Result<(), csv::Error> {
    let mut seen = Occurrences::default();
    for (source, options) in corrected {
        seen = TransactionReader::new(source, options)?.after(seen).into_occurrences()?;
    }
    let mut reader = TransactionReader::new(source, options)?.after(seen);
    if after_line == 0 && sender.blocking_send(Ok(Piece::Columns(reader.columns().to_vec()))).is_err() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    loop {
        let row = reader.next_row()?;
        let at_end = row.is_none();
        // Rows that are in already are read all the same: how often a row came before is part of its key.
        rows.extend(row.filter(|row| row.line > after_line));
        if rows.len() == BATCH_ROWS || (at_end && !rows.is_empty()) {
            let last_line = rows.last().map_or(after_line, |row| row.line);
            let batch = Batch { rows: std::mem::take(&mut rows), last_line, bytes_read: reader.bytes_read() };
            if sender.blocking_send(Ok(Piece::Batch(batch))).is_err() {
                return Ok(());
            }
        }
        if at_end {
            return Ok(());
        }
    }
}

/// A stored file as a [`Read`], chunk by chunk. For a blocking thread only.
struct ChunkReader {
    commands: Commands,
    runtime: tokio::runtime::Handle,
    tenant: TenantId,
    upload_id: UploadId,
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
                Some(bytes) => self.chunk = io::Cursor::new(bytes),
                None => return Ok(0),
            }
            self.next_chunk += 1;
        }
    }
}
