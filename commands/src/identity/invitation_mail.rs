//! Invitations by mail: queued when one is made, sent after the commit, tried again until the mail server takes it, the
//! invitation is closed, or nobody can be reached there. What became of it is an event.
//!
//! The token in the mail stands in no event and no queue: it follows from the master key and the invitation, and the
//! vault has its hash. A mail that is sent a second time, because the program stopped before it could say that it was
//! sent, has the same token and the same message id.

use std::time::Duration;

use dyocense_domain::identity::{Business, BusinessCommand, Invitation, MailProblem};
use dyocense_domain::ids::{BUSINESS_STREAM, InvitationId};
use dyocense_eventlog::TenantId;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::INVITATION_PREFIX;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, MailOptions, stream_id};
use crate::ports::Mail;
use crate::secrets::Token;

const KIND: &str = "invitation";
const SLOW_POLL: Duration = Duration::from_secs(5);
/// After the first attempt that failed; doubled with each.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(6);

/// How long to wait after so many attempts.
fn retry_after(attempts: i32) -> SignedDuration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    FIRST_RETRY.checked_mul(1 << doublings).map_or(LONGEST_RETRY, |wait| wait.min(LONGEST_RETRY))
}

impl Commands {
    /// Queues an invitation's mail, where mail is sent at all.
    pub(crate) async fn queue_invitation_mail(
        &self,
        tenant: TenantId,
        invitation_id: InvitationId,
    ) -> Result<(), Fault> {
        if self.mail.is_none() {
            return Ok(());
        }
        sqlx::query(
            "insert into vault.mail_queue (tenant_id, kind, subject_id, due_at) values ($1, $2, $3, $4)
             on conflict do nothing",
        )
        .bind(Uuid::from(tenant))
        .bind(KIND)
        .bind(Uuid::from(invitation_id))
        .bind(self.now().to_sqlx())
        .execute(self.vault.across_tenants())
        .await?;
        self.mail_queued.notify_one();
        Ok(())
    }

