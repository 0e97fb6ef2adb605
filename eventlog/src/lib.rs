#![doc = include_str!("../README.md")]

mod append;
mod batch;
mod canonical;
mod command;
mod envelope;
mod event;
mod keys;
mod lane;
mod log;
mod read;
mod recent;
mod seal;
mod signal;
mod stream;
mod tail;
mod tenant;
mod upcast;

pub use append::{
    Append, AppendError, Appended, AppendedStream, Idempotency, InvalidAppend, MAX_COMMAND_BYTES, MAX_EVENT_BYTES,
    MAX_EVENTS, StreamAppend, Written,
};
pub use canonical::InexactNumber;
pub use envelope::leaf_hash;
pub use event::{DecodeError, Metadata, NewEvent, RecordedEvent, Unreadable};
pub use log::{EventLog, OpenError, Options};
pub use read::{Filter, ReadError};
pub use seal::{Keyring, MasterKey, SealError};
pub use signal::Commit;
pub use stream::{Direction, ExpectedVersion, InvalidStreamId, Position, StreamId};
pub use tenant::{TenantId, TenantTx};
pub use upcast::{BrokenChain, Upcast, UpcastError, Upcasters};
