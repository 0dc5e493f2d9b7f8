//! Request bodies: JSON only, and no larger than the operator allows.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use bytes::Bytes;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// How long a body may take to arrive: whoever is slower holds memory, and a process that wants to
/// end.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// A body that says it is JSON, and who sent it: nothing is read for somebody unknown.
pub(super) struct JsonBody {
    /// Who sent it.
    pub caller: Caller,
    /// Its bytes.
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
            let caller = caller.await?;
            if !is_json {
                return Err(ApiError::unsupported_media_type());
            }
            let bytes = tokio::time::timeout(BODY_TIMEOUT, bytes).await;
            let late = || {
                format!(
                    "the body has not arrived within {} s",
                    BODY_TIMEOUT.as_secs()
                )
            };
            let bytes = bytes
                .map_err(|_| ApiError::invalid_field("", late()))?
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => ApiError::too_large(limit),
                    _ => ApiError::invalid_field("", format!("the body can't be read: {error}")),
                })?;
            Ok(Self { caller, bytes })
        })
    }
}
