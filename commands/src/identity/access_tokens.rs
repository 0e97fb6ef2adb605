//! Access tokens: short-lived JWT signed with Ed25519 (RFC 7519, RFC 8037). Two keys are live at a time, so that
//! tokens of the last key stay good when a new one takes over.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use dyocense_domain::Clock;
use dyocense_domain::ids::{SessionId, UserId};
use dyocense_eventlog::TenantId;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::secrets::{MasterKey, random};
use crate::vault::Vault;

pub const ACCESS_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A key signs this long; the one before it still verifies.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
const LIVE_KEYS: usize = 2;
/// Tokens of unknown keys make a node read the keys again at most this often: whoever makes up key ids asks nothing
/// of the database.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const PURPOSE: &str = "access token signing key";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub iss: String,
    /// The user.
    pub sub: UserId,
    /// The business.
    pub tid: TenantId,
    /// The session.
    pub sid: SessionId,
    pub iat: i64,
    pub exp: i64,
}

struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    created_at: Timestamp,
}

#[derive(Clone)]
pub struct AccessTokens {
    issuer: Arc<str>,
    /// Newest first.
    keys: Arc<RwLock<Vec<SigningKey>>>,
    /// When the keys were last read for a token of an unknown one. Whoever waits for it finds the keys as read.
    looked: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    kid: String,
    public_key: Vec<u8>,
    sealed_private_key: Vec<u8>,
    created_at: jiff_sqlx::Timestamp,
}

impl AccessTokens {
    pub(crate) async fn load(
        vault: &Vault,
        master_key: &MasterKey,
        clock: &dyn Clock,
        issuer: String,
    ) -> Result<Self, Fault> {
        let tokens = Self { issuer: issuer.into(), keys: Arc::default(), looked: Arc::default() };
        tokens.rotate(vault, master_key, clock.now()).await?;
        Ok(tokens)
    }

    /// Reads the live keys, and makes a new one where the newest is too old. Run at start and every hour; nodes that
    /// make one at the same time take turns on a lock, and the others read it when they meet its first token.
    pub(crate) async fn rotate(&self, vault: &Vault, master_key: &MasterKey, now: Timestamp) -> Result<(), Fault> {
        let mut tx = vault.across_tenants().begin().await?;
        sqlx::query("select pg_advisory_xact_lock(hashtext('vault.signing_keys'))").execute(&mut *tx).await?;
        let mut keys = live_keys(&mut tx, master_key).await?;
        if keys.first().is_none_or(|newest| now.duration_since(newest.created_at) >= KEY_LIFE) {
            insert_key(&mut tx, master_key, now).await?;
            keys = live_keys(&mut tx, master_key).await?;
        }
        tx.commit().await?;
        *self.keys.write().expect("no code panics while it holds the keys") = keys;
        Ok(())
    }

    /// Where `token` names a key that this node does not have, reads the live keys: another node may have made it.
    pub(crate) async fn meet(&self, vault: &Vault, master_key: &MasterKey, token: &str) -> Result<(), Fault> {
        let Some(kid) = key_of(token) else { return Ok(()) };
        if self.has(&kid) {
            return Ok(());
        }
        let mut looked = self.looked.lock().await;
        if self.has(&kid) || looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Ok(());
        }
        *looked = Some(Instant::now());
        let mut connection = vault.across_tenants().acquire().await?;
        let keys = live_keys(&mut connection, master_key).await?;
        *self.keys.write().expect("no code panics while it holds the keys") = keys;
        Ok(())
    }

    fn has(&self, kid: &str) -> bool {
        self.keys.read().expect("no code panics while it holds the keys").iter().any(|key| key.kid == kid)
    }

    pub(crate) fn issue(
        &self,
        tenant: TenantId,
        user_id: UserId,
        session_id: SessionId,
        now: Timestamp,
    ) -> Result<(String, Timestamp), Fault> {
        let expires_at = now + ACCESS_TOKEN_LIFE;
        let claims = AccessClaims {
            iss: self.issuer.to_string(),
            sub: user_id,
            tid: tenant,
            sid: session_id,
            iat: now.as_second(),
            exp: expires_at.as_second(),
        };
        let keys = self.keys.read().expect("no code panics while it holds the keys");
        let key = keys.first().ok_or_else(|| Fault::internal("no signing key is loaded"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(Fault::internal)?;
        Ok((token, expires_at))
    }

    /// The claims of a token that one of our live keys signed and that has not expired at `now`. None otherwise:
    /// which of the reasons it was is nobody's business.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<AccessClaims> {
        let kid = key_of(token)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&*self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The expiry is compared with the clock we were given, not with the machine's.
        validation.validate_exp = false;
        let keys = self.keys.read().expect("no code panics while it holds the keys");
        let key = keys.iter().find(|key| key.kid == kid)?;
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &key.decoding, &validation).ok()?.claims;
        (now.as_second() < claims.exp).then_some(claims)
    }
}

/// The key that a token says it was signed with.
fn key_of(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok().filter(|header| header.alg == Algorithm::EdDSA)?.kid
}

async fn live_keys(tx: &mut sqlx::PgConnection, master_key: &MasterKey) -> Result<Vec<SigningKey>, Fault> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select kid, public_key, sealed_private_key, created_at from vault.signing_keys
         order by created_at desc, kid limit $1",
    )
    .bind(LIVE_KEYS as i64)
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let private = master_key.open(PURPOSE, &row.sealed_private_key).map_err(Fault::internal)?;
            Ok(SigningKey {
                kid: row.kid,
                encoding: EncodingKey::from_ed_der(&private),
                decoding: DecodingKey::from_ed_der(&row.public_key),
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

async fn insert_key(tx: &mut sqlx::PgConnection, master_key: &MasterKey, now: Timestamp) -> Result<(), Fault> {
    let key = ed25519_dalek::SigningKey::from_bytes(&random());
    let private = key.to_pkcs8_der().map_err(|error| Fault::internal(error.to_string()))?;
    sqlx::query(
        "insert into vault.signing_keys (kid, public_key, sealed_private_key, created_at) values ($1, $2, $3, $4)",
    )
    .bind(hex::encode(random::<8>()))
    .bind(key.verifying_key().as_bytes().as_slice())
    .bind(master_key.seal(PURPOSE, private.as_bytes()))
    .bind(now.to_sqlx())
    .execute(tx)
    .await?;
    Ok(())
}
