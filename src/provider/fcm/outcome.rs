//! The mapping of FCM's answers to [`Outcome`]:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.
//!
//! The code in `error.details[].errorCode` counts first. If there is none, `error.status` counts,
//! then the HTTP status. Google's front end may answer with HTML, so a body of any form is accepted.
//! An unknown code never makes a token dead.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::model::outcome::{Answer, Outcome};
use crate::provider::bounded_text::bounded_text;
use crate::provider::retry_after::retry_after;

/// The `error` object of an answer; null if there is none. Any field may be missing or have another
/// type than documented.
struct ErrorBody(Value);

impl ErrorBody {
    fn string(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn details(&self) -> impl Iterator<Item = &Value> {
        self.0
            .get("details")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    fn error_code(&self) -> Option<&str> {
        self.details()
            .find_map(|detail| detail.get("errorCode")?.as_str())
    }

    /// Whether an `INVALID_ARGUMENT` is about the token and not about the message.
    fn names_the_token(&self) -> bool {
        let violations = self
            .details()
            .filter_map(|detail| detail.get("fieldViolations")?.as_array())
            .flatten();
        let mut fields = violations.filter_map(|violation| violation.get("field")?.as_str());

        // Not every answer has details: without them, only the text tells.
        let message = self.string("message").unwrap_or_default();
        fields.any(|field| matches!(field, "message.token" | "message.fid"))
            || message.contains("registration token is not a valid FCM registration token")
    }

    /// Whether the quota that is used up is a single device's and not the project's.
    /// `google.rpc.QuotaFailure` tells it only in texts for people.
    fn names_the_device(&self) -> bool {
        let mut violations = self
            .details()
            .filter_map(|detail| detail.get("violations")?.as_array())
            .flatten()
            .peekable();

        violations.peek().is_some()
            && violations.all(|violation| {
                ["subject", "description"]
                    .into_iter()
                    .filter_map(|name| violation.get(name)?.as_str())
                    .any(|text| text.to_ascii_lowercase().contains("device"))
            })
    }
}

pub(in crate::provider) fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    let http_status = Some(status.as_u16());

    if status.is_success() {
        let message_id = body.get("name").and_then(Value::as_str).map(bounded_text);
        return Answer {
            outcome: Outcome::Accepted,
            http_status,
            code: None,
            message: None,
            message_id,
        };
    }

    let error = ErrorBody(body.get_mut("error").map(Value::take).unwrap_or_default());
    let code = error
        .error_code()
        .filter(|code| *code != "UNSPECIFIED_ERROR");

    Answer {
        outcome: outcome(status, code, &error, headers),
        http_status,
        code: error
            .error_code()
            .or(error.string("status"))
            .map(bounded_text),
        message: error.string("message").map(bounded_text),
        message_id: None,
    }
}

/// The table of error codes: a line for each row of FCM's page, the most specific first. Each row is
/// tested below.
#[allow(
    clippy::match_same_arms,
    reason = "one line for each row of FCM's page"
)]
fn outcome(
    status: StatusCode,
    code: Option<&str>,
    error: &ErrorBody,
    headers: &HeaderMap,
) -> Outcome {
    let retry_after = retry_after(headers);
    let throttled = Outcome::Throttled {
        retry_after,
        device_only: error.names_the_device(),
    };

    let error_status = error.string("status").unwrap_or_default();
    match (status.as_u16(), code, error_status) {
        (_, Some("UNREGISTERED"), _) => Outcome::TokenDead { since: None },
        (_, Some("SENDER_ID_MISMATCH"), _) => Outcome::TokenRefused,
        (_, Some("QUOTA_EXCEEDED"), _) => throttled,
        (_, Some("UNAVAILABLE" | "INTERNAL"), _) => Outcome::Unavailable { retry_after },

        // The key for APNs or web push that is kept at Firebase is bad. That concerns only tokens of
        // iOS apps and browsers, so it must not stop the Credential.
        (_, Some("THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR"), _) => Outcome::TokenRefused,

        (_, Some("INVALID_ARGUMENT"), _) | (400, _, "INVALID_ARGUMENT")
            if error.names_the_token() =>
        {
            Outcome::TokenDead { since: None }
        }
        (_, Some("INVALID_ARGUMENT"), _) => Outcome::MessageRefused,

        // Without a code, the API is off, a role is missing, or the project does not exist. The
        // front end may tell that in HTML.
        (401, _, _) | (403 | 404, None, _) => Outcome::CredentialRefused,
        (429, _, _) => throttled,
        (300..=399 | 408 | 500..=599, _, _) => Outcome::Unavailable { retry_after },
        _ => Outcome::MessageRefused,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn answer_to(status: u16, canonical: &str, code: Option<&str>) -> Answer {
        let details: Vec<_> = code
            .iter()
            .map(|code| json!({"@type": "x", "errorCode": code}))
            .collect();
        let body = json!({"error": {"code": status, "message": "Why.", "status": canonical, "details": details}});
        answer(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        )
    }

    #[test]
    fn every_row_of_the_table() {
        let throttled = Outcome::Throttled {
            retry_after: None,
            device_only: false,
        };
        let unavailable = Outcome::Unavailable { retry_after: None };
        let rows = [
            (
                400,
                "INVALID_ARGUMENT",
                Some("INVALID_ARGUMENT"),
                Outcome::MessageRefused,
            ),
            (400, "INVALID_ARGUMENT", None, Outcome::MessageRefused),
            (401, "UNAUTHENTICATED", None, Outcome::CredentialRefused),
            (
                401,
                "UNAUTHENTICATED",
                Some("THIRD_PARTY_AUTH_ERROR"),
                Outcome::TokenRefused,
            ),
            (
                401,
                "UNAUTHENTICATED",
                Some("APNS_AUTH_ERROR"),
                Outcome::TokenRefused,
            ),
            (
                403,
                "PERMISSION_DENIED",
                Some("SENDER_ID_MISMATCH"),
                Outcome::TokenRefused,
            ),
            (403, "PERMISSION_DENIED", None, Outcome::CredentialRefused),
            (
                404,
                "NOT_FOUND",
                Some("UNREGISTERED"),
                Outcome::TokenDead { since: None },
            ),
            (404, "NOT_FOUND", None, Outcome::CredentialRefused),
            (403, "", None, Outcome::CredentialRefused),
            (404, "", None, Outcome::CredentialRefused),
            (404, "NOT_FOUND", Some("NEW_CODE"), Outcome::MessageRefused),
            (302, "", None, unavailable),
            (429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), throttled),
            (429, "RESOURCE_EXHAUSTED", None, throttled),
            (500, "INTERNAL", Some("INTERNAL"), unavailable),
            (502, "", None, unavailable),
            (503, "UNAVAILABLE", Some("UNAVAILABLE"), unavailable),
            (504, "", None, unavailable),
            (
                400,
                "FAILED_PRECONDITION",
                Some("UNSPECIFIED_ERROR"),
                Outcome::MessageRefused,
            ),
            (500, "UNKNOWN", Some("UNSPECIFIED_ERROR"), unavailable),
            (418, "NEW", Some("NEW_CODE"), Outcome::MessageRefused),
        ];

        for (status, canonical, code, expected) in rows {
            let answer = answer_to(status, canonical, code);
            assert_eq!(answer.outcome, expected, "{status} {canonical} {code:?}");
            assert_eq!(answer.http_status, Some(status));
        }
    }

    #[test]
    fn a_malformed_token_is_told_from_a_malformed_message() {
        let by_field = json!({"error": {"status": "INVALID_ARGUMENT", "message": "Bad.", "details": [
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "message.token"}]},
        ]}});
        let by_text = json!({"error": {"status": "INVALID_ARGUMENT",
            "message": "The registration token is not a valid FCM registration token"}});
        for body in [by_field, by_text] {
            let answer = answer(
                StatusCode::BAD_REQUEST,
                &HeaderMap::new(),
                body.to_string().as_bytes(),
            );
            assert_eq!(answer.outcome, Outcome::TokenDead { since: None });
            assert_eq!(answer.code.as_deref(), Some("INVALID_ARGUMENT"));
        }
    }

    #[test]
    fn the_quota_of_one_device_is_told_from_the_projects() {
        let of = |subject: &str| {
            let body = json!({"error": {"status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "QUOTA_EXCEEDED"},
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"subject": subject}]},
            ]}});
            answer(
                StatusCode::TOO_MANY_REQUESTS,
                &HeaderMap::new(),
                body.to_string().as_bytes(),
            )
            .outcome
        };

        assert_eq!(
            of("Device message rate"),
            Outcome::Throttled {
                retry_after: None,
                device_only: true
            }
        );
        assert_eq!(
            of("project:p"),
            Outcome::Throttled {
                retry_after: None,
                device_only: false
            }
        );
    }

    #[test]
    fn any_body_is_understood() {
        for (body, expected) in [
            (
                r#"{"error":{"status":"NOT_FOUND","details":null,"message":7}}"#,
                Outcome::CredentialRefused,
            ),
            (
                r#"{"error":{"status":7,"details":[7,{"errorCode":"UNREGISTERED"}]}}"#,
                Outcome::TokenDead { since: None },
            ),
            (r#"{"error":"x"}"#, Outcome::CredentialRefused),
            ("[]", Outcome::CredentialRefused),
            ("<html>Not Found</html>", Outcome::CredentialRefused),
            ("", Outcome::CredentialRefused),
        ] {
            assert_eq!(
                answer(StatusCode::NOT_FOUND, &HeaderMap::new(), body.as_bytes()).outcome,
                expected,
                "{body}"
            );
        }

        assert_eq!(
            answer(StatusCode::OK, &HeaderMap::new(), b"<html>").outcome,
            Outcome::Accepted
        );
    }

    #[test]
    fn retry_after_is_taken_from_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "17".parse().unwrap());
        let retry_after = Some(Duration::from_secs(17));
        let answer = |status| answer(status, &headers, b"<html>Bad Gateway</html>").outcome;

        assert_eq!(
            answer(StatusCode::SERVICE_UNAVAILABLE),
            Outcome::Unavailable { retry_after }
        );
        assert_eq!(
            answer(StatusCode::TOO_MANY_REQUESTS),
            Outcome::Throttled {
                retry_after,
                device_only: false
            }
        );
    }

    #[test]
    fn an_accepted_message_has_its_name() {
        let answer = answer(
            StatusCode::OK,
            &HeaderMap::new(),
            br#"{"name":"projects/p/messages/1"}"#,
        );

        assert_eq!(
            (answer.outcome, answer.message_id.as_deref()),
            (Outcome::Accepted, Some("projects/p/messages/1"))
        );
    }
}
