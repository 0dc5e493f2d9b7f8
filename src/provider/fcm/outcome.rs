//! The mapping of FCM's answers to [`Outcome`]:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.
//!
//! The code in `error.details[].errorCode` counts first. If there is none, `error.status` counts,
//! then the HTTP status. Google's front end may answer with HTML, so a body of any form is accepted.
//! An unknown code never makes a token dead.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::model::outcome::{Answer, Outcome};
use crate::provider::apns;
use crate::provider::bounded_text::bounded_text;
use crate::transport::retry_after;

/// How many violations an explanation names.
const MAX_VIOLATIONS: usize = 5;

/// The `error` object of an answer; null if there is none. Any field may be missing or have another
/// type than documented.
struct ErrorBody(Value);

/// `google.firebase.fcm.v1.ApnsError`.
struct ApnsError<'a> {
    status: Option<u16>,
    /// Empty if there is none.
    reason: &'a str,
}

/// The last part of a detail's type.
fn type_of_detail(detail: &Value) -> &str {
    let name = detail.get("@type").and_then(Value::as_str);
    name.and_then(|name| name.rsplit(['.', '/']).next())
        .unwrap_or_default()
}

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

    /// What APNs said about a message for an iOS app, which FCM passes on.
    fn apns_error(&self) -> Option<ApnsError<'_>> {
        let detail = self
            .details()
            .find(|detail| type_of_detail(detail) == "ApnsError")?;
        let status = detail.get("statusCode").and_then(Value::as_u64);

        Some(ApnsError {
            status: status.and_then(|status| u16::try_from(status).ok()),
            reason: detail
                .get("reason")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        })
    }

    /// The fields that FCM finds wrong, each with what is wrong; both may be empty.
    fn violations(&self) -> impl Iterator<Item = (&str, &str)> {
        let violations = self
            .details()
            .filter_map(|detail| detail.get("fieldViolations")?.as_array())
            .flatten();
        violations.map(|violation| {
            let text = |name| violation.get(name).and_then(Value::as_str);
            (
                text("field").unwrap_or_default(),
                text("description").unwrap_or_default(),
            )
        })
    }

    /// What FCM says, in every place where it says something.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let message = self.string("message");
        message
            .into_iter()
            .chain(self.violations().map(|(_, description)| description))
    }

    /// Whether FCM complains about the token and not about the message.
    fn names_the_token(&self) -> bool {
        let says = |part: &str| {
            self.texts()
                .any(|text| text.to_ascii_lowercase().contains(part))
        };

        // Not every answer has details: without them, only the text tells.
        self.violations()
            .any(|(field, _)| matches!(field, "message.token" | "message.fid"))
            || says("registration token is not a valid fcm registration token")
            || says("invalid registration token")
            || says("apns device token is disabled")
    }

    /// The reason for people: FCM's message, the fields that it finds wrong, and APNs' own reason.
    fn explanation(&self) -> Option<String> {
        let mut parts: Vec<String> = self
            .string("message")
            .map(str::to_owned)
            .into_iter()
            .collect();

        for (field, description) in self.violations().take(MAX_VIOLATIONS) {
            let part = [field, description]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(": ");
            // The message often repeats a description.
            if !part.is_empty() && !parts.iter().any(|known| known.contains(&part)) {
                parts.push(part);
            }
        }

        if let Some(apns) = self.apns_error() {
            let status = apns.status.map(|status| format!(" ({status})"));
            let status = status.unwrap_or_default();
            if !apns.reason.is_empty() || !status.is_empty() {
                parts.push(format!("APNs: {}{status}", apns.reason));
            }
        }

        (!parts.is_empty()).then(|| bounded_text(&parts.join("; ")))
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
        message: error.explanation(),
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

        // FCM calls APNs' refusals an invalid argument, or gives no code at all.
        (_, Some("INVALID_ARGUMENT") | None, _) if error.apns_error().is_some() => {
            error.apns_error().map_or(Outcome::MessageRefused, |error| {
                outcome_at_apns(&error, retry_after)
            })
        }

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

/// What APNs' refusal means to FCM's Credential, which is another than APNs'.
fn outcome_at_apns(error: &ApnsError<'_>, retry_after: Option<Duration>) -> Outcome {
    let status = error
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::BAD_REQUEST);

    match apns::outcome::outcome(status, error.reason, None, retry_after) {
        // FCM tells no reason for some tokens that APNs no longer takes.
        Outcome::TokenRefused if status == StatusCode::GONE => Outcome::TokenDead { since: None },
        // The key for APNs that is kept at Firebase is bad: see above.
        Outcome::CredentialRefused => Outcome::TokenRefused,
        Outcome::Throttled { retry_after, .. } => Outcome::Throttled {
            retry_after,
            device_only: true,
        },
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {

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
    fn what_apns_said_decides_for_an_ios_app() {
        let of = |apns: serde_json::Value| {
            let mut apns = apns;
            apns["@type"] = json!("type.googleapis.com/google.firebase.fcm.v1.ApnsError");
            let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
                "message": "Request contains an invalid argument.", "details": [
                {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT"},
                apns,
            ]}});
            answer(
                StatusCode::BAD_REQUEST,
                &HeaderMap::new(),
                body.to_string().as_bytes(),
            )
        };
        let dead = Outcome::TokenDead { since: None };
        let throttled = Outcome::Throttled {
            retry_after: None,
            device_only: true,
        };

        for (apns, expected) in [
            (json!({"statusCode": 410, "reason": "Unregistered"}), dead),
            (json!({"statusCode": 410, "reason": "ExpiredToken"}), dead),
            (json!({"statusCode": 410}), dead),
            (json!({"reason": "Unregistered"}), dead),
            (
                json!({"statusCode": 400, "reason": "BadDeviceToken"}),
                Outcome::TokenRefused,
            ),
            (
                json!({"statusCode": 400, "reason": "DeviceTokenNotForTopic"}),
                Outcome::TokenRefused,
            ),
            (
                json!({"statusCode": 403, "reason": "InvalidProviderToken"}),
                Outcome::TokenRefused,
            ),
            (
                json!({"statusCode": 400, "reason": "BadCollapseId"}),
                Outcome::MessageRefused,
            ),
            (
                json!({"statusCode": 413, "reason": "PayloadTooLarge"}),
                Outcome::MessageRefused,
            ),
            (
                json!({"statusCode": 429, "reason": "TooManyRequests"}),
                throttled,
            ),
            (
                json!({"statusCode": 503, "reason": "Shutdown"}),
                Outcome::Unavailable { retry_after: None },
            ),
            (
                json!({"statusCode": "x", "reason": 7}),
                Outcome::MessageRefused,
            ),
        ] {
            assert_eq!(of(apns.clone()).outcome, expected, "{apns}");
        }

        let answer = of(json!({"statusCode": 410, "reason": "Unregistered"}));
        assert_eq!(answer.code.as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(
            answer.message.as_deref(),
            Some("Request contains an invalid argument.; APNs: Unregistered (410)")
        );
    }

    #[test]
    fn the_fields_that_fcm_finds_wrong_reach_the_user() {
        let body = |violations: serde_json::Value| {
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
                "message": "Request contains an invalid argument.", "details": [
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations},
            ]}})
            .to_string()
        };
        let of = |violations| {
            let body = body(violations);
            answer(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes())
        };

        let answer =
            of(json!([{"field": "message.android.ttl", "description": "Invalid value (TTL), 60"}]));
        assert_eq!(answer.outcome, Outcome::MessageRefused);
        assert_eq!(
            answer.message.as_deref(),
            Some(
                "Request contains an invalid argument.; message.android.ttl: Invalid value (TTL), 60"
            )
        );

        for violation in [
            json!({"field": "message.token", "description": "Invalid registration token"}),
            json!({"description": "Invalid registration token"}),
            json!({"field": "message.token"}),
            json!({"description": "APNs device token is disabled."}),
        ] {
            let answer = of(json!([violation]));
            assert_eq!(
                answer.outcome,
                Outcome::TokenDead { since: None },
                "{violation}"
            );
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
