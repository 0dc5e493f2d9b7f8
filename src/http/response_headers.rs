//! Headers of every answer: those that keep browsers and caches from doing harm with it, and how its
//! caller stands with the rate limits.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;

use crate::http::{State, rate_limit};

/// Data of an application whose connections end with their first answer: the clients go on
/// elsewhere.
#[derive(Clone, Copy)]
pub(super) struct ClosesConnections;

/// What an answer may load and run: nothing, and it may be in no frame.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
/// The page at `/docs/` loads its own files, and has styles and images within them.
const OWN_FILES: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                         img-src 'self' data:; frame-ancestors 'none'";
/// Two years, as browsers' lists ask for.
const ONLY_ENCRYPTED: &str = "max-age=63072000";

/// The middleware: adds the headers to an answer.
pub(super) async fn add(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let closes = request
        .app_data::<Option<ClosesConnections>>()
        .is_some_and(Option::is_some);
    let is_page = request.path().starts_with("/docs/");
    let is_encrypted = request
        .app_data::<web::Data<State>>()
        .is_some_and(|state| state.settings.is_encrypted);

    let mut response = next.call(request).await?;

    let answered = response.request().clone();
    let headers = response.headers_mut();
    rate_limit::add_headers(&answered, headers);
    if closes {
        insert(headers, header::CONNECTION, "close");
    }
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(headers, header::X_FRAME_OPTIONS, "DENY");
    insert_default(headers, header::REFERRER_POLICY, "no-referrer");
    let policy = if is_page { OWN_FILES } else { NOTHING };
    insert_default(headers, header::CONTENT_SECURITY_POLICY, policy);
    if is_encrypted {
        insert(headers, header::STRICT_TRANSPORT_SECURITY, ONLY_ENCRYPTED);
    }
    // Answers of the API are an account's own, and change at any time.
    if !is_page {
        insert_default(headers, header::CACHE_CONTROL, "no-store");
    }

    Ok(response)
}

/// The console's pages and files have policies of their own.
fn insert_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        insert(headers, name, value);
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
