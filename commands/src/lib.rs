//! Use cases: load, decide, append; policies; the ports to the outside world.
//!
//! Every use case is a method of [`Commands`], in the file of its context. All take a [`Caller`]: which business,
//! who asks, and under which idempotency key.

mod caller;
mod clock;
pub mod connectors;
mod derived;
mod error;
pub mod evidence;
mod execute;
pub mod forecasting;
pub mod goals;
pub mod identity;
pub mod metrics;
pub mod optimization;
pub mod policies;
pub mod ports;
pub mod runs;
pub mod secrets;
mod timers;
mod turns;
mod vault;

pub use caller::{Actor, Caller};
pub use clock::SystemClock;
pub use error::{CommandError, Fault};
pub use execute::{Commands, CommandsOptions, MailOptions, Outcome};
