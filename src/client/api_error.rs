//! What an error response means: whether to repeat the request, and what to report to the user.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::client::exit::Failure;
use crate::client::text::printable;
use crate::transport::retry_after;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiError {
    /// A repeat may succeed.
    Temporary {
        reason: String,
        retry_after: Option<Duration>,
        cause: Cause,
        /// Whether the request may have been accepted although its answer was lost.
        is_ambiguous: bool,
    },
    /// A repeat would not.
    Permanent {
        failure: Failure,
        /// The answer's status; `None`: there was no answer.
        status: Option<StatusCode>,
        /// The problems that a 400 names, as they are in the answer.
        problems: Vec<Problem>,
    },
}

impl ApiError {
    pub(super) fn is_ambiguous(&self) -> bool {
        matches!(
            self,
            Self::Temporary {
                is_ambiguous: true,
                ..
            }
        )
    }

    /// The same after other attempts, one of which may have been accepted.
    pub(super) fn or_ambiguous(mut self, was_ambiguous: bool) -> Self {
        if let Self::Temporary { is_ambiguous, .. } = &mut self {
            *is_ambiguous |= was_ambiguous;
        }

        self
    }

    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Temporary { reason, .. } => Failure::unavailable(reason),
            Self::Permanent { failure, .. } => failure,
        }
    }
}

/// Why a request fails that may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No answer has arrived, or another program has answered.
    Unreachable,
    /// Bellwire is overloaded, or can't reach its database.
    Unavailable,
    /// The account has as much queued, or asks as often, as it may.
    Throttled,
}

/// A problem of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub field: String,
    pub message: String,
}

/// An error response, and how its request was made.
pub(super) struct ErrorResponse<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The address of Bellwire.
    pub url: &'a str,
    /// Where the API key is from.
    pub source: &'a str,
}

impl ErrorResponse<'_> {
    pub(super) fn error(&self) -> ApiError {
        // The status does not say who has answered: a proxy in between may send each of these too.
        let Some(error) = self.bellwire_error() else {
            return self.of_another_server();
        };

        match self.status.as_u16() {
            status @ (429 | 503) => ApiError::Temporary {
                reason: error.message,
                retry_after: retry_after(self.headers),
                cause: if status == 429 {
                    Cause::Throttled
                } else {
                    Cause::Unavailable
                },
                // Bellwire may have lost its connection to Postgres while it committed.
                is_ambiguous: status == 503,
            },
            401 => self.fail(format!(
                "{} does not accept the API key: check {}. It answered: {}",
                self.url, self.source, error.message
            )),
            403 => self.fail(format!(
                "{} (the key is from {})",
                error.message, self.source
            )),
            // A 500 is a defect of Bellwire, which a repeat would meet again. Where a repeat may
            // help, it answers 503.
            status => ApiError::Permanent {
                failure: Failure::failed(format!("{} (status {status})", error.message)),
                status: Some(self.status),
                problems: error.problems,
            },
        }
    }

    fn fail(&self, message: String) -> ApiError {
        ApiError::Permanent {
            failure: Failure::failed(message),
            status: Some(self.status),
            problems: Vec::new(),
        }
    }

    /// The body, if it is an error of Bellwire's.
    fn bellwire_error(&self) -> Option<ErrorBody> {
        let body: Value = serde_json::from_slice(self.body).ok()?;
        let message = body["message"].as_str()?;
        // Other programs answer JSON with a message as well. Bellwire's errors also have the
        // status.
        body["status"].as_u64()?;

        let problems = body["errors"].as_array().into_iter().flatten();
        let problems = problems
            .map(|problem| Problem {
                field: printable(problem["field"].as_str().unwrap_or_default()),
                message: printable(problem["message"].as_str().unwrap_or_default()),
            })
            .collect();
        Some(ErrorBody {
            message: printable(message),
            problems,
        })
    }

    /// Another program has answered, such as a proxy in between.
    fn of_another_server(&self) -> ApiError {
        let status = self.status;
        let url = self.url;

        if matches!(status.as_u16(), 429 | 502..=504) {
            return ApiError::Temporary {
                reason: format!(
                    "a proxy before {url} answers {status}: Bellwire behind it is down or slow"
                ),
                retry_after: retry_after(self.headers),
                // Whether there is a Bellwire behind the proxy is not known: the address may be
                // wrong.
                cause: Cause::Unreachable,
                // The proxy may have passed the request on before it gave up.
                is_ambiguous: status != StatusCode::TOO_MANY_REQUESTS,
            };
        }
        if status.is_redirection() {
            // Not followed: the request has the API key, and any server may be there.
            let to = self.headers.get(header::LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).map(printable);
            return self.fail(format!(
                "{url} redirects to {}: use that address, without the path of the API",
                to.as_deref().unwrap_or("another address")
            ));
        }

        self.fail(format!(
            "{url} answers {status}, which is not an answer of Bellwire: check the address, and the proxies in \
             between"
        ))
    }
}

