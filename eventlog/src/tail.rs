//! Following a tenant's history: first what is there, then what comes, with no gap and no repetition in between.
//!
//! All tails of one tenant share a hub: one task that reads new events once and hands them out by reference. A tail that
//! joins late, or falls behind what the hub still holds, reads the log itself until it has caught up. Positions make
//! the hand-over safe: a tail passes on an event only if it is the next one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures::Stream;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Direction, Position, ReadError, RecordedEvent, TenantId, log::Inner};

/// Events a hub keeps for the slowest of its tails.
const RING: usize = 1_024;
const READ_AT_ONCE: usize = 1_000;
const REPLICA_LAG: Duration = Duration::from_millis(5);
const RETRY_AFTER: Duration = Duration::from_millis(500);

type Ring = broadcast::Sender<Arc<RecordedEvent>>;

#[derive(Default)]
pub(crate) struct Hubs(Mutex<HashMap<TenantId, Ring>>);

impl Hubs {
    fn join(&self, log: &Arc<Inner>, tenant: TenantId, head: Position) -> broadcast::Receiver<Arc<RecordedEvent>> {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match hubs.get(&tenant) {
            Some(ring) => ring.subscribe(),
            None => {
                let (ring, receiver) = broadcast::channel(RING);
                hubs.insert(tenant, ring.clone());
                tokio::spawn(feed(Arc::downgrade(log), tenant, head, log.commits.watch(tenant), ring));
                receiver
            }
        }
    }

    /// Closes the hub unless somebody has joined; under the same lock as joining.
    fn leave(&self, log: &Inner, tenant: TenantId, ring: &Ring) -> bool {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = ring.receiver_count() == 0;
        if empty {
            hubs.remove(&tenant);
            log.commits.unwatch(tenant);
        }
        empty
    }
}

/// The hub's task: reads behind the tenant's head and hands out, until nobody listens.
async fn feed(
    log: Weak<Inner>,
    tenant: TenantId,
    mut last: Position,
    mut head: tokio::sync::watch::Receiver<Position>,
    ring: Ring,
) {
    loop {
        let target = *head.borrow_and_update();
        while last < target {
            let Some(log) = log.upgrade() else { return };
            if log.hubs.leave(&log, tenant, &ring) {
                return;
            }
            match log.following(tenant, last, READ_AT_ONCE).await {
                // A replica that has not yet seen what the head promises.
                Ok(events) if events.is_empty() => tokio::time::sleep(REPLICA_LAG).await,
                Ok(events) => {
                    for event in events {
                        last = event.position;
                        // Without a listener the event is only not handed out; the next turn closes the hub.
                        let _ = ring.send(Arc::new(event));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "live readers wait: the log could not be read");
                    drop(log);
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = ring.closed() => {
                let Some(log) = log.upgrade() else { return };
                if log.hubs.leave(&log, tenant, &ring) {
                    return;
                }
            }
        }
    }
}

/// See [`EventLog::tail`](crate::EventLog::tail).
pub(crate) fn tail(
    log: Arc<Inner>,
    tenant: TenantId,
    after: Position,
) -> impl Stream<Item = Result<Arc<RecordedEvent>, ReadError>> + Send + 'static {
    async_stream::try_stream! {
        // The head is read before joining: the hub starts at a head no younger than a read that follows.
        let head = log.head(tenant).await?;
        let mut live = log.hubs.join(&log, tenant, head);
        let mut last = after;
        loop {
            // Behind the hub: read until the log has no more.
            loop {
                let events = log.read_tenant(tenant, last, READ_AT_ONCE, Direction::Forward).await?;
                let caught_up = events.len() < READ_AT_ONCE;
                if events.is_empty() && last < head {
                    // A replica that has not yet seen what the head promises.
                    tokio::time::sleep(REPLICA_LAG).await;
                }
                for event in events {
                    last = event.position;
                    yield Arc::new(event);
                }
                if caught_up && last >= head {
                    break;
                }
            }
            // Level with it.
            loop {
                match live.recv().await {
                    Ok(event) if event.position <= last => {}
                    Ok(event) if event.position == last.next() => {
                        last = event.position;
                        yield event;
                    }
                    Ok(_) => break,
                    Err(RecvError::Lagged(_)) => {
                        metrics::counter!("dyocense_eventlog_tails_lagged_total").increment(1);
                        break;
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}
