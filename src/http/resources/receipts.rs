//! `POST /v1/Receipts`, an extension: apps report what became of messages on devices.
//!
//! An app has no API key, so each receipt names its notification by the token that the message carried
//! (`bw_receipt`). A token that Bellwire did not sign, or whose notification is gone, is ignored and
//! answered like any other, so that the answer does not reveal which tokens are real. Web apps call from any origin:
//! there is no cookie and no key that another page could misuse.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;

use crate::http::State;
use crate::http::auth;
use crate::http::date;
use crate::http::error::ApiError;
use crate::http::openapi::{ReceiptErrors, ReceiptsRequest};
use crate::http::validation::{Object, Path, Problems, must_be, parse_body, quoted_string};
use crate::model::id::PushNotificationId;
use crate::model::receipt::{Receipt, ReceiptEvent};
use crate::telemetry::metrics;

/// Most receipts of one request.
pub(crate) const MAX_RECEIPTS: usize = 100;
/// Largest body, in bytes: far more than 100 receipts need.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
const AT_RULE: &str = "an RFC 3339 timestamp, such as 2026-01-31T09:30:00Z";

/// A receipt as it was sent. Its token must stay out of logs.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
struct SentReceipt {
    token: String,
    event: ReceiptEvent,
    at: Option<OffsetDateTime>,
}

/// Lets web pages of any origin call, and read the answer (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
pub(crate) async fn allow_any_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut response = next.call(request).await?;

    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    Ok(response)
}

/// What a browser asks before it lets a page send JSON.
pub(crate) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"))
        // In seconds: browsers ask once a day.
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// Records that messages were delivered, opened or dismissed, for up to 100 receipts of an app
/// (extension). Needs no API key.
#[utoipa::path(
    post,
    path = "/v1/Receipts",
    operation_id = "sendReceipts",
    tag = "Receipts",
    security(()),
    request_body = ReceiptsRequest,
    responses((status = 202, description = "Accepted. Receipts with an unknown token are ignored"), ReceiptErrors),
)]
pub(crate) async fn receive(
    request: HttpRequest,
    state: web::Data<State>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body(&request, payload).await?;
    let sent = parse(&body)?;

    // After the body is read, because receipts are counted and not requests. A body has at most 64
    // KiB.
    if let Some(source) = auth::source(&state, &request) {
        state
            .rate_limits
            .check_receipts(&request, source, sent.len())?;
    }

    let now = OffsetDateTime::now_utc();
    let receipts = sent.iter().filter_map(|sent| {
        let id = state.master_keys.open_receipt_token(&sent.token)?;
        Receipt::new(PushNotificationId::from(id), sent.event, sent.at, now)
    });
    let receipts: Vec<Receipt> = receipts.collect();
    // The answer does not tell, so the metric is how an operator learns of wrong tokens.
    if receipts.len() < sent.len() {
        metrics::receipts_unknown(sent.len() - receipts.len());
    }
    // Returns once they are durable: no receipt that was answered with a 202 is lost.
    state.receipts.submit(receipts).await?;

    Ok(HttpResponse::Accepted().finish())
}

async fn body(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, ApiError> {
    if request.content_type() != "application/json" {
        let given = Some(request.content_type()).filter(|given| !given.is_empty());
        return Err(ApiError::not_json(given));
    }

    let mut payload = payload.into_inner();
    let reading = Bytes::from_request(request, &mut payload);
    let body = tokio::time::timeout(BODY_TIMEOUT, reading)
        .await
        .map_err(|_| {
            let seconds = BODY_TIMEOUT.as_secs();
            ApiError::invalid_field("", format!("the body did not arrive within {seconds} s"))
        })?;

    body.map_err(|error| match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => ApiError::too_large(MAX_BODY),
        _ => ApiError::invalid_field("", format!("the body can't be read: {error}")),
    })
}

