//! graphql-sse, distinct connections mode: one operation a connection, `next` for each result, `complete` at its end.

use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_stream::stream;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::{HeaderValue, header};

use super::Edge;
use crate::auth::Visitor;
use crate::graphql::answer::Answer;
use crate::graphql::gateway::Prepared;

/// Short enough that proxies that drop quiet connections after half a minute keep this one.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

pub async fn stream(edge: &Edge, visitor: Visitor, prepared: Prepared) -> Response {
    let gateway = edge.gateway().clone();
    let ended = match visitor.principal {
        Some(principal) => Some(edge.live().watch(&principal).await),
        None => None,
    };
    let stopping = edge.stopping().clone();
    let events = stream! {
        let _open = edge_gauge();
        if prepared.kind == OperationType::Subscription {
            let mut items = gateway.subscribe(prepared);
            let access_ends = async {
                match ended {
                    Some(ended) => { ended.await; }
                    None => futures::future::pending().await,
                }
            };
            tokio::pin!(access_ends);
            loop {
                tokio::select! {
                    item = items.next() => match item {
                        Some((response, cursor)) => yield next(&response, cursor),
                        None => break,
                    },
                    () = &mut access_ends => break,
                    () = stopping.cancelled() => break,
                }
            }
        } else {
            let response = gateway.execute(prepared).await;
            yield next(&response, None);
        }
        yield Ok(Event::default().event("complete").data(""));
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would otherwise hold events back until its buffer is full.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The event's id is the position to pass as `after` when resuming.
fn next(response: &async_graphql::Response, cursor: Option<i64>) -> Result<Event, std::convert::Infallible> {
    let event = Event::default().event("next").data(Answer(response).to_json());
    Ok(match cursor {
        Some(position) => event.id(position.to_string()),
        None => event,
    })
}

/// Counts open event streams for as long as it lives.
fn edge_gauge() -> impl Drop {
    crate::telemetry::OpenGauge::new("dyocense_event_streams_open")
}
