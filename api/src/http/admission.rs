//! Who may use the routes beside GraphQL, and how those say no.

use std::net::SocketAddr;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};

use super::request_id::Correlation;
use crate::auth::{Visitor, matrix};
use crate::edge::Edge;
use crate::graphql::answer;
use crate::graphql::fault::{Code, Fault};

/// Who asks, if they may use the route; else the answer that says why not.
pub async fn authorized(
    edge: &Edge,
    peer: SocketAddr,
    request: &Parts,
    route: &'static str,
) -> Result<Visitor, Box<Response>> {
    let correlation = request.extensions.get::<Correlation>().copied().unwrap_or_default();
    let visitor = edge
        .visitor(&request.headers, peer, correlation.0)
        .await
        .map_err(|fault| Box::new(failed(super::graphql::status_of(fault.code), fault)))?;
    match visitor.role() {
        None => Err(Box::new(failed(StatusCode::UNAUTHORIZED, Fault::unauthenticated()))),
        Some(role) if !matrix::allows_route(role, route) => {
            let message = format!("the role {} may not use `{route}`", matrix::role_name(role));
            Err(Box::new(failed(StatusCode::FORBIDDEN, Fault::new(Code::Forbidden, message))))
        }
        Some(_) => Ok(visitor),
    }
}

/// The same form of error as GraphQL's, so that a client reads one.
pub fn failed(status: StatusCode, fault: Fault) -> Response {
    let body = answer::refusal(&[fault.into_server_error()]);
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
