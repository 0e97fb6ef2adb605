//! From read models to the API's types.

use async_graphql::Context;
use dyocense_domain::ids::{ApiKeyId, InvitationId, UserId};
use dyocense_eventlog::TenantId;
use dyocense_projections::identity::{self, InvitationStatus as StoredStatus};
use jiff::Timestamp;

use super::types::*;
use crate::graphql::connection::Named;
use crate::graphql::fault::Fault;
use crate::graphql::ids::Kind;
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::{DateTime, TimeZone};

impl Named for User {
    const NAME: &'static str = "User";
}

impl Named for Invitation {
    const NAME: &'static str = "Invitation";
}

impl Named for ApiKey {
    const NAME: &'static str = "ApiKey";
}

pub fn show_business(tenant: TenantId, row: identity::Business) -> Business {
    Business {
        id: Kind::Business.id(tenant.uuid()),
        name: row.name,
        time_zone: TimeZone(row.time_zone),
        currency: row.currency,
        registered_at: DateTime(row.registered_at),
    }
}

impl From<identity::User> for User {
    fn from(row: identity::User) -> Self {
        Self {
            id: Kind::User.id(row.user_id),
            email: row.email,
            name: row.name,
            role: row.role.into(),
            active: row.removed_at.is_none(),
            joined_at: DateTime(row.joined_at),
        }
    }
}

pub fn show_invitation(row: identity::Invitation, now: Timestamp) -> Invitation {
    let status = match row.status {
        StoredStatus::Open if row.expires_at <= now => InvitationStatus::Expired,
        StoredStatus::Open => InvitationStatus::Open,
        StoredStatus::Accepted => InvitationStatus::Accepted,
        StoredStatus::Revoked => InvitationStatus::Revoked,
    };
    Invitation {
        id: Kind::Invitation.id(row.invitation_id),
        email: row.email,
        role: row.role.into(),
        status,
        invited_at: DateTime(row.invited_at),
        expires_at: DateTime(row.expires_at),
        mailed_at: row.mailed_at.map(DateTime),
        mail_problem: row.mail_problem.map(Into::into),
    }
}

impl From<identity::ApiKey> for ApiKey {
    fn from(row: identity::ApiKey) -> Self {
        Self {
            id: Kind::ApiKey.id(row.api_key_id),
            name: row.name,
            role: row.role.into(),
            hint: row.prefix,
            created_at: DateTime(row.created_at),
            expires_at: row.expires_at.map(DateTime),
            revoked: row.revoked_at.is_some(),
        }
    }
}

pub async fn business(ctx: &Context<'_>, tenant: TenantId) -> Result<Option<Business>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    let row = identity::business(&mut snapshot).await.map_err(query_fault)?;
    Ok(row.map(|row| show_business(tenant, row)))
}

pub async fn user(ctx: &Context<'_>, id: UserId) -> Result<Option<User>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(identity::user(&mut snapshot, id).await.map_err(query_fault)?.map(Into::into))
}

pub async fn invitation(ctx: &Context<'_>, id: InvitationId) -> Result<Option<Invitation>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    let row = identity::invitation(&mut snapshot, id).await.map_err(query_fault)?;
    Ok(row.map(|row| show_invitation(row, crate::graphql::request::commands(ctx).now())))
}

pub async fn api_key(ctx: &Context<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    Ok(identity::api_key(&mut snapshot, id).await.map_err(query_fault)?.map(Into::into))
}

pub async fn api_keys(ctx: &Context<'_>, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, Fault> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let mut snapshot = snapshot(ctx, None).await?;
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        shown.extend(identity::api_key(&mut snapshot, *id).await.map_err(query_fault)?.map(ApiKey::from));
    }
    Ok(shown)
}
