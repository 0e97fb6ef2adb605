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

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::edge::Edge;
use crate::ws;

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
