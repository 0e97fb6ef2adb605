//! Who is who.

use async_graphql::{Context, ID, Object, SimpleObject};
use dyocense_commands::Actor;
use dyocense_domain::ids::UserId;
use dyocense_projections::identity;
use uuid::Uuid;

use super::load;
use super::types::*;
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{commands, query_fault, snapshot, tenant_at, visitor};
use crate::graphql::scalars::{DateTime, Position};

/// Whoever asks.
#[derive(SimpleObject)]
pub struct Viewer {
    /// What the caller may do.
    role: Role,
    /// The person who asks; null for an API key.
    user: Option<User>,
    /// The business.
    business: Option<Business>,
    /// When the access token or the key stops working.
    access_expires_at: Option<DateTime>,
}

#[derive(Default)]
pub struct IdentityQuery;

#[Object]
impl IdentityQuery {
    /// Whoever asks; null without an access token.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, Fault> {
        let Some(principal) = visitor(ctx).principal else { return Ok(None) };
        let Some(role) = principal.actor.role() else { return Ok(None) };
        let user = match principal.actor {
            Actor::User { user_id, .. } => load::user(ctx, user_id).await?,
            _ => None,
        };
        Ok(Some(Viewer {
            role: role.into(),
            user,
            business: load::business(ctx, principal.tenant).await?,
            access_expires_at: principal.expires_at.map(DateTime),
        }))
    }

    /// The business.
    async fn business(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Business>, Fault> {
        let tenant = tenant_at(ctx, min_position).await?;
        load::business(ctx, tenant).await
    }

    /// The people of the business, the first to join first.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Also people whose access was taken away.", default = false)] include_removed: bool,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<User>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = identity::users(&mut snapshot, include_removed, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.user_id.to_string(), Into::into))
    }

    /// A person by id.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<User>, Fault> {
        tenant_at(ctx, min_position).await?;
        match ids::of::<UserId>(Kind::User, &id) {
            Some(user) => load::user(ctx, user).await,
            None => Ok(None),
        }
    }

    /// Invitations to the business, the oldest first.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only those that can still be accepted, expired ones included.", default = false)] open: bool,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<Invitation>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        let mut snapshot = snapshot(ctx, min_position).await?;
        let status = open.then_some(identity::InvitationStatus::Open);
        let page = identity::invitations(&mut snapshot, status, &keys).await.map_err(query_fault)?;
        let now = commands(ctx).now();
        Ok(Connection::of(page, |row| row.invitation_id.to_string(), |row| load::show_invitation(row, now)))
    }

    /// The API keys of the business, the oldest first.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Also keys that were revoked.", default = false)] include_revoked: bool,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<ApiKey>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| Uuid::try_parse(text).ok())?;
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = identity::api_keys(&mut snapshot, include_revoked, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.api_key_id.to_string(), Into::into))
    }
}
