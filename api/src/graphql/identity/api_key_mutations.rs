//! Keys of machines.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_domain::ids::ApiKeyId;

use super::types::*;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, settle};
use crate::graphql::scalars::{DateTime, Position};

/// An API key to make.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// What it is for (1 to 100 characters).
    name: String,
    /// What it may do: `MEMBER` or `AUDITOR`.
    role: Role,
    /// From when it no longer works.
    expires_at: Option<DateTime>,
}

/// What became of making an API key.
#[derive(SimpleObject, Default)]
pub struct CreateApiKeyPayload {
    /// The key's description.
    api_key: Option<ApiKey>,
    /// The key itself. Shown once: null where the answer repeats an earlier one.
    key: Option<String>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which API key to withdraw.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// The key. Its live connections are closed.
    api_key_id: ID,
}

/// What became of withdrawing an API key.
#[derive(SimpleObject, Default)]
pub struct RevokeApiKeyPayload {
    /// The key as it is now.
    api_key: Option<ApiKey>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(CreateApiKeyPayload, RevokeApiKeyPayload);

#[derive(Default)]
pub struct ApiKeysMutation;

#[Object]
impl ApiKeysMutation {
    /// Makes a key with which a machine uses the API.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        input: CreateApiKeyInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<CreateApiKeyPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let expires_at = input.expires_at.map(|at| at.0);
        let made = match commands(ctx).create_api_key(&caller, &input.name, input.role.into(), expires_at).await {
            Ok(made) => made,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, made.position).await;
        Ok(CreateApiKeyPayload {
            api_key: super::load::api_key(ctx, made.api_key_id).await?,
            key: made.key.map(|key| key.expose().to_owned()),
            position: Some(Position(made.position)),
            user_errors: vec![],
        })
    }

    /// Withdraws an API key.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        input: RevokeApiKeyInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RevokeApiKeyPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(api_key_id) = ids::of::<ApiKeyId>(Kind::ApiKey, &input.api_key_id) else {
            return Ok(UserError::not_found("API key", &["input", "apiKeyId"]).into());
        };
        let outcome = match commands(ctx).revoke_api_key(&caller, api_key_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RevokeApiKeyPayload {
            api_key: super::load::api_key(ctx, api_key_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }
}
