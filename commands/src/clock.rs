use dyocense_domain::Clock;
use jiff::Timestamp;

/// The machine's clock. Only the program's start chooses it; everything else is handed a [`Clock`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
