//! The mapping of APNs' answers (HTTP status and reason) to [`Outcome`]:
//! <https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns>.
//!
//! An unknown reason is judged by its HTTP status, and never makes a token dead.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;

use crate::model::outcome::{Answer, Outcome};
use crate::provider::bounded_text::bounded_text;
use crate::transport::retry_after;

pub(in crate::provider) fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let http_status = Some(status.as_u16());

    // Apple's page has no other status of a success. Another 2xx may be a proxy's, and proves
    // nothing.
    if status == StatusCode::OK {
        let message_id = headers
            .get("apns-id")
            .and_then(|id| id.to_str().ok())
            .map(bounded_text);
        return Answer {
            outcome: Outcome::Accepted,
            http_status,
            code: None,
            message: None,
            message_id,
        };
    }

    // A proxy in between may answer with any body: what can't be read counts as absent.
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = body
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or_default();

    Answer {
        outcome: outcome(status, reason, invalid_since(&body), retry_after(headers)),
        http_status,
        code: Some(reason)
            .filter(|reason| !reason.is_empty())
            .map(bounded_text),
        message: explanation(reason).map(str::to_owned),
        message_id: None,
    }
}

/// The timestamp of a 410, in Unix milliseconds: when APNs found the token to be invalid. A negative
/// one is ignored: it may lie before the first timestamp that Postgres takes.
fn invalid_since(body: &Value) -> Option<OffsetDateTime> {
    let milliseconds = body.get("timestamp")?.as_u64()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}

/// The table of reasons. Each row is tested below. FCM's answers have such reasons too.
pub(in crate::provider) fn outcome(
    status: StatusCode,
    reason: &str,
    since: Option<OffsetDateTime>,
    retry_after: Option<Duration>,
) -> Outcome {
    match (reason, status.as_u16()) {
        // Both come with 410.
        ("Unregistered" | "ExpiredToken", _) => Outcome::TokenDead { since },

        // The token may be good in the other environment or for another app.
        ("BadDeviceToken" | "DeviceTokenNotForTopic" | "InvalidToken", _) => Outcome::TokenRefused,

        (
            "ExpiredProviderToken"
            | "InvalidProviderToken"
            | "MissingProviderToken"
            | "BadCertificate"
            | "BadCertificateEnvironment"
            | "BadEnvironmentKeyIdInToken"
            | "BadEnvironmentKeyInToken"
            | "UnrelatedKeyIdInToken",
            _,
        ) => Outcome::CredentialRefused,

        // The key is good. Its tokens were renewed more often than every 20 minutes (Apple:
        // "Establishing a token-based connection to APNs").
        ("TooManyProviderTokenUpdates", _) => Outcome::Throttled {
            retry_after,
            device_only: false,
        },
        // Apple counts these for each device token, so other devices need not wait.
        ("TooManyRequests", _) => Outcome::Throttled {
            retry_after,
            device_only: true,
        },

        // IdleTimeout comes with 400, and is about the connection. APNs sends neither 3xx nor 408:
        // a proxy in between does.
        ("IdleTimeout", _) | (_, 300..=399 | 408 | 500..=599) => {
            Outcome::Unavailable { retry_after }
        }

        // A 410 is about the token, but only a known reason makes a token dead.
        (_, 410) => Outcome::TokenRefused,
        (_, 429) => Outcome::Throttled {
            retry_after,
            device_only: false,
        },

        // BadCollapseId, BadExpirationDate, BadMessageId, BadPriority, BadTopic, DuplicateHeaders,
        // InvalidPushType, MissingDeviceToken, MissingTopic, PayloadEmpty, TopicDisallowed,
        // Forbidden, BadPath, MethodNotAllowed, PayloadTooLarge, and reasons that Apple may add:
        // APNs will never accept the message as it is.
        _ => Outcome::MessageRefused,
    }
}

/// Whether APNs refused the topic, which comes from the Credential's bundle id.
pub(in crate::provider) fn is_about_the_topic(answer: &Answer) -> bool {
    matches!(
        answer.code.as_deref(),
        Some("BadTopic" | "MissingTopic" | "TopicDisallowed")
    )
}

