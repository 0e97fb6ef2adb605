use dyocense_domain::connectors::{
    ColumnMapping, FormatOverrides, Import, ImportEvent, ImportRefusal, ImportStarted, cancel, start,
};
use dyocense_domain::event::Aggregate;
use dyocense_domain::ids::{ImportId, UploadId};
use dyocense_eventlog::{AppendError, Direction, Position, TenantId};
use futures::TryStreamExt;
use uuid::Uuid;

use super::preview::PreviewRefusal;
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Loaded, MOST_ATTEMPTS, Outcome, decode, stream_id};

/// As many fields of a rejected row are shown; all are in the download.
pub const SHOWN_FIELDS: usize = 100;
/// As many characters of a field of a rejected row are shown.
pub const SHOWN_CHARACTERS: usize = 200;
/// A page of rejected rows, whole, ends with the row that passes this.
const PAGE_BYTES: usize = 4 << 20;

/// What to import, and what overrules detection.
#[derive(Debug, Clone)]
pub struct StartImport {
    pub upload_id: UploadId,
    pub format: FormatOverrides,
    pub mapping: Option<ColumnMapping>,
    /// ISO 4217; the business's own where None.
    pub currency: Option<String>,
    /// The import whose rejected rows this file corrects.
    pub corrects: Option<ImportId>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    #[error(transparent)]
    Preview(#[from] PreviewRefusal),
    #[error(transparent)]
    Import(#[from] ImportRefusal),
    #[error("which columns hold the date and the amount could not be guessed ({because}); say which")]
    NoMapping { because: String },
    #[error("there is no such import in this business")]
    NoSuchCorrected,
    #[error("the file with the rejected rows is no longer kept; import the whole file, corrected")]
    CorrectedFileGone,
    #[error("amounts of this business are in {expected}; an import in {found} would mix currencies")]
    OtherCurrency { expected: String, found: String },
    #[error("only a person or an API key can cancel an import")]
    NotAPerson,
}

/// A row that could not be read, as it stood, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    pub line: u64,
    pub reason: String,
    pub fields: Vec<String>,
}

impl RejectedRow {
    fn shown(mut self) -> Self {
        self.fields.truncate(SHOWN_FIELDS);
        for field in &mut self.fields {
            if let Some((end, _)) = field.char_indices().nth(SHOWN_CHARACTERS) {
                field.truncate(end);
                field.push('…');
            }
        }
        self
    }
}

impl Commands {
    /// Queues an import of an uploaded file. The rows come in afterwards, in batches, each an event.
    pub async fn start_import(
        &self,
        caller: &Caller,
        input: StartImport,
    ) -> Result<(ImportId, Position), CommandError<StartRefusal>> {
        if let Some(Outcome { position, events, .. }) = self.replay::<ImportEvent>(caller).await?
            && let Some(ImportEvent::ImportStarted(started)) = events.into_iter().next()
        {
            return Ok((started.import_id, position));
        }
        let refused = CommandError::Refused;
        let preview = self
            .preview_import(caller, input.upload_id, &input.format, input.mapping)
            .await
            .map_err(|error| error.map_refusal(StartRefusal::Preview))?;
        let Some(mapping) = preview.sniffed.mapping else {
            return Err(refused(StartRefusal::NoMapping { because: preview.sniffed.doubts.join("; ") }));
        };
        if let Some(corrected) = input.corrects {
            self.check_corrected(caller.tenant, corrected).await?;
        }
        let currency = input.currency.unwrap_or_else(|| preview.currency.clone());
        if !currency.eq_ignore_ascii_case(&preview.currency) {
            return Err(refused(StartRefusal::OtherCurrency { expected: preview.currency, found: currency }));
        }
        let import_id = ImportId::from(Uuid::now_v7());
        let started = ImportStarted {
            import_id,
            upload_id: input.upload_id,
            file_name: preview.upload.file_name,
            bytes: preview.upload.bytes,
            file_sha256: preview.upload.sha256,
            format: preview.sniffed.format,
            mapping,
            currency,
            corrects: input.corrects,
        };
        let columns = preview.sniffed.columns.len();
        start(&Import::default(), started.clone(), columns).map_err(|refusal| refused(refusal.into()))?;

        // Queued first: an entry whose import never started is dropped by the worker that finds it.
        sqlx::query("insert into vault.import_queue (tenant_id, import_id) values ($1, $2)")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(import_id))
            .execute(self.vault.across_tenants())
            .await?;
        let outcome = self
            .decide_import(caller, import_id, "StartImport", |import| start(import, started.clone(), columns))
            .await
            .map_err(|error| error.map_refusal(StartRefusal::Import))?;
        self.import_queued.notify_one();
        Ok((import_id, outcome.position))
    }

