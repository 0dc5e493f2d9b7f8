//! Errors as clients see them: one object everywhere, for actix's own errors too.
//!
//! `{"code", "message", "more_info", "status"}` is the API's; `errors`, which names every problem of
//! a request with its field, is a Bellwire extension.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::crypto::SecretError;
use crate::http::failure_log;
use crate::http::problem::Problem;
use crate::ingest::group_commit::AcceptError;
use crate::ingest::receipts::ReceiptError;
use crate::model::quoted::quoted_string;
use crate::work_pool::WorkFailed;

/// The message of a 404 that does not say what is missing.
const NOT_FOUND: &str = "Not Found";
/// Most problems that one answer names.
pub(super) const MAX_PROBLEMS: usize = 50;
/// `Retry-After` of a 503, in seconds.
const UNAVAILABLE_RETRY_AFTER: u64 = 2;
/// `Retry-After` of a list that got no turn, in seconds.
const LISTS_RETRY_AFTER: u64 = 1;
/// `Retry-After` of an import that is one too many, in seconds.
const IMPORTS_RETRY_AFTER: u64 = 10;
/// `Retry-After` of a 429 for a full queue, in seconds. A queue takes longer to drain than a rate limit.
const QUEUE_FULL_RETRY_AFTER: u64 = 30;

/// An error, ready to be answered.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    problems: Vec<Problem>,
    /// In seconds.
    retry_after: Option<u64>,
}

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// A number for programs: the API's own for some statuses, otherwise the status.
    code: u16,
    /// A sentence for people.
    message: String,
    more_info: String,
    /// The HTTP status.
    status: u16,
    /// The problems of the request, each with its field; at most 50 (extension).
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

    /// 400 for at least one problem. The message names the first, and counts the others: `rest`, and as many
    /// `more` as are not named.
    pub(crate) fn invalid(first: Problem, rest: Vec<Problem>, more: usize) -> Self {
        let more = match rest.len() + more {
            0 => String::new(),
            1 => " (and 1 more problem)".to_owned(),
            count => format!(" (and {count} more problems)"),
        };
        // Twilio's sibling APIs begin like this.
        let message = format!("Failed to complete request due to a bad request: {first}{more}");

        Self {
            problems: std::iter::once(first).chain(rest).collect(),
            ..Self::plain(StatusCode::BAD_REQUEST, message)
        }
    }

    /// 400 for one problem. `field` is empty for the body as a whole.
    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(Problem::new(field, message), Vec::new(), 0)
    }

    /// 401. `reason` says what is wrong with the credentials, and what to do.
    pub(crate) fn unauthorized(reason: impl fmt::Display) -> Self {
        Self::plain(
            StatusCode::UNAUTHORIZED,
            format!("Authentication failed. {reason}"),
        )
    }

    /// 403. `role` is the key's, and `needed` says which roles may do it.
    pub(crate) fn forbidden(role: &str, needed: &str) -> Self {
        Self::plain(
            StatusCode::FORBIDDEN,
            format!(
                "The role of this API key, {role}, does not allow this request. Use a key with the role {needed}"
            ),
        )
    }

    /// 404: nothing is at this address, or it is another account's. [`not_found::name_it`] says what.
    ///
    /// [`not_found::name_it`]: crate::http::not_found::name_it
    pub(crate) fn not_found() -> Self {
        Self::nothing_here(NOT_FOUND)
    }

    /// Whether it is a 404 that does not say what is missing.
    pub(crate) fn is_bare_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.message == NOT_FOUND
    }

    /// 404. `message` says where to go.
    pub(crate) fn nothing_here(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::NOT_FOUND, message)
    }

    /// 405. `allowed` are the methods that the path supports, separated by commas.
    pub(crate) fn method_not_allowed(method: &str, allowed: &str) -> Self {
        Self::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            format!(
                "This path does not support the method {}. It supports {allowed}",
                quoted_string(method)
            ),
        )
    }

    /// 415. `given` is the Content-Type of the body, if it has one.
    pub(crate) fn not_json(given: Option<&str>) -> Self {
        let given = given.map_or("none".to_owned(), quoted_string);

        Self::unsupported_media_type(format!(
            "The body must be JSON, with the header Content-Type: application/json; got {given}"
        ))
    }

    /// 406. `offered` are the media types that there are.
    pub(crate) fn not_acceptable(offered: &[&str]) -> Self {
        Self::plain(
            StatusCode::NOT_ACCEPTABLE,
            format!("The Accept header must allow {}", offered.join(" or ")),
        )
    }

    /// 409. `message` says what prevents the request.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::CONFLICT, message)
    }

    pub(crate) fn reused_idempotency_key() -> Self {
        Self::conflict("This Idempotency-Key was used for a different request. Use a new key")
    }

    /// 413. `limit` is in bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "The body must be at most {limit} bytes. Send a smaller one, or split the request"
            ),
        )
    }

    /// 413 for a file. `message` names the limit.
    pub(crate) fn too_many_rows(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 415. `message` says what the body must be.
    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 403: the role of the person in the console does not allow it. The person may have no API key.
    pub(crate) fn forbidden_in_console(role: &str, needed: &str) -> Self {
        Self::plain(
            StatusCode::FORBIDDEN,
            format!("Your role, {role}, does not allow this. It needs the role {needed}"),
        )
    }

    /// 403: the account has as much of something as it may. `message` names the limit.
    pub(crate) fn quota_reached(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::FORBIDDEN, message)
    }

    /// 429: the account has as much queued as it may. `message` names the limit.
    pub(crate) fn queue_full(message: impl Into<String>) -> Self {
        Self {
            retry_after: Some(QUEUE_FULL_RETRY_AFTER),
            ..Self::plain(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// 429. `wait` is how long until the rate limit has room again.
    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        // Rounded up: a client that waits for less than `wait` would be refused again.
        let retry_after = wait.as_secs_f64().ceil() as u64;

        Self {
            retry_after: Some(retry_after),
            ..Self::plain(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests. Please retry according to the Retry-After response header.",
            )
        }
    }

    /// 429: the account reads `count` lists already.
    pub(crate) fn too_many_lists(count: usize) -> Self {
        Self {
            retry_after: Some(LISTS_RETRY_AFTER),
            ..Self::plain(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "{count} lists of this account are being read already, which is the maximum. \
                     Read fewer at a time, and retry according to the Retry-After response header."
                ),
            )
        }
    }

    /// 429: the account has `count` imports running.
    pub(crate) fn too_many_imports(count: i64) -> Self {
        Self {
            retry_after: Some(IMPORTS_RETRY_AFTER),
            ..Self::plain(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "{count} imports of this account are running already, which is the maximum. \
                     Wait until one of them has ended"
                ),
            )
        }
    }

    /// 500: a bug of Bellwire. `reason` is logged and not answered.
    pub(crate) fn internal(reason: impl fmt::Display) -> Self {
        if failure_log::is_to_be_logged() {
            tracing::error!(%reason, "internal error");
        }
        Self::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error. The log has the reason under the X-Request-Id of this response",
        )
    }

    /// 503: there is no room for the request now. `message` names the limit.
    pub(crate) fn busy(message: impl fmt::Display) -> Self {
        Self {
            retry_after: Some(UNAVAILABLE_RETRY_AFTER),
            ..Self::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "Service unavailable. {message}. Please retry according to the Retry-After \
                     response header."
                ),
            )
        }
    }

    /// 503: Bellwire can't serve the request now.
    pub(crate) fn unavailable() -> Self {
        Self {
            retry_after: Some(UNAVAILABLE_RETRY_AFTER),
            ..Self::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable. Please retry according to the Retry-After response header.",
            )
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let code = code_of(self.status);
        let mut response = HttpResponse::build(self.status);

        // RFC 9110, section 11.6.1, requires a challenge in every 401.
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

/// The API's error code for a status. Statuses without one, such as 400 and 403, are their own
/// code.
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
    /// 503 if the database can't be reached or is overloaded, otherwise 500.
    fn from(error: &sqlx::Error) -> Self {
        let away = match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            // SQLSTATE classes 08 connection, 40 rolled back (deadlock), 53 resources, 57 operator
            // intervention (shutdown, statement timeout). 25006: the session can only read. 26000,
            // 42P05: a pooler has mixed up sessions.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57", "25006", "26000", "42P05"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            _ => false,
        };

        if away {
            if failure_log::is_to_be_logged() {
                tracing::error!(%error, "the database can't serve a request");
            }
            Self::unavailable()
        } else {
            Self::internal(format_args!("a query failed: {error}"))
        }
    }
}

