//! The error answers of the API's operations.

#![allow(dead_code, reason = "read by the derive alone")]

use utoipa::IntoResponses;

use crate::http::error::ErrorBody;

/// Of a request that changes nothing.
#[derive(IntoResponses)]
pub(crate) enum ReadErrors {
    /// A parameter is wrong. `errors` names each problem.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The API key is missing, unknown or revoked.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The role of the API key does not allow the request.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The resource does not exist, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// A rate limit is exceeded, or too many lists of the account are being read. See `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A bug of Bellwire. The log has the `X-Request-Id`.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Bellwire can't serve the request now. See `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// Of a request that changes something and has no body.
#[derive(IntoResponses)]
pub(crate) enum ChangeErrors {
    /// A header is wrong. `errors` names each problem.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The API key is missing, unknown or revoked.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The role of the API key does not allow the request.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The resource does not exist, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// The resource's state does not allow the change, or the Idempotency-Key was used for a
    /// different request.
    #[response(status = 409)]
    Conflict(ErrorBody),
    /// A rate limit is exceeded. See `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A bug of Bellwire. The log has the `X-Request-Id`.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Bellwire can't serve the request now. See `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// Of a request with a body.
#[derive(IntoResponses)]
pub(crate) enum CreateErrors {
    /// The body is wrong. `errors` names each problem with its field.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The API key is missing, unknown or revoked.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The role of the API key does not allow the request.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The resource does not exist, or it is another account's.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// The Idempotency-Key was used for a different request.
    #[response(status = 409)]
    Conflict(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(ErrorBody),
    /// The `Content-Type` is not `application/json`.
    #[response(status = 415)]
    UnsupportedMediaType(ErrorBody),
    /// A rate limit is exceeded. See `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A bug of Bellwire. The log has the `X-Request-Id`.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Bellwire can't serve the request now. See `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// Of receipts, which need no API key.
#[derive(IntoResponses)]
pub(crate) enum ReceiptErrors {
    /// The body is wrong. `errors` names each problem with its field.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(ErrorBody),
    /// The `Content-Type` is not `application/json`.
    #[response(status = 415)]
    UnsupportedMediaType(ErrorBody),
    /// This source sends too many receipts. See `Retry-After`.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A bug of Bellwire. The log has the `X-Request-Id`.
    #[response(status = 500)]
    InternalServerError(ErrorBody),
    /// Bellwire can't serve the request now. See `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}
