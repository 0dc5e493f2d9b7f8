//! The body of a request that may come without one.

use std::future::Future;
use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev};
use bytes::Bytes;

use crate::http::auth::Caller;
use crate::http::body::{self, ReceivedBody};
use crate::http::error::ApiError;

/// A body that is declared as JSON, with the caller. An absent one, a blank one and `null` count as an empty
/// object.
pub(super) struct OptionalJsonBody {
    pub caller: Caller,
    pub bytes: Bytes,
}

impl FromRequest for OptionalJsonBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();

        Box::pin(async move {
            let caller = Caller::of(&request).await?;

            // The headers do not tell whether there is a body: over HTTP/2 it may have neither a
            // Content-Length nor a Transfer-Encoding, and a chunked one may be empty.
            let bytes = match payload {
                dev::Payload::None => Bytes::new(),
                payload => {
                    let ReceivedBody { bytes, .. } =
                        body::receive(&request, caller, payload).await?;
                    bytes
                }
            };
            if body::says_nothing(&bytes) {
                let bytes = Bytes::from_static(b"{}");
                return Ok(Self { caller, bytes });
            }

            body::check_type(request.headers())?;
            Ok(Self { caller, bytes })
        })
    }
}
