//! Ends open connections when their access ends: a socket that was let in by a session, a role or a key is closed
//! within a second of the event that takes it away, on every node, because every node follows the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dyocense_commands::Actor;
use dyocense_commands::identity::{CHANGES_OF_ACCESS, Principal};
use dyocense_domain::event::DomainEvent;
use dyocense_domain::identity::{BusinessEvent, SessionEvent};
use dyocense_eventlog::{Direction, EventLog, Filter, Position, RecordedEvent, TenantId};
use futures::{FutureExt, StreamExt, future::BoxFuture, pin_mut};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, broadcast};

/// A check of a token may be this old when its connection begins to be watched; what happened since is looked up.
const CHECKED_WITHIN: SignedDuration = SignedDuration::from_secs(5);
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The events of one tenant that end somebody's access come seldom.
const CHANGES_HELD: usize = 256;

/// Why an open connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessEnd {
    /// The session or the key is no more: log in again.
    Withdrawn,
    /// The role is another now: connect again to act in it.
    RoleChanged,
    /// The key's own time is up.
    Expired,
}

#[derive(Clone)]
pub struct LiveAccess {
    log: EventLog,
    tenants: Arc<Mutex<HashMap<TenantId, Arc<Feed>>>>,
}

/// One tenant's changes of access, for all its connections on this node.
struct Feed {
    changes: broadcast::Sender<Arc<RecordedEvent>>,
    started: OnceCell<()>,
}

impl LiveAccess {
    pub fn new(log: EventLog) -> LiveAccess {
        LiveAccess { log, tenants: Arc::default() }
    }

    /// Begins to watch; the future it answers ends when the principal's access does. From the moment it is answered
    /// nothing is missed, including what happened since the principal's token was checked.
    pub async fn watch(&self, principal: &Principal) -> BoxFuture<'static, AccessEnd> {
        let (principal, tenant) = (*principal, principal.tenant);
        let (feed, mut changes) = self.join(tenant);
        let before = match self.changed_lately(&feed, &principal).await {
            Ok(None) => None,
            Ok(Some(end)) => Some(end),
            // Without the log nobody can be shown to have access.
            Err(error) => {
                tracing::warn!(%error, "a connection is refused: the log cannot be read");
                Some(AccessEnd::Withdrawn)
            }
        };
        async move {
            if let Some(end) = before {
                return end;
            }
            // A session's socket outlives its short access token; a key's own expiry ends it.
            let expiry = async {
                match (principal.actor, principal.expires_at) {
                    (Actor::ApiKey { .. }, Some(at)) => sleep_until(at).await,
                    _ => futures::future::pending().await,
                }
            };
            pin_mut!(expiry);
            loop {
                tokio::select! {
                    () = &mut expiry => return AccessEnd::Expired,
                    change = changes.recv() => match change {
                        Ok(event) => if let Some(end) = ends(&principal, &event) { return end },
                        // Connect again rather than guess what was missed.
                        Err(_) => return AccessEnd::RoleChanged,
                    },
                }
            }
        }
        .boxed()
    }

    /// Subscribes under the lock that [`LiveAccess::retire`] takes, so that no feed retires with a new listener.
    fn join(&self, tenant: TenantId) -> (Arc<Feed>, broadcast::Receiver<Arc<RecordedEvent>>) {
        let mut tenants = self.tenants.lock().expect("no code panics while it holds the map");
        let feed = tenants.entry(tenant).or_insert_with(|| {
            Arc::new(Feed { changes: broadcast::channel(CHANGES_HELD).0, started: OnceCell::new() })
        });
        (feed.clone(), feed.changes.subscribe())
    }

    /// Starts the tenant's feed if it has none, then looks at the history since the token was checked.
    async fn changed_lately(
        &self,
        feed: &Arc<Feed>,
        principal: &Principal,
    ) -> Result<Option<AccessEnd>, dyocense_eventlog::ReadError> {
        let tenant = principal.tenant;
        feed.started
            .get_or_try_init(|| async {
                let head = self.log.head(tenant).await?;
                tokio::spawn(self.clone().follow(tenant, feed.clone(), head));
                Ok::<(), dyocense_eventlog::ReadError>(())
            })
            .await?;
        let filter = Filter {
            event_types: CHANGES_OF_ACCESS.map(str::to_owned).to_vec(),
            since: Some(Timestamp::now() - CHECKED_WITHIN),
            ..Filter::default()
        };
        let recent = self.log.search(tenant, &filter, Position::END, CHANGES_HELD, Direction::Backward).await?;
        Ok(recent.iter().find_map(|event| ends(principal, event)))
    }

    /// Hands out the tenant's changes of access until no connection is left.
    async fn follow(self, tenant: TenantId, feed: Arc<Feed>, mut after: Position) {
        loop {
            let tail = self.log.tail(tenant, after);
            pin_mut!(tail);
            loop {
                let event = tokio::select! {
                    event = tail.next() => event,
                    () = feed.changes.closed() => {
                        if self.retire(tenant, &feed) { return }
                        continue;
                    }
                };
                match event {
                    Some(Ok(event)) => {
                        after = event.position;
                        if CHANGES_OF_ACCESS.contains(&event.event_type.as_str()) {
                            // Without a listener there is nobody to tell.
                            let _ = feed.changes.send(event);
                        }
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, "following the log for changes of access; trying again");
                        break;
                    }
                    None => break,
                }
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    fn retire(&self, tenant: TenantId, feed: &Feed) -> bool {
        let mut tenants = self.tenants.lock().expect("no code panics while it holds the map");
        let unused = feed.changes.receiver_count() == 0;
        if unused {
            tenants.remove(&tenant);
        }
        unused
    }
}

async fn sleep_until(at: Timestamp) {
    let left = at.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}

/// Whether this event takes the principal's access away.
fn ends(principal: &Principal, event: &RecordedEvent) -> Option<AccessEnd> {
    let data = event.data().ok()?;
    if let Ok(SessionEvent::SessionEnded(ended)) = SessionEvent::from_json(&event.event_type, data) {
        let mine = matches!(principal.actor, Actor::User { session_id, .. } if session_id == ended.session_id);
        return mine.then_some(AccessEnd::Withdrawn);
    }
    match BusinessEvent::from_json(&event.event_type, data).ok()? {
        BusinessEvent::UserRemoved(removed) => {
            (principal.actor.user_id() == Some(removed.user_id)).then_some(AccessEnd::Withdrawn)
        }
        BusinessEvent::RoleChanged(changed) => match principal.actor {
            Actor::User { user_id, role, .. } if user_id == changed.user_id && role != changed.to => {
                Some(AccessEnd::RoleChanged)
            }
            _ => None,
        },
        BusinessEvent::ApiKeyRevoked(revoked) => match principal.actor {
            Actor::ApiKey { api_key_id, .. } if api_key_id == revoked.api_key_id => Some(AccessEnd::Withdrawn),
            _ => None,
        },
        _ => None,
    }
}
