//! Changes of who may do what.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::CommandError;
use dyocense_commands::identity::{DataSubject, LoginRefusal, RegisterBusiness};
use dyocense_commands::{Actor, Caller};
use dyocense_domain::ids::{ApiKeyId, InvitationId, UserId};
use dyocense_eventlog::TenantId;
use zeroize::Zeroizing;

use super::types::*;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, UserErrorCode, fault_of, refusable, refused};
use crate::graphql::request::{caller, commands, settle, visitor};
use crate::graphql::scalars::{DateTime, Position, TimeZone};

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

/// Whom to invite.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// The person's address. A second invitation of the same address replaces the first.
    email: String,
    /// What the person will be allowed to do.
    role: Role,
}

/// What became of an invitation.
#[derive(SimpleObject, Default)]
pub struct InviteUserPayload {
    /// The invitation.
    invitation: Option<Invitation>,
    /// What the person accepts with. Shown once: null where the answer repeats an earlier one.
    token: Option<String>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// How an invited person joins.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token of the invitation.
    #[graphql(secret)]
    token: String,
    /// What the person is called (1 to 200 characters).
    name: String,
    /// The person's password (at least 10 characters).
    #[graphql(secret)]
    password: String,
}

/// What became of joining. Log in to go on.
#[derive(SimpleObject, Default)]
pub struct AcceptInvitationPayload {
    /// The business that was joined, for `login`.
    business_id: Option<ID>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which invitation to take back.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// The invitation.
    invitation_id: ID,
}

/// What became of taking back an invitation.
#[derive(SimpleObject, Default)]
pub struct RevokeInvitationPayload {
    /// The invitation as it is now.
    invitation: Option<Invitation>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Whose role to change.
#[derive(InputObject)]
pub struct ChangeRoleInput {
    /// The person.
    user_id: ID,
    /// What the person may do from now on. Live connections of the person are closed.
    role: Role,
}

/// What became of a change of role.
#[derive(SimpleObject, Default)]
pub struct ChangeRolePayload {
    /// The person as it is now.
    user: Option<User>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Whose access to take away.
#[derive(InputObject)]
pub struct RemoveUserInput {
    /// The person. Its sessions end.
    user_id: ID,
}

/// What became of taking away a person's access.
#[derive(SimpleObject, Default)]
pub struct RemoveUserPayload {
    /// The person as it is now.
    user: Option<User>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Whom to erase.
#[derive(InputObject)]
pub struct ErasePersonInput {
    /// A `User`, or an `Invitation`: then whoever was invited, whether they joined or not.
    person_id: ID,
}

/// What became of an erasure.
#[derive(SimpleObject, Default)]
pub struct ErasePersonPayload {
    /// The person as it is now, if they ever joined.
    user: Option<User>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

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

refusable!(
    RegisterBusinessPayload,
    LoginPayload,
    RefreshSessionPayload,
    LogoutPayload,
    ChangePasswordPayload,
    RenameBusinessPayload,
    InviteUserPayload,
    AcceptInvitationPayload,
    RevokeInvitationPayload,
    ChangeRolePayload,
    RemoveUserPayload,
    ErasePersonPayload,
    CreateApiKeyPayload,
    RevokeApiKeyPayload,
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
            Err(error) => return Ok(refused(error)?.into()),
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

    /// Invites a person to the business.
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        input: InviteUserInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<InviteUserPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let invited = match commands(ctx).invite_user(&caller, &input.email, input.role.into()).await {
            Ok(invited) => invited,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, invited.position).await;
        Ok(InviteUserPayload {
            invitation: super::load::invitation(ctx, invited.invitation_id).await?,
            token: invited.token.map(|token| token.expose().to_owned()),
            position: Some(Position(invited.position)),
            user_errors: vec![],
        })
    }

    /// Joins a business one was invited to. The token of the invitation is all that is needed.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload, Fault> {
        let password = Zeroizing::new(input.password);
        match commands(ctx).accept_invitation(&input.token, &input.name, password).await {
            Ok((tenant, _, position)) => {
                settle(ctx, tenant, position).await;
                Ok(AcceptInvitationPayload {
                    business_id: Some(Kind::Business.id(tenant.uuid())),
                    position: Some(Position(position)),
                    user_errors: vec![],
                })
            }
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Takes an invitation back.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        input: RevokeInvitationInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RevokeInvitationPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(invitation_id) = ids::of::<InvitationId>(Kind::Invitation, &input.invitation_id) else {
            return Ok(UserError::not_found("invitation", &["input", "invitationId"]).into());
        };
        let outcome = match commands(ctx).revoke_invitation(&caller, invitation_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RevokeInvitationPayload {
            invitation: super::load::invitation(ctx, invitation_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Changes what a person may do.
    async fn change_role(
        &self,
        ctx: &Context<'_>,
        input: ChangeRoleInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ChangeRolePayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(user_id) = ids::of::<UserId>(Kind::User, &input.user_id) else {
            return Ok(UserError::not_found("user", &["input", "userId"]).into());
        };
        let outcome = match commands(ctx).change_role(&caller, user_id, input.role.into()).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(ChangeRolePayload {
            user: super::load::user(ctx, user_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Takes a person's access away.
    async fn remove_user(
        &self,
        ctx: &Context<'_>,
        input: RemoveUserInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RemoveUserPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(user_id) = ids::of::<UserId>(Kind::User, &input.user_id) else {
            return Ok(UserError::not_found("user", &["input", "userId"]).into());
        };
        let outcome = match commands(ctx).remove_user(&caller, user_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RemoveUserPayload {
            user: super::load::user(ctx, user_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Erases a person for good: access ends, and what the history says of them, or in their words, can never be read
    /// again, here or in any backup. That it happened stays in the history. Cannot be undone.
    async fn erase_person(
        &self,
        ctx: &Context<'_>,
        input: ErasePersonInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ErasePersonPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let user = ids::of::<UserId>(Kind::User, &input.person_id).map(DataSubject::User);
        let invited = || ids::of::<InvitationId>(Kind::Invitation, &input.person_id).map(DataSubject::Invited);
        let Some(subject) = user.or_else(invited) else {
            return Ok(UserError::not_found("person", &["input", "personId"]).into());
        };
        let (user_id, position) = match commands(ctx).erase_person(&caller, subject).await {
            Ok(erased) => erased,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, position).await;
        Ok(ErasePersonPayload {
            user: super::load::user(ctx, user_id).await?,
            position: Some(Position(position)),
            user_errors: vec![],
        })
    }

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
