use dyocense_eventlog::{AppendError, ReadError as LogError};

use crate::ports::ReadError;

/// Why a command did not happen: refused by a rule, with a reason for the caller, or a fault on our side.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R> {
    #[error(transparent)]
    Refused(R),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl<R> CommandError<R> {
    pub fn map_refusal<S>(self, map: impl FnOnce(R) -> S) -> CommandError<S> {
        match self {
            Self::Refused(refusal) => CommandError::Refused(map(refusal)),
            Self::Fault(fault) => CommandError::Fault(fault),
        }
    }
}

/// A fault that no rule of the business explains. The causes are for logs, never for clients.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("idempotency key `{key}` was used before with another request")]
    KeyReused { key: String },
    #[error("others kept changing the same thing; try again")]
    Contended,
    #[error("too many password checks are waiting; try again in a moment")]
    Busy,
    #[error("the request is too large for the event log: {0}")]
    TooLarge(String),
    #[error("the database did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("an internal fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fault {
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Whether the same may go well later, with nothing changed: the database is away, full, stopping or busy. The other
    /// faults come back however often it is tried.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Contended | Self::Busy | Self::Unavailable(_) => true,
            Self::KeyReused { .. } | Self::TooLarge(_) => false,
            Self::Internal(cause) => match cause.downcast_ref::<sqlx::Error>() {
                // Classes of SQLSTATE: connection, rollback, resources, object in use, intervention, system.
                Some(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                    ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
                }),
                Some(sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed) => true,
                _ => false,
            },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<LogError> for Fault {
    fn from(error: LogError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::KeyReused { key } => Self::KeyReused { key },
            AppendError::Conflict { .. } => Self::Contended,
            error @ AppendError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            error @ AppendError::Unavailable { .. } => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}

impl<R> From<sqlx::Error> for CommandError<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl<R> From<LogError> for CommandError<R> {
    fn from(error: LogError) -> Self {
        Self::Fault(error.into())
    }
}

impl<R> From<ReadError> for CommandError<R> {
    fn from(error: ReadError) -> Self {
        Self::Fault(error.into())
    }
}
