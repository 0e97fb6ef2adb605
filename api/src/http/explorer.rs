//! The explorer: a page of our own to log in, read the schema, and run queries and live queries. It needs no network
//! but this server's, so that it works where there is none; what would come from a registry at build time would make
//! every build need one.

use axum::response::{IntoResponse, Response};
use http::header;

const PAGE: &str = include_str!("explorer.html");

pub async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self' ws: wss:; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ];
    (headers, PAGE).into_response()
}
