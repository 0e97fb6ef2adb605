use std::collections::HashSet;

use async_trait::async_trait;
use dyocense_domain::connectors::{ImportEvent, ImportStarted, ImportTotals};
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::ImportId;
use dyocense_eventlog::{RecordedEvent, TenantTx};
use rust_decimal::Decimal;

use super::queries::{Import, ImportStatus};
use crate::column::Document;
use crate::projector::decode;
use crate::row::{load, save};
use crate::{Projector, ProjectorError};

pub struct ConnectorsProjector;

#[async_trait]
impl Projector for ConnectorsProjector {
    fn name(&self) -> &'static str {
        "connectors"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        ImportEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        let mut touched: HashSet<(ImportId,)> = HashSet::new();
        for event in events {
            let import = event.stream.as_str().strip_prefix("import-").and_then(|id| id.parse::<ImportId>().ok());
            let import = import.ok_or_else(|| ProjectorError::poison(event, "not an import's stream"))?;
            touched.insert((import,));
            facts.push((import, decode::<ImportEvent>(event)?));
        }
        let mut imports = load::<Import>(tx, touched).await?;
        for (event, (import, fact)) in events.iter().zip(facts) {
            if let ImportEvent::ImportStarted(fact) = fact {
                imports.insert((import,), started(event, fact));
                continue;
            }
            let row = imports
                .get_mut(&(import,))
                .ok_or_else(|| ProjectorError::poison(event, format!("import {import} is unknown")))?;
            let finished = Some(event.metadata.at);
            match fact {
                ImportEvent::ImportStarted(_) => {}
                ImportEvent::TransactionsImported(fact) => {
                    row.batches += 1;
                    row.last_line = fact.last_line as i64;
                    row.bytes_read = fact.bytes_read as i64;
                    row.add_up_to(fact.totals);
                }
                ImportEvent::ImportCompleted(fact) => {
                    (row.status, row.finished_at) = (ImportStatus::Completed, finished);
                    row.bytes_read = row.bytes_read.max(row.bytes);
                    row.add_up_to(fact.totals);
                }
                ImportEvent::ImportFailed(fact) => {
                    (row.status, row.finished_at, row.reason) = (ImportStatus::Failed, finished, Some(fact.reason));
                }
                ImportEvent::ImportCancelled(fact) => {
                    (row.status, row.finished_at) = (ImportStatus::Cancelled, finished);
                    row.cancelled_by = Some(fact.cancelled_by);
                }
            }
        }
        save(tx, imports.values()).await?;
        Ok(())
    }
}

impl Import {
    fn add_up_to(&mut self, totals: ImportTotals) {
        self.rows = totals.rows as i64;
        self.imported = totals.imported as i64;
        self.unchanged = totals.unchanged as i64;
        self.corrected = totals.corrected as i64;
        self.rejected = totals.rejected as i64;
        self.first_day = totals.first_day;
        self.last_day = totals.last_day;
        self.units = totals.units;
        self.amount = totals.amount;
    }
}

fn started(event: &RecordedEvent, fact: ImportStarted) -> Import {
    Import {
        import_id: fact.import_id,
        upload_id: fact.upload_id,
        file_name: fact.file_name,
        bytes: fact.bytes as i64,
        file_sha256: fact.file_sha256,
        format: Document(fact.format),
        mapping: Document(fact.mapping),
        currency: fact.currency,
        corrects: fact.corrects,
        started_at: event.metadata.at,
        started_by: event.metadata.actor.clone(),
        status: ImportStatus::Running,
        batches: 0,
        last_line: 0,
        bytes_read: 0,
        rows: 0,
        imported: 0,
        unchanged: 0,
        corrected: 0,
        rejected: 0,
        first_day: None,
        last_day: None,
        units: Decimal::ZERO,
        amount: Decimal::ZERO,
        finished_at: None,
        reason: None,
        cancelled_by: None,
    }
}
