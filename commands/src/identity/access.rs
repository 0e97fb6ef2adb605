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

/// How old a check may be and still stand: a withdrawn token works at most this much longer.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
const MOST_REMEMBERED: usize = 10_000;

/// Checks of the last second, so that a burst of requests of one client reads the log once.
#[derive(Clone, Default)]
pub struct RecentPrincipals(Arc<Mutex<HashMap<[u8; 32], Checked>>>);

struct Checked {
    at: Timestamp,
    principal: Principal,
}

impl RecentPrincipals {
    fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Principal> {
        let known = self.0.lock().expect("no code panics while it holds the map");
        known.get(key).filter(|checked| now.duration_since(checked.at) < FRESH).map(|checked| checked.principal)
    }

    fn put(&self, key: [u8; 32], now: Timestamp, principal: Principal) {
        let mut known = self.0.lock().expect("no code panics while it holds the map");
        if known.len() >= MOST_REMEMBERED {
            known.retain(|_, checked| now.duration_since(checked.at) < FRESH);
        }
        if known.len() < MOST_REMEMBERED {
            known.insert(key, Checked { at: now, principal });
        }
    }
}

impl Commands {
    /// Who presents this access token or API key. The role is today's, whatever it was when the token was made.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, CommandError<AccessRefusal>> {
        let now = self.now();
        let remembered = <sha2::Sha256 as sha2::Digest>::digest(token.as_bytes()).into();
        if let Some(principal) = self.recent.get(&remembered, now)
            && principal.expires_at.is_none_or(|expiry| now < expiry)
        {
            return Ok(principal);
        }
        let principal = match Token::parse(API_KEY_PREFIX, token) {
            Some(key) => self.principal_of_key(&key, now).await?,
            None => self.principal_of_access_token(token, now).await?,
        };
        let principal = principal.ok_or(CommandError::Refused(AccessRefusal::Unauthenticated))?;
        self.recent.put(remembered, now, principal);
        Ok(principal)
    }

    async fn principal_of_access_token(&self, token: &str, now: Timestamp) -> Result<Option<Principal>, Fault> {
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
