//! Which tenants have work: each at most once in the queue and in one worker's hands, first come first served.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dyocense_eventlog::{Position, TenantId};
use tokio::sync::Notify;

/// What is to become of a tenant after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// There is more to do: to the end of the queue, so that a long history does not hold up the others.
    Again,
    /// It has come as far as this: back into the queue only if it was woken for something later.
    Reached(Position),
    /// Nothing can be done now, whatever it was woken for.
    Leave,
}

#[derive(Default)]
struct Inner {
    order: VecDeque<TenantId>,
    /// How far each tenant that is queued or in hand was asked to come.
    wanted: HashMap<TenantId, Position>,
}

#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
}

impl Queue {
    /// Puts a tenant that is to come as far as `position` at the end of the queue, unless it is there or in hand.
    pub fn wake(&self, tenant: TenantId, position: Position) {
        let mut inner = self.lock();
        match inner.wanted.entry(tenant) {
            Entry::Occupied(mut wanted) => {
                let wanted = wanted.get_mut();
                *wanted = position.max(*wanted);
            }
            Entry::Vacant(wanted) => {
                wanted.insert(position);
                inner.order.push_back(tenant);
                drop(inner);
                self.filled.notify_one();
            }
        }
    }

    /// The tenant that waits longest; it is the caller's until [`Taken::done`].
    pub async fn take(&self) -> Taken<'_> {
        loop {
            if let Some(tenant) = self.try_take() {
                return Taken { queue: self, tenant, then: Then::Again };
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self) -> Option<TenantId> {
        let mut inner = self.lock();
        let tenant = inner.order.pop_front()?;
        if !inner.order.is_empty() {
            // A permit may have been spent for several tenants.
            self.filled.notify_one();
        }
        Some(tenant)
    }

    fn give_back(&self, tenant: TenantId, then: Then) {
        let wanted = self.lock().wanted.remove(&tenant).unwrap_or(Position::START);
        match then {
            Then::Again => self.wake(tenant, wanted),
            Then::Reached(position) if position < wanted => self.wake(tenant, wanted),
            Then::Reached(_) | Then::Leave => {}
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
    then: Then,
}

impl Taken<'_> {
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn done(mut self, then: Then) {
        self.then = then;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.queue.give_back(self.tenant, self.then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: i64) -> Position {
        Position::new(position).unwrap()
    }

    #[tokio::test]
    async fn a_tenant_is_in_one_hand_and_comes_back_when_woken_for_more_meanwhile() {
        let queue = Queue::default();
        let (a, b) = (TenantId::new(), TenantId::new());
        queue.wake(a, at(1));
        queue.wake(b, at(1));
        queue.wake(a, at(1));
        let first = queue.take().await;
        assert_eq!(first.tenant(), a);
        queue.wake(a, at(3));
        let second = queue.take().await;
        assert_eq!(second.tenant(), b);
        assert_eq!(queue.waiting(), 0);
        second.done(Then::Reached(at(1)));
        first.done(Then::Reached(at(2)));
        let again = queue.take().await;
        assert_eq!(again.tenant(), a);
        queue.wake(a, at(3));
        again.done(Then::Reached(at(3)));
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test]
    async fn a_tenant_with_more_to_do_goes_behind_the_others() {
        let queue = Queue::default();
        let (a, b) = (TenantId::new(), TenantId::new());
        queue.wake(a, at(1));
        let first = queue.take().await;
        queue.wake(b, at(1));
        first.done(Then::Again);
        let second = queue.take().await;
        assert_eq!(second.tenant(), b);
        second.done(Then::Leave);
        assert_eq!(queue.take().await.tenant(), a);
    }

    #[tokio::test]
    async fn a_tenant_for_which_nothing_can_be_done_waits_for_the_next_wake() {
        let queue = Queue::default();
        let tenant = TenantId::new();
        queue.wake(tenant, at(5));
        let taken = queue.take().await;
        queue.wake(tenant, at(9));
        taken.done(Then::Leave);
        assert_eq!(queue.waiting(), 0);
        queue.wake(tenant, at(9));
        assert_eq!(queue.take().await.tenant(), tenant);
    }

    #[tokio::test]
    async fn a_tenant_that_was_dropped_half_way_is_not_forgotten() {
        let queue = Queue::default();
        let tenant = TenantId::new();
        queue.wake(tenant, at(1));
        drop(queue.take().await);
        assert_eq!(queue.take().await.tenant(), tenant);
    }
}
