use jiff::{SignedDuration, Timestamp};

use super::events::*;
use super::state::{Business, Session};
use crate::Personal;
use crate::ids::{ApiKeyId, CredentialId, InvitationId, SessionId, UserId};
use crate::text::{self, TextError};
use crate::time_zone::{TimeZoneName, UnknownTimeZone};

/// How long an invitation can be accepted.
pub const INVITATION_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// More people than any small business has; keeps the stream `business` small.
pub const MOST_USERS: usize = 500;
pub const MOST_API_KEYS: usize = 100;

/// Why a command about people and access was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    #[error("this business is already registered")]
    AlreadyRegistered,
    #[error("this business is not registered")]
    NotRegistered,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    TimeZone(#[from] UnknownTimeZone),
    #[error("{email} already has access to this business")]
    EmailInUse { email: String },
    #[error("there is no such user in this business")]
    NoSuchUser,
    #[error("there is no such invitation, or it was used, revoked or has expired")]
    NoSuchInvitation,
    #[error("there is no such API key, or it was revoked")]
    NoSuchApiKey,
    #[error("only an owner may grant, change or take away the role owner")]
    OwnersOnly,
    #[error("you may not manage people or keys of this business")]
    NotAllowed,
    #[error("a business needs at least one owner; this is the last one")]
    LastOwner,
    #[error("an API key cannot have the role {0}; use member or auditor")]
    RoleNotForKeys(Role),
    #[error("the expiry {0} is in the past")]
    ExpiryInThePast(Timestamp),
    #[error("a business has at most {most} {what}")]
    TooMany { what: &'static str, most: usize },
}

#[derive(Debug, Clone, PartialEq)]
pub enum BusinessCommand {
    Register {
        name: String,
        time_zone: String,
        currency: String,
        owner: NewUser,
    },
    Rename {
        name: String,
    },
    Invite {
        invitation_id: InvitationId,
        user_id: UserId,
        email: String,
        role: Role,
        by: UserId,
    },
    AcceptInvitation {
        invitation_id: InvitationId,
        name: String,
        credential_id: CredentialId,
    },
    RevokeInvitation {
        invitation_id: InvitationId,
        by: UserId,
    },
    /// What became of the invitation's mail: it went out, or was given up.
    SettleInvitationMail {
        invitation_id: InvitationId,
        problem: Option<MailProblem>,
    },
    ChangeRole {
        user_id: UserId,
        role: Role,
        by: UserId,
    },
    RemoveUser {
        user_id: UserId,
        by: UserId,
    },
    ChangePassword {
        user_id: UserId,
        credential_id: CredentialId,
    },
    CreateApiKey {
        api_key_id: ApiKeyId,
        name: String,
        role: Role,
        prefix: String,
        expires_at: Option<Timestamp>,
        by: UserId,
    },
    RevokeApiKey {
        api_key_id: ApiKeyId,
        by: UserId,
    },
    /// Of a person who has, had, or was invited to have access.
    RequestErasure {
        user_id: UserId,
        by: UserId,
    },
    /// Once the key of a person's data is destroyed.
    ConfirmErasure {
        user_id: UserId,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewUser {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub credential_id: CredentialId,
}

/// Decides a command on a business at `now`. An empty answer means that nothing had to change.
pub fn decide(
    business: &Business,
    command: BusinessCommand,
    now: Timestamp,
) -> Result<Vec<BusinessEvent>, IdentityRefusal> {
    if let BusinessCommand::Register { name, time_zone, currency, owner } = command {
        return register(business, &name, &time_zone, &currency, owner);
    }
    if business.profile.is_none() {
        return Err(IdentityRefusal::NotRegistered);
    }
    match command {
        BusinessCommand::Register { .. } => Err(IdentityRefusal::AlreadyRegistered),
        BusinessCommand::Rename { name } => {
            let name = text::line("name", &name, 200)?;
            let unchanged = business.profile.as_ref().is_some_and(|profile| profile.name == name);
            Ok(if unchanged { vec![] } else { vec![BusinessRenamed { name }.into()] })
        }
        BusinessCommand::Invite { invitation_id, user_id, email, role, by } => {
            may_manage(business, by, &[role])?;
            let email = text::email(&email)?;
            if business.email_in_use(&email) {
                return Err(IdentityRefusal::EmailInUse { email });
            }
            if business.users.len() >= MOST_USERS {
                return Err(IdentityRefusal::TooMany { what: "users", most: MOST_USERS });
            }
            // A second invitation of the same address replaces the first.
            let mut events: Vec<BusinessEvent> = business
                .invitations
                .iter()
                .filter(|(_, open)| !open.closed && open.email.as_deref() == Some(email.as_str()))
                .map(|(id, _)| InvitationRevoked { invitation_id: *id, revoked_by: by }.into())
                .collect();
            let email = Personal::of(user_id, email);
            let expires_at = now + INVITATION_LIFE;
            events.push(UserInvited { invitation_id, user_id, email, role, invited_by: by, expires_at }.into());
            Ok(events)
        }
        BusinessCommand::AcceptInvitation { invitation_id, name, credential_id } => {
            let invitation = business
                .invitations
                .get(&invitation_id)
                .filter(|invitation| !invitation.closed && now < invitation.expires_at)
                .ok_or(IdentityRefusal::NoSuchInvitation)?;
            let email = invitation.email.clone().ok_or(IdentityRefusal::NoSuchInvitation)?;
            if business.email_in_use(&email) {
                return Err(IdentityRefusal::EmailInUse { email });
            }
            let user_id = invitation.user_id;
            Ok(vec![
                InvitationAccepted { invitation_id, user_id }.into(),
                UserJoined {
                    user_id,
                    email: Personal::of(user_id, email),
                    name: Personal::of(user_id, text::line("name", &name, 200)?),
                    role: invitation.role,
                    credential_id,
                }
                .into(),
            ])
        }
        BusinessCommand::RevokeInvitation { invitation_id, by } => {
            let invitation = business
                .invitations
                .get(&invitation_id)
                .filter(|invitation| !invitation.closed)
                .ok_or(IdentityRefusal::NoSuchInvitation)?;
            may_manage(business, by, &[invitation.role])?;
            Ok(vec![InvitationRevoked { invitation_id, revoked_by: by }.into()])
        }
        BusinessCommand::SettleInvitationMail { invitation_id, problem } => {
            let invitation = business.invitations.get(&invitation_id).ok_or(IdentityRefusal::NoSuchInvitation)?;
            Ok(match problem {
                _ if invitation.mail_settled => vec![],
                None => vec![InvitationMailed { invitation_id }.into()],
                Some(problem) => vec![InvitationNotMailed { invitation_id, problem }.into()],
            })
        }
        BusinessCommand::ChangeRole { user_id, role, by } => {
            let user = business.active_user(user_id).ok_or(IdentityRefusal::NoSuchUser)?;
            may_manage(business, by, &[user.role, role])?;
            if user.role == role {
                return Ok(vec![]);
            }
            if user.role == Role::Owner && business.owners() == 1 {
                return Err(IdentityRefusal::LastOwner);
            }
            Ok(vec![RoleChanged { user_id, from: user.role, to: role, changed_by: by }.into()])
        }
        BusinessCommand::RemoveUser { user_id, by } => {
            let user = business.active_user(user_id).ok_or(IdentityRefusal::NoSuchUser)?;
            may_manage(business, by, &[user.role])?;
            if user.role == Role::Owner && business.owners() == 1 {
                return Err(IdentityRefusal::LastOwner);
            }
            Ok(remove(business, user_id, by).collect())
        }
        BusinessCommand::ChangePassword { user_id, credential_id } => {
            business.active_user(user_id).ok_or(IdentityRefusal::NoSuchUser)?;
            Ok(vec![PasswordChanged { user_id, credential_id }.into()])
        }
        BusinessCommand::CreateApiKey { api_key_id, name, role, prefix, expires_at, by } => {
            may_manage(business, by, &[])?;
            if !matches!(role, Role::Member | Role::Auditor) {
                return Err(IdentityRefusal::RoleNotForKeys(role));
            }
            if let Some(expiry) = expires_at.filter(|expiry| *expiry <= now) {
                return Err(IdentityRefusal::ExpiryInThePast(expiry));
            }
            if business.api_keys.values().filter(|key| !key.revoked).count() >= MOST_API_KEYS {
                return Err(IdentityRefusal::TooMany { what: "API keys", most: MOST_API_KEYS });
            }
            let name = text::line("name", &name, 100)?;
            Ok(vec![ApiKeyCreated { api_key_id, name, role, prefix, created_by: by, expires_at }.into()])
        }
        BusinessCommand::RevokeApiKey { api_key_id, by } => {
            may_manage(business, by, &[])?;
            business.api_keys.get(&api_key_id).filter(|key| !key.revoked).ok_or(IdentityRefusal::NoSuchApiKey)?;
            Ok(vec![ApiKeyRevoked { api_key_id, revoked_by: by }.into()])
        }
        BusinessCommand::RequestErasure { user_id, by } => request_erasure(business, user_id, by),
        BusinessCommand::ConfirmErasure { user_id } => {
            let due = business.to_erase.contains(&user_id) && !business.erased.contains(&user_id);
            Ok(if due { vec![SubjectErased { user_id }.into()] } else { vec![] })
        }
    }
}

fn register(
    business: &Business,
    name: &str,
    time_zone: &str,
    currency: &str,
    owner: NewUser,
) -> Result<Vec<BusinessEvent>, IdentityRefusal> {
    if business.profile.is_some() {
        return Err(IdentityRefusal::AlreadyRegistered);
    }
    let registered = BusinessRegistered {
        name: text::line("name", name, 200)?,
        time_zone: TimeZoneName::parse(time_zone)?,
        currency: text::currency(currency)?,
    };
    let joined = UserJoined {
        user_id: owner.user_id,
        email: Personal::of(owner.user_id, text::email(&owner.email)?),
        name: Personal::of(owner.user_id, text::line("owner name", &owner.name, 200)?),
        role: Role::Owner,
        credential_id: owner.credential_id,
    };
    Ok(vec![registered.into(), joined.into()])
}

/// A person's access ends, and with it that of the machines they gave keys to.
fn remove(business: &Business, user_id: UserId, by: UserId) -> impl Iterator<Item = BusinessEvent> {
    let keys = business.api_keys.iter().filter(move |(_, key)| key.created_by == user_id && !key.revoked);
    let revoked = keys.map(move |(id, _)| ApiKeyRevoked { api_key_id: *id, revoked_by: by }.into());
    std::iter::once(UserRemoved { user_id, removed_by: by }.into()).chain(revoked)
}

/// Access ends with the data: the person is removed and their open invitations are taken back.
fn request_erasure(business: &Business, user_id: UserId, by: UserId) -> Result<Vec<BusinessEvent>, IdentityRefusal> {
    let invitations = || business.invitations.iter().filter(|(_, invitation)| invitation.user_id == user_id);
    let invited_as = || invitations().map(|(_, invitation)| invitation.role).next();
    let role = business.users.get(&user_id).map(|user| user.role).or_else(invited_as);
    may_manage(business, by, &[role.ok_or(IdentityRefusal::NoSuchUser)?])?;
    if business.to_erase.contains(&user_id) {
        return Ok(vec![]);
    }
    let mut events: Vec<BusinessEvent> = invitations()
        .filter(|(_, invitation)| !invitation.closed)
        .map(|(id, _)| InvitationRevoked { invitation_id: *id, revoked_by: by }.into())
        .collect();
    if let Some(user) = business.active_user(user_id) {
        if user.role == Role::Owner && business.owners() == 1 {
            return Err(IdentityRefusal::LastOwner);
        }
        events.extend(remove(business, user_id, by));
    }
    events.push(ErasureRequested { user_id, requested_by: by }.into());
    Ok(events)
}

/// Owners manage everyone; admins everyone but owners; others no one.
fn may_manage(business: &Business, by: UserId, roles: &[Role]) -> Result<(), IdentityRefusal> {
    match business.active_user(by).map(|user| user.role) {
        Some(Role::Owner) => Ok(()),
        Some(Role::Admin) if roles.contains(&Role::Owner) => Err(IdentityRefusal::OwnersOnly),
        Some(Role::Admin) => Ok(()),
        _ => Err(IdentityRefusal::NotAllowed),
    }
}

/// Ends a session once; ending an ended one changes nothing.
pub fn end_session(session: &Session, reason: SessionEnd) -> Vec<SessionEvent> {
    match (session.started, session.ended) {
        (Some((session_id, user_id, _)), None) => vec![SessionEnded { session_id, user_id, reason }.into()],
        _ => vec![],
    }
}

pub fn start_session(session_id: SessionId, user_id: UserId, client: &str, expires_at: Timestamp) -> SessionEvent {
    let client: String = client.chars().filter(|c| !c.is_control()).take(200).collect();
    SessionStarted { session_id, user_id, client: Personal::of(user_id, client), expires_at }.into()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
