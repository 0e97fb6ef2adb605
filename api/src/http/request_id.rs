//! Every request has an id: the one a proxy gave it, or a new one. It is in the logs, in the answer's header, and the
//! correlation of the events that follow.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use tracing::Instrument;
use uuid::Uuid;

pub const HEADER: &str = "x-request-id";

#[derive(Debug, Clone, Copy)]
pub struct Correlation(pub Uuid);

impl Default for Correlation {
    fn default() -> Self {
        Self(Uuid::now_v7())
    }
}

/// Opens the request's span. Only a UUID is taken from outside: the id goes into logs and into the event log.
pub async fn assign(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()?.parse::<Uuid>().ok());
    let correlation = given.map(Correlation).unwrap_or_default();
    request.extensions_mut().insert(correlation);
    let span = tracing::info_span!(
        "request",
        request_id = %correlation.0,
        method = %request.method(),
        path = request.uri().path(),
        tenant = tracing::field::Empty,
        actor = tracing::field::Empty,
    );
    let began = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    metrics::histogram!("dyocense_http_seconds", "status" => status.to_string()).record(began.elapsed());
    // The span says which request of which business; what was asked, and with which token, is nobody's to read.
    let ms = began.elapsed().as_secs_f64() * 1_000.0;
    span.in_scope(|| tracing::info!(status, ms = format_args!("{ms:.1}"), "answered"));
    if let Ok(value) = HeaderValue::from_str(&correlation.0.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
