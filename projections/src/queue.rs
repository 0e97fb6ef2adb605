//! Which tenants have work: each at most once in the queue and in one worker's hands, first come first served.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dyocense_eventlog::TenantId;
use tokio::sync::Notify;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    InHand,
    /// In hand, and woken since.
    InHandAgain,
}

#[derive(Default)]
struct Inner {
    order: VecDeque<TenantId>,
    states: HashMap<TenantId, State>,
}

#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
}

impl Queue {
    /// Puts a tenant at the end of the queue, unless it is there already.
    pub fn wake(&self, tenant: TenantId) {
        let mut inner = self.lock();
        match inner.states.get(&tenant) {
            None => {
                inner.states.insert(tenant, State::Queued);
                inner.order.push_back(tenant);
                drop(inner);
                self.filled.notify_one();
            }
            Some(State::InHand) => {
                inner.states.insert(tenant, State::InHandAgain);
            }
            Some(State::Queued | State::InHandAgain) => {}
        }
    }

    /// The tenant that waits longest; it is the caller's until [`Taken::done`].
    pub async fn take(&self) -> Taken<'_> {
        loop {
            if let Some(tenant) = self.try_take() {
                return Taken { queue: self, tenant, more: true };
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self) -> Option<TenantId> {
        let mut inner = self.lock();
        let tenant = inner.order.pop_front()?;
        inner.states.insert(tenant, State::InHand);
        if !inner.order.is_empty() {
            // A permit may have been spent for several tenants.
            self.filled.notify_one();
        }
        Some(tenant)
    }

    fn give_back(&self, tenant: TenantId, more: bool) {
        let mut inner = self.lock();
        let woken = inner.states.remove(&tenant) == Some(State::InHandAgain);
        drop(inner);
        if more || woken {
            self.wake(tenant);
        }
    }

    pub fn waiting(&self) -> usize {
        self.lock().order.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tenant in hand. Dropped half-way (its worker was ended, or panicked) it goes back into the queue.
pub(crate) struct Taken<'a> {
    queue: &'a Queue,
    tenant: TenantId,
    more: bool,
}

impl Taken<'_> {
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Gives the tenant back: to the end of the queue when there is more to do, so that a long history does not hold
    /// up the others.
    pub fn done(mut self, more: bool) {
        self.more = more;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.queue.give_back(self.tenant, self.more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_is_in_one_hand_and_comes_back_when_woken_meanwhile() {
        let queue = Queue::default();
        let (a, b) = (TenantId::new(), TenantId::new());
        queue.wake(a);
        queue.wake(b);
        queue.wake(a);
        let first = queue.take().await;
        assert_eq!(first.tenant(), a);
        queue.wake(a);
        let second = queue.take().await;
        assert_eq!(second.tenant(), b);
        assert_eq!(queue.waiting(), 0);
        second.done(false);
        first.done(false);
        let again = queue.take().await;
        assert_eq!(again.tenant(), a);
        again.done(false);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test]
    async fn a_tenant_with_more_to_do_goes_behind_the_others() {
        let queue = Queue::default();
        let (a, b) = (TenantId::new(), TenantId::new());
        queue.wake(a);
        let first = queue.take().await;
        queue.wake(b);
        first.done(true);
        let second = queue.take().await;
        assert_eq!(second.tenant(), b);
        second.done(false);
        assert_eq!(queue.take().await.tenant(), a);
    }

    #[tokio::test]
    async fn a_tenant_that_was_dropped_half_way_is_not_forgotten() {
        let queue = Queue::default();
        let tenant = TenantId::new();
        queue.wake(tenant);
        drop(queue.take().await);
        assert_eq!(queue.take().await.tenant(), tenant);
    }
}
