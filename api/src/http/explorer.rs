//! The explorer: GraphiQL where its files are there, else a page of our own. Both need no network but this server's:
//! GraphiQL's files are put beside the program when it is set up (`http.explorer_dir`), and nothing is fetched when it
//! runs. See decision 007.

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::edge::Edge;

const PLAIN: &str = include_str!("explorer.html");
const GRAPHIQL: &str = include_str!("graphiql.html");

/// `blob:` workers and `data:` fonts are the editor's.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; \
                      worker-src 'self' blob:; connect-src 'self' ws: wss:; img-src 'self' data:; \
                      font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub async fn page(State(edge): State<Edge>) -> Response {
    html(if edge.settings().http.explorer_dir.is_some() { GRAPHIQL } else { PLAIN })
}

pub async fn plain() -> Response {
    html(PLAIN)
}

/// One of GraphiQL's files.
pub async fn file(State(edge): State<Edge>, Path(name): Path<String>) -> Response {
    let directory = edge.settings().http.explorer_dir.as_deref();
    match (directory, media_type(&name)) {
        (Some(directory), Some(kind)) => read(directory, &name, kind).await,
        _ => not_found(),
    }
}

async fn read(directory: &FilePath, name: &str, kind: &'static str) -> Response {
    match tokio::fs::read(directory.join(name)).await {
        Ok(content) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                // A worker has a policy of its own, that of its file.
                (header::CONTENT_SECURITY_POLICY, "default-src 'self'"),
                (header::CACHE_CONTROL, "public, max-age=3600"),
            ];
            (headers, content).into_response()
        }
        Err(_) => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here. The explorer is at /explorer.").into_response()
}

/// Plain names of the kinds that GraphiQL consists of; whatever else is in the directory, or above it, is not served.
fn media_type(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.starts_with('.') || !name.chars().all(plain) {
        return None;
    }
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "ttf" => Some("font/ttf"),
        _ => None,
    }
}

fn html(page: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn only_plain_names_of_known_kinds_are_served() {
        for good in ["ruru.js", "2370.ruru.css", "f6283f7ccaed1249d9eb.ttf"] {
            assert!(media_type(good).is_some(), "{good}");
        }
        for bad in ["", "..", "../keys.js", "a/b.js", ".hidden.js", "master.key", "ruru.js.map", "a%2fb.js", "a\\b.js"]
        {
            assert!(media_type(bad).is_none(), "{bad}");
        }
    }
}
