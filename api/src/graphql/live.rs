//! What all live queries share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_graphql::Context;
use dyocense_eventlog::{Position, RecordedEvent};
use jiff::Timestamp;

/// The position of the item a subscription yielded last, so that a transport that must close it can say where to
/// resume, whatever fields the client selected.
#[derive(Debug, Clone, Default)]
pub struct Cursor(Arc<AtomicI64>);

impl Cursor {
    /// Of the subscription that runs in this context.
    pub fn of(ctx: &Context<'_>) -> Cursor {
        ctx.data_opt::<Cursor>().cloned().unwrap_or_default()
    }

    pub fn set(&self, position: Position) {
        self.0.store(position.get(), Ordering::Relaxed);
    }

    /// None before the first item.
    pub fn get(&self) -> Option<i64> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            position => Some(position),
        }
    }
}

/// Counts an item on its way to a subscriber, and how long after its event.
pub fn count_item(subscription: &'static str, event: &RecordedEvent) {
    metrics::counter!("dyocense_subscription_items_total", "subscription" => subscription).increment(1);
    let delay = Timestamp::now().duration_since(event.metadata.at).as_secs_f64();
    // What is read from the past is not late.
    if (0.0..60.0).contains(&delay) {
        metrics::histogram!("dyocense_subscription_delay_seconds", "subscription" => subscription).record(delay);
    }
}
