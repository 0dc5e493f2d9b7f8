//! What FCM's answers mean. <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>
//!
//! The code is in `error.details[].errorCode`, and may be missing; then `error.status` counts, then the HTTP status. A
//! front end may answer with HTML. So any body is accepted, and an unknown code never removes a token.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::provider::{Answer, Outcome, retry_after, tidy};

#[derive(Deserialize, Default)]
struct Body {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    error: Option<ErrorBody>,
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Vec<Value>,
}

impl ErrorBody {
    fn error_code(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| detail.get("errorCode")?.as_str())
    }

    /// Whether the error is about the token and not about the message.
    fn names_the_token(&self) -> bool {
        let violations = self.details.iter().filter_map(|detail| detail.get("fieldViolations")?.as_array()).flatten();
        let mut fields = violations.filter_map(|violation| violation.get("field")?.as_str());
        fields.any(|field| matches!(field, "message.token" | "message.fid"))
            || self.message.contains("registration token is not a valid FCM registration token")
    }
}

/// What FCM answered.
pub fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    if status.is_success() {
        return Answer {
            outcome: Outcome::Accepted,
            http_status: Some(status.as_u16()),
            code: None,
            message: None,
            message_id: body.name,
        };
    }
    let error = body.error.unwrap_or_default();
    let code = error.error_code().filter(|code| *code != "UNSPECIFIED_ERROR");
    let shown = error.error_code().or(Some(error.status.as_str()).filter(|status| !status.is_empty()));
    Answer {
        outcome: outcome(status, code, &error, headers),
        http_status: Some(status.as_u16()),
        code: shown.map(tidy),
        message: Some(error.message.as_str()).filter(|message| !message.is_empty()).map(tidy),
        message_id: None,
    }
}

/// The table. One line per row of FCM's documents, the most telling sign first.
#[allow(clippy::match_same_arms, reason = "one line for each row of the documents")]
fn outcome(status: StatusCode, code: Option<&str>, error: &ErrorBody, headers: &HeaderMap) -> Outcome {
    let retry_after = retry_after(headers);
    match (status.as_u16(), code, error.status.as_str()) {
        (_, Some("UNREGISTERED"), _) => Outcome::TokenDead { since: None },
        (_, Some("SENDER_ID_MISMATCH"), _) => Outcome::TokenRefused,
        (_, Some("QUOTA_EXCEEDED"), _) => Outcome::Throttled { retry_after, device_only: false },
        (_, Some("UNAVAILABLE" | "INTERNAL"), _) => Outcome::Unavailable { retry_after },
        // The key for APNs or web push that is kept at Firebase is bad: only tokens that go that way are concerned.
        (_, Some("THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR"), _) => Outcome::TokenRefused,
        (_, Some("INVALID_ARGUMENT"), _) | (400, _, "INVALID_ARGUMENT") if error.names_the_token() => {
            Outcome::TokenDead { since: None }
        }
        (_, Some("INVALID_ARGUMENT"), _) => Outcome::MessageRefused,
        (401, _, _) | (403, _, "PERMISSION_DENIED") => Outcome::CredentialRefused,
        // No code: the project does not exist, not the token.
        (404, _, "NOT_FOUND") => Outcome::CredentialRefused,
        (429, _, _) => Outcome::Throttled { retry_after, device_only: false },
        (408 | 500..=599, _, _) => Outcome::Unavailable { retry_after },
        _ => Outcome::MessageRefused,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn of(status: u16, canonical: &str, code: Option<&str>) -> Answer {
        let details: Vec<_> = code.iter().map(|code| json!({"@type": "x", "errorCode": code})).collect();
        let body = json!({"error": {"code": status, "message": "Why.", "status": canonical, "details": details}});
        answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.to_string().as_bytes())
    }

    #[test]
    fn every_row_of_the_table() {
        let throttled = Outcome::Throttled { retry_after: None, device_only: false };
        let unavailable = Outcome::Unavailable { retry_after: None };
        let rows = [
            (400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), Outcome::MessageRefused),
            (400, "INVALID_ARGUMENT", None, Outcome::MessageRefused),
            (401, "UNAUTHENTICATED", None, Outcome::CredentialRefused),
            (401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), Outcome::TokenRefused),
            (401, "UNAUTHENTICATED", Some("APNS_AUTH_ERROR"), Outcome::TokenRefused),
            (403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), Outcome::TokenRefused),
            (403, "PERMISSION_DENIED", None, Outcome::CredentialRefused),
            (404, "NOT_FOUND", Some("UNREGISTERED"), Outcome::TokenDead { since: None }),
            (404, "NOT_FOUND", None, Outcome::CredentialRefused),
            (429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), throttled),
            (429, "RESOURCE_EXHAUSTED", None, throttled),
            (500, "INTERNAL", Some("INTERNAL"), unavailable),
            (502, "", None, unavailable),
            (503, "UNAVAILABLE", Some("UNAVAILABLE"), unavailable),
            (504, "", None, unavailable),
            (400, "FAILED_PRECONDITION", Some("UNSPECIFIED_ERROR"), Outcome::MessageRefused),
            (500, "UNKNOWN", Some("UNSPECIFIED_ERROR"), unavailable),
            (418, "NEW", Some("NEW_CODE"), Outcome::MessageRefused),
        ];
        for (status, canonical, code, expected) in rows {
            let answer = of(status, canonical, code);
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
            let answer = answer(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.to_string().as_bytes());
            assert_eq!(answer.outcome, Outcome::TokenDead { since: None });
            assert_eq!(answer.code.as_deref(), Some("INVALID_ARGUMENT"));
        }
    }

    #[test]
    fn the_wait_that_fcm_asks_for_is_kept() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "17".parse().unwrap());
        let retry_after = Some(Duration::from_secs(17));
        let answer = |status| answer(status, &headers, b"<html>Bad Gateway</html>").outcome;
        assert_eq!(answer(StatusCode::SERVICE_UNAVAILABLE), Outcome::Unavailable { retry_after });
        assert_eq!(answer(StatusCode::TOO_MANY_REQUESTS), Outcome::Throttled { retry_after, device_only: false });
    }

    #[test]
    fn an_accepted_message_has_its_name() {
        let answer = answer(StatusCode::OK, &HeaderMap::new(), br#"{"name":"projects/p/messages/1"}"#);
        assert_eq!((answer.outcome, answer.message_id.as_deref()), (Outcome::Accepted, Some("projects/p/messages/1")));
    }
}
