//! From what a client presents to who it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dyocense_domain::identity::{Business, Session};
use dyocense_domain::ids::{ApiKeyId, BUSINESS_STREAM};
use dyocense_eventlog::TenantId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::API_KEY_PREFIX;
use crate::caller::Actor;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};
use crate::secrets::Token;

/// Someone whose token was checked, and until when it is worth nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    pub actor: Actor,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    #[error("the token is unknown, has expired or was withdrawn")]
    Unauthenticated,
}

/// The events that take access away or change it.
pub const CHANGES_OF_ACCESS: [&str; 4] = ["SessionEnded", "UserRemoved", "RoleChanged", "ApiKeyRevoked"];
/// How old a check may be and still stand. A token that this process withdraws is forgotten at once; one that another
/// process withdraws works at most this much longer.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
const MOST_REMEMBERED: usize = 10_000;

/// Checks of the last second, so that a burst of requests of one client reads the log once.
#[derive(Clone, Default)]
pub struct RecentPrincipals(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    checked: HashMap<[u8; 32], Checked>,
    /// How often checks were forgotten. One that began before that must not be remembered after it.
    forgotten: u64,
}

struct Checked {
    at: Timestamp,
    principal: Principal,
}

impl RecentPrincipals {
    /// Err: what [`RecentPrincipals::put`] wants to know of a check that begins now.
    fn get(&self, key: &[u8; 32], now: Timestamp) -> Result<Principal, u64> {
        let known = self.known();
        let fresh = known.checked.get(key).filter(|checked| now.duration_since(checked.at) < FRESH);
        fresh.map(|checked| checked.principal).ok_or(known.forgotten)
    }

    /// Remembers a check that began when `forgotten` was read.
    fn put(&self, key: [u8; 32], now: Timestamp, principal: Principal, forgotten: u64) {
        let mut known = self.known();
        if known.forgotten != forgotten {
            return;
        }
        if known.checked.len() >= MOST_REMEMBERED {
            known.checked.retain(|_, checked| now.duration_since(checked.at) < FRESH);
        }
        if known.checked.len() < MOST_REMEMBERED {
            known.checked.insert(key, Checked { at: now, principal });
        }
    }

    /// Forgets the checks of a business in which somebody's access changed.
    pub(crate) fn forget(&self, tenant: TenantId) {
        let mut known = self.known();
        known.forgotten += 1;
        known.checked.retain(|_, checked| checked.principal.tenant != tenant);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().expect("no code panics while it holds the map")
    }
}

impl Commands {
    /// Who presents this access token or API key. The role is today's, whatever it was when the token was made.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, CommandError<AccessRefusal>> {
        let now = self.now();
        let remembered = <sha2::Sha256 as sha2::Digest>::digest(token.as_bytes()).into();
        let forgotten = match self.recent.get(&remembered, now) {
            Ok(principal) if principal.expires_at.is_none_or(|expiry| now < expiry) => return Ok(principal),
            Ok(_) => return Err(CommandError::Refused(AccessRefusal::Unauthenticated)),
            Err(forgotten) => forgotten,
        };
        let principal = match Token::parse(API_KEY_PREFIX, token) {
            Some(key) => self.principal_of_key(&key, now).await?,
            None => self.principal_of_access_token(token, now).await?,
        };
        let principal = principal.ok_or(CommandError::Refused(AccessRefusal::Unauthenticated))?;
        self.recent.put(remembered, now, principal, forgotten);
        Ok(principal)
    }

    async fn principal_of_access_token(&self, token: &str, now: Timestamp) -> Result<Option<Principal>, Fault> {
        self.access_tokens.meet(&self.vault, &self.master_key, token).await?;
        let Some(claims) = self.access_tokens.verify(token, now) else { return Ok(None) };
        let session = self.load::<Session>(claims.tid, &stream_id(claims.sid.stream())?).await?.state;
        if !session.is_live(now) {
            return Ok(None);
        }
        let business = self.load::<Business>(claims.tid, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        Ok(business.active_user(claims.sub).map(|user| Principal {
            tenant: claims.tid,
            actor: Actor::User { user_id: claims.sub, session_id: claims.sid, role: user.role },
            expires_at: Timestamp::from_second(claims.exp).ok(),
        }))
    }

    async fn principal_of_key(&self, key: &Token, now: Timestamp) -> Result<Option<Principal>, Fault> {
        let tenant = key.tenant();
        let mut tx = self.vault.of(tenant).await?;
        let found: Option<Uuid> =
            sqlx::query_scalar("select api_key_id from vault.api_keys where tenant_id = $1 and key_hash = $2")
                .bind(Uuid::from(tenant))
                .bind(key.hash().as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        tx.commit().await?;
        let Some(api_key_id) = found.map(ApiKeyId::from) else { return Ok(None) };
        let business = self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let Some(known) = business.api_keys.get(&api_key_id) else { return Ok(None) };
        let good = !known.revoked && known.expires_at.is_none_or(|expiry| now < expiry);
        Ok(good.then_some(Principal {
            tenant,
            actor: Actor::ApiKey { api_key_id, created_by: known.created_by, role: known.role },
            expires_at: known.expires_at,
        }))
    }
}
