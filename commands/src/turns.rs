//! One command of a stream at a time within this process. Commands that would conflict anyway wait for each other
//! instead of loading the stream in vain; between processes the expected version decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dyocense_eventlog::{StreamId, TenantId};
use tokio::sync::OwnedMutexGuard;

type Key = (TenantId, StreamId);

#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    /// Waits for the commands that came before. Whoever holds a turn takes no other.
    pub async fn take(&self, tenant: TenantId, stream: &StreamId) -> Turn {
        let key = (tenant, stream.clone());
        let queue = self.lock().entry(key.clone()).or_default().clone();
        let held = queue.lock_owned().await;
        Turn { turns: self.clone(), key, held: Some(held) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when dropped.
pub(crate) struct Turn {
    turns: Turns,
    key: Key,
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        self.held.take();
        // Whoever waits has a handle of its own, taken under the same lock.
        if turns.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_stream_has_one_command_at_a_time_and_leaves_nothing_behind() {
        let turns = Turns::default();
        let tenant = TenantId::new();
        let at_work: Arc<[AtomicUsize; 2]> = Arc::default();
        let commands: Vec<_> = (0..200)
            .map(|n| {
                let (turns, at_work) = (turns.clone(), at_work.clone());
                tokio::spawn(async move {
                    let stream = StreamId::new(format!("goal-{}", n % 2)).unwrap();
                    let _turn = turns.take(tenant, &stream).await;
                    assert_eq!(at_work[n % 2].fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    at_work[n % 2].fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for command in commands {
            command.await.unwrap();
        }
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn whoever_stops_waiting_holds_nobody_up() {
        let turns = Turns::default();
        let (tenant, stream) = (TenantId::new(), StreamId::new("goal-1").unwrap());
        let first = turns.take(tenant, &stream).await;
        let second = tokio::time::timeout(std::time::Duration::from_millis(10), turns.take(tenant, &stream)).await;
        assert!(second.is_err());
        drop(first);
        drop(turns.take(tenant, &stream).await);
        assert!(turns.lock().is_empty());
    }
}
