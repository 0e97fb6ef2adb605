use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::events::*;
use crate::event::Aggregate;
use crate::ids::{ApiKeyId, CredentialId, InvitationId, SessionId, UserId};

/// What the events of the stream `business` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Business {
    pub profile: Option<BusinessRegistered>,
    pub users: BTreeMap<UserId, User>,
    pub invitations: BTreeMap<InvitationId, Invitation>,
    pub api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// People whose erasure was asked for, done or not.
    pub to_erase: BTreeSet<UserId>,
    pub erased: BTreeSet<UserId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// None once the person's data has been erased.
    pub email: Option<String>,
    pub role: Role,
    pub credential_id: CredentialId,
    pub removed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    pub user_id: UserId,
    pub email: Option<String>,
    pub role: Role,
    pub expires_at: Timestamp,
    pub invited_by: UserId,
    /// Accepted or revoked.
    pub closed: bool,
    /// Its mail went out or was given up.
    pub mail_settled: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    pub name: String,
    pub role: Role,
    pub created_by: UserId,
    pub expires_at: Option<Timestamp>,
    pub revoked: bool,
}

impl Aggregate for Business {
    type Event = BusinessEvent;

    fn evolve(mut self, event: &BusinessEvent) -> Self {
        match event {
            BusinessEvent::BusinessRegistered(registered) => self.profile = Some(registered.clone()),
            BusinessEvent::BusinessRenamed(renamed) => {
                if let Some(profile) = &mut self.profile {
                    profile.name.clone_from(&renamed.name);
                }
            }
            BusinessEvent::UserJoined(joined) => {
                self.users.insert(
                    joined.user_id,
                    User {
                        email: joined.email.value().cloned(),
                        role: joined.role,
                        credential_id: joined.credential_id,
                        removed: false,
                    },
                );
            }
            BusinessEvent::UserInvited(invited) => {
                self.invitations.insert(
                    invited.invitation_id,
                    Invitation {
                        user_id: invited.user_id,
                        email: invited.email.value().cloned(),
                        role: invited.role,
                        expires_at: invited.expires_at,
                        invited_by: invited.invited_by,
                        closed: false,
                        mail_settled: false,
                    },
                );
            }
            BusinessEvent::InvitationAccepted(accepted) => self.close_invitation(accepted.invitation_id),
            BusinessEvent::InvitationRevoked(revoked) => self.close_invitation(revoked.invitation_id),
            BusinessEvent::InvitationMailed(mailed) => self.settle_mail(mailed.invitation_id),
            BusinessEvent::InvitationNotMailed(given_up) => self.settle_mail(given_up.invitation_id),
            BusinessEvent::RoleChanged(changed) => {
                if let Some(user) = self.users.get_mut(&changed.user_id) {
                    user.role = changed.to;
                }
            }
            BusinessEvent::UserRemoved(removed) => {
                if let Some(user) = self.users.get_mut(&removed.user_id) {
                    user.removed = true;
                }
            }
            BusinessEvent::PasswordChanged(changed) => {
                if let Some(user) = self.users.get_mut(&changed.user_id) {
                    user.credential_id = changed.credential_id;
                }
            }
            BusinessEvent::ApiKeyCreated(created) => {
                self.api_keys.insert(
                    created.api_key_id,
                    ApiKey {
                        name: created.name.clone(),
                        role: created.role,
                        created_by: created.created_by,
                        expires_at: created.expires_at,
                        revoked: false,
                    },
                );
            }
            BusinessEvent::ApiKeyRevoked(revoked) => {
                if let Some(key) = self.api_keys.get_mut(&revoked.api_key_id) {
                    key.revoked = true;
                }
            }
            BusinessEvent::ErasureRequested(requested) => {
                self.to_erase.insert(requested.user_id);
            }
            BusinessEvent::SubjectErased(erased) => {
                self.erased.insert(erased.user_id);
                if let Some(user) = self.users.get_mut(&erased.user_id) {
                    user.email = None;
                }
                let own = self.invitations.values_mut().filter(|invitation| invitation.user_id == erased.user_id);
                own.for_each(|invitation| invitation.email = None);
            }
        }
        self
    }
}

impl Business {
    fn close_invitation(&mut self, id: InvitationId) {
        if let Some(invitation) = self.invitations.get_mut(&id) {
            invitation.closed = true;
        }
    }

    fn settle_mail(&mut self, id: InvitationId) {
        if let Some(invitation) = self.invitations.get_mut(&id) {
            invitation.mail_settled = true;
        }
    }

    /// A user who still has access.
    pub fn active_user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id).filter(|user| !user.removed)
    }

    pub(super) fn owners(&self) -> usize {
        self.users.values().filter(|user| !user.removed && user.role == Role::Owner).count()
    }

    pub(super) fn email_in_use(&self, email: &str) -> bool {
        self.users.values().any(|user| !user.removed && user.email.as_deref() == Some(email))
    }
}

/// What the events of a stream `session-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    pub started: Option<(SessionId, UserId, Timestamp)>,
    pub ended: Option<SessionEnd>,
}

impl Aggregate for Session {
    type Event = SessionEvent;

    fn evolve(mut self, event: &SessionEvent) -> Self {
        match event {
            SessionEvent::SessionStarted(started) => {
                self.started = Some((started.session_id, started.user_id, started.expires_at));
            }
            SessionEvent::SessionEnded(ended) => self.ended = Some(ended.reason),
            SessionEvent::LoginRefused(_) => {}
        }
        self
    }
}

impl Session {
    /// Whether the session gives access at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.started.is_some_and(|(_, _, expires_at)| now < expires_at)
    }
}
