//! Traces to an OpenTelemetry collector: OTLP over HTTP.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::TelemetrySettings;

#[derive(Debug, thiserror::Error)]
#[error("telemetry.otlp_endpoint `{endpoint}`: {source}")]
pub struct TracesError {
    endpoint: String,
    source: ExporterBuildError,
}

pub(super) struct Traces(SdkTracerProvider);

/// A collector that cannot be reached costs its traces, never a request.
pub(super) fn start(endpoint: &str, settings: &TelemetrySettings) -> Result<Traces, TracesError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .build()
        .map_err(|source| TracesError { endpoint: endpoint.to_owned(), source })?;
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio))))
        .with_resource(resource)
        .build();
    Ok(Traces(provider))
}

impl Traces {
    pub fn layer<S>(&self) -> impl tracing_subscriber::Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("dyocense"))
    }

    pub fn finish(self) {
        if let Err(error) = self.0.shutdown() {
            eprintln!("the last traces were not sent: {error}");
        }
    }
}
