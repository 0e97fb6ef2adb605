//! Who has appended: told at once within the process, within a few milliseconds between processes, and looked up every
//! second in case a message was lost. A signal carries no event, only how far a tenant's history has come.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

use crate::{Position, TenantId, keys::SubjectKeys};

const COMMITS: &str = "dyocense_commits";
const ERASURES: &str = "dyocense_erasures";
/// Between two notifications of one process: each costs the server a lock that all notifiers share.
const NOTIFY_EVERY: Duration = Duration::from_millis(20);
const POLL_EVERY: Duration = Duration::from_secs(1);
const RECONNECT_AFTER: Duration = Duration::from_secs(1);
/// A payload is limited to 8,000 bytes; an entry has at most 36 + 1 + 19 + 1.
const ENTRIES_PER_PAYLOAD: usize = 130;
const BUFFERED: usize = 4_096;

/// A tenant's history has reached a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    pub tenant: TenantId,
    pub position: Position,
}

#[derive(Clone)]
pub(crate) struct Commits(Arc<Bus>);

struct Bus {
    everyone: broadcast::Sender<Arc<[Commit]>>,
    watched: Mutex<HashMap<TenantId, watch::Sender<Position>>>,
    watched_count: AtomicUsize,
    to_other_processes: mpsc::UnboundedSender<Arc<[Commit]>>,
}

impl Commits {
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Arc<[Commit]>>) {
        let (to_other_processes, outgoing) = mpsc::unbounded_channel();
        let bus = Bus {
            everyone: broadcast::channel(BUFFERED).0,
            watched: Mutex::default(),
            watched_count: AtomicUsize::new(0),
            to_other_processes,
        };
        (Self(Arc::new(bus)), outgoing)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Arc<[Commit]>> {
        self.0.everyone.subscribe()
    }

    /// What this process appended, each tenant once.
    pub fn publish(&self, commits: Vec<Commit>) {
        let commits: Arc<[Commit]> = commits.into();
        self.deliver(commits.clone());
        // The announcer ends only with the log.
        let _ = self.0.to_other_processes.send(commits);
    }

    fn deliver(&self, commits: Arc<[Commit]>) {
        if self.0.watched_count.load(Ordering::Acquire) > 0 {
            let watched = self.watched();
            for commit in commits.iter() {
                if let Some(watcher) = watched.get(&commit.tenant) {
                    watcher.send_if_modified(|known| raise(known, commit.position));
                }
            }
        }
        // No receiver is no fault.
        let _ = self.0.everyone.send(commits);
    }

    /// The position that a tenant is known to have reached, from now on. One watcher per tenant.
    pub fn watch(&self, tenant: TenantId) -> watch::Receiver<Position> {
        let mut watched = self.watched();
        let receiver = watched.entry(tenant).or_insert_with(|| watch::channel(Position::START).0).subscribe();
        self.0.watched_count.store(watched.len(), Ordering::Release);
        receiver
    }

    pub fn unwatch(&self, tenant: TenantId) {
        let mut watched = self.watched();
        watched.remove(&tenant);
        self.0.watched_count.store(watched.len(), Ordering::Release);
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<TenantId, watch::Sender<Position>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(known: &mut Position, reached: Position) -> bool {
    let higher = reached > *known;
    if higher {
        *known = reached;
    }
    higher
}

/// Tells other processes what this one appended, at most every [`NOTIFY_EVERY`], on a connection of its own: a NOTIFY in
/// the append's transaction would make all commits of the server queue for one lock.
pub(crate) async fn announce(writer: PgPool, process: Uuid, mut outgoing: mpsc::UnboundedReceiver<Arc<[Commit]>>) {
    while let Some(first) = outgoing.recv().await {
        let mut reached: HashMap<TenantId, Position> = HashMap::new();
        let mut next = Some(first);
        while let Some(commits) = next {
            for commit in commits.iter() {
                raise(reached.entry(commit.tenant).or_default(), commit.position);
            }
            next = outgoing.try_recv().ok();
        }
        let entries: Vec<String> = reached.iter().map(|(tenant, position)| format!("{tenant}={position}")).collect();
        let payloads: Vec<String> =
            entries.chunks(ENTRIES_PER_PAYLOAD).map(|chunk| format!("{process}|{}", chunk.join(","))).collect();
        if let Err(error) = notify(&writer, COMMITS, &payloads).await {
            tracing::warn!(%error, "could not tell other processes of new events; they will find them by polling");
        }
        tokio::time::sleep(NOTIFY_EVERY).await;
    }
}

pub(crate) async fn announce_erasure(writer: &PgPool, tenant: TenantId, subject: &str) -> Result<(), sqlx::Error> {
    notify(writer, ERASURES, &[format!("{tenant}|{subject}")]).await
}

async fn notify(writer: &PgPool, channel: &str, payloads: &[String]) -> Result<(), sqlx::Error> {
    // Nothing is lost with the server that the poll would not find: no need to wait for the disk.
    sqlx::query(
        "select pg_notify($1, p) from unnest($2::text[]) p, (select set_config('synchronous_commit', 'off', true)) s",
    )
    .bind(channel)
    .bind(payloads)
    .execute(writer)
    .await
    .map(drop)
}

/// Hears what other processes appended and erased.
pub(crate) async fn listen(writer: PgPool, process: Uuid, commits: Commits, keys: Arc<SubjectKeys>) {
    loop {
        if let Err(error) = listen_once(&writer, process, &commits, &keys).await {
            if writer.is_closed() {
                return;
            }
            tracing::warn!(%error, "not listening for other processes' events; polling until the connection is back");
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn listen_once(writer: &PgPool, process: Uuid, commits: &Commits, keys: &SubjectKeys) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(writer).await?;
    listener.listen_all([COMMITS, ERASURES]).await?;
    loop {
        let notification = listener.recv().await?;
        let Some((left, right)) = notification.payload().split_once('|') else {
            continue;
        };
        if notification.channel() == ERASURES {
            if let Ok(tenant) = left.parse() {
                keys.forget(tenant, right);
            }
        } else if left.parse() != Ok(process) {
            let reached: Arc<[Commit]> = right.split(',').filter_map(parse_commit).collect();
            commits.deliver(reached);
        }
    }
}

fn parse_commit(entry: &str) -> Option<Commit> {
    let (tenant, position) = entry.split_once('=')?;
    Some(Commit { tenant: tenant.parse().ok()?, position: Position::new(position.parse().ok()?)? })
}

/// Asks for the heads of all watched tenants every second: what a lost notification costs at most.
pub(crate) async fn poll(reader: PgPool, commits: Commits) {
    let mut ticks = tokio::time::interval_at(Instant::now() + POLL_EVERY, POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tenants: Vec<Uuid> = commits.watched().keys().map(|tenant| tenant.uuid()).collect();
        if tenants.is_empty() {
            continue;
        }
        let heads: Result<Vec<(Uuid, i64)>, _> =
            sqlx::query_as("select tenant_id, head from log.heads($1)").bind(&tenants).fetch_all(&reader).await;
        match heads {
            Ok(heads) => {
                let watched = commits.watched();
                for (tenant, head) in heads {
                    if let Some(watcher) = watched.get(&tenant.into()) {
                        watcher.send_if_modified(|known| raise(known, Position::from_log(head)));
                    }
                }
            }
            Err(_) if reader.is_closed() => return,
            Err(error) => tracing::warn!(%error, "could not look for new events"),
        }
    }
}
