use dyocense_domain::identity::{Business, BusinessCommand, BusinessEvent, IdentityRefusal, Role, SessionEnd, decide};
use dyocense_domain::ids::{ApiKeyId, BUSINESS_STREAM, CredentialId, InvitationId, UserId};
use dyocense_eventlog::{Position, TenantId};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::INVITATION_PREFIX;
use super::passwords::{PasswordRefusal, Passwords};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome, stream_id};
use crate::secrets::Token;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonRefusal {
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    #[error("only a person can do this, not an API key")]
    NotAPerson,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptRefusal {
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangePasswordRefusal {
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    #[error("the current password is wrong")]
    WrongPassword,
}

/// An invitation as made. The token is shown once: whoever has it can join.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub invitation_id: InvitationId,
    /// None when the answer is a replay: the token was shown the first time.
    pub token: Option<Token>,
    pub position: Position,
}

type PersonResult = Result<Outcome<BusinessEvent>, CommandError<PersonRefusal>>;

impl Commands {
    pub async fn rename_business(&self, caller: &Caller, name: &str) -> PersonResult {
        self.change_business(caller, "RenameBusiness", BusinessCommand::Rename { name: name.to_owned() }).await
    }

    pub async fn invite_user(
        &self,
        caller: &Caller,
        email: &str,
        role: Role,
    ) -> Result<NewInvitation, CommandError<PersonRefusal>> {
        let by = person(caller)?;
        let invitation_id = InvitationId::from(Uuid::now_v7());
        let user_id = UserId::from(Uuid::now_v7());
        let command = BusinessCommand::Invite { invitation_id, user_id, email: email.to_owned(), role, by };
        let outcome = self.change_business(caller, "InviteUser", command).await?;
        let invited = outcome.events.iter().find_map(|event| match event {
            BusinessEvent::UserInvited(invited) => Some(invited.invitation_id),
            _ => None,
        });
        let invitation_id = invited.ok_or_else(|| Fault::internal("an invitation without its event"))?;
        let token = if outcome.replayed {
            None
        } else {
            let token = Token::generate(INVITATION_PREFIX, caller.tenant);
            self.admit(&token, invitation_id).await?;
            Some(token)
        };
        Ok(NewInvitation { invitation_id, token, position: outcome.position })
    }

    /// Lets a token accept an invitation. Doing it twice changes nothing.
    pub(super) async fn admit(&self, token: &Token, invitation_id: InvitationId) -> Result<(), Fault> {
        let mut tx = self.vault.of(token.tenant()).await?;
        sqlx::query(
            "insert into vault.invitation_tokens (tenant_id, token_hash, invitation_id) values ($1, $2, $3)
             on conflict do nothing",
        )
        .bind(Uuid::from(token.tenant()))
        .bind(token.hash().as_slice())
        .bind(Uuid::from(invitation_id))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Joins a business with an invitation's token; the answer names the business and the new user.
    pub async fn accept_invitation(
        &self,
        token: &str,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<(TenantId, UserId, Position), CommandError<AcceptRefusal>> {
        let unknown = || CommandError::Refused(AcceptRefusal::Identity(IdentityRefusal::NoSuchInvitation));
        let token = Token::parse(INVITATION_PREFIX, token).ok_or_else(unknown)?;
        let tenant = token.tenant();
        let invitation_id = self.invitation_of(&token).await?.ok_or_else(unknown)?;

        let business = self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let invitation = business.invitations.get(&invitation_id).ok_or_else(unknown)?;
        let user_id = invitation.user_id;
        let email = invitation.email.clone().ok_or_else(unknown)?;
        Passwords::check_rules(&password, &email)?;
        let credential_id = CredentialId::from(Uuid::now_v7());
        let command = BusinessCommand::AcceptInvitation { invitation_id, name: name.to_owned(), credential_id };
        // Refuse before a password is hashed and stored.
        decide(&business, command.clone(), self.now()).map_err(|refusal| CommandError::Refused(refusal.into()))?;

        let phc = self.passwords.hash(password).await?;
        self.store_credential(tenant, user_id, credential_id, &phc).await?;
        self.store_login(tenant, user_id, &email).await?;
        let caller = Caller::new(tenant, Actor::System("invitation"));
        let outcome = self
            .change_business(&caller, "AcceptInvitation", command)
            .await
            .map_err(|error| error.map_refusal(only_identity::<AcceptRefusal>))?;
        Ok((tenant, user_id, outcome.position))
    }

    async fn invitation_of(&self, token: &Token) -> Result<Option<InvitationId>, Fault> {
        let mut tx = self.vault.of(token.tenant()).await?;
        let found: Option<Uuid> = sqlx::query_scalar(
            "select invitation_id from vault.invitation_tokens where tenant_id = $1 and token_hash = $2",
        )
        .bind(Uuid::from(token.tenant()))
        .bind(token.hash().as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(found.map(InvitationId::from))
    }

    pub async fn revoke_invitation(&self, caller: &Caller, invitation_id: InvitationId) -> PersonResult {
        let by = person(caller)?;
        self.change_business(caller, "RevokeInvitation", BusinessCommand::RevokeInvitation { invitation_id, by }).await
    }

    pub async fn change_role(&self, caller: &Caller, user_id: UserId, role: Role) -> PersonResult {
        let by = person(caller)?;
        self.change_business(caller, "ChangeRole", BusinessCommand::ChangeRole { user_id, role, by }).await
    }

    /// Takes a person's access away, ends that person's sessions and revokes the API keys that person made.
    pub async fn remove_user(&self, caller: &Caller, user_id: UserId) -> PersonResult {
        let by = person(caller)?;
        let outcome = self.change_business(caller, "RemoveUser", BusinessCommand::RemoveUser { user_id, by }).await?;
        self.drop_keys(caller.tenant, &revoked_keys(&outcome.events)).await?;
        self.end_sessions_of(caller, user_id, None, SessionEnd::UserRemoved).await?;
        sqlx::query("delete from vault.logins where tenant_id = $1 and user_id = $2")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(user_id))
            .execute(self.vault.across_tenants())
            .await?;
        Ok(outcome)
    }

    /// Changes the caller's own password and ends the caller's other sessions.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<Position, CommandError<ChangePasswordRefusal>> {
        let Actor::User { user_id, session_id, .. } = caller.actor else {
            return Err(CommandError::Refused(IdentityRefusal::NotAllowed.into()));
        };
        let business = self.load::<Business>(caller.tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let user = business
            .active_user(user_id)
            .ok_or(CommandError::Refused(ChangePasswordRefusal::Identity(IdentityRefusal::NoSuchUser)))?;
        Passwords::check_rules(&new, user.email.as_deref().unwrap_or_default())?;
        let phc = self.credential(caller.tenant, user.credential_id).await?;
        if !self.passwords.verify(current, phc).await? {
            return Err(CommandError::Refused(ChangePasswordRefusal::WrongPassword));
        }
        let credential_id = CredentialId::from(Uuid::now_v7());
        let phc = self.passwords.hash(new).await?;
        self.store_credential(caller.tenant, user_id, credential_id, &phc).await?;
        let command = BusinessCommand::ChangePassword { user_id, credential_id };
        let outcome = self
            .change_business(caller, "ChangePassword", command)
            .await
            .map_err(|error| error.map_refusal(only_identity::<ChangePasswordRefusal>))?;
        self.end_sessions_of(caller, user_id, Some(session_id), SessionEnd::PasswordChanged).await?;
        Ok(outcome.position)
    }

    /// Sets a user's password from the operator's command line: no current password is asked, all sessions end.
    pub async fn reset_password(
        &self,
        tenant: TenantId,
        user_id: UserId,
        new: Zeroizing<String>,
    ) -> Result<Position, CommandError<ChangePasswordRefusal>> {
        let caller = Caller::new(tenant, Actor::System("operator"));
        Passwords::check_rules(&new, "")?;
        let credential_id = CredentialId::from(Uuid::now_v7());
        let phc = self.passwords.hash(new).await?;
        self.store_credential(tenant, user_id, credential_id, &phc).await?;
        let command = BusinessCommand::ChangePassword { user_id, credential_id };
        let outcome = self
            .change_business(&caller, "ResetPassword", command)
            .await
            .map_err(|error| error.map_refusal(only_identity::<ChangePasswordRefusal>))?;
        self.end_sessions_of(&caller, user_id, None, SessionEnd::PasswordChanged).await?;
        Ok(outcome.position)
    }

    pub(crate) async fn change_business(
        &self,
        caller: &Caller,
        name: &'static str,
        command: BusinessCommand,
    ) -> PersonResult {
        let outcome = self
            .execute::<Business, _>(caller, BUSINESS_STREAM.to_owned(), name, |business| {
                decide(business, command.clone(), self.now())
            })
            .await;
        outcome.map_err(|error| error.map_refusal(PersonRefusal::Identity))
    }
}

/// Refusals of [`Commands::change_business`] where no person is asked for.
fn only_identity<R: From<IdentityRefusal>>(refusal: PersonRefusal) -> R {
    match refusal {
        PersonRefusal::Identity(refusal) => refusal.into(),
        PersonRefusal::NotAPerson => IdentityRefusal::NotAllowed.into(),
    }
}

pub(crate) fn person(caller: &Caller) -> Result<UserId, CommandError<PersonRefusal>> {
    match caller.actor {
        Actor::User { user_id, .. } => Ok(user_id),
        _ => Err(CommandError::Refused(PersonRefusal::NotAPerson)),
    }
}

/// The keys that these events revoke.
pub fn revoked_keys(events: &[BusinessEvent]) -> Vec<ApiKeyId> {
    let revoked = events.iter().filter_map(|event| match event {
        BusinessEvent::ApiKeyRevoked(revoked) => Some(revoked.api_key_id),
        _ => None,
    });
    revoked.collect()
}
