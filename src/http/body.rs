//! Request bodies: JSON only, of a bounded size, from a caller who is known.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use bytes::Bytes;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// How long a body may take to arrive. A slower client would hold memory, and delay a shutdown.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// A body that is declared as JSON, with the caller who sent it.
pub(super) struct JsonBody {
    pub caller: Caller,
    pub bytes: Bytes,
}

impl FromRequest for JsonBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let is_json = request.content_type() == "application/json";
        let limit = request
            .app_data::<web::Data<State>>()
            .map_or(0, |state| state.settings.max_body_size);
        let caller = Caller::from_request(request, &mut dev::Payload::None);
        let bytes = Bytes::from_request(request, payload);

        Box::pin(async move {
            // The caller comes first: no body is read for a client that is not authenticated.
            let caller = caller.await?;

            if !is_json {
                return Err(ApiError::unsupported_media_type());
            }

            let bytes = tokio::time::timeout(BODY_TIMEOUT, bytes)
                .await
                .map_err(|_| {
                    let seconds = BODY_TIMEOUT.as_secs();
                    ApiError::invalid_field(
                        "",
                        format!("the body did not arrive within {seconds} s"),
                    )
                })?
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => ApiError::too_large(limit),
                    _ => ApiError::invalid_field("", format!("the body can't be read: {error}")),
                })?;

            Ok(Self { caller, bytes })
        })
    }
}
