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
    tenants: Mutex<Tenants>,
    everyone: broadcast::Sender<Projected>,
}

#[derive(Default)]
struct Tenants {
    /// Read models only move on, also when a generation is swapped in: what was reached once stays reached.
    known: HashMap<TenantId, Position>,
    waited: HashMap<TenantId, watch::Sender<Position>>,
}

/// Tenants whose positions are remembered; forgetting costs a look into the database.
const MOST_KNOWN: usize = 100_000;

impl Default for Reached {
    fn default() -> Self {
        Self { tenants: Mutex::default(), everyone: broadcast::channel(8_192).0 }
    }
}

impl Reached {
    pub fn publish(&self, tenant: TenantId, position: Position) {
        let mut tenants = self.lock();
        if tenants.known.len() >= MOST_KNOWN {
            tenants.known.clear();
        }
        let known = tenants.known.entry(tenant).or_insert(Position::START);
        if position <= *known {
            return;
        }
        *known = position;
        if let Some(waiters) = tenants.waited.get(&tenant) {
            waiters.send_if_modified(|known| {
                let further = position > *known;
                *known = position.max(*known);
                further
            });
        }
        drop(tenants);
        // Nobody listening is no fault.
        let _ = self.everyone.send(Projected { tenant, position });
    }

    /// How far a tenant's read models are known to have come.
    pub fn known(&self, tenant: TenantId) -> Position {
        self.lock().known.get(&tenant).copied().unwrap_or(Position::START)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Projected> {
        self.everyone.subscribe()
    }

    /// Hears of one tenant from now on, until [`Waiting`] is dropped.
    pub fn wait(&self, tenant: TenantId) -> Waiting<'_> {
        let mut tenants = self.lock();
        let known = tenants.known.get(&tenant).copied().unwrap_or(Position::START);
        let receiver = tenants.waited.entry(tenant).or_insert_with(|| watch::channel(known).0).subscribe();
        drop(tenants);
        Waiting { reached: self, tenant, receiver: Some(receiver) }
    }

    fn lock(&self) -> MutexGuard<'_, Tenants> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Waiting<'a> {
    reached: &'a Reached,
    tenant: TenantId,
    receiver: Option<watch::Receiver<Position>>,
}

impl Waiting<'_> {
    /// How far the read models are known to be, here and now.
    pub fn known(&self) -> Position {
        self.receiver.as_ref().map_or(Position::START, |receiver| *receiver.borrow())
    }

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
        let waited = &mut self.reached.lock().waited;
        self.receiver.take();
        if waited.get(&self.tenant).is_some_and(|sender| sender.receiver_count() == 0) {
            waited.remove(&self.tenant);
        }
    }
}
