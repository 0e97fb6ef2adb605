//! How far the read models are known to have come, for whoever waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dyocense_eventlog::{Position, TenantId};
use tokio::sync::{broadcast, watch};

/// A tenant's read models have reached a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    pub tenant: TenantId,
    pub position: Position,
}

pub(crate) struct Reached {
    waited: Mutex<HashMap<TenantId, watch::Sender<Position>>>,
    everyone: broadcast::Sender<Projected>,
}

impl Default for Reached {
    fn default() -> Self {
        Self { waited: Mutex::default(), everyone: broadcast::channel(8_192).0 }
    }
}

impl Reached {
    pub fn publish(&self, tenant: TenantId, position: Position) {
        if let Some(waiters) = self.lock().get(&tenant) {
            waiters.send_if_modified(|known| {
                let further = position > *known;
                *known = position.max(*known);
                further
            });
        }
        // Nobody listening is no fault.
        let _ = self.everyone.send(Projected { tenant, position });
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Projected> {
        self.everyone.subscribe()
    }

    /// Hears of one tenant from now on, until [`Waiting`] is dropped.
    pub fn wait(&self, tenant: TenantId) -> Waiting<'_> {
        let receiver = self.lock().entry(tenant).or_insert_with(|| watch::channel(Position::START).0).subscribe();
        Waiting { reached: self, tenant, receiver: Some(receiver) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, watch::Sender<Position>>> {
        self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Waiting<'a> {
    reached: &'a Reached,
    tenant: TenantId,
    receiver: Option<watch::Receiver<Position>>,
}

impl Waiting<'_> {
    pub async fn until(&mut self, position: Position) {
        if let Some(receiver) = &mut self.receiver
            && receiver.wait_for(|known| *known >= position).await.is_err()
        {
            // The sender stays in the map while anyone waits.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waited = self.reached.lock();
        self.receiver.take();
        if waited.get(&self.tenant).is_some_and(|sender| sender.receiver_count() == 0) {
            waited.remove(&self.tenant);
        }
    }
}
