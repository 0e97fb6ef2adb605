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

    /// The tenant that waits longest; it is the caller's until [`done`](Self::done).
    pub async fn take(&self) -> TenantId {
        loop {
            if let Some(tenant) = self.try_take() {
                return tenant;
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

    /// Gives a tenant back: to the end of the queue when there is more to do, so that a long history does not hold up
    /// the others.
    pub fn done(&self, tenant: TenantId, more: bool) {
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
        assert_eq!(queue.take().await, a);
        queue.wake(a);
        assert_eq!(queue.take().await, b);
        assert_eq!(queue.waiting(), 0);
        queue.done(b, false);
        queue.done(a, false);
        assert_eq!(queue.take().await, a);
        queue.done(a, false);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test]
    async fn a_tenant_with_more_to_do_goes_behind_the_others() {
        let queue = Queue::default();
        let (a, b) = (TenantId::new(), TenantId::new());
        queue.wake(a);
        assert_eq!(queue.take().await, a);
        queue.wake(b);
        queue.done(a, true);
        assert_eq!(queue.take().await, b);
        assert_eq!(queue.take().await, a);
    }
}
