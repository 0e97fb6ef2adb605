//! Erasing a person: access ends, the key of their data is destroyed, and the history says so.

use dyocense_domain::identity::{Business, BusinessCommand, IdentityRefusal};
use dyocense_domain::identity::{BusinessEvent, SessionEnd};
use dyocense_domain::ids::{ApiKeyId, BUSINESS_STREAM, InvitationId, UserId};
use dyocense_eventlog::Position;
use uuid::Uuid;

use super::people::{PersonRefusal, person, revoked_keys};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};

/// Who is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSubject {
    User(UserId),
    /// Whoever was invited, whether they joined or not.
    Invited(InvitationId),
}

/// Whose data is gone, and what else their access was.
#[derive(Debug, Clone)]
pub struct Erased {
    pub user_id: UserId,
    /// The API keys the person had made, revoked now.
    pub revoked_api_keys: Vec<ApiKeyId>,
    pub position: Position,
}

impl Commands {
    /// Erases what is known of a person. Repeating it changes nothing.
    ///
    /// The request is recorded first, then the key is destroyed, then `SubjectErased` is appended: by then nothing
    /// about the person can be written any more, so read models that drop their copies at that event drop them all.
    /// The policy `FinishErasures` does the same where the program stops in between.
    pub async fn erase_person(
        &self,
        caller: &Caller,
        subject: DataSubject,
    ) -> Result<Erased, CommandError<PersonRefusal>> {
        let by = person(caller)?;
        let user_id = match subject {
            DataSubject::User(user_id) => user_id,
            DataSubject::Invited(invitation_id) => {
                let business: Business = self.load(caller.tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
                let invitation = business.invitations.get(&invitation_id);
                let unknown = || CommandError::Refused(IdentityRefusal::NoSuchInvitation.into());
                invitation.ok_or_else(unknown)?.user_id
            }
        };
        let command = BusinessCommand::RequestErasure { user_id, by };
        let requested = self.change_business(caller, "ErasePerson", command).await?;
        let revoked_api_keys = revoked_keys(&requested.events);
        self.drop_keys(caller.tenant, &revoked_api_keys).await?;
        let mut finishing = Caller::new(caller.tenant, Actor::System("erasure"));
        finishing.correlation = caller.correlation;
        let position = self.finish_erasure(&finishing, user_id).await?;
        Ok(Erased { user_id, revoked_api_keys, position })
    }

    /// What follows from a request for erasure. Safe to repeat.
    pub(crate) async fn finish_erasure(&self, caller: &Caller, user_id: UserId) -> Result<Position, Fault> {
        self.end_sessions_of(caller, user_id, None, SessionEnd::UserRemoved).await?;
        sqlx::query("delete from vault.logins where tenant_id = $1 and user_id = $2")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(user_id))
            .execute(self.vault.across_tenants())
            .await?;
        let mut tx = self.vault.of(caller.tenant).await?;
        sqlx::query("delete from vault.credentials where tenant_id = $1 and user_id = $2")
            .bind(Uuid::from(caller.tenant))
            .bind(Uuid::from(user_id))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.forget_files(caller.tenant).await?;
        self.log.erase_subject(caller.tenant, &user_id.stream()).await?;
        let confirmed = self.change_business(caller, "ConfirmErasure", BusinessCommand::ConfirmErasure { user_id });
        match confirmed.await {
            Ok(outcome) => Ok(outcome.position),
            Err(CommandError::Fault(fault)) => Err(fault),
            Err(CommandError::Refused(refusal)) => Err(Fault::internal(refusal)),
        }
    }
}

/// The person whose erasure an event asks for.
pub(crate) fn erasure_requested(event: &BusinessEvent) -> Option<UserId> {
    match event {
        BusinessEvent::ErasureRequested(requested) => Some(requested.user_id),
        _ => None,
    }
}
