use dyocense_domain::identity::{MailProblem, Role, SessionEnd};
use dyocense_domain::ids::{ApiKeyId, InvitationId, SessionId, UserId};
use dyocense_domain::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{BadValue, Column, names};
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// Until it expires.
    Open,
    Accepted,
    Revoked,
}

names!(InvitationStatus, MailProblem);

rows! {
    /// The profile of the tenant.
    pub struct Business in businesses {
        [the_one: bool],
        name: String,
        time_zone: TimeZoneName,
        /// ISO 4217.
        currency: String,
        registered_at: Timestamp,
    }

    /// A person with, or formerly with, access. Their e-mail and name are `None` once erased.
    pub struct User in users {
        [user_id: UserId],
        email: Option<String>,
        name: Option<String>,
        role: Role,
        joined_at: Timestamp,
        removed_at: Option<Timestamp>,
    }

    pub struct Invitation in invitations {
        [invitation_id: InvitationId],
        user_id: UserId,
        email: Option<String>,
        role: Role,
        invited_by: UserId,
        invited_at: Timestamp,
        expires_at: Timestamp,
        status: InvitationStatus,
        settled_at: Option<Timestamp>,
        mailed_at: Option<Timestamp>,
        mail_problem: Option<MailProblem>,
    }

    pub struct ApiKey in api_keys {
        [api_key_id: ApiKeyId],
        name: String,
        role: Role,
        prefix: String,
        created_by: UserId,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        revoked_at: Option<Timestamp>,
        revoked_by: Option<UserId>,
    }

    pub struct Session in sessions {
        [session_id: SessionId],
        user_id: UserId,
        client: Option<String>,
        started_at: Timestamp,
        expires_at: Timestamp,
        ended_at: Option<Timestamp>,
        end_reason: Option<SessionEnd>,
    }
}

/// The business; `None` before its registration is projected.
pub async fn business(snapshot: &mut Snapshot) -> Result<Option<Business>, QueryError> {
    find::one(snapshot, "where tenant_id = $1", |query| query).await
}

pub async fn user(snapshot: &mut Snapshot, user: UserId) -> Result<Option<User>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and user_id = $2", |query| query.bind(user.to_wire())).await
}

/// Users by their ids; unknown ids are left out.
pub async fn users_by_id(snapshot: &mut Snapshot, users: &[UserId]) -> Result<Vec<User>, QueryError> {
    let ids: Vec<Uuid> = users.iter().map(Column::to_wire).collect();
    find::all(snapshot, "where tenant_id = $1 and user_id = any($2)", |query| query.bind(ids)).await
}

/// People with access, by id (the older first); removed ones only on demand.
pub async fn users(snapshot: &mut Snapshot, removed_too: bool, keys: &Keyset<Uuid>) -> Result<Page<User>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and user_id > $2 and user_id < $3 and (removed_at is null or $4)
         order by user_id {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(removed_too).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

pub async fn invitation(snapshot: &mut Snapshot, id: InvitationId) -> Result<Option<Invitation>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and invitation_id = $2", |query| query.bind(id.to_wire())).await
}

/// Invitations by id (the older first), those of one status on demand.
pub async fn invitations(
    snapshot: &mut Snapshot,
    status: Option<InvitationStatus>,
    keys: &Keyset<Uuid>,
) -> Result<Page<Invitation>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and invitation_id > $2 and invitation_id < $3 and ($4::text is null or status = $4)
         order by invitation_id {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(status.map(|s| s.to_wire())).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

pub async fn api_key(snapshot: &mut Snapshot, id: ApiKeyId) -> Result<Option<ApiKey>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and api_key_id = $2", |query| query.bind(id.to_wire())).await
}

/// API keys by id (the older first); revoked ones only on demand.
pub async fn api_keys(
    snapshot: &mut Snapshot,
    revoked_too: bool,
    keys: &Keyset<Uuid>,
) -> Result<Page<ApiKey>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and api_key_id > $2 and api_key_id < $3 and (revoked_at is null or $4)
         order by api_key_id {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(revoked_too).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

pub async fn session(snapshot: &mut Snapshot, id: SessionId) -> Result<Option<Session>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and session_id = $2", |query| query.bind(id.to_wire())).await
}

/// Sessions that have neither ended nor expired at `now`, of one user or of all, by id (the older first).
pub async fn active_sessions(
    snapshot: &mut Snapshot,
    user: Option<UserId>,
    now: Timestamp,
    keys: &Keyset<Uuid>,
) -> Result<Page<Session>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and session_id > $2 and session_id < $3 and ended_at is null and expires_at > $4
           and ($5::uuid is null or user_id = $5)
         order by session_id {} limit $6",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query
            .bind(keys.lower())
            .bind(keys.upper())
            .bind(now.to_sqlx())
            .bind(user.map(|user| user.to_wire()))
            .bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}
