//! The mapping of FCM's answers to [`Outcome`]:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.
//!
//! The code in `error.details[].errorCode` counts first. Without it, `error.status` counts,
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

/// The `error` object of an answer; null if the answer has none. Any field may be missing or have another
/// type than documented.
struct ErrorBody(Value);

/// `google.firebase.fcm.v1.ApnsError`.
struct ApnsError<'a> {
    status: Option<u16>,
    /// Empty if the answer has none.
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

        // Not every answer has details: without them, only the text decides.
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
    /// `google.rpc.QuotaFailure` says it only in texts for people.
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
        // FCM's page: "No more information is available about this error." So the status decides.
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
        // The token belongs to another sender (FCM's page ErrorCode), where it may be good.
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
        // front end may say that in HTML.
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
        // Without a status, APNs' reason alone decides. An unknown reason then refuses the message,
        // and never makes a token dead.
        .unwrap_or(StatusCode::BAD_REQUEST);

    match apns::outcome::outcome(status, error.reason, None, retry_after) {
        // FCM gives no reason for some tokens that APNs no longer takes.
        Outcome::TokenRefused if status == StatusCode::GONE => Outcome::TokenDead { since: None },
        // The key for APNs that is kept at Firebase is bad: see above.
        Outcome::CredentialRefused => Outcome::TokenRefused,
        // It is APNs that throttles: FCM still takes messages for other devices.
        Outcome::Throttled { retry_after, .. } => Outcome::Throttled {
            retry_after,
            device_only: true,
        },
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
