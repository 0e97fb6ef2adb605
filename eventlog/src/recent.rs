//! The last events that this process appended, as they are in the log. Projectors, policies and live subscribers ask for
//! an event a moment after it was acknowledged, each of them: they need not ask the database for what was just sent there.
//!
//! An acknowledged event never changes, so that what is here is as true as the table. What is not here is no statement
//! about the log: it may be older, or another process's.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Position, StreamId, TenantId};

/// Of the kept events, over all tenants; the oldest go first.
const MAX_BYTES: usize = 8 << 20;

/// One event as it was written: still sealed, of the schema it was written with.
#[derive(Clone)]
pub(crate) struct Stored {
    pub stream: StreamId,
    pub version: i64,
    pub body: Arc<str>,
}

impl Stored {
    fn bytes(&self) -> usize {
        self.stream.as_str().len() + self.body.len()
    }
}

#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    tenants: HashMap<TenantId, Run>,
    /// The tenant of each event that was put in, oldest first; never shorter than what is kept.
    order: VecDeque<TenantId>,
    bytes: usize,
}

/// Events of one tenant without a gap.
struct Run {
    first: i64,
    events: VecDeque<Stored>,
    /// Position and version of the last event of each stream.
    streams: HashMap<StreamId, (i64, i64)>,
}

impl Run {
    fn beginning_at(first: i64) -> Self {
        Self { first, events: VecDeque::new(), streams: HashMap::new() }
    }

    fn next(&self) -> i64 {
        self.first + self.events.len() as i64
    }

    fn forget_first(&mut self) -> Option<Stored> {
        let event = self.events.pop_front()?;
        if self.streams.get(&event.stream).is_some_and(|(last, _)| *last == self.first) {
            self.streams.remove(&event.stream);
        }
        self.first += 1;
        Some(event)
    }
}

impl Recent {
    /// Keeps what was acknowledged at `first` and the positions that follow it.
    pub fn put(&self, tenant: TenantId, first: i64, events: impl Iterator<Item = Stored>) {
        let mut kept = self.lock();
        let Kept { tenants, order, bytes } = &mut *kept;
        let run = tenants.entry(tenant).or_insert_with(|| Run::beginning_at(first));
        if run.next() != first {
            // Another process has appended in between.
            *bytes -= run.events.iter().map(Stored::bytes).sum::<usize>();
            *run = Run::beginning_at(first);
        }
        for event in events {
            *bytes += event.bytes();
            run.streams.insert(event.stream.clone(), (run.next(), event.version));
            run.events.push_back(event);
            order.push_back(tenant);
        }
        kept.forget_oldest();
    }

    /// Up to `limit` events from the one right after `beyond`, with the first one's position; nothing where that one is
    /// not here.
    pub fn following(&self, tenant: TenantId, beyond: Position, limit: usize) -> Vec<(Position, Stored)> {
        let kept = self.lock();
        let Some(run) = kept.tenants.get(&tenant) else { return Vec::new() };
        let Ok(skip) = usize::try_from(beyond.next().get() - run.first) else { return Vec::new() };
        let mut position = beyond;
        run.events
            .iter()
            .skip(skip)
            .take(limit)
            .map(|event| {
                position = position.next();
                (position, event.clone())
            })
            .collect()
    }

    /// Position and version of the last event that is here of a stream.
    pub fn last_of(&self, tenant: TenantId, stream: &StreamId) -> Option<(Position, i64)> {
        let kept = self.lock();
        let (position, version) = kept.tenants.get(&tenant)?.streams.get(stream)?;
        Some((Position::from_log(*position), *version))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget_oldest(&mut self) {
        while self.bytes > MAX_BYTES
            && let Some(tenant) = self.order.pop_front()
        {
            let Some(run) = self.tenants.get_mut(&tenant) else { continue };
            if let Some(event) = run.forget_first() {
                self.bytes -= event.bytes();
            }
            if run.events.is_empty() {
                self.tenants.remove(&tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(versions: std::ops::Range<i64>, body: &str) -> impl Iterator<Item = Stored> {
        let stream = StreamId::new("s").unwrap();
        versions.map(move |version| Stored { stream: stream.clone(), version, body: body.into() })
    }

    fn versions(recent: &Recent, tenant: TenantId, beyond: i64, limit: usize) -> Vec<(i64, i64)> {
        let beyond = Position::new(beyond).unwrap();
        let following = recent.following(tenant, beyond, limit);
        following.iter().map(|(position, event)| (position.get(), event.version)).collect()
    }

    #[test]
    fn what_follows_a_position_comes_in_order_and_only_if_it_follows() {
        let (recent, tenant) = (Recent::default(), TenantId::new());
        recent.put(tenant, 5, stored(1..4, "a"));
        recent.put(tenant, 8, stored(4..5, "b"));
        assert_eq!(versions(&recent, tenant, 4, 10), [(5, 1), (6, 2), (7, 3), (8, 4)]);
        assert_eq!(versions(&recent, tenant, 6, 1), [(7, 3)]);
        assert_eq!(versions(&recent, tenant, 8, 10), []);
        assert_eq!(versions(&recent, tenant, 100, 10), []);
        assert_eq!(versions(&recent, tenant, 3, 10), [], "the fourth is not here");
        assert_eq!(versions(&recent, TenantId::new(), 4, 10), []);
        let last = recent.last_of(tenant, &StreamId::new("s").unwrap());
        assert_eq!(last.map(|(position, version)| (position.get(), version)), Some((8, 4)));
        assert_eq!(recent.last_of(tenant, &StreamId::new("other").unwrap()), None);
    }

    #[test]
    fn after_an_append_of_another_process_it_begins_anew() {
        let (recent, tenant) = (Recent::default(), TenantId::new());
        recent.put(tenant, 1, stored(1..3, "a"));
        recent.put(tenant, 4, stored(1..2, "b"));
        assert_eq!(versions(&recent, tenant, 0, 10), []);
        assert_eq!(versions(&recent, tenant, 3, 10), [(4, 1)]);
    }

    #[test]
    fn it_keeps_no_more_than_its_bytes_and_forgets_the_oldest_first() {
        let (recent, old, new) = (Recent::default(), TenantId::new(), TenantId::new());
        let body = "x".repeat(MAX_BYTES / 8 - 1);
        recent.put(old, 1, stored(1..7, &body));
        recent.put(old, 9, stored(1..3, &body));
        recent.put(new, 1, stored(1..8, &body));
        assert_eq!(versions(&recent, old, 8, 10), []);
        assert_eq!(versions(&recent, old, 9, 10), [(10, 2)]);
        assert_eq!(versions(&recent, new, 0, 10).len(), 7);
        recent.put(new, 8, stored(8..20, &body));
        assert_eq!(versions(&recent, old, 9, 10), []);
        assert_eq!(recent.last_of(old, &StreamId::new("s").unwrap()), None);
        assert_eq!(versions(&recent, new, 11, 10).len(), 8);
        let kept = recent.lock();
        assert_eq!(kept.bytes, MAX_BYTES);
        assert_eq!(kept.tenants.len(), 1);
    }
}
