//! What an answer that is no success means: whether to repeat the request, and what to tell its user.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::client::failure::Failure;
use crate::client::text::printable;
use crate::transport::retry_after;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A repeat may succeed.
    Passing {
        reason: String,
        retry_after: Option<Duration>,
        cause: Cause,
    },
    /// A repeat would not.
    Final {
        failure: Failure,
        /// The answer's status; `None`: there was no answer.
        status: Option<StatusCode>,
        /// The problems that a 400 names, as they are in the answer.
        problems: Vec<Problem>,
    },
}

impl Trouble {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Passing { reason, .. } => Failure::unavailable(reason),
            Self::Final { failure, .. } => failure,
        }
    }
}

/// Why a request fails in passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing of Bellwire has answered.
    Away,
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

/// An answer that is no success, and how its request was made.
pub(super) struct Refusal<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The address of Bellwire.
    pub url: &'a str,
    /// Where the API key is from.
    pub source: &'a str,
}

impl Refusal<'_> {
    pub(super) fn trouble(&self) -> Trouble {
        let Some(error) = self.error() else {
            return self.of_a_stranger();
        };

        match self.status.as_u16() {
            status @ (429 | 503) => Trouble::Passing {
                reason: error.message,
                retry_after: retry_after(self.headers),
                cause: if status == 429 {
                    Cause::Throttled
                } else {
                    Cause::Unavailable
                },
            },
            401 => self.fail(format!(
                "{} does not accept the API key: check {}. It answered: {}",
                self.url, self.source, error.message
            )),
            403 => self.fail(format!(
                "{} (the key is from {})",
                error.message, self.source
            )),
            status => Trouble::Final {
                failure: Failure::failed(format!("{} (status {status})", error.message)),
                status: Some(self.status),
                problems: error.problems,
            },
        }
    }

    fn fail(&self, message: String) -> Trouble {
        Trouble::Final {
            failure: Failure::failed(message),
            status: Some(self.status),
            problems: Vec::new(),
        }
    }

    /// The body, if it is an error of Bellwire's.
    fn error(&self) -> Option<ApiError> {
        let body: Value = serde_json::from_slice(self.body).ok()?;
        let message = body["message"].as_str()?;
        body["status"].as_u64()?;

        let problems = body["errors"].as_array().into_iter().flatten();
        let problems = problems
            .map(|problem| Problem {
                field: printable(problem["field"].as_str().unwrap_or_default()),
                message: printable(problem["message"].as_str().unwrap_or_default()),
            })
            .collect();
        Some(ApiError {
            message: printable(message),
            problems,
        })
    }

    /// Something in between, such as a proxy, has answered, or another program.
    fn of_a_stranger(&self) -> Trouble {
        let status = self.status;
        let url = self.url;

        if matches!(status.as_u16(), 429 | 502..=504) {
            return Trouble::Passing {
                reason: format!(
                    "a proxy before {url} answers {status}: Bellwire behind it is down or slow"
                ),
                retry_after: retry_after(self.headers),
                cause: Cause::Away,
            };
        }
        if status.is_redirection() {
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

struct ApiError {
    message: String,
    problems: Vec<Problem>,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn trouble(status: u16, headers: &[(header::HeaderName, &str)], body: &str) -> Trouble {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
            url: "https://push.example.com",
            source: "BELLWIRE_KEY and BELLWIRE_SECRET",
        };
        refusal.trouble()
    }

    fn said(trouble: Trouble) -> String {
        match trouble {
            Trouble::Passing { reason, .. } => reason,
            Trouble::Final { failure, .. } => failure.message,
        }
    }

    #[test]
    fn an_overloaded_bellwire_is_asked_again_when_it_says() {
        let body = r#"{"code": 20503, "message": "Service unavailable.", "status": 503}"#;

        let Trouble::Passing {
            retry_after, cause, ..
        } = trouble(503, &[(header::RETRY_AFTER, "2")], body)
        else {
            panic!("it is not repeated");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(2)));
        assert_eq!(cause, Cause::Unavailable);

        // A proxy may ask for years by mistake.
        let mistake = [(header::RETRY_AFTER, "99999999")];
        let Trouble::Passing { retry_after, .. } = trouble(503, &mistake, body) else {
            panic!("it is not repeated");
        };
        assert_eq!(retry_after, Some(crate::transport::MAX_RETRY_AFTER));
    }

    #[test]
    fn a_proxy_that_misses_bellwire_is_asked_again() {
        for status in [502, 503, 504] {
            let reason = said(trouble(status, &[], "<html>Bad Gateway</html>"));
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
            let said = said(trouble(status, &[], body));
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn a_redirect_names_the_other_address() {
        let to = (header::LOCATION, "https://push.example.org/");
        let said = said(trouble(301, &[to], ""));

        assert!(said.contains("https://push.example.org/"), "{said}");
    }

    #[test]
    fn the_problems_of_a_request_are_kept() {
        let body = r#"{"message": "bad", "status": 400, "errors": [{"field": "to[3].token", "message": "must be\u001b[2J hex"}]}"#;

        let Trouble::Final { problems, .. } = trouble(400, &[], body) else {
            panic!("it is repeated");
        };
        assert_eq!(problems[0].field, "to[3].token");
        assert_eq!(problems[0].message, "must be\u{fffd}[2J hex");
    }
}
