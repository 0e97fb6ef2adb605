//! Registering a business, and the sessions of its people.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::CommandError;
use dyocense_commands::identity::{LoginRefusal, RegisterBusiness};
use dyocense_commands::{Actor, Caller};
use dyocense_eventlog::TenantId;
use zeroize::Zeroizing;

use super::types::*;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, UserErrorCode, fault_of, refusable, refused};
use crate::graphql::request::{caller, commands, settle, spare_attempt, visitor};
use crate::graphql::scalars::{Position, TimeZone};

/// A business to register, with its first owner.
#[derive(InputObject)]
pub struct RegisterBusinessInput {
    /// What the business is called (1 to 200 characters).
    name: String,
    /// The zone of its calendar.
    time_zone: TimeZone,
    /// Its currency (ISO 4217).
    currency: String,
    /// What the owner is called (1 to 200 characters).
    owner_name: String,
    /// The address the owner logs in with.
    email: String,
    /// The owner's password (at least 10 characters).
    #[graphql(secret)]
    password: String,
}

/// What became of a registration.
#[derive(SimpleObject, Default)]
pub struct RegisterBusinessPayload {
    /// The tokens of the owner's first session.
    tokens: Option<SessionTokens>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Who logs in.
#[derive(InputObject)]
pub struct LoginInput {
    /// The e-mail address.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// Which business, where the address belongs to several.
    business_id: Option<ID>,
}

/// What became of a login.
#[derive(SimpleObject, Default)]
pub struct LoginPayload {
    /// The tokens of the new session.
    tokens: Option<SessionTokens>,
    /// What the person may do.
    role: Option<Role>,
    /// The businesses to choose from, where the address belongs to several.
    businesses: Vec<BusinessChoice>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which tokens to exchange.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token of the last answer.
    #[graphql(secret)]
    refresh_token: String,
}

/// What became of an exchange of tokens.
#[derive(SimpleObject, Default)]
pub struct RefreshSessionPayload {
    /// The new tokens; the old refresh token is used up.
    tokens: Option<SessionTokens>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// What became of a change that has no more to show.
#[derive(SimpleObject, Default)]
pub struct LogoutPayload {
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
    #[graphql(secret)]
    current_password: String,
    /// The password from now on (at least 10 characters). Other sessions of the person end.
    #[graphql(secret)]
    new_password: String,
}

/// What became of a change of password.
#[derive(SimpleObject, Default)]
pub struct ChangePasswordPayload {
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A new name for the business.
#[derive(InputObject)]
pub struct RenameBusinessInput {
    /// What the business is called from now on (1 to 200 characters).
    name: String,
}

/// What became of a change of name.
#[derive(SimpleObject, Default)]
pub struct RenameBusinessPayload {
    /// The business as it is now.
    business: Option<Business>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(
    RegisterBusinessPayload,
    LoginPayload,
    RefreshSessionPayload,
    LogoutPayload,
    ChangePasswordPayload,
    RenameBusinessPayload
);

#[derive(Default)]
pub struct IdentityMutation;

#[Object]
impl IdentityMutation {
    /// Registers a business and logs its owner in.
    async fn register_business(
        &self,
        ctx: &Context<'_>,
        input: RegisterBusinessInput,
    ) -> Result<RegisterBusinessPayload, Fault> {
        let password = Zeroizing::new(input.password);
        let registered = commands(ctx)
            .register_business(RegisterBusiness {
                name: input.name,
                time_zone: input.time_zone.0.as_str().to_owned(),
                currency: input.currency,
                owner_name: input.owner_name,
                email: input.email.clone(),
                password: password.clone(),
            })
            .await;
        let registered = match registered {
            Ok(registered) => registered,
            Err(error) => return Ok(spare_attempt(ctx, refused(error)?).into()),
        };
        let client = &visitor(ctx).client;
        let tenant = registered.tenant;
        let login = commands(ctx).login(&input.email, password, Some(tenant), client).await;
        let (tokens, position) = match login {
            Ok(login) => (Some(login.tokens.into()), login.position),
            // It is registered, and that is the answer; the owner can log in.
            Err(_) => (None, registered.position),
        };
        settle(ctx, tenant, position).await;
        Ok(RegisterBusinessPayload { tokens, position: Some(Position(position)), user_errors: vec![] })
    }

    /// Begins a session.
    async fn login(&self, ctx: &Context<'_>, input: LoginInput) -> Result<LoginPayload, Fault> {
        let business = match &input.business_id {
            None => None,
            Some(id) => match ids::of::<TenantId>(Kind::Business, id) {
                Some(tenant) => Some(tenant),
                None => return Ok(UserError::not_found("business", &["input", "businessId"]).into()),
            },
        };
        let client = &visitor(ctx).client;
        match commands(ctx).login(&input.email, Zeroizing::new(input.password), business, client).await {
            Ok(login) => {
                settle(ctx, login.tenant, login.position).await;
                Ok(LoginPayload {
                    tokens: Some(login.tokens.into()),
                    role: Some(login.role.into()),
                    position: Some(Position(login.position)),
                    ..LoginPayload::default()
                })
            }
            Err(CommandError::Refused(LoginRefusal::ChooseBusiness { businesses })) => {
                let message = "this address belongs to several businesses; choose one";
                let error = UserError::new(UserErrorCode::ChooseBusiness, message, &["input", "businessId"]);
                let businesses = businesses
                    .into_iter()
                    .map(|choice| BusinessChoice { id: Kind::Business.id(choice.tenant.uuid()), name: choice.name })
                    .collect();
                Ok(LoginPayload { businesses, ..error.into() })
            }
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Exchanges a refresh token for new tokens. A token that comes back after its exchange ends the session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        input: RefreshSessionInput,
    ) -> Result<RefreshSessionPayload, Fault> {
        match commands(ctx).refresh_session(&input.refresh_token).await {
            Ok(tokens) => Ok(RefreshSessionPayload { tokens: Some(tokens.into()), user_errors: vec![] }),
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Ends the session of this access token. Its live connections are closed within a second.
    async fn logout(&self, ctx: &Context<'_>) -> Result<LogoutPayload, Fault> {
        let caller: Caller = visitor(ctx).caller(None)?;
        let Actor::User { session_id, .. } = caller.actor else {
            let message = "an API key has no session; revoke the key instead";
            return Ok(UserError::new(UserErrorCode::NotAllowed, message, &[]).into());
        };
        match commands(ctx).logout(&caller, session_id).await {
            Ok(position) => Ok(LogoutPayload { position: Some(Position(position)), user_errors: vec![] }),
            Err(fault) => Ok(fault_of(fault)?.into()),
        }
    }

    /// Changes the caller's own password and ends the caller's other sessions.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload, Fault> {
        let caller = visitor(ctx).caller(None)?;
        let (current, new) = (Zeroizing::new(input.current_password), Zeroizing::new(input.new_password));
        match commands(ctx).change_password(&caller, current, new).await {
            Ok(position) => Ok(ChangePasswordPayload { position: Some(Position(position)), user_errors: vec![] }),
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Changes what the business is called.
    async fn rename_business(
        &self,
        ctx: &Context<'_>,
        input: RenameBusinessInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RenameBusinessPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let outcome = match commands(ctx).rename_business(&caller, &input.name).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RenameBusinessPayload {
            business: super::load::business(ctx, caller.tenant).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }
}
