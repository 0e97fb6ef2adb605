//! The HTTP server: GraphQL, uploads and downloads, the explorer, health.

mod admission;
pub mod dashboard;
pub mod explorer;
pub mod graphql;
pub mod media;
pub mod plans;
pub mod request_id;
pub mod sse;
pub mod uploads;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use dyocense_commands::{CommandError, Commands};
use dyocense_projections::Projections;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Uuid;

use crate::auth::live::LiveAccess;
use crate::auth::{self, Visitor};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::gateway::Gateway;
use crate::settings::Settings;
use crate::ws;

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<EdgeParts>);

pub struct EdgeParts {
    pub settings: Settings,
    pub gateway: Gateway,
    pub commands: Commands,
    pub projections: Projections,
    pub live: LiveAccess,
    pub sockets: ws::Sockets,
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

    pub fn sockets(&self) -> &ws::Sockets {
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

/// Every route but those of operations, which may have an address of their own.
pub fn router(edge: Edge) -> Router {
    let cors = cors(&edge.settings().http.allowed_origins);
    Router::new()
        .route("/", get(dashboard::index))
        .route("/{file}", get(dashboard::file))
        .route("/explorer", get(explorer::page))
        .route("/explorer/plain", get(explorer::plain))
        .route("/explorer/files/{file}", get(explorer::file))
        .route("/schema.graphql", get(sdl))
        .route("/graphql", any(graphql_or_socket))
        .route("/uploads", post(uploads::receive).layer(DefaultBodyLimit::disable()))
        .route("/imports/{id}/rejected.csv", get(uploads::rejected))
        .route("/runs/{id}/{file}", get(plans::download))
        .layer(
            CompressionLayer::new()
                .compress_when(SizeAbove::new(1024).and(NotForContentType::new("text/event-stream"))),
        )
        .layer(cors)
        .layer(axum::middleware::from_fn(security_headers))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong on the server").into_response()
        }))
        .layer(axum::middleware::from_fn(request_id::assign))
        .with_state(edge)
}

/// One address for all transports: a request to upgrade is a socket, any other is GraphQL over HTTP.
async fn graphql_or_socket(
    State(edge): State<Edge>,
    peer: axum::extract::ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> Response {
    match ws::is_upgrade(request.headers()) {
        true => ws::accept(edge, peer.0, request).await,
        false => graphql::serve(edge, peer.0, request).await,
    }
}

async fn sdl(State(edge): State<Edge>) -> Response {
    let content_type = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    ([content_type], edge.gateway().sdl()).into_response()
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([HeaderName::from_static(request_id::HEADER)])
}

async fn security_headers(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