    /// Sends mail as it comes due until `stop` is cancelled. Ends at once where mail is not configured.
    pub async fn run_mail(self, stop: CancellationToken) {
        if self.mail.is_none() {
            return;
        }
        while !stop.is_cancelled() {
            if let Err(error) = self.send_due_mail().await {
                tracing::warn!(%error, "mail could not be looked for; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.mail_queued.notified() => {}
                () = tokio::time::sleep(SLOW_POLL) => {}
            }
        }
    }

    /// Sends what is due at the clock's now, one after the other; returns how many mails the server took. Nodes share
    /// the work by row locks.
    pub async fn send_due_mail(&self) -> Result<usize, Fault> {
        let Some(mail) = &self.mail else { return Ok(0) };
        let mut sent = 0;
        loop {
            // The row's lock is held while the mail is sent: no other node sends it too.
            let mut tx = self.vault.across_tenants().begin().await?;
            let due: Option<(Uuid, Uuid, i32)> = sqlx::query_as(
                "select tenant_id, subject_id, attempts from vault.mail_queue where kind = $1 and due_at <= $2
                 order by due_at limit 1 for update skip locked",
            )
            .bind(KIND)
            .bind(self.now().to_sqlx())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((tenant, subject, attempts)) = due else { return Ok(sent) };
            let (tenant, invitation_id) = (TenantId::from(tenant), InvitationId::from(subject));
            let again = match self.mail_invitation(mail, tenant, invitation_id).await {
                Ok(Attempt::Sent) => {
                    sent += 1;
                    None
                }
                Ok(Attempt::Over) => None,
                Ok(Attempt::Failed) => Some(self.now() + retry_after(attempts + 1)),
                Err(error) => {
                    tracing::warn!(%tenant, %invitation_id, %error, "an invitation's mail will be tried again");
                    Some(self.now() + retry_after(attempts + 1))
                }
            };
            settle(&mut tx, tenant, invitation_id, again).await?;
            tx.commit().await?;
        }
    }

    async fn mail_invitation(
        &self,
        mail: &MailOptions,
        tenant: TenantId,
        invitation_id: InvitationId,
    ) -> Result<Attempt, Fault> {
        let business = self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let Some(invitation) = business.invitations.get(&invitation_id).filter(|known| !known.mail_settled) else {
            return Ok(Attempt::Over);
        };
        let Some(email) = invitation.email.as_ref().filter(|_| !invitation.closed) else { return Ok(Attempt::Over) };
        if invitation.expires_at <= self.now() {
            self.settle_mail(tenant, invitation_id, Some(MailProblem::Unreachable)).await?;
            return Ok(Attempt::Over);
        }
        let key = self.master_key.derive("invitations by mail");
        let token = Token::derive(INVITATION_PREFIX, tenant, &key, Uuid::from(invitation_id).as_bytes());
        self.admit(&token, invitation_id).await?;
        let text = Mail {
            key: format!("invitation-{invitation_id}"),
            to: email.clone(),
            subject: format!("Join {} on Dyocense", name(&business)),
            body: body(&business, invitation, &format!("{}/#join/{}", mail.public_url, token.expose())),
        };
        match mail.mailer.send(&text).await {
            Ok(()) => {
                self.settle_mail(tenant, invitation_id, None).await?;
                Ok(Attempt::Sent)
            }
            Err(error) if error.is_final() => {
                tracing::warn!(%tenant, %invitation_id, %error, "an invitation's mail was given up");
                self.settle_mail(tenant, invitation_id, Some(MailProblem::Refused)).await?;
                Ok(Attempt::Over)
            }
            Err(error) => {
                tracing::warn!(%tenant, %invitation_id, %error, "an invitation's mail will be tried again");
                Ok(Attempt::Failed)
            }
        }
    }

    async fn settle_mail(
        &self,
        tenant: TenantId,
        invitation_id: InvitationId,
        problem: Option<MailProblem>,
    ) -> Result<(), Fault> {
        let caller = Caller::new(tenant, Actor::System("mail"));
        let command = BusinessCommand::SettleInvitationMail { invitation_id, problem };
        match self.change_business(&caller, "SettleInvitationMail", command).await {
            Ok(_) => Ok(()),
            Err(CommandError::Fault(fault)) => Err(fault),
            Err(CommandError::Refused(refusal)) => Err(Fault::internal(refusal)),
        }
    }
}

enum Attempt {
    Sent,
    Failed,
    /// There is nothing (more) to send.
    Over,
}

/// Takes a mail off the queue, or lets it wait until then.
async fn settle(
    tx: &mut sqlx::PgConnection,
    tenant: TenantId,
    invitation_id: InvitationId,
    again: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let query = match again {
        Some(due_at) => sqlx::query(
            "update vault.mail_queue set due_at = $4, attempts = attempts + 1
             where tenant_id = $1 and kind = $2 and subject_id = $3",
        )
        .bind(Uuid::from(tenant))
        .bind(KIND)
        .bind(Uuid::from(invitation_id))
        .bind(due_at.to_sqlx()),
        None => sqlx::query("delete from vault.mail_queue where tenant_id = $1 and kind = $2 and subject_id = $3")
            .bind(Uuid::from(tenant))
            .bind(KIND)
            .bind(Uuid::from(invitation_id)),
    };
    query.execute(tx).await.map(drop)
}

fn name(business: &Business) -> &str {
    business.profile.as_ref().map_or("a business", |profile| profile.name.as_str())
}

fn body(business: &Business, invitation: &Invitation, link: &str) -> String {
    let inviter = business.users.get(&invitation.invited_by).and_then(|user| user.email.as_deref());
    let invites = inviter.map_or_else(|| "You are invited".to_owned(), |email| format!("{email} invites you"));
    let zone = business.profile.as_ref().map(|profile| profile.time_zone.zone());
    let until = invitation.expires_at.to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC));
    format!(
        "{invites} to {name} on Dyocense.\n\nTo join, open this page and choose a password:\n\n{link}\n\n\
         Whoever has the link can join in your place: do not pass it on. It works until {until}, and once.\n\
         If you did not expect it, do nothing; then nothing happens.\n",
        name = name(business),
        until = until.strftime("%-d %B %Y, %H:%M %Z"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_further_and_further_apart_up_to_a_bound() {
        assert_eq!(retry_after(1), SignedDuration::from_mins(1));
        assert_eq!(retry_after(2), SignedDuration::from_mins(2));
        assert_eq!(retry_after(5), SignedDuration::from_mins(16));
        assert_eq!(retry_after(i32::MAX), LONGEST_RETRY);
    }
}
