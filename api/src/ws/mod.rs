//! GraphQL over WebSocket: the `graphql-transport-ws` protocol, with bounds.

mod outbox;
mod protocol;
mod socket;
pub mod sockets;

use std::net::SocketAddr;

use axum::extract::{FromRequestParts, Request, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use tracing::Instrument;

use crate::edge::Edge;
use crate::http::request_id::Correlation;
use crate::telemetry::OpenGauge;
use protocol::SUBPROTOCOL;

/// Whether the request asks to become a socket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

pub async fn accept(edge: Edge, peer: SocketAddr, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &edge).await {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(permit) = edge.sockets().open() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many sockets are open; try again later").into_response();
    };
    let correlation = parts.extensions.get::<Correlation>().copied().unwrap_or_default();
    // A token in the header is as good as one in connection_init; a bad one is refused at once.
    let visitor = match edge.visitor(&parts.headers, peer, correlation.0).await {
        Ok(visitor) => visitor,
        Err(fault) => return (StatusCode::UNAUTHORIZED, fault.message).into_response(),
    };
    let most = edge.settings().websocket.max_message_bytes;
    let span = tracing::info_span!("socket", request_id = %correlation.0, tenant = tracing::field::Empty, actor = tracing::field::Empty);
    upgrade.protocols([SUBPROTOCOL]).max_message_size(most).max_frame_size(most).on_upgrade(move |socket| {
        async move {
            let _permit = permit;
            let _open = OpenGauge::new("dyocense_sockets_open");
            socket::run(edge, visitor, socket).await;
        }
        .instrument(span)
    })
}
