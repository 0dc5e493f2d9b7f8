//! Traces: spans as OpenTelemetry has them, sent by OTLP over HTTP where that is configured. A
//! caller's `traceparent` (W3C Trace Context) is honoured either way: its trace's id is in the
//! logs.

use std::sync::LazyLock;

use anyhow::Context as _;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::config;

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// Sends spans. What has not been sent yet is when this is dropped.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts sending, if there is an endpoint.
    pub fn start(traces: &config::Traces) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &traces.endpoint else {
            return Ok(None);
        };
        let address = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address);
        let exporter = exporter.build().with_context(|| {
            format!("traces.endpoint: can't set up the export of spans to {endpoint}")
        })?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name("bellwire")
            .with_attribute(version)
            .build();
        // A caller who has decided is followed.
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(traces.ratio)));
        let builder = SdkTracerProvider::builder().with_batch_exporter(exporter);
        Ok(Some(Self(
            builder
                .with_resource(resource)
                .with_sampler(sampler)
                .build(),
        )))
    }

    /// What makes spans.
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("bellwire")
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans can't be sent");
        }
    }
}

/// A request's headers, one at a time.
struct Headers<'a, F>(F, std::marker::PhantomData<&'a ()>);

impl<'a, F: Fn(&str) -> Option<&'a str>> Extractor for Headers<'a, F> {
    fn get(&self, key: &str) -> Option<&str> {
        (self.0)(key)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Makes `span` part of the trace that the headers name. Returns that trace, if they name one.
pub fn continue_from<'a>(span: &Span, header: impl Fn(&str) -> Option<&'a str>) -> Option<TraceId> {
    header("traceparent")?;
    let context = PROPAGATOR
        .extract_with_context(&Context::new(), &Headers(header, std::marker::PhantomData));
    let trace_id = Some(context.span().span_context().clone())
        .filter(SpanContext::is_valid)?
        .trace_id();
    // In vain where no spans are sent.
    let _ = span.set_parent(context);
    Some(trace_id)
}
