//! What a command asks of the log, and what the log answers.

use std::sync::Arc;

use crate::{ExpectedVersion, InexactNumber, Metadata, NewEvent, Position, SealError, StreamId, TenantId};

/// Bounds of one command. They keep one command from holding up the others of its batch.
pub const MAX_EVENTS: usize = 10_000;
/// Of one event's canonical body.
pub const MAX_EVENT_BYTES: usize = 1 << 20;
/// Of all bodies of one command.
pub const MAX_COMMAND_BYTES: usize = 16 << 20;

/// One command's events on one stream.
#[derive(Clone, Debug)]
pub struct Append {
    pub tenant: TenantId,
    pub stream: StreamId,
    pub expected: ExpectedVersion,
    pub events: Vec<NewEvent>,
    pub metadata: Metadata,
    pub idempotency: Option<Idempotency>,
}

/// The part of a command that goes to one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    pub stream: StreamId,
    pub expected: ExpectedVersion,
    pub events: Vec<NewEvent>,
}

/// Makes a repeated command harmless: the same key with the same request gives the first answer again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Chosen by the caller, unique in the tenant: 1 to 200 bytes.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
}

/// Where a command's events stand. They are durable, and contiguous from `first_position` to `last_position`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    pub first_position: Position,
    pub last_position: Position,
    /// One per stream of the command.
    pub streams: Vec<AppendedStream>,
    /// The key had been used for the same request before: this is the first answer, nothing was written now.
    pub replayed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedStream {
    pub stream: StreamId,
    pub first_version: i64,
    pub last_version: i64,
}

impl Appended {
    /// The version that the command's (first) stream has reached.
    pub fn version(&self) -> i64 {
        self.streams.first().map_or(0, |stream| stream.last_version)
    }
}

/// Why a command's events are not (or may not be) in the log. Other commands of the same batch are not affected.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended since the command was decided: load again, decide again.
    #[error("{stream} is at version {actual}, the command expected {expected}")]
    Conflict { stream: StreamId, expected: ExpectedVersion, actual: i64 },
    #[error("the idempotency key {key:?} was used before, for another request")]
    KeyReused { key: String },
    /// The person has been erased: nothing new about them is recorded.
    #[error("{subject} has been erased and cannot be written about")]
    SubjectErased { subject: String },
    #[error("{what}: {size} where at most {limit} are allowed")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error(transparent)]
    Invalid(#[from] InvalidAppend),
    /// The database could not be asked, or refused; see [`Written`] for whether the command may be in the log.
    #[error("the log is unavailable ({written}): {source}")]
    Unavailable { written: Written, source: Arc<sqlx::Error> },
    /// The log is being closed and takes no more commands; this one was not written.
    #[error("the log is closing")]
    Closed,
}

/// What is known of a command whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is not in the log.
    No,
    /// The connection broke before the answer: it may be. Repeating it with its idempotency key is safe.
    Unknown,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::No => "nothing was written",
            Self::Unknown => "whether it was written is unknown",
        })
    }
}

/// A command that could never be appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppend {
    #[error("a command for {stream} has no events")]
    NoEvents { stream: StreamId },
    #[error("a command without a stream")]
    NoStreams,
    #[error("{stream} occurs twice in one command")]
    RepeatedStream { stream: StreamId },
    #[error("{expected} cannot be expected of {stream}: versions count from 1")]
    Expected { stream: StreamId, expected: ExpectedVersion },
    #[error("{value:?} is no event type: 1 to 100 bytes of printable ASCII without spaces are allowed")]
    EventType { value: String },
    #[error("schema version {value} of {event_type}: versions count from 1")]
    SchemaVersion { event_type: String, value: i32 },
    #[error("{field} has {bytes} bytes: 1 to {limit} are allowed")]
    Length { field: &'static str, bytes: usize, limit: usize },
    #[error("{field} holds a zero byte")]
    ZeroByte { field: &'static str },
    #[error(transparent)]
    Number(#[from] InexactNumber),
    #[error(transparent)]
    Personal(#[from] SealError),
}
