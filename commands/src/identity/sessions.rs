use dyocense_domain::identity::{Session, SessionEnd, end_session};
use dyocense_domain::ids::{SessionId, UserId};
use dyocense_eventlog::{Position, TenantId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::REFRESH_PREFIX;
use super::login::SessionTokens;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome, stream_id};
use crate::secrets::Token;

/// An exchanged refresh token gives the same successor again for this long: the answer may have been lost on the way.
/// After that, its return means that two parties hold it.
pub const LOST_ANSWER_GRACE: SignedDuration = SignedDuration::from_secs(30);
const ANSWER_PURPOSE: &str = "successor of a refresh token";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    #[error("this refresh token is unknown or has expired; log in again")]
    Unknown,
    #[error("this refresh token was used before; the session was ended for safety, log in again")]
    Reused,
    #[error("this session has ended; log in again")]
    SessionEnded,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    session_id: Uuid,
    user_id: Uuid,
    expires_at: jiff_sqlx::Timestamp,
    exchanged_at: Option<jiff_sqlx::Timestamp>,
    answer: Option<Vec<u8>>,
}

enum Exchange {
    Token { successor: Token, session_id: SessionId, user_id: UserId, expires_at: Timestamp },
    Reused { session_id: SessionId, user_id: UserId },
}

impl Commands {
    /// Exchanges a refresh token for a new one and a new access token. Each works once; see [`LOST_ANSWER_GRACE`].
    pub async fn refresh_session(&self, token: &str) -> Result<SessionTokens, CommandError<RefreshRefusal>> {
        let token = Token::parse(REFRESH_PREFIX, token).ok_or(CommandError::Refused(RefreshRefusal::Unknown))?;
        let tenant = token.tenant();
        match self.exchange(&token).await? {
            None => Err(CommandError::Refused(RefreshRefusal::Unknown)),
            Some(Exchange::Reused { session_id, user_id }) => {
                let caller = Caller::new(tenant, Actor::System("refresh"));
                self.end_session(&caller, session_id, SessionEnd::RefreshTokenReused).await?;
                tracing::warn!(%tenant, %user_id, %session_id, "a refresh token came back after its exchange");
                Err(CommandError::Refused(RefreshRefusal::Reused))
            }
            Some(Exchange::Token { successor, session_id, user_id, expires_at }) => {
                let session = self.load::<Session>(tenant, &stream_id(session_id.stream())?).await?.state;
                if !session.is_live(self.now()) {
                    return Err(CommandError::Refused(RefreshRefusal::SessionEnded));
                }
                let (access_token, access_token_expires_at) =
                    self.access_tokens.issue(tenant, user_id, session_id, self.now())?;
                Ok(SessionTokens {
                    access_token,
                    access_token_expires_at,
                    refresh_token: successor,
                    session_expires_at: expires_at,
                })
            }
        }
    }

    /// One transaction on the token's row, so that two exchanges of one token cannot both succeed.
    async fn exchange(&self, token: &Token) -> Result<Option<Exchange>, Fault> {
        let tenant = token.tenant();
        let now = self.now();
        let mut tx = self.vault.of(tenant).await?;
        let row: Option<TokenRow> = sqlx::query_as(
            "select session_id, user_id, expires_at, exchanged_at, answer from vault.refresh_tokens
             where tenant_id = $1 and token_hash = $2 for update",
        )
        .bind(Uuid::from(tenant))
        .bind(token.hash().as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row.filter(|row| now < row.expires_at.to_jiff()) else { return Ok(None) };
        let (session_id, user_id) = (row.session_id.into(), row.user_id.into());
        let expires_at = row.expires_at.to_jiff();

        if let Some(exchanged_at) = row.exchanged_at {
            let in_grace = now < exchanged_at.to_jiff() + LOST_ANSWER_GRACE;
            let successor = row.answer.filter(|_| in_grace).and_then(|sealed| self.open_answer(&sealed));
            return match successor {
                // Once the successor is in use, its answer cannot have been lost.
                Some(successor) if self.unused(&mut tx, tenant, &successor).await? => {
                    Ok(Some(Exchange::Token { successor, session_id, user_id, expires_at }))
                }
                _ => Ok(Some(Exchange::Reused { session_id, user_id })),
            };
        }

        let successor = Token::generate(REFRESH_PREFIX, tenant);
        sqlx::query(
            "update vault.refresh_tokens set exchanged_at = $3, answer = $4 where tenant_id = $1 and token_hash = $2",
        )
        .bind(Uuid::from(tenant))
        .bind(token.hash().as_slice())
        .bind(now.to_sqlx())
        .bind(self.master_key.seal(ANSWER_PURPOSE, successor.expose().as_bytes()))
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "insert into vault.refresh_tokens (tenant_id, token_hash, session_id, user_id, expires_at)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(Uuid::from(tenant))
        .bind(successor.hash().as_slice())
        .bind(row.session_id)
        .bind(row.user_id)
        .bind(expires_at.to_sqlx())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(Exchange::Token { successor, session_id, user_id, expires_at }))
    }

