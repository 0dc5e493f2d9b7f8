//! Errors as clients see them: one object everywhere, the framework's own included.
//!
//! `{"code", "message", "more_info", "status"}` is the API's; `errors`, all problems of a request
//! at once, each with the field at fault, is ours.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::crypto::SecretError;
use crate::ingest::group_commit::AcceptError;

/// Most problems that one answer names.
const MOST_PROBLEMS: usize = 50;
/// What a client should wait after a 503, in seconds.
const UNAVAILABLE_FOR: u64 = 2;

/// Something wrong with a field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The field, as a path: `to[3].token`; the parameter's name for a query; empty for the body as
    /// a whole.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl Problem {
    /// `field` must be as `message` says.
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// An answer that is not what the client hoped for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    problems: Vec<Problem>,
    /// What a client should wait, in whole seconds.
    retry_after: Option<u64>,
}

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// The API's number.
    code: u16,
    /// What is wrong, for people.
    message: String,
    more_info: String,
    /// The HTTP status.
    status: u16,
    /// Ours. Every problem of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Problem>,
}

impl ApiError {
    fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            problems: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: these fields are wrong. The message names the first.
    pub(crate) fn invalid(mut problems: Vec<Problem>) -> Self {
        let first = problems
            .first()
            .map(|problem| format!("{} {}", problem.field, problem.message));
        let more = match problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        problems.truncate(MOST_PROBLEMS);
        let first = first.unwrap_or_default();
        let message = format!(
            "Failed to complete request due to a bad request: {}{more}",
            first.trim()
        );
        Self {
            problems,
            ..Self::plain(StatusCode::BAD_REQUEST, message)
        }
    }

    /// 400: this field is wrong.
    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Problem::new(field, message)])
    }

    /// 401.
    pub(crate) fn unauthorized() -> Self {
        Self::plain(
            StatusCode::UNAUTHORIZED,
            "Authenticate with HTTP Basic: an API key and its secret",
        )
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        Self::plain(
            StatusCode::FORBIDDEN,
            "This API key's role does not allow that",
        )
    }

    /// 404: there is nothing at this address, or it is another account's.
    pub(crate) fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "This address does not know this method; see the Allow header",
        )
    }

    /// 409: `message` says what stands in the way.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::CONFLICT, message)
    }

    /// 413: more than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {limit} bytes"),
        )
    }

    /// 415.
    pub(crate) fn unsupported_media_type() -> Self {
        let message = "Send the body as JSON, with the header Content-Type: application/json";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 429: a rate limit; `wait` until there is room again.
    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        let message =
            "Too many requests. Please retry according to the Retry-After response header.";
        let retry_after = Some(wait.as_secs_f64().ceil() as u64);
        Self {
            retry_after,
            ..Self::plain(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// 503: not now.
    pub(crate) fn unavailable() -> Self {
        let message = "Service unavailable. Please retry according to the Retry-After header";
        Self {
            retry_after: Some(UNAVAILABLE_FOR),
            ..Self::plain(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let code = code_of(self.status);
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((
                header::WWW_AUTHENTICATE,
                r#"Basic realm="Bellwire", charset="UTF-8""#,
            ));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.json(ErrorBody {
            code,
            message: self.message.clone(),
            more_info: format!("https://www.twilio.com/docs/api/errors/{code}"),
            status: self.status.as_u16(),
            errors: self.problems.clone(),
        })
    }
}

/// The API's own numbers; a status that it has none for is its own number, as 400 and 403 are.
fn code_of(status: StatusCode) -> u16 {
    match status.as_u16() {
        401 => 20003,
        status @ (404 | 409 | 412 | 429 | 500 | 503) => 20000 + status,
        status => status,
    }
}

impl From<Arc<sqlx::Error>> for ApiError {
    fn from(error: Arc<sqlx::Error>) -> Self {
        Self::from(error.as_ref())
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for ApiError {
    /// A database that is away or overloaded is 503, anything else is our mistake.
    fn from(error: &sqlx::Error) -> Self {
        let away = match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            // SQLSTATE classes 08 connection, 40 rolled back (deadlock), 53 resources, 57 operator
            // intervention (shutdown, statement timeout).
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            _ => false,
        };
        tracing::error!(%error, "request failed on the database");
        if away {
            Self::unavailable()
        } else {
            Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
        }
    }
}

impl From<SecretError> for ApiError {
    /// Sealing fails only where the master key is not fit for it.
    fn from(error: SecretError) -> Self {
        tracing::error!(%error, "a token can't be sealed");
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Busy => Self::unavailable(),
            AcceptError::Repeated => {
                Self::conflict("This Idempotency-Key was used for another request")
            }
            AcceptError::Database(error) => {
                tracing::error!(%error, "Operation not accepted");
                Self::unavailable()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_object_has_the_documented_form() {
        let body = actix_web::body::to_bytes(ApiError::not_found().error_response().into_body())
            .await
            .unwrap();
        let expected = serde_json::json!({"code": 20404, "message": "Not Found",
            "more_info": "https://www.twilio.com/docs/api/errors/20404", "status": 404});
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
            expected
        );
    }

    #[test]
    fn statuses_have_the_documented_codes() {
        let pairs = [
            (400, 400),
            (401, 20003),
            (403, 403),
            (404, 20404),
            (409, 20409),
            (412, 20412),
            (429, 20429),
        ];
        for (status, code) in pairs
            .into_iter()
            .chain([(500, 20500), (503, 20503), (413, 413)])
        {
            assert_eq!(code_of(StatusCode::from_u16(status).unwrap()), code);
        }
    }
}
