//! An event on its way into the log and on its way out.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{Position, SealError, StreamId, TenantId, UpcastError};

/// A fact about to be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Unique for ever; UUIDv7.
    pub id: Uuid,
    /// Past tense, `GoalCreated`: 1 to 100 bytes of printable ASCII without spaces.
    pub event_type: Cow<'static, str>,
    /// Version of the shape of `data`, from 1.
    pub schema_version: i32,
    /// The payload. Wrap personal data as `{"$personal":{"subject":"user-…","value":…}}`, at any depth: it is sealed
    /// under that subject's key before it is stored. Whole numbers beyond ±2^53 are refused, as JSON's readers differ
    /// on them (RFC 8785): write them as text.
    pub data: Value,
}

impl NewEvent {
    /// An event with a fresh id.
    pub fn new(event_type: impl Into<Cow<'static, str>>, schema_version: i32, data: Value) -> Self {
        Self { id: Uuid::now_v7(), event_type: event_type.into(), schema_version, data }
    }
}

/// Who, when and why: the same for all events of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `user:<id>`, `api_key:<id>` or `system:<policy>`; 1 to 200 bytes.
    pub actor: String,
    /// When it happened, by the caller's clock; kept to the microsecond.
    pub at: Timestamp,
    /// The request or process that this belongs to.
    pub correlation: Uuid,
    /// The event that a policy reacted to.
    pub causation: Option<Uuid>,
    /// The command, `CreateGoal`; 1 to 200 bytes.
    pub command: String,
}

/// An event as the log has it, its personal data opened, its payload lifted to the current schema version.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    pub tenant: TenantId,
    pub position: Position,
    pub stream: StreamId,
    /// Place in its stream, from 1.
    pub version: i64,
    pub id: Uuid,
    pub event_type: String,
    /// Of `data` as it is here, after upcasting.
    pub schema_version: i32,
    /// Sealed values are `{"$personal":{"subject","value"}}` again, or `{"$erased":{"subject"}}` once their key is gone.
    /// A payload that cannot be lifted or opened does not hide the event: it says why in the payload's place.
    pub payload: Result<Box<RawValue>, Unreadable>,
    pub metadata: Metadata,
}

/// Why the payload of one event cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Upcast(#[from] UpcastError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A payload that is not what the reader took it for.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl RecordedEvent {
    /// The payload as JSON text.
    pub fn data(&self) -> Result<&str, &Unreadable> {
        self.payload.as_ref().map(|data| data.get())
    }

    /// Reads the payload into a type.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        let data = self.data().map_err(Unreadable::clone)?;
        Ok(serde_json::from_str(data)?)
    }
}

/// The stored form of an event, written by [`crate::envelope::write`] and read by this.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub actor: Cow<'a, str>,
    pub at: Timestamp,
    pub causation: Option<Uuid>,
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    pub correlation: Uuid,
    #[serde(borrow)]
    pub data: &'a RawValue,
    pub id: Uuid,
    pub schema: i32,
    #[serde(borrow)]
    pub stream: Cow<'a, str>,
    pub tenant: Uuid,
    #[serde(borrow, rename = "type")]
    pub event_type: Cow<'a, str>,
}