    fn open_answer(&self, sealed: &[u8]) -> Option<Token> {
        let plain = Zeroizing::new(self.master_key.open(ANSWER_PURPOSE, sealed).ok()?);
        Token::parse(REFRESH_PREFIX, std::str::from_utf8(&plain).ok()?)
    }

    async fn unused(&self, tx: &mut sqlx::PgConnection, tenant: TenantId, token: &Token) -> Result<bool, Fault> {
        let exchanged: Option<bool> = sqlx::query_scalar(
            "select exchanged_at is not null from vault.refresh_tokens where tenant_id = $1 and token_hash = $2",
        )
        .bind(Uuid::from(tenant))
        .bind(token.hash().as_slice())
        .fetch_optional(tx)
        .await?;
        Ok(exchanged == Some(false))
    }

    /// Ends the caller's own session. Ending it again changes nothing.
    pub async fn logout(&self, caller: &Caller, session_id: SessionId) -> Result<Position, Fault> {
        Ok(self.end_session(caller, session_id, SessionEnd::LoggedOut).await?.position)
    }

    /// Ends every live session of a user but `keep`; returns how many there were.
    pub(crate) async fn end_sessions_of(
        &self,
        caller: &Caller,
        user_id: UserId,
        keep: Option<SessionId>,
        reason: SessionEnd,
    ) -> Result<usize, Fault> {
        let mut tx = self.vault.of(caller.tenant).await?;
        let sessions: Vec<Uuid> = sqlx::query_scalar(
            "select distinct session_id from vault.refresh_tokens
             where tenant_id = $1 and user_id = $2 and expires_at > $3",
        )
        .bind(Uuid::from(caller.tenant))
        .bind(Uuid::from(user_id))
        .bind(self.now().to_sqlx())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut ended = 0;
        for session_id in sessions.into_iter().map(SessionId::from).filter(|id| Some(*id) != keep) {
            ended += self.end_session(caller, session_id, reason).await?.events.len();
        }
        Ok(ended)
    }

    async fn end_session(
        &self,
        caller: &Caller,
        session_id: SessionId,
        reason: SessionEnd,
    ) -> Result<Outcome<dyocense_domain::identity::SessionEvent>, Fault> {
        // One request may end many sessions; its key answers for the request, not for each of them.
        let caller = Caller { idempotency: None, ..caller.clone() };
        let outcome = self
            .execute::<Session, std::convert::Infallible>(&caller, session_id.stream(), "EndSession", |session| {
                Ok(end_session(session, reason))
            })
            .await;
        let outcome = outcome.map_err(|error| match error {
            CommandError::Refused(never) => match never {},
            CommandError::Fault(fault) => fault,
        })?;
        let mut tx = self.vault.of(caller.tenant).await?;
        sqlx::query("delete from vault.refresh_tokens where tenant_id = $1 and session_id = $2")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(session_id))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(outcome)
    }
}
