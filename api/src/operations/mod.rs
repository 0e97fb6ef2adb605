//! What operators and their machines ask: is it alive, is it ready, how is it doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use dyocense_database::{Database, applied};
use dyocense_projections::{Projections, State as ReadModelState};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Operations(Arc<Parts>);

pub struct Parts {
    pub database: Database,
    pub projections: Projections,
    pub metrics: PrometheusHandle,
    pub lag_limit: u64,
    pub stopping: AtomicBool,
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    stopping: bool,
    database: &'static str,
    pending_migrations: Vec<i64>,
    read_models: &'static str,
    lag_events: Option<u64>,
    lag_tenants: Option<u64>,
    parked_streams: Option<usize>,
}

impl Operations {
    pub fn new(parts: Parts) -> Operations {
        Operations(Arc::new(parts))
    }

    /// From now on the server is not ready: whoever sends requests should send them elsewhere.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    async fn readiness(&self) -> Readiness {
        let Parts { database, projections, lag_limit, stopping, .. } = &*self.0;
        let stopping = stopping.load(Ordering::Relaxed);
        let migrations = tokio::time::timeout(PATIENCE, async {
            let mut connection = database.reader.acquire().await.ok()?;
            applied(&mut connection).await.ok()
        });
        let migrations = migrations.await.ok().flatten();
        let lag = tokio::time::timeout(PATIENCE, projections.lag()).await.ok().and_then(Result::ok);
        let parked = tokio::time::timeout(PATIENCE, projections.parked()).await.ok().and_then(Result::ok);
        let pending = migrations.as_ref().map(|migrations| migrations.pending()).unwrap_or_default();
        let current = projections.state() == ReadModelState::Current;
        let caught_up = lag.is_some_and(|lag| lag.events <= *lag_limit);
        Readiness {
            // Outdated read models are still read, and a parked stream is one thing's matter: neither turns
            // requests away.
            ready: !stopping && migrations.is_some() && pending.is_empty() && (caught_up || !current),
            stopping,
            database: if migrations.is_some() { "reachable" } else { "unreachable" },
            pending_migrations: pending,
            read_models: if current { "current" } else { "rebuilding" },
            lag_events: lag.map(|lag| lag.events),
            lag_tenants: lag.map(|lag| lag.tenants),
            parked_streams: parked.map(|parked| parked.len()),
        }
    }
}

/// Alive: the process answers. It has no checks, so that a database's outage does not restart every server.
pub fn alive() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

pub fn router(operations: Operations) -> Router {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(operations)
}

async fn ready(State(operations): State<Operations>) -> Response {
    let readiness = operations.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(operations): State<Operations>) -> Response {
    let Parts { database, projections, metrics, .. } = &*operations.0;
    for (role, pool) in database.pools() {
        let idle = pool.num_idle();
        let in_use = (pool.size() as usize).saturating_sub(idle);
        metrics::gauge!("dyocense_pool_connections", "role" => role.name(), "state" => "idle").set(idle as f64);
        metrics::gauge!("dyocense_pool_connections", "role" => role.name(), "state" => "in_use").set(in_use as f64);
    }
    // They set their own gauges; where the database does not answer the last values stand.
    if tokio::time::timeout(PATIENCE, projections.lag()).await.is_err() {
        tracing::debug!("the projections' lag could not be read for the metrics");
    }
    if let Ok(Ok(parked)) = tokio::time::timeout(PATIENCE, projections.parked()).await {
        metrics::gauge!("dyocense_projection_parked_streams").set(parked.len() as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}
