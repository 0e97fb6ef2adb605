//! Reading the log: by tenant, by stream, by what an auditor asks for.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::{Value, value::RawValue};
use sqlx::Row;

use crate::{
    Direction, Metadata, Position, RecordedEvent, StreamId, TenantTx, Unreadable, Upcasters,
    event::Envelope,
    keys::{KeyError, KeysBySubject, SubjectKeys},
    recent::Stored,
    seal,
};

/// What an event must match. Empty fields match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these types.
    pub event_types: Vec<String>,
    /// The start of the stream's name: `goal-` for all goals, a whole name for one stream.
    pub stream_prefix: Option<String>,
    pub actor: Option<String>,
    /// Recorded at this instant or later.
    pub since: Option<Timestamp>,
    /// Recorded before this instant.
    pub until: Option<Timestamp>,
}

/// Why the log could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log is unavailable: {0}")]
    Unavailable(Arc<sqlx::Error>),
    #[error("position {position} of the log is damaged: {reason}")]
    Damaged { position: Position, reason: String },
    /// A subject's key cannot be unwrapped: the keyring lacks a master key, or the key table was tampered with.
    #[error(transparent)]
    Keys(#[from] crate::SealError),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl From<KeyError> for ReadError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => Self::Unavailable(error),
            KeyError::Seal(error) => Self::Keys(error),
            KeyError::Erased { subject } => Self::Keys(crate::SealError::Unopened { subject }),
        }
    }
}

