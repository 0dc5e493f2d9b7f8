//! The middleware of every request: it is recorded, and its answer is completed.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tracing::Instrument;

use crate::http::not_found;
use crate::http::rate_limit;
use crate::http::request_log::RequestRecord;

/// Answers a request. One function does it all, because each middleware of actix allocates a future
/// for each request.
pub(super) async fn complete(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let record = RequestRecord::begin(&request).await;

    let answering = next.call(request).instrument(record.span.clone());
    let response = answering.await?.map_into_boxed_body();

    let mut response = not_found::name_it(response);
    let request = response.request().clone();
    rate_limit::add_headers(&request, response.headers_mut());
    record.end(&mut response);
    Ok(response)
}
