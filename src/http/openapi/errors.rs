//! Which errors an answer may be.

#![allow(dead_code, reason = "read by the derive alone")]

use utoipa::IntoResponses;

use crate::http::error::ErrorBody;

/// Of a request that only looks.
#[derive(IntoResponses)]
pub(crate) enum ReadErrors {
    /// A parameter is wrong; `errors` names each.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// No API key, or one that is not known.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The API key's role does not allow it.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is nothing at this address, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// A rate limit; see `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Not now; see `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// Of a request that changes something and has no body.
#[derive(IntoResponses)]
pub(crate) enum ChangeErrors {
    /// A header is wrong.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// No API key, or one that is not known.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The API key's role does not allow it.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is nothing at this address, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// It can't be done now, or its Idempotency-Key was used for another request.
    #[response(status = 409)]
    Conflict(ErrorBody),
    /// A rate limit; see `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Not now; see `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// Of a request with a body.
#[derive(IntoResponses)]
pub(crate) enum CreateErrors {
    /// The body is wrong; `errors` names each field at fault.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// No API key, or one that is not known.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The API key's role does not allow it.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is nothing at this address, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// The Idempotency-Key was used for another request.
    #[response(status = 409)]
    Conflict(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(ErrorBody),
    /// The body is not said to be JSON.
    #[response(status = 415)]
    UnsupportedMediaType(ErrorBody),
    /// A rate limit; see `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Not now; see `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}
