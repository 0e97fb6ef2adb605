//! Where an event stands: its stream and version, its position in the tenant's history.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The number of an event in its tenant's history: 1, 2, 3 … without a gap, in commit order. The one public cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// Behind every event: where a backward read begins.
    pub const END: Self = Self(i64::MAX);

    /// `None` for a negative number.
    pub fn new(position: i64) -> Option<Self> {
        (position >= 0).then_some(Self(position))
    }

    pub fn get(self) -> i64 {
        self.0
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(crate) fn from_log(position: i64) -> Self {
        Self(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The events of one aggregate, named `goal-<uuid>`, `business`, …: 1 to 200 bytes of printable ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(String);

/// A name that cannot be a stream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no stream name: 1 to {} bytes of printable ASCII without spaces are allowed", StreamId::MAX_BYTES)]
pub struct InvalidStreamId {
    pub name: String,
}

impl StreamId {
    pub const MAX_BYTES: usize = 200;

    pub fn new(name: impl Into<String>) -> Result<Self, InvalidStreamId> {
        let name = name.into();
        let fits = (1..=Self::MAX_BYTES).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(name)) } else { Err(InvalidStreamId { name }) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first hyphen: `goal` of `goal-0190…`.
    pub fn category(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsRef<str> for StreamId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamId {
    type Err = InvalidStreamId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for StreamId {
    type Error = InvalidStreamId;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> Self {
        stream.0
    }
}

/// What a command found when it decided. The append is refused when the stream has moved on since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// The stream has no event yet.
    NoStream,
    /// The stream's last version; `Exact(0)` is `NoStream`.
    Exact(i64),
    /// Whatever it is: for facts that no other fact can contradict.
    Any,
}

impl ExpectedVersion {
    /// The version that the stream has when the expectation holds; none where any will do.
    pub(crate) fn version(self) -> Option<i64> {
        match self {
            Self::NoStream => Some(0),
            Self::Exact(version) => Some(version),
            Self::Any => None,
        }
    }

    pub(crate) fn to_log(self) -> i64 {
        match self {
            Self::NoStream => 0,
            Self::Exact(version) => version,
            Self::Any => -1,
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream => f.write_str("no stream"),
            Self::Exact(version) => write!(f, "version {version}"),
            Self::Any => f.write_str("any version"),
        }
    }
}

/// Oldest first, or newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}
