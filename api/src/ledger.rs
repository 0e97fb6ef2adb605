//! A ledger brought in from this machine: the same upload, preview and import that people use, followed to its end.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, bail};
use dyocense_commands::connectors::{ImportPreview, StartImport};
use dyocense_commands::{Caller, Commands};
use dyocense_domain::connectors::{ColumnMapping, FormatOverrides, ImportEvent, ImportTotals};
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::{ImportId, UploadId};
use dyocense_eventlog::{Direction, Position, StreamId, TenantId};

const CHUNK: usize = 1 << 20;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How the file is to be read, where it is not to be guessed.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub format: FormatOverrides,
    pub mapping: Option<ColumnMapping>,
    pub currency: Option<String>,
}

/// How far an import is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    pub totals: ImportTotals,
    pub bytes_read: u64,
    pub bytes: u64,
    pub ended: Option<Ended>,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Completed,
    Failed(String),
    Cancelled,
}

/// Stores the file as an upload.
pub async fn upload(
    commands: &Commands,
    caller: &Caller,
    name: &str,
    mut source: impl Read + Send,
) -> anyhow::Result<UploadId> {
    let mut writer = commands.begin_upload(caller, name).await?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source.read(&mut chunk).with_context(|| format!("reading {name}"))?;
        if read == 0 {
            break;
        }
        writer.write(&chunk[..read]).await?;
    }
    Ok(writer.finish().await?.upload_id)
}

pub async fn preview(
    commands: &Commands,
    caller: &Caller,
    upload: UploadId,
    reading: &Reading,
) -> anyhow::Result<ImportPreview> {
    Ok(commands.preview_import(caller, upload, &reading.format, reading.mapping.clone()).await?)
}

/// Imports an upload and waits for its end, telling `watch` how far it is. Workers must be running.
pub async fn import(
    commands: &Commands,
    caller: &Caller,
    upload: UploadId,
    reading: Reading,
    watch: impl FnMut(&Progress),
) -> anyhow::Result<Progress> {
    let Reading { format, mapping, currency } = reading;
    let start = StartImport { upload_id: upload, format, mapping, currency, corrects: None };
    let (import_id, _) = commands.start_import(caller, start).await?;
    follow(commands, caller.tenant, import_id, watch).await
}

/// Waits for the end of an import.
pub async fn follow(
    commands: &Commands,
    tenant: TenantId,
    import_id: ImportId,
    mut watch: impl FnMut(&Progress),
) -> anyhow::Result<Progress> {
    let mut version = 0;
    let mut progress = Progress::default();
    let stream = StreamId::new(import_id.stream())?;
    loop {
        let events = commands.log().read_stream(tenant, &stream, version, 100, Direction::Forward).await?;
        let news = !events.is_empty();
        for event in events {
            version = event.version;
            progress.position = event.position;
            match ImportEvent::from_json(&event.event_type, event.data().map_err(|reason| reason.clone())?)? {
                ImportEvent::ImportStarted(started) => progress.bytes = started.bytes,
                ImportEvent::TransactionsImported(batch) => {
                    progress.totals = batch.totals;
                    progress.bytes_read = batch.bytes_read;
                }
                ImportEvent::ImportCompleted(completed) => {
                    progress.totals = completed.totals;
                    progress.bytes_read = progress.bytes;
                    progress.ended = Some(Ended::Completed);
                }
                ImportEvent::ImportFailed(failed) => progress.ended = Some(Ended::Failed(failed.reason)),
                ImportEvent::ImportCancelled(_) => progress.ended = Some(Ended::Cancelled),
            }
        }
        if news {
            watch(&progress);
        }
        match &progress.ended {
            Some(Ended::Failed(reason)) => bail!("the import could not go on: {reason}"),
            Some(_) => return Ok(progress),
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
