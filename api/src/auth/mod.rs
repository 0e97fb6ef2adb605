//! Who asks, and what they may ask for.

pub mod attempts;
pub mod live;
pub mod matrix;

use std::net::IpAddr;

use dyocense_commands::Caller;
use dyocense_commands::identity::Principal;
use dyocense_domain::identity::Role;
use dyocense_eventlog::{Idempotency, TenantId};
use uuid::Uuid;

use crate::graphql::fault::Fault;

/// Whoever sent a request, logged in or not.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub principal: Option<Principal>,
    /// Where the request comes from, as far as proxies that are trusted say.
    pub peer: IpAddr,
    /// What the client says it is (`User-Agent`).
    pub client: String,
    /// Joins the request's logs and events.
    pub correlation: Uuid,
}

impl Visitor {
    pub fn role(&self) -> Option<Role> {
        self.principal.and_then(|principal| principal.actor.role())
    }

    pub fn principal(&self) -> Result<Principal, Fault> {
        self.principal.ok_or_else(Fault::unauthenticated)
    }

    pub fn tenant(&self) -> Result<TenantId, Fault> {
        Ok(self.principal()?.tenant)
    }

    /// As commands want to know who calls.
    pub fn caller(&self, idempotency: Option<Idempotency>) -> Result<Caller, Fault> {
        let principal = self.principal()?;
        let caller = Caller::new(principal.tenant, principal.actor);
        Ok(Caller { correlation: self.correlation, idempotency, ..caller })
    }
}

/// The token in `Authorization: Bearer <token>`; None for any other text.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for bad in ["", "abc", "Basic abc", "Bearer ", "Bearer"] {
            assert_eq!(bearer(bad), None, "{bad}");
        }
    }
}
