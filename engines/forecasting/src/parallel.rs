//! Work on several threads, its results in order.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` for 0..count on `threads` threads; results in order.
pub(crate) fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let one = || {
        let mut found = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return found;
            }
            found.push((i, work(i)));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let mut all: Vec<(usize, T)> = if threads <= 1 || count <= 1 {
        one()
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(one)).collect();
            handles
                .into_iter()
                .flat_map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    };
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}
