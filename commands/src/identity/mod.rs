//! Registering a business, people and their roles, passwords, sessions, access tokens and API keys.

mod access;
mod access_tokens;
mod api_keys;
mod erasure;
mod invitation_mail;
mod login;
mod passwords;
mod people;
mod register;
mod sessions;

pub use access::{AccessRefusal, CHANGES_OF_ACCESS, Principal, RecentPrincipals};
pub use access_tokens::{AccessClaims, AccessTokens};
pub use api_keys::NewApiKey;
pub(crate) use erasure::erasure_requested;
pub use erasure::{DataSubject, Erased};
pub use login::{BusinessChoice, LoggedIn, LoginRefusal, SessionTokens};
pub use passwords::{PasswordRefusal, Passwords};
pub use people::{AcceptRefusal, ChangePasswordRefusal, NewInvitation, PersonRefusal, revoked_keys};
pub use register::{RegisterBusiness, RegisterRefusal, Registered};
pub use sessions::RefreshRefusal;

use crate::secrets::MasterKey;

/// Prefixes tell people, and tools that search for leaked secrets, what a token is.
pub(crate) const REFRESH_PREFIX: &str = "dyr";
pub(crate) const API_KEY_PREFIX: &str = "dyk";
pub(crate) const INVITATION_PREFIX: &str = "dyi";

/// Under what an e-mail address is found before its business is known.
pub(crate) fn email_hash(master_key: &MasterKey, email: &str) -> [u8; 32] {
    crate::secrets::keyed_hash(&master_key.derive("e-mail index"), &[email.as_bytes()])
}
