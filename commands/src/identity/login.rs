use dyocense_domain::identity::{Business, LoginRefused, Role, SessionEvent, start_session};
use dyocense_domain::ids::{BUSINESS_STREAM, CredentialId, SessionId, UserId};
use dyocense_domain::text;
use dyocense_eventlog::{Position, TenantId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{REFRESH_PREFIX, email_hash};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Loaded, stream_id};
use crate::secrets::Token;

/// A session ends this long after login, whatever is done with it.
pub const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
const MOST_FAILURES: i32 = 10;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// One address may belong to this many businesses at the most when it logs in without naming one.
const MOST_BUSINESSES: i64 = 5;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoginRefusal {
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    #[error("too many wrong passwords for this address; try again after {until}")]
    TooManyFailures { until: Timestamp },
    #[error("this address belongs to several businesses; say which one")]
    ChooseBusiness { businesses: Vec<BusinessChoice> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct BusinessChoice {
    pub tenant: TenantId,
    pub name: String,
}

#[derive(Debug, Clone)]
pub struct SessionTokens {
    pub access_token: String,
    pub access_token_expires_at: Timestamp,
    pub refresh_token: Token,
    pub session_expires_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub tenant: TenantId,
    pub user_id: UserId,
    pub session_id: SessionId,
    pub role: Role,
    pub tokens: SessionTokens,
    pub position: Position,
}

struct Candidate {
    tenant: TenantId,
    user_id: UserId,
    role: Role,
    business: String,
}

impl Commands {
    /// Starts a session. `client` is what the client says it is; `business` is needed only where the address belongs
    /// to several.
    pub async fn login(
        &self,
        email: &str,
        password: Zeroizing<String>,
        business: Option<TenantId>,
        client: &str,
    ) -> Result<LoggedIn, CommandError<LoginRefusal>> {
        let refused = CommandError::Refused;
        let Ok(email) = text::email(email) else { return Err(refused(LoginRefusal::WrongCredentials)) };
        let hash = email_hash(&self.master_key, &email);
        if let Some(until) = self.locked_until(&hash).await? {
            return Err(refused(LoginRefusal::TooManyFailures { until }));
        }

        let known = self.users_of_address(&hash, business).await?;
        let mut matching = Vec::new();
        if known.is_empty() {
            self.passwords.verify(password, None).await?;
        } else {
            for (tenant, user_id) in &known {
                matching.extend(self.check_password(*tenant, *user_id, password.clone()).await?);
            }
        }
        match matching.len() {
            0 => {
                self.note_failure(&hash, &known).await?;
                Err(refused(LoginRefusal::WrongCredentials))
            }
            1 => {
                let found = matching.remove(0);
                self.forget_failures(&hash).await?;
                Ok(self.start_session(found, client).await?)
            }
            _ => {
                let businesses =
                    matching.into_iter().map(|c| BusinessChoice { tenant: c.tenant, name: c.business }).collect();
                Err(refused(LoginRefusal::ChooseBusiness { businesses }))
            }
        }
    }

    async fn users_of_address(
        &self,
        hash: &[u8; 32],
        business: Option<TenantId>,
    ) -> Result<Vec<(TenantId, UserId)>, Fault> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "select tenant_id, user_id from vault.logins
             where email_hash = $1 and ($2::uuid is null or tenant_id = $2) order by tenant_id limit $3",
        )
        .bind(hash.as_slice())
        .bind(business.map(Uuid::from))
        .bind(MOST_BUSINESSES)
        .fetch_all(self.vault.across_tenants())
        .await?;
        Ok(rows.into_iter().map(|(tenant, user)| (tenant.into(), user.into())).collect())
    }

    /// The user of this business, if the password is right and access was not taken away.
    async fn check_password(
        &self,
        tenant: TenantId,
        user_id: UserId,
        password: Zeroizing<String>,
    ) -> Result<Option<Candidate>, Fault> {
        let Loaded { state: business, .. } =
            self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?;
        let user = business.active_user(user_id);
        let phc = match user {
            Some(user) => self.credential(tenant, user.credential_id).await?,
            None => None,
        };
        let right = self.passwords.verify(password, phc).await?;
        Ok(user.filter(|_| right).map(|user| Candidate {
            tenant,
            user_id,
            role: user.role,
            business: business.profile.as_ref().map(|profile| profile.name.clone()).unwrap_or_default(),
        }))
    }

    async fn start_session(&self, who: Candidate, client: &str) -> Result<LoggedIn, Fault> {
        let Candidate { tenant, user_id, role, .. } = who;
        let session_id = SessionId::from(Uuid::now_v7());
        let now = self.now();
        let session_expires_at = now + SESSION_LIFE;
        let refresh_token = Token::generate(REFRESH_PREFIX, tenant);

        let mut tx = self.vault.of(tenant).await?;
        sqlx::query(
            "insert into vault.refresh_tokens (tenant_id, token_hash, session_id, user_id, expires_at)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(Uuid::from(tenant))
        .bind(refresh_token.hash().as_slice())
        .bind(Uuid::from(session_id))
        .bind(Uuid::from(user_id))
        .bind(session_expires_at.to_sqlx())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;

        let caller = Caller::new(tenant, Actor::User { user_id, session_id, role });
        let started = start_session(session_id, user_id, client, session_expires_at);
        let appended = self.append(&caller, stream_id(session_id.stream())?, 0, "Login", &[started]).await?;
        let (access_token, access_token_expires_at) = self.access_tokens.issue(tenant, user_id, session_id, now)?;
        let tokens = SessionTokens { access_token, access_token_expires_at, refresh_token, session_expires_at };
        Ok(LoggedIn { tenant, user_id, session_id, role, tokens, position: appended.last_position })
    }

    pub(crate) async fn credential(&self, tenant: TenantId, id: CredentialId) -> Result<Option<String>, Fault> {
        let mut tx = self.vault.of(tenant).await?;
        let phc = sqlx::query_scalar("select phc from vault.credentials where tenant_id = $1 and credential_id = $2")
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(id))
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(phc)
    }

    async fn locked_until(&self, hash: &[u8; 32]) -> Result<Option<Timestamp>, Fault> {
        let row: Option<(i32, jiff_sqlx::Timestamp)> =
            sqlx::query_as("select failures, window_started_at from vault.login_failures where email_hash = $1")
                .bind(hash.as_slice())
                .fetch_optional(self.vault.across_tenants())
                .await?;
        Ok(row.and_then(|(failures, started)| {
            let until = started.to_jiff() + FAILURE_WINDOW;
            (failures >= MOST_FAILURES && self.now() < until).then_some(until)
        }))
    }

    async fn note_failure(&self, hash: &[u8; 32], known: &[(TenantId, UserId)]) -> Result<(), Fault> {
        let now = self.now();
        sqlx::query(
            "insert into vault.login_failures as known (email_hash, failures, window_started_at) values ($1, 1, $2)
             on conflict (email_hash) do update set
                 failures = case when known.window_started_at < $3 then 1 else known.failures + 1 end,
                 window_started_at =
                     case when known.window_started_at < $3 then $2 else known.window_started_at end",
        )
        .bind(hash.as_slice())
        .bind(now.to_sqlx())
        .bind((now - FAILURE_WINDOW).to_sqlx())
        .execute(self.vault.across_tenants())
        .await?;
        for (tenant, user_id) in known {
            let caller = Caller::new(*tenant, Actor::System("login"));
            let stream = stream_id(SessionId::from(Uuid::now_v7()).stream())?;
            let refused: SessionEvent = LoginRefused { user_id: *user_id }.into();
            self.append(&caller, stream, 0, "Login", &[refused]).await?;
        }
        Ok(())
    }

    async fn forget_failures(&self, hash: &[u8; 32]) -> Result<(), Fault> {
        sqlx::query("delete from vault.login_failures where email_hash = $1")
            .bind(hash.as_slice())
            .execute(self.vault.across_tenants())
            .await?;
        Ok(())
    }
}
