//! Who has access: invited, joined, changed, removed, erased.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::identity::{DataSubject, revoked_keys};
use dyocense_domain::ids::{InvitationId, UserId};
use zeroize::Zeroizing;

use super::types::*;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, settle, spare_attempt};
use crate::graphql::scalars::Position;

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
    /// The person. Its sessions end, and the API keys it made are revoked.
    user_id: ID,
}

/// What became of taking away a person's access.
#[derive(SimpleObject, Default)]
pub struct RemoveUserPayload {
    /// The person as it is now.
    user: Option<User>,
    /// The API keys the person had made, revoked with the person's access: machines that used them need new ones.
    revoked_api_keys: Vec<ApiKey>,
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
    /// The API keys the person had made, revoked with the person's access: machines that used them need new ones.
    revoked_api_keys: Vec<ApiKey>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(
    InviteUserPayload,
    AcceptInvitationPayload,
    RevokeInvitationPayload,
    ChangeRolePayload,
    RemoveUserPayload,
    ErasePersonPayload
);

#[derive(Default)]
pub struct PeopleMutation;

#[Object]
impl PeopleMutation {
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
            Err(error) => Ok(spare_attempt(ctx, refused(error)?).into()),
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

    /// Takes a person's access away: its sessions end, and the API keys it made are revoked.
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
            revoked_api_keys: super::load::api_keys(ctx, &revoked_keys(&outcome.events)).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Erases a person for good: access ends, the API keys the person made are revoked, and what the history says of
    /// them, or in their words, can never be read again, here or in any backup. That it happened stays in the history.
    /// Files that the business uploaded, and rejected rows of its imports, may name anybody: all of them are deleted, and
    /// imports that are not through fail. Cannot be undone.
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
        let erased = match commands(ctx).erase_person(&caller, subject).await {
            Ok(erased) => erased,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, erased.position).await;
        Ok(ErasePersonPayload {
            user: super::load::user(ctx, erased.user_id).await?,
            revoked_api_keys: super::load::api_keys(ctx, &erased.revoked_api_keys).await?,
            position: Some(Position(erased.position)),
            user_errors: vec![],
        })
    }
}
