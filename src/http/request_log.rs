//! What is recorded of every request: an id, which the response carries, a span, and metrics.

use std::time::Instant;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use actix_web::web;
use tracing::Span;
use tracing::field::{Empty, display};
use uuid::Uuid;

use crate::http::State;
use crate::http::auth;
use crate::telemetry::{metrics, traces};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is accepted from a caller, in bytes.
const MAX_ID_LENGTH: usize = 128;

pub(super) struct RequestRecord {
    started: Instant,
    id: HeaderValue,
    method: &'static str,
    is_draining: bool,
    pub span: Span,
}

impl RequestRecord {
    /// Begins the record of `request`, which must be answered in the span of the record.
    pub(super) async fn begin(request: &ServiceRequest) -> Self {
        let started = Instant::now();
        let id = request_id(request.headers());
        let method = method_name(request.method());
        let is_draining = request
            .app_data::<web::Data<State>>()
            .is_some_and(|state| state.readiness.is_draining());
        let continues_trace = is_trace_continued(request).await;
        let span = span(request, method, &id, continues_trace);

        Self {
            started,
            id,
            method,
            is_draining,
            span,
        }
    }

    /// Records the answer, which gets the request's id.
    pub(super) fn end(self, response: &mut ServiceResponse) {
        let Self {
            started,
            id,
            method,
            is_draining,
            span,
        } = self;

        // The pattern and not the path: with ids, each request would be a series of its own in the
        // metrics.
        let route = response
            .request()
            .match_pattern()
            .unwrap_or_else(|| "none".to_owned());
        let status = response.status().as_u16();
        span.record("http.route", route.as_str())
            .record("http.response.status_code", status);

        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        if is_draining {
            // The caller connects again, and then reaches a process that is not shutting down.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }

        let duration = started.elapsed();
        tracing::debug!(parent: &span, status, ?duration, "request answered");
        metrics::request_answered(method, route, status, duration);
    }
}

/// The caller's own id of the request if it is short and printable, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    // Printable without spaces, because the id stands in the log, where other bytes could pass for
    // other fields.
    let fit = |id: &&HeaderValue| {
        (1..=MAX_ID_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };

    headers
        .get(REQUEST_ID)
        .filter(fit)
        .cloned()
        .unwrap_or_else(|| {
            let mut text = Uuid::encode_buffer();
            let id = Uuid::now_v7().hyphenated().encode_lower(&mut text);
            HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
        })
}

/// The method's name; unknown ones share one, so that callers can't add label values to metrics.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// Whether the request is part of the trace that its headers name. It is only with a valid key:
/// strangers do not decide what is recorded.
async fn is_trace_continued(request: &ServiceRequest) -> bool {
    request.headers().contains_key("traceparent") && auth::is_known(request.request()).await
}

fn span(
    request: &ServiceRequest,
    method: &'static str,
    id: &HeaderValue,
    continues_trace: bool,
) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        otel.kind = "server",
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
        trace_id = Empty,
    );

    if continues_trace
        && let Some(trace_id) =
            traces::continue_from(&span, |name| request.headers().get(name)?.to_str().ok())
    {
        span.record("trace_id", display(trace_id));
    }

    span
}
