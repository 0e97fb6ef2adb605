//! What the program tells about itself: logs, metrics and traces.

mod traces;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::settings::{LogFormat, LogSettings, TelemetrySettings};

pub use traces::TracesError;

/// Sends what traces are left when it is dropped.
pub struct Telemetry {
    traces: Option<traces::Traces>,
}

impl Telemetry {
    /// Waits until the last traces are sent, for a moment.
    pub fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Starts logging to standard error and, where a collector is configured, sending traces. Once per process.
pub fn start(log: &LogSettings, telemetry: &TelemetrySettings) -> Result<Telemetry, TracesError> {
    let traces = telemetry.otlp_endpoint.as_deref().map(|endpoint| traces::start(endpoint, telemetry)).transpose()?;
    let filter = EnvFilter::new(&log.filter);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match log.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).with(traces.as_ref().map(traces::Traces::layer)).init();
    Ok(Telemetry { traces })
}

/// Seconds, from a fast query to a request that hits its time limit.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Begins to count. The handle renders what was counted in Prometheus' text format. Once per process.
pub fn count() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_histogram!("dyocense_http_seconds", Unit::Seconds, "HTTP requests by status");
    describe_histogram!("dyocense_graphql_seconds", Unit::Seconds, "GraphQL queries and mutations by kind and outcome");
    describe_gauge!("dyocense_sockets_open", "Open GraphQL WebSockets");
    describe_gauge!("dyocense_socket_operations_open", "Operations running on WebSockets");
    describe_gauge!("dyocense_event_streams_open", "Open server-sent event streams");
    describe_counter!("dyocense_slow_consumers_total", "Sockets closed because their client did not read");
    describe_counter!("dyocense_subscription_items_total", "Items sent to live queries, by subscription");
    describe_histogram!(
        "dyocense_subscription_delay_seconds",
        Unit::Seconds,
        "From an event's time to its subscribers"
    );
    describe_gauge!("dyocense_pool_connections", "Database connections by role and state");
    describe_gauge!("dyocense_projection_parked_streams", "Streams that wait for an operator");

    describe_histogram!("dyocense_run_seconds", Unit::Seconds, "Runs of the engines, by kind and outcome");

    describe_counter!("dyocense_eventlog_events_total", "Events appended");
    describe_counter!("dyocense_eventlog_conflicts_total", "Commands refused for an unexpected version");
    describe_counter!("dyocense_eventlog_replays_total", "Commands answered again by their idempotency key");
    describe_histogram!(
        "dyocense_eventlog_append_seconds",
        Unit::Seconds,
        "From a command's call to its durable answer"
    );
    describe_histogram!("dyocense_eventlog_batch_seconds", Unit::Seconds, "One append transaction");
    describe_histogram!("dyocense_eventlog_batch_commands", "Commands that shared one append transaction");
    describe_counter!("dyocense_eventlog_batch_failures_total", "Append transactions that failed as a whole");
    describe_counter!("dyocense_eventlog_tails_lagged_total", "Live readers that fell behind and read the log instead");

    describe_counter!("dyocense_projections_events_total", "Events projected");
    describe_histogram!("dyocense_projections_batch_seconds", Unit::Seconds, "One batch of one tenant");
    describe_histogram!(
        "dyocense_projections_wait_seconds",
        Unit::Seconds,
        "Waits for read models to reach a position"
    );
    describe_gauge!("dyocense_projections_lag_events", "Events that the read models are behind the log");
    describe_gauge!("dyocense_projections_lag_tenants", "Businesses whose read models are behind the log");
    describe_gauge!("dyocense_projections_queue", "Businesses that wait for a projection worker");
    describe_counter!("dyocense_policies_errors_total", "Turns of policies that failed and are tried again, by policy");
    describe_gauge!(
        "dyocense_policies_stuck_tenants",
        "Businesses whose events a policy could not answer at its last try"
    );
    describe_counter!("dyocense_projections_errors_total", "Batches that failed and are tried again");
    describe_counter!("dyocense_projections_parked_total", "Streams parked since the start, by projection");
}

/// Adds one to a gauge for as long as it lives.
pub struct OpenGauge(&'static str);

impl OpenGauge {
    pub fn new(name: &'static str) -> OpenGauge {
        metrics::gauge!(name).increment(1.0);
        OpenGauge(name)
    }
}

impl Drop for OpenGauge {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
