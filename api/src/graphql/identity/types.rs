//! A business, its people, invitations and API keys, as the API shows them.

use async_graphql::{ComplexObject, Enum, ID, SimpleObject};
use dyocense_domain::identity;

use crate::graphql::scalars::{DateTime, TimeZone};

/// What a person or an API key may do.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "identity::Role")]
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

/// A business: what all data, people and goals belong to.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Business {
    #[graphql(skip)]
    pub id: ID,
    /// What the business is called.
    pub name: String,
    /// The zone of its calendar.
    pub time_zone: TimeZone,
    /// Its currency (ISO 4217).
    pub currency: String,
    /// When it was registered.
    pub registered_at: DateTime,
}

/// A person with access to the business. Name and address are null once the person was erased.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct User {
    #[graphql(skip)]
    pub id: ID,
    /// The e-mail address the person logs in with.
    pub email: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Whether the person still has access.
    pub active: bool,
    /// When the person joined.
    pub joined_at: DateTime,
}

/// Whether an invitation can still be accepted.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It can be accepted until it expires.
    Open,
    /// The person joined.
    Accepted,
    /// It was taken back or replaced by a newer one.
    Revoked,
    /// It was not accepted in time.
    Expired,
}

/// An invitation of a person to the business.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Invitation {
    #[graphql(skip)]
    pub id: ID,
    /// Whom it was sent to; null once the person was erased.
    pub email: Option<String>,
    /// What the person will be allowed to do.
    pub role: Role,
    /// Whether it can still be accepted.
    pub status: InvitationStatus,
    /// When it was made.
    pub invited_at: DateTime,
    /// Until when it can be accepted.
    pub expires_at: DateTime,
    /// When a mail server took its mail; null where it did not, or where no mail is sent.
    pub mailed_at: Option<DateTime>,
    /// Why its mail was given up.
    pub mail_problem: Option<MailProblem>,
}

/// Why a mail did not go out.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "dyocense_domain::identity::MailProblem")]
pub enum MailProblem {
    /// The mail server will not deliver to this address, now or later.
    Refused,
    /// No mail server took it while the invitation was open.
    Unreachable,
}

/// A key with which a machine uses the API. The key itself is shown once, when it is made.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct ApiKey {
    #[graphql(skip)]
    pub id: ID,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The part of the key by which people tell their keys apart.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime,
    /// From when it no longer works; null: it works until it is revoked.
    pub expires_at: Option<DateTime>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The tokens of a session. Send the access token as `Authorization: Bearer …`; before it expires, exchange the
/// refresh token for new ones with `refreshSession`.
#[derive(SimpleObject, Debug, Clone)]
pub struct SessionTokens {
    /// Good for a few minutes.
    pub access_token: String,
    /// When the access token expires.
    pub access_token_expires_at: DateTime,
    /// Good for one exchange.
    pub refresh_token: String,
    /// When the session ends whatever happens.
    pub session_expires_at: DateTime,
}

impl From<dyocense_commands::identity::SessionTokens> for SessionTokens {
    fn from(tokens: dyocense_commands::identity::SessionTokens) -> Self {
        Self {
            access_token: tokens.access_token,
            access_token_expires_at: DateTime(tokens.access_token_expires_at),
            refresh_token: tokens.refresh_token.expose().to_owned(),
            session_expires_at: DateTime(tokens.session_expires_at),
        }
    }
}

/// A business that an address belongs to, for choosing one at login.
#[derive(SimpleObject, Debug, Clone)]
pub struct BusinessChoice {
    /// Pass it as `businessId`.
    pub id: ID,
    /// What the business is called.
    pub name: String,
}

#[ComplexObject]
impl Business {
    /// The id of the business, for `node`.
    pub async fn id(&self) -> ID {
        self.id.clone()
    }
}

#[ComplexObject]
impl User {
    /// The id of the user, for `node`.
    pub async fn id(&self) -> ID {
        self.id.clone()
    }
}

#[ComplexObject]
impl Invitation {
    /// The id of the invitation, for `node`.
    pub async fn id(&self) -> ID {
        self.id.clone()
    }
}

#[ComplexObject]
impl ApiKey {
    /// The id of the key, for `node`.
    pub async fn id(&self) -> ID {
        self.id.clone()
    }
}
