//! The web page: plain modules without a build step, served from the program itself.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

macro_rules! files {
    ($($name:literal: $kind:literal),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("../../../dashboard/", $name)))),*]
    };
}

/// Name, media type and content.
const FILES: &[(&str, &str, &str)] = files! {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "client.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "chart.js": "text/javascript; charset=utf-8",
    "overview.js": "text/javascript; charset=utf-8",
    "goals.js": "text/javascript; charset=utf-8",
    "plans.js": "text/javascript; charset=utf-8",
    "plan.js": "text/javascript; charset=utf-8",
    "plan_tables.js": "text/javascript; charset=utf-8",
    "fields.js": "text/javascript; charset=utf-8",
    "ask.js": "text/javascript; charset=utf-8",
    "ask_orders.js": "text/javascript; charset=utf-8",
    "ask_staffing.js": "text/javascript; charset=utf-8",
    "ask_roster.js": "text/javascript; charset=utf-8",
    "ask_budget.js": "text/javascript; charset=utf-8",
    "people.js": "text/javascript; charset=utf-8",
    "sales.js": "text/javascript; charset=utf-8",
    "history.js": "text/javascript; charset=utf-8",
    "what_if.js": "text/javascript; charset=utf-8",
    "why.js": "text/javascript; charset=utf-8",
};

const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub async fn index() -> Response {
    send("index.html")
}

pub async fn file(Path(name): Path<String>) -> Response {
    send(&name)
}

fn send(name: &str) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, content)) => {
            let headers = [
                (header::CONTENT_TYPE, *kind),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::CACHE_CONTROL, "no-cache"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, *content).into_response()
        }
        None => (StatusCode::NOT_FOUND, "There is nothing here. The dashboard is at /.").into_response(),
    }
}
