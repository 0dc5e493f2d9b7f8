//! The body of a request that may come without one.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev};
use bytes::Bytes;

use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;

/// A body that is declared as JSON, or an empty object if there is none, with the caller.
pub(super) struct OptionalJsonBody {
    pub caller: Caller,
    pub bytes: Bytes,
}

impl FromRequest for OptionalJsonBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let headers = request.headers();
        let length = headers.get(header::CONTENT_LENGTH);
        let is_empty = length.is_none_or(|length| length == "0")
            && !headers.contains_key(header::TRANSFER_ENCODING);

        if is_empty {
            let caller = Caller::from_request(request, payload);
            return Box::pin(async move {
                Ok(Self {
                    caller: caller.await?,
                    bytes: Bytes::from_static(b"{}"),
                })
            });
        }

        let body = JsonBody::from_request(request, payload);
        Box::pin(async move {
            let JsonBody { caller, bytes, .. } = body.await?;
            Ok(Self { caller, bytes })
        })
    }
}