struct ErrorBody {
    message: String,
    problems: Vec<Problem>,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn error(status: u16, headers: &[(header::HeaderName, &str)], body: &str) -> ApiError {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let response = ErrorResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
            url: "https://push.example.com",
            source: "BELLWIRE_KEY and BELLWIRE_SECRET",
        };
        response.error()
    }

    fn message(error: ApiError) -> String {
        match error {
            ApiError::Temporary { reason, .. } => reason,
            ApiError::Permanent { failure, .. } => failure.message,
        }
    }

    #[test]
    fn an_overloaded_bellwire_is_asked_again_when_it_says() {
        let body = r#"{"code": 20503, "message": "Service unavailable.", "status": 503}"#;

        let ApiError::Temporary {
            retry_after, cause, ..
        } = error(503, &[(header::RETRY_AFTER, "2")], body)
        else {
            panic!("it is not repeated");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(2)));
        assert_eq!(cause, Cause::Unavailable);

        // A proxy may ask for years by mistake.
        let mistake = [(header::RETRY_AFTER, "99999999")];
        let ApiError::Temporary { retry_after, .. } = error(503, &mistake, body) else {
            panic!("it is not repeated");
        };
        assert_eq!(retry_after, Some(crate::transport::MAX_RETRY_AFTER));
    }

    #[test]
    fn a_proxy_that_misses_bellwire_is_asked_again() {
        for status in [502, 503, 504] {
            let reason = message(error(status, &[], "<html>Bad Gateway</html>"));
            assert!(reason.contains("a proxy"), "{reason}");
        }
    }

    #[test]
    fn what_will_not_pass_says_what_to_do() {
        let unauthorized = r#"{"code": 20003, "message": "Authentication failed.", "status": 401}"#;
        for (status, body, expected) in [
            (401, unauthorized, "check BELLWIRE_KEY and BELLWIRE_SECRET"),
            (404, "nginx", "check the address"),
            (401, "<html>", "proxies in between"),
            (
                500,
                r#"{"message": "Internal", "status": 500}"#,
                "Internal (status 500)",
            ),
        ] {
            let message = message(error(status, &[], body));
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_redirect_names_the_other_address() {
        let to = (header::LOCATION, "https://push.example.org/");
        let message = message(error(301, &[to], ""));

        assert!(message.contains("https://push.example.org/"), "{message}");
    }

    #[test]
    fn the_problems_of_a_request_are_kept() {
        let body = r#"{"message": "bad", "status": 400, "errors": [{"field": "to[3].token", "message": "must be\u001b[2J hex"}]}"#;

        let ApiError::Permanent { problems, .. } = error(400, &[], body) else {
            panic!("it is repeated");
        };
        assert_eq!(problems[0].field, "to[3].token");
        assert_eq!(problems[0].message, "must be\u{fffd}[2J hex");
    }
}