fn parse(body: &[u8]) -> Result<Vec<SentReceipt>, ApiError> {
    let mut problems = Problems::default();
    let mut body = parse_body(body)?;
    let receipts = receipts(&mut body, &mut problems);
    body.refuse_unknown(&mut problems);

    problems.check_some(receipts)
}

fn receipts(body: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<SentReceipt>> {
    let rule = format!("an array of 1 to {MAX_RECEIPTS} receipts");
    if !body.require("receipts", &rule, problems) {
        return None;
    }

    let value = body.take("receipts").unwrap_or_default();
    let path = body.at("receipts");
    let Value::Array(receipts) = value else {
        problems.push(&path, must_be(&rule, &value));
        return None;
    };
    if receipts.is_empty() || receipts.len() > MAX_RECEIPTS {
        problems.push(
            &path,
            format!(
                "must have 1 to {MAX_RECEIPTS} receipts; got {}",
                receipts.len()
            ),
        );
        return None;
    }

    // A wrong receipt does not end the loop, so that the answer names all of them.
    let read: Vec<Option<SentReceipt>> = receipts
        .into_iter()
        .enumerate()
        .map(|(index, value)| receipt(value, Path::Index(&path, index), problems))
        .collect();
    read.into_iter().collect()
}

fn receipt(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<SentReceipt> {
    let mut receipt = Object::of(value, path, problems)?;

    let token = receipt.required_string("receipt", problems);
    let event = receipt.required_one_of("event", &ReceiptEvent::ALL, problems);
    let at = receipt.string("at", problems);
    let at = at.and_then(|text| {
        let at = date::parse(&text);
        if at.is_none() {
            problems.push(
                &receipt.at("at"),
                format!("must be {AT_RULE}; got {}", quoted_string(&text)),
            );
        }
        at
    });
    receipt.refuse_unknown(problems);

    Some(SentReceipt {
        token: token?,
        event: event?,
        at,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn read(body: &Value) -> Result<Vec<SentReceipt>, String> {
        parse(body.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn receipts_are_read() {
        let sent = read(&json!({"receipts": [
            {"receipt": "a", "event": "OPENED", "at": "2026-01-31T09:30:00.5+01:00"},
            {"receipt": "b", "event": "DELIVERED", "at": null},
        ]}));

        assert_eq!(
            sent.unwrap(),
            [
                SentReceipt {
                    token: "a".into(),
                    event: ReceiptEvent::Opened,
                    at: Some(datetime!(2026-01-31 08:30:00.5 UTC)),
                },
                SentReceipt {
                    token: "b".into(),
                    event: ReceiptEvent::Delivered,
                    at: None,
                },
            ]
        );
    }

    #[test]
    fn anything_else_names_its_field() {
        let one = |receipt: Value| json!({"receipts": [receipt]});
        let many = vec![json!({"receipt": "a", "event": "OPENED"}); MAX_RECEIPTS + 1];

        for (body, field) in [
            (json!({}), "receipts"),
            (json!({"receipts": {}}), "receipts"),
            (json!({"receipts": []}), "receipts"),
            (json!({"receipts": many}), "receipts"),
            (json!({"receipts": [7]}), "receipts[0]"),
            (one(json!({"event": "OPENED"})), "receipts[0].receipt"),
            (
                one(json!({"receipt": 7, "event": "OPENED"})),
                "receipts[0].receipt",
            ),
            (one(json!({"receipt": "a"})), "receipts[0].event"),
            (
                one(json!({"receipt": "a", "event": "opened"})),
                "receipts[0].event",
            ),
            (
                one(json!({"receipt": "a", "event": "OPENED", "at": "now"})),
                "receipts[0].at",
            ),
            (
                one(json!({"receipt": "a", "event": "OPENED", "at": 7})),
                "receipts[0].at",
            ),
            (
                one(json!({"receipt": "a", "event": "OPENED", "on": 7})),
                "receipts[0].on",
            ),
        ] {
            let error = read(&body).unwrap_err();
            assert!(error.contains(&format!(" {field}: ")), "{body}: {error}");
        }
    }
}