/// Which events, in the order of which number.
pub(crate) enum Source<'a> {
    Tenant { beyond: Position },
    Stream { stream: &'a StreamId, beyond: i64 },
    Matching { beyond: Position, filter: &'a Filter },
}

const TENANT_FORWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and position > $2 order by position limit $3";
const TENANT_BACKWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and position < $2 order by position desc limit $3";
const STREAM_FORWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and stream_id = $4 and version > $2 order by version limit $3";
const STREAM_BACKWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and stream_id = $4 and version < $2 order by version desc limit $3";
const MATCHING_FORWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and position > $2
      and ($4::text[] is null or event_type = any ($4)) and ($5::text is null or starts_with(stream_id, $5))
      and ($6::text is null or actor = $6)
      and ($7::timestamptz is null or recorded_at >= $7) and ($8::timestamptz is null or recorded_at < $8)
    order by position limit $3";
const MATCHING_BACKWARD: &str = "select position, version, body from log.events
    where tenant_id = $1 and position < $2
      and ($4::text[] is null or event_type = any ($4)) and ($5::text is null or starts_with(stream_id, $5))
      and ($6::text is null or actor = $6)
      and ($7::timestamptz is null or recorded_at >= $7) and ($8::timestamptz is null or recorded_at < $8)
    order by position desc limit $3";

/// Reads up to `limit` events, opened and lifted.
pub(crate) async fn events(
    tx: &mut TenantTx,
    source: Source<'_>,
    limit: usize,
    direction: Direction,
    keys: &SubjectKeys,
    upcasters: &Upcasters,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let statement = match (&source, direction) {
        (Source::Tenant { .. }, Direction::Forward) => TENANT_FORWARD,
        (Source::Tenant { .. }, Direction::Backward) => TENANT_BACKWARD,
        (Source::Stream { .. }, Direction::Forward) => STREAM_FORWARD,
        (Source::Stream { .. }, Direction::Backward) => STREAM_BACKWARD,
        (Source::Matching { .. }, Direction::Forward) => MATCHING_FORWARD,
        (Source::Matching { .. }, Direction::Backward) => MATCHING_BACKWARD,
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query(statement).bind(tx.tenant().uuid());
    // A tenant's own order has no hole; one would mean that the table was changed behind the log's back.
    let mut contiguous = match (&source, direction) {
        (Source::Tenant { beyond }, Direction::Forward) => Some(*beyond),
        _ => None,
    };
    let query = match source {
        Source::Tenant { beyond } => query.bind(beyond.get()).bind(limit),
        Source::Stream { stream, beyond } => query.bind(beyond).bind(limit).bind(stream.as_str()),
        Source::Matching { beyond, filter } => query
            .bind(beyond.get())
            .bind(limit)
            .bind((!filter.event_types.is_empty()).then_some(&filter.event_types))
            .bind(&filter.stream_prefix)
            .bind(&filter.actor)
            .bind(filter.since.map(ToSqlx::to_sqlx))
            .bind(filter.until.map(ToSqlx::to_sqlx)),
    };
    let rows = query.fetch_all(&mut **tx).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let position = Position::from_log(row.try_get(0)?);
        if let Some(before) = contiguous {
            if position != before.next() {
                return Err(ReadError::Damaged { position, reason: format!("it follows {before}") });
            }
            contiguous = Some(position);
        }
        events.push(decode(position, row.try_get(1)?, row.try_get(2)?)?);
    }
    drop(rows);
    let closed = Closed::new(events, upcasters)?;
    let subject_keys = keys.to_open(tx, &closed.subjects).await?;
    Ok(closed.open(&subject_keys, upcasters))
}

fn decode(position: Position, version: i64, body: &str) -> Result<RecordedEvent, ReadError> {
    let damaged = |reason: String| ReadError::Damaged { position, reason };
    let envelope: Envelope<'_> = serde_json::from_str(body).map_err(|error| damaged(error.to_string()))?;
    Ok(RecordedEvent {
        tenant: envelope.tenant.into(),
        position,
        stream: StreamId::new(envelope.stream).map_err(|error| damaged(error.to_string()))?,
        version,
        id: envelope.id,
        event_type: envelope.event_type.into_owned(),
        schema_version: envelope.schema,
        payload: Ok(envelope.data.to_owned()),
        metadata: Metadata {
            actor: envelope.actor.into_owned(),
            at: envelope.at,
            correlation: envelope.correlation,
            causation: envelope.causation,
            command: envelope.command.into_owned(),
        },
    })
}

/// Events as they were written: what is sealed still sealed, the payloads of the schema they were written with.
pub(crate) struct Closed {
    events: Vec<RecordedEvent>,
    /// The payloads that must be opened or lifted; the others need not be parsed.
    parsed: Vec<(usize, Value)>,
    /// Whose keys it takes to open them.
    pub subjects: BTreeSet<String>,
}

impl Closed {
    pub fn decode(stored: &[(Position, Stored)], upcasters: &Upcasters) -> Result<Self, ReadError> {
        let events = stored.iter().map(|(position, event)| decode(*position, event.version, &event.body));
        Self::new(events.collect::<Result<_, _>>()?, upcasters)
    }

    fn new(mut events: Vec<RecordedEvent>, upcasters: &Upcasters) -> Result<Self, ReadError> {
        let mut parsed: Vec<(usize, Value)> = Vec::new();
        let mut subjects = BTreeSet::new();
        for (i, event) in events.iter_mut().enumerate() {
            let Ok(raw) = &event.payload else { continue };
            let sealed = seal::may_be_sealed(raw.get());
            match upcasters.target(&event.event_type, event.schema_version) {
                Err(error) => event.payload = Err(error.into()),
                Ok(target) if !sealed && target == event.schema_version => {}
                Ok(_) => {
                    let value: Value = serde_json::from_str(raw.get())
                        .map_err(|error| ReadError::Damaged { position: event.position, reason: error.to_string() })?;
                    if sealed {
                        seal::subjects_to_open(&value, &mut subjects);
                    }
                    parsed.push((i, value));
                }
            }
        }
        Ok(Self { events, parsed, subjects })
    }

    pub fn open(mut self, keys: &KeysBySubject, upcasters: &Upcasters) -> Vec<RecordedEvent> {
        for (i, mut value) in self.parsed {
            let event = &mut self.events[i];
            let (stored, event_type) = (event.schema_version, &event.event_type);
            event.payload = seal::open(&mut value, event.tenant, keys)
                .map_err(Unreadable::from)
                .and_then(|()| Ok(upcasters.lift(event_type, stored, value)?))
                .map(|value| to_raw(&value));
            if event.payload.is_ok() {
                event.schema_version = upcasters.target(event_type, stored).unwrap_or(stored);
            }
        }
        self.events
    }
}

fn to_raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("a JSON value prints as JSON")
}
