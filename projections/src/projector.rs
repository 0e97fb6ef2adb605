//! What a projector is.

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_eventlog::{Position, RecordedEvent, TenantTx};

/// Folds the events of one tenant into the rows of one context.
///
/// It is deterministic and does nothing but write rows: the same events give the same rows, however they are cut
/// into batches (`tests/it/projections/fold.rs` holds this). It folds a whole batch before it writes the first row.
#[async_trait]
pub trait Projector: Send + Sync + 'static {
    /// Unique, and stored with what is parked.
    fn name(&self) -> &'static str;

    /// To be raised when the rows would come out differently than before: it makes the program rebuild.
    fn version(&self) -> u32;

    /// The tables, as DDL without schema names. Each has a first column `tenant_id uuid`; row-level security and
    /// rights are added to all of them.
    fn schema(&self) -> &'static str;

    fn handles(&self, event_type: &str) -> bool;

    /// Applies events that it handles, oldest first.
    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError>;
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// This event cannot be read, or contradicts what came before it in its stream.
    #[error("position {position}: {reason}")]
    Poison { position: Position, reason: String },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl ProjectorError {
    pub fn poison(event: &RecordedEvent, reason: impl ToString) -> Self {
        Self::Poison { position: event.position, reason: reason.to_string() }
    }
}

/// Reads an event of a context.
pub fn decode<E: DomainEvent>(event: &RecordedEvent) -> Result<E, ProjectorError> {
    let data = event.data().map_err(|unreadable| ProjectorError::poison(event, unreadable))?;
    E::from_json(&event.event_type, data).map_err(|error| ProjectorError::poison(event, error))
}