/// A sentence for a reason: APNs sends only the reason.
fn explanation(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "Unregistered" => "The device token is no longer active for the topic.",
        "ExpiredToken" => "The device token has expired.",
        "BadDeviceToken" => "The device token is invalid, or belongs to the other environment.",
        "DeviceTokenNotForTopic" => "The device token does not match the topic.",
        "ExpiredProviderToken" => "The provider token is stale.",
        "InvalidProviderToken" => {
            "The provider token is not valid, or its signature could not be verified."
        }
        "MissingProviderToken" => "No provider certificate or token was given.",
        "BadCertificate" => "The certificate is invalid.",
        "BadCertificateEnvironment" => "The certificate is for the other environment.",
        "BadEnvironmentKeyIdInToken" | "BadEnvironmentKeyInToken" => {
            "The signing key is for the other environment."
        }
        "UnrelatedKeyIdInToken" => "The connection was opened with an unrelated signing key.",
        "TooManyProviderTokenUpdates" => "The provider token is being renewed too often.",
        "TooManyRequests" => "Too many requests were made for this device token.",
        "PayloadTooLarge" => {
            "The payload is larger than 4096 bytes, or 5120 for the push type voip."
        }
        "PayloadEmpty" => "The payload is empty.",
        "BadTopic" => "The topic is invalid.",
        "MissingTopic" => "The topic is missing and the certificate names several.",
        "TopicDisallowed" => "Pushing to this topic is not allowed.",
        "BadCollapseId" => "The collapse id is longer than 64 bytes.",
        "BadPriority" => "The priority is invalid.",
        "BadExpirationDate" => "The expiration date is invalid.",
        "InvalidPushType" => "The push type is invalid.",
        "Forbidden" => "The action is not allowed.",
        "InternalServerError" => "An internal error occurred at Apple.",
        "ServiceUnavailable" => "The service is unavailable.",
        "Shutdown" => "The server is shutting down.",
        "IdleTimeout" => "The connection was idle for too long.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(status: u16, reason: &str) -> Answer {
        let body = format!(r#"{{"reason":"{reason}","timestamp":1700000000000}}"#);
        answer(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn every_row_of_the_table() {
        let dead = Outcome::TokenDead {
            since: OffsetDateTime::from_unix_timestamp(1_700_000_000).ok(),
        };
        let unavailable = Outcome::Unavailable { retry_after: None };
        let rows = [
            (400, "BadDeviceToken", Outcome::TokenRefused),
            (400, "DeviceTokenNotForTopic", Outcome::TokenRefused),
            (400, "InvalidToken", Outcome::TokenRefused),
            (400, "MissingDeviceToken", Outcome::MessageRefused),
            (400, "BadCollapseId", Outcome::MessageRefused),
            (400, "BadExpirationDate", Outcome::MessageRefused),
            (400, "BadMessageId", Outcome::MessageRefused),
            (400, "BadPriority", Outcome::MessageRefused),
            (400, "InvalidPushType", Outcome::MessageRefused),
            (400, "PayloadEmpty", Outcome::MessageRefused),
            (400, "DuplicateHeaders", Outcome::MessageRefused),
            (400, "BadTopic", Outcome::MessageRefused),
            (400, "MissingTopic", Outcome::MessageRefused),
            (400, "TopicDisallowed", Outcome::MessageRefused),
            (400, "IdleTimeout", unavailable),
            (403, "ExpiredProviderToken", Outcome::CredentialRefused),
            (403, "InvalidProviderToken", Outcome::CredentialRefused),
            (403, "MissingProviderToken", Outcome::CredentialRefused),
            (403, "BadCertificate", Outcome::CredentialRefused),
            (403, "BadCertificateEnvironment", Outcome::CredentialRefused),
            (
                403,
                "BadEnvironmentKeyIdInToken",
                Outcome::CredentialRefused,
            ),
            (403, "UnrelatedKeyIdInToken", Outcome::CredentialRefused),
            (403, "Forbidden", Outcome::MessageRefused),
            (404, "BadPath", Outcome::MessageRefused),
            (405, "MethodNotAllowed", Outcome::MessageRefused),
            (410, "Unregistered", dead),
            (410, "ExpiredToken", dead),
            (413, "PayloadTooLarge", Outcome::MessageRefused),
            (
                429,
                "TooManyProviderTokenUpdates",
                Outcome::Throttled {
                    retry_after: None,
                    device_only: false,
                },
            ),
            (
                429,
                "TooManyRequests",
                Outcome::Throttled {
                    retry_after: None,
                    device_only: true,
                },
            ),
            (500, "InternalServerError", unavailable),
            (503, "ServiceUnavailable", unavailable),
            (503, "Shutdown", unavailable),
            (403, "BadEnvironmentKeyInToken", Outcome::CredentialRefused),
            (400, "SomethingNew", Outcome::MessageRefused),
            (410, "SomethingNew", Outcome::TokenRefused),
            (
                429,
                "SomethingNew",
                Outcome::Throttled {
                    retry_after: None,
                    device_only: false,
                },
            ),
            (503, "SomethingNew", unavailable),
            (302, "", unavailable),
            (502, "", unavailable),
        ];

        for (status, reason, expected) in rows {
            let answer = answer_to(status, reason);
            assert_eq!(answer.outcome, expected, "{status} {reason}");
            assert_eq!(answer.code.as_deref().unwrap_or_default(), reason);
        }
    }

    #[test]
    fn any_body_is_understood() {
        let gone =
            |body: &str| answer(StatusCode::GONE, &HeaderMap::new(), body.as_bytes()).outcome;

        let dead = Outcome::TokenDead { since: None };

        assert_eq!(gone(r#"{"reason":"Unregistered"}"#), dead);
        assert_eq!(
            gone(r#"{"reason":"Unregistered","timestamp":"soon"}"#),
            dead
        );
        for timestamp in [i64::MAX, -1, i64::MIN] {
            let body = format!(r#"{{"reason":"Unregistered","timestamp":{timestamp}}}"#);
            assert_eq!(gone(&body), dead, "{timestamp}");
        }

        for body in ["", "[]", "<html>", r#"{"reason":7}"#] {
            assert_eq!(gone(body), Outcome::TokenRefused, "{body}");
        }
    }

    #[test]
    fn an_accepted_message_has_its_apns_id() {
        let mut headers = HeaderMap::new();
        headers.insert("apns-id", "0191".parse().unwrap());

        let answer = answer(StatusCode::OK, &headers, b"");

        assert_eq!(
            (answer.outcome, answer.message_id.as_deref()),
            (Outcome::Accepted, Some("0191"))
        );
    }
}