impl From<WorkFailed> for ApiError {
    /// The work panicked, or the process is stopping.
    fn from(error: WorkFailed) -> Self {
        Self::internal(error)
    }
}

impl From<SecretError> for ApiError {
    /// Encrypting fails only if the master key is not fit for it.
    fn from(error: SecretError) -> Self {
        Self::internal(format_args!("a secret can't be encrypted: {error}"))
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Busy => Self::unavailable(),
            AcceptError::Repeated => Self::reused_idempotency_key(),
            AcceptError::Database(error) => {
                tracing::error!(%error, "an Operation could not be stored");
                Self::unavailable()
            }
        }
    }
}

impl From<ReceiptError> for ApiError {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::Busy => Self::unavailable(),
            ReceiptError::Database(error) => Self::from(error),
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
    fn the_message_names_the_first_problem_and_counts_the_rest() {
        let problem = |number: usize| Problem::new(format!("to[{number}]"), "must be an object");
        for (rest, expected) in [
            (0, "to[0]: must be an object"),
            (1, "to[0]: must be an object (and 1 more problem)"),
            (99, "to[0]: must be an object (and 99 more problems)"),
        ] {
            let named = rest.min(MAX_PROBLEMS - 1);
            let others = (1..=named).map(problem).collect();
            let error = ApiError::invalid(problem(0), others, rest - named);
            assert!(error.to_string().ends_with(expected), "{error}");
            assert_eq!(error.problems.len(), named + 1);
        }
        let whole = ApiError::invalid_field("", "the body is not valid JSON");
        assert!(
            whole
                .to_string()
                .ends_with("bad request: the body is not valid JSON")
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
