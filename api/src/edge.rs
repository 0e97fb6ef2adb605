//! What the server's handlers work with.

use std::net::SocketAddr;
use std::sync::Arc;

use dyocense_commands::{CommandError, Commands};
use dyocense_projections::Projections;
use http::{HeaderMap, HeaderName, header};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::live::LiveAccess;
use crate::auth::{self, Visitor};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::gateway::Gateway;
use crate::settings::Settings;
use crate::ws::sockets::Sockets;

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<EdgeParts>);

pub struct EdgeParts {
    pub settings: Settings,
    pub gateway: Gateway,
    pub commands: Commands,
    pub projections: Projections,
    pub live: LiveAccess,
    pub sockets: Sockets,
    /// Cancelled when the server is asked to stop.
    pub stopping: CancellationToken,
}

impl Edge {
    pub fn new(parts: EdgeParts) -> Edge {
        Edge(Arc::new(parts))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    pub fn commands(&self) -> &Commands {
        &self.0.commands
    }

    pub fn projections(&self) -> &Projections {
        &self.0.projections
    }

    pub fn live(&self) -> &LiveAccess {
        &self.0.live
    }

    pub fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Who sends these headers. A token that is no good is a fault, not an anonymous visitor.
    pub async fn visitor(&self, headers: &HeaderMap, peer: SocketAddr, correlation: Uuid) -> Result<Visitor, Fault> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let client = text(header::USER_AGENT).unwrap_or_default().chars().take(200).collect();
        let mut visitor = Visitor { principal: None, peer: peer.ip(), client, correlation };
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(auth::bearer).ok_or_else(|| {
                Fault::new(Code::Unauthenticated, "the Authorization header is not of the form `Bearer <token>`")
            })?;
            self.log_in(&mut visitor, token).await?;
        }
        Ok(visitor)
    }

    /// Makes the visitor whoever `token` belongs to.
    pub async fn log_in(&self, visitor: &mut Visitor, token: &str) -> Result<(), Fault> {
        let principal = self.commands().authenticate(token).await.map_err(|error| match error {
            CommandError::Refused(refusal) => Fault::new(Code::Unauthenticated, refusal.to_string()),
            CommandError::Fault(fault) => Fault::unavailable(fault),
        })?;
        let span = tracing::Span::current();
        span.record("tenant", tracing::field::display(principal.tenant));
        span.record("actor", principal.actor.label());
        visitor.principal = Some(principal);
        Ok(())
    }
}