    /// Whether an import can be corrected: how often its good rows came is part of the keys of the corrected ones, so
    /// its file is needed.
    async fn check_corrected(&self, tenant: TenantId, import_id: ImportId) -> Result<(), CommandError<StartRefusal>> {
        let corrected = self.load_import(tenant, import_id).await?.state;
        let started = corrected.started.ok_or(CommandError::Refused(StartRefusal::NoSuchCorrected))?;
        if corrected.totals.rejected > 0 && self.upload(tenant, started.upload_id).await?.is_none() {
            return Err(CommandError::Refused(StartRefusal::CorrectedFileGone));
        }
        Ok(())
    }

    /// Stops an import; what is in stays in.
    pub async fn cancel_import(
        &self,
        caller: &Caller,
        import_id: ImportId,
    ) -> Result<Outcome<ImportEvent>, CommandError<StartRefusal>> {
        let by = caller.actor.user_id().ok_or(CommandError::Refused(StartRefusal::NotAPerson))?;
        let outcome = self.decide_import(caller, import_id, "CancelImport", |import| cancel(import, by)).await;
        outcome.map_err(|error| error.map_refusal(StartRefusal::Import))
    }

    /// The names of a file's columns, as kept with its rejected rows; empty where none were rejected, or none are kept
    /// any more.
    pub async fn rejected_columns(&self, tenant: TenantId, import_id: ImportId) -> Result<Vec<String>, Fault> {
        let header = self.rejected_from(tenant, import_id, 0, 1, usize::MAX, |row| row).await?.into_iter().next();
        Ok(header.filter(|row| row.line == 0).map(|row| row.fields).unwrap_or_default())
    }

    /// Rejected rows after a line, in the file's order: `limit`, or fewer where they are long. None is the end.
    pub async fn rejected_rows(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        after_line: u64,
        limit: u32,
    ) -> Result<Vec<RejectedRow>, Fault> {
        self.rejected_from(tenant, import_id, after_line + 1, limit, PAGE_BYTES, |row| row).await
    }

    /// Rejected rows after a line, in the file's order, cut to what can be shown: [`SHOWN_FIELDS`] fields of
    /// [`SHOWN_CHARACTERS`] characters.
    pub async fn shown_rejected_rows(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        after_line: u64,
        limit: u32,
    ) -> Result<Vec<RejectedRow>, Fault> {
        self.rejected_from(tenant, import_id, after_line + 1, limit, usize::MAX, RejectedRow::shown).await
    }

