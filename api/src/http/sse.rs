//! graphql-sse, distinct connections mode: one operation a connection, `next` for each result, `complete` at its end.

use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_stream::stream;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::header;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::auth::Visitor;
use crate::edge::Edge;
use crate::graphql::answer::Answer;
use crate::graphql::gateway::Prepared;
use crate::telemetry::OpenGauge;

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
        let _open = OpenGauge::new("dyocense_event_streams_open");
        if prepared.kind == OperationType::Subscription {
            let mut items = gateway.subscribe(prepared);
            let access_ends = async {
                match ended {
                    Some(ended) => { ended.await; }
                    None => futures::future::pending().await,
                }
            };
            tokio::pin!(access_ends);
            let mut quiet = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
            quiet.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    item = items.next() => match item {
                        Some((response, cursor)) => {
                            quiet.reset();
                            yield Ok(next(&response, cursor));
                        }
                        None => break,
                    },
                    _ = quiet.tick() => yield Ok(":\n\n".to_owned()),
                    () = &mut access_ends => break,
                    () = stopping.cancelled() => break,
                }
            }
        } else {
            let response = gateway.execute(prepared).await;
            yield Ok(next(&response, None));
        }
        // A browser drops an event without a data line, even an empty one.
        yield Ok::<_, std::convert::Infallible>("event: complete\ndata: \n\n".to_owned());
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        // nginx would otherwise hold events back until its buffer is full.
        ("x-accel-buffering", "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

/// The event's id is the position to pass as `after` when resuming. JSON has no line breaks of its own.
fn next(response: &async_graphql::Response, cursor: Option<i64>) -> String {
    let id = cursor.map(|position| format!("id: {position}\n")).unwrap_or_default();
    format!("event: next\n{id}data: {}\n\n", Answer(response).to_json())
}
