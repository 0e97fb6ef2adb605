use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::events;
use crate::ids::{ApiKeyId, CredentialId, InvitationId, SessionId, UserId};
use crate::personal::Personal;
use crate::time_zone::TimeZoneName;

/// What a person or a machine may do. Ordered by nothing: each right is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, including other owners.
    Owner,
    /// Everything but owners.
    Admin,
    /// Works with data and goals; sees no secrets and manages no people.
    Member,
    /// Reads everything including the audit feed, changes nothing.
    Auditor,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Auditor => "auditor",
        })
    }
}

events! {
    /// Events of the stream `business`.
    pub enum BusinessEvent {
        BusinessRegistered = 1,
        BusinessRenamed = 1,
        UserJoined = 1,
        UserInvited = 1,
        InvitationAccepted = 1,
        InvitationRevoked = 1,
        InvitationMailed = 1,
        InvitationNotMailed = 1,
        RoleChanged = 1,
        UserRemoved = 1,
        PasswordChanged = 1,
        ApiKeyCreated = 1,
        ApiKeyRevoked = 1,
        ErasureRequested = 1,
        SubjectErased = 1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusinessRegistered {
    pub name: String,
    pub time_zone: TimeZoneName,
    /// ISO 4217.
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusinessRenamed {
    pub name: String,
}

/// A person has access: the owner at registration, or an invited person on accepting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserJoined {
    pub user_id: UserId,
    pub email: Personal<String>,
    pub name: Personal<String>,
    pub role: Role,
    pub credential_id: CredentialId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserInvited {
    pub invitation_id: InvitationId,
    /// The subject is the user the invited person will become.
    pub user_id: UserId,
    pub email: Personal<String>,
    pub role: Role,
    pub invited_by: UserId,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvitationAccepted {
    pub invitation_id: InvitationId,
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvitationRevoked {
    pub invitation_id: InvitationId,
    pub revoked_by: UserId,
}

/// The mail server has taken the invitation's mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvitationMailed {
    pub invitation_id: InvitationId,
}

/// Why a mail did not go out. Servers' words are left out: they repeat the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailProblem {
    /// The mail server will not deliver to this address, now or later.
    Refused,
    /// No mail server took it while the invitation was open.
    Unreachable,
}

/// The invitation's mail was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvitationNotMailed {
    pub invitation_id: InvitationId,
    pub problem: MailProblem,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleChanged {
    pub user_id: UserId,
    pub from: Role,
    pub to: Role,
    pub changed_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRemoved {
    pub user_id: UserId,
    pub removed_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordChanged {
    pub user_id: UserId,
    pub credential_id: CredentialId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyCreated {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    /// The first characters of the key, so that people can tell their keys apart.
    pub prefix: String,
    pub created_by: UserId,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyRevoked {
    pub api_key_id: ApiKeyId,
    pub revoked_by: UserId,
}

/// What is known of a person is to go. From here on the key of their data is being destroyed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErasureRequested {
    pub user_id: UserId,
    pub requested_by: UserId,
}

/// The key of a person's data is destroyed: nothing can open what the history says of them, and nothing new about
/// them is recorded. Read models drop their copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubjectErased {
    pub user_id: UserId,
}

events! {
    /// Events of a stream `session-<id>`.
    pub enum SessionEvent {
        SessionStarted = 1,
        SessionEnded = 1,
        LoginRefused = 1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionStarted {
    pub session_id: SessionId,
    pub user_id: UserId,
    /// What the client said it is (the `User-Agent` header, shortened).
    pub client: Personal<String>,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    LoggedOut,
    /// A refresh token came back after it had been exchanged: someone else may hold it.
    RefreshTokenReused,
    PasswordChanged,
    UserRemoved,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionEnded {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub reason: SessionEnd,
}

/// Someone tried to log in as a user of this business with a wrong password.
/// In a stream of its own, `session-<id of the refused attempt>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginRefused {
    pub user_id: UserId,
}
