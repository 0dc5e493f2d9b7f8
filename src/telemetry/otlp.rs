//! Spans, sent to a collector by OTLP over HTTP where that is configured.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Span};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

use crate::config;
use crate::telemetry::logs::SpanLayer;
use crate::telemetry::traces::TraceParent;
use crate::transport::{Http1Client, Roots};

/// How long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer's body. It says at most how many spans were refused, and why.
const MAX_BODY: usize = 64 * 1024;

/// Sends spans from a thread of its own. When this is dropped, spans that were not sent yet are
/// sent.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts sending, if there is an endpoint. Needs a Tokio runtime, with a thread that is free
    /// when this is dropped.
    pub fn start(traces: &config::Traces) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &traces.endpoint else {
            return Ok(None);
        };

        // The base address of a collector gets this path:
        // <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>.
        let address = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new()?)
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
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .with_sampler(sampler)
            .build();
        Ok(Some(Self(provider)))
    }

    /// Takes up the spans of requests, whatever is logged.
    pub fn layer(&self) -> SpanLayer {
        let requests = Targets::new().with_target("bellwire::http", Level::INFO);

        OpenTelemetryLayer::new(self.0.tracer("bellwire"))
            .with_filter(requests)
            .boxed()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans can't be sent");
        }
    }
}

/// Makes `span` a child of the caller's. Does nothing where no spans are sent.
pub(super) fn set_parent(span: &Span, parent: TraceParent, trace_state: Option<&str>) {
    let state = trace_state.and_then(|state| state.parse().ok());
    let context = SpanContext::new(
        TraceId::from(parent.trace_id),
        SpanId::from(parent.span_id),
        TraceFlags::default().with_sampled(parent.is_sampled),
        true,
        state.unwrap_or_default(),
    );

    let _ = span.set_parent(Context::new().with_remote_span_context(context));
}

/// How the exporter reaches the collector. It asks from a thread without a runtime.
#[derive(Debug)]
struct Collector {
    client: Http1Client,
    runtime: Handle,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            client: Http1Client::new(&Roots::load(None)?)?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let exchange = async move {
            let (head, body) = client.send(request).await?.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };

        let limited = async move { tokio::time::timeout(TIMEOUT, exchange).await? };
        self.runtime.spawn(limited).await?
    }
}