    async fn rejected_from(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        line: u64,
        limit: u32,
        page_bytes: usize,
        cut: fn(RejectedRow) -> RejectedRow,
    ) -> Result<Vec<RejectedRow>, Fault> {
        let mut tx = self.vault.of(tenant).await?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        {
            let mut found = sqlx::query_as::<_, (i64, String, String)>(
                "select line, reason, raw from vault.rejected_rows
                 where tenant_id = $1 and import_id = $2 and line >= $3 order by line limit $4",
            )
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(import_id))
            .bind(line.cast_signed())
            .bind(i64::from(limit))
            .fetch(&mut *tx);
            while bytes < page_bytes
                && let Some((line, reason, raw)) = found.try_next().await?
            {
                let fields = serde_json::from_str(&raw).map_err(Fault::internal)?;
                let row = cut(RejectedRow { line: line.unsigned_abs(), reason, fields });
                bytes += row.reason.len() + row.fields.iter().map(String::len).sum::<usize>();
                rows.push(row);
            }
        }
        tx.commit().await?;
        Ok(rows)
    }

    /// Keeps rejected rows while their file is kept; keeping one again changes nothing.
    pub(super) async fn keep_rejected(
        &self,
        tenant: TenantId,
        import_id: ImportId,
        upload_id: UploadId,
        rows: &[RejectedRow],
    ) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let lines: Vec<i64> = rows.iter().map(|row| row.line.cast_signed()).collect();
        let reasons: Vec<&str> = rows.iter().map(|row| row.reason.as_str()).collect();
        let raws: Vec<String> = rows.iter().map(|row| serde_json::json!(row.fields).to_string()).collect();
        let mut tx = self.vault.of(tenant).await?;
        // Waits for whoever deletes the file, as an erasure does: after it, nothing of the file is written any more.
        let kept: Option<i32> =
            sqlx::query_scalar("select 1 from vault.uploads where tenant_id = $1 and upload_id = $2 for key share")
                .bind(Uuid::from(tenant))
                .bind(Uuid::from(upload_id))
                .fetch_optional(&mut *tx)
                .await?;
        if kept.is_none() {
            return Ok(tx.commit().await?);
        }
        sqlx::query(
            "insert into vault.rejected_rows (tenant_id, import_id, line, reason, raw)
             select $1, $2, line, reason, raw from unnest($3::bigint[], $4::text[], $5::text[]) r (line, reason, raw)
             on conflict do nothing",
        )
        .bind(Uuid::from(tenant))
        .bind(Uuid::from(import_id))
        .bind(lines)
        .bind(reasons)
        .bind(raws)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Decides on an import and appends, reloading on conflict. Reads the first and the last events only, however
    /// long the import is: each batch carries the totals up to it.
    pub(super) async fn decide_import(
        &self,
        caller: &Caller,
        import_id: ImportId,
        command: &'static str,
        decide: impl Fn(&Import) -> Result<Vec<ImportEvent>, ImportRefusal>,
    ) -> Result<Outcome<ImportEvent>, CommandError<ImportRefusal>> {
        let stream = stream_id(import_id.stream())?;
        let _turn = self.turns.take(caller.tenant, &stream).await;
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        for _ in 0..MOST_ATTEMPTS {
            let loaded = self.load_import(caller.tenant, import_id).await?;
            let events = match decide(&loaded.state) {
                Ok(events) if !events.is_empty() => events,
                nothing => return self.nothing_new(caller, nothing).await,
            };
            match self.append(caller, stream.clone(), loaded.version, command, &events).await {
                Err(AppendError::Conflict { .. }) => continue,
                Err(error) => return Err(Fault::from(error).into()),
                Ok(appended) => return self.done(caller, &appended, events).await,
            }
        }
        Err(Fault::Contended.into())
    }

    pub(super) async fn load_import(&self, tenant: TenantId, import_id: ImportId) -> Result<Loaded<Import>, Fault> {
        let stream = stream_id(import_id.stream())?;
        let first = self.log.read_stream(tenant, &stream, 0, 1, Direction::Forward).await?;
        let mut last = self.log.read_stream(tenant, &stream, i64::MAX, 2, Direction::Backward).await?;
        last.reverse();
        let version = last.last().map_or(0, |event| event.version);
        let mut state = Import::default();
        for recorded in first.iter().chain(last.iter().filter(|event| event.version > 1)) {
            state = state.evolve(&decode(recorded)?);
        }
        Ok(Loaded { state, version })
    }
}
