//! GraphQL over HTTP (the GraphQL Foundation's draft): content types, methods and status codes.

use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response as GraphqlResponse, ServerError};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::media::{self, Media};
use super::request_id::Correlation;
use super::sse;
use crate::edge::Edge;
use crate::graphql::answer::{self, Answer};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::gateway::{Params, is_request_error};

/// How long a client may take to send a request of at most a megabyte.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// `GET` and `POST /graphql`.
pub async fn serve(edge: Edge, peer: SocketAddr, request: Request) -> Response {
    let accept = joined(request.headers(), header::ACCEPT);
    let Some(media) = media::negotiate(accept.as_deref()) else {
        let fault = Fault::new(
            Code::BadRequest,
            "accept application/graphql-response+json, application/json or text/event-stream",
        );
        return refused(Media::Json, StatusCode::NOT_ACCEPTABLE, vec![fault.into_server_error()]);
    };
    match answered(&edge, peer, media, request).await {
        Ok(response) => response,
        Err((status, fault)) => refused(media, status, vec![fault.into_server_error()]),
    }
}

async fn answered(
    edge: &Edge,
    peer: SocketAddr,
    media: Media,
    request: Request,
) -> Result<Response, (StatusCode, Fault)> {
    let correlation = request.extensions().get::<Correlation>().copied().unwrap_or_default();
    let visitor = match edge.visitor(request.headers(), peer, correlation.0).await {
        Ok(visitor) => visitor,
        Err(fault) => return Err((status_of(fault.code), fault)),
    };
    let method = request.method().clone();
    let params = match method {
        Method::GET => params_of_query(request.uri().query().unwrap_or_default())?,
        Method::POST => params_of_body(edge, request).await?,
        _ => return Ok(method_not_allowed(media, "GET, POST")),
    };
    let prepared = match edge.gateway().prepare(&visitor, params) {
        Ok(prepared) => prepared,
        Err(errors) => return Ok(refused(media, refusal_status(media, &errors), errors)),
    };
    match (prepared.kind, media) {
        (OperationType::Mutation, _) if method == Method::GET => Ok(method_not_allowed(media, "POST")),
        (_, Media::EventStream) => Ok(sse::stream(edge, visitor, prepared).await),
        (OperationType::Subscription, _) => Err((
            StatusCode::BAD_REQUEST,
            Fault::new(
                Code::BadRequest,
                "a subscription needs `Accept: text/event-stream`, or a WebSocket with graphql-transport-ws",
            ),
        )),
        _ => {
            let response = edge.gateway().execute(prepared).await;
            Ok(written(media, &response))
        }
    }
}

/// Header lines of one name are one list.
fn joined(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn params_of_query(query: &str) -> Result<Params, (StatusCode, Fault)> {
    let bad = |what: String| (StatusCode::BAD_REQUEST, Fault::new(Code::BadRequest, what));
    let mut params = Params::default();
    let mut has_query = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "query" => {
                has_query = true;
                params.query = value.into_owned();
            }
            "operationName" => params.operation_name = Some(value.into_owned()).filter(|name| !name.is_empty()),
            "variables" | "extensions" => {
                let map: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&value)
                    .map_err(|_| bad(format!("the parameter `{name}` is not a JSON object")))?;
                if name == "variables" { params.variables = map } else { params.extensions = map }
            }
            // Tools add parameters of their own, such as a time against caches.
            _ => {}
        }
    }
    if has_query { Ok(params) } else { Err(bad("the parameter `query` is missing".to_owned())) }
}

async fn params_of_body(edge: &Edge, request: Request) -> Result<Params, (StatusCode, Fault)> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media::is_json(content_type) {
        let fault = Fault::new(Code::BadRequest, "send the request as `Content-Type: application/json` in UTF-8");
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, fault));
    }
    let body = bounded_body(request.into_body(), edge.settings().http.body_limit_bytes).await?;
    let bad = |what: &str| (StatusCode::BAD_REQUEST, Fault::new(Code::BadRequest, what));
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(b'[') => return Err(bad("batches are not taken; send one request at a time")),
        _ => return Err(bad("the body is not a JSON object")),
    }
    serde_json::from_slice(&body).map_err(|error| bad(&format!("the body is not a GraphQL request: {error}")))
}

async fn bounded_body(body: Body, limit: usize) -> Result<Bytes, (StatusCode, Fault)> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Err(_) => {
            Err((StatusCode::REQUEST_TIMEOUT, Fault::new(Code::BadRequest, "the request did not arrive in time")))
        }
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            Fault::new(Code::LimitExceeded, format!("the request has more than {limit} bytes")),
        )),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, Fault::new(Code::BadRequest, "the request ended early"))),
    }
}

fn written(media: Media, response: &GraphqlResponse) -> Response {
    let status = if is_request_error(response) { refusal_status(media, &response.errors) } else { StatusCode::OK };
    with_body(media, status, Answer(response).to_json())
}

fn refused(media: Media, status: StatusCode, errors: Vec<ServerError>) -> Response {
    // Before an event stream begins, a refusal is an ordinary answer.
    let media = if media == Media::EventStream { Media::GraphqlResponse } else { media };
    with_body(media, status, answer::refusal(&errors))
}

fn method_not_allowed(media: Media, allow: &'static str) -> Response {
    let fault = Fault::new(Code::BadRequest, format!("use {allow}"));
    let mut response = refused(media, StatusCode::METHOD_NOT_ALLOWED, vec![fault.into_server_error()]);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

fn with_body(media: Media, status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The status of a request that was refused before anything ran.
fn refusal_status(media: Media, errors: &[ServerError]) -> StatusCode {
    let code = errors.first().and_then(Code::of).unwrap_or(Code::Internal);
    match (media, code) {
        // The draft: `application/json` answers a well-formed request with 200, whatever became of it.
        (Media::Json, Code::Syntax | Code::Invalid | Code::LimitExceeded) => StatusCode::OK,
        _ => status_of(code),
    }
}

pub fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::Syntax | Code::Invalid | Code::LimitExceeded => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Behind | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
