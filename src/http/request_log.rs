//! What is noted of every request: an id that its answer carries, a span, a count and a duration.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::web;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::http::State;
use crate::telemetry::{metrics, traces};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller.
const LONGEST_ID: usize = 128;

/// Handles a request, and notes what is worth noting.
pub(super) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = known(request.method());
    let draining = request
        .app_data::<web::Data<State>>()
        .is_some_and(|state| state.readiness.is_draining());
    let span = span(&request, method, &id);
    let mut response = next.call(request).instrument(span.clone()).await?;
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    span.record("http.route", route.as_str())
        .record("http.response.status_code", status);
    response.headers_mut().insert(REQUEST_ID, id);
    if draining {
        // So that the caller's next request goes to a process that stays.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let duration = started.elapsed();
    tracing::debug!(parent: &span, status, ?duration, "answered");
    metrics::request_answered(method, route, status, duration);
    Ok(response)
}

/// The caller's own id of the request if it is fit for logs, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fit = |id: &&HeaderValue| {
        (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
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

/// A name that is known beforehand, so that callers can't make up metrics.
fn known(method: &Method) -> &'static str {
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

fn span(request: &ServiceRequest, method: &'static str, id: &HeaderValue) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        otel.kind = "server",
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
        trace_id = Empty,
    );
    if let Some(trace_id) =
        traces::continue_from(&span, |name| request.headers().get(name)?.to_str().ok())
    {
        span.record("trace_id", display(trace_id));
    }
    span
}
