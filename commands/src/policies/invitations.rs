use async_trait::async_trait;
use dyocense_domain::identity::BusinessEvent;
use dyocense_eventlog::{RecordedEvent, TenantId};

use super::Policy;
use crate::error::Fault;
use crate::execute::{Commands, decode};

/// Whenever somebody is invited, the invitation is mailed, where mail is configured. Those of before stay with whoever
/// was shown their token.
pub struct InvitationsAreMailed;

#[async_trait]
impl Policy for InvitationsAreMailed {
    fn name(&self) -> &'static str {
        "invitations_are_mailed"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["UserInvited"]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        for event in events {
            if let BusinessEvent::UserInvited(invited) = decode(event)? {
                commands.queue_invitation_mail(tenant, invited.invitation_id).await?;
            }
        }
        Ok(())
    }
}
