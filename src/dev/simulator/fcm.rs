//! FCM's `messages:send`:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::dev::simulator::arrivals::Arrivals;
use crate::dev::simulator::chosen;
use crate::dev::simulator::fcm_oauth::TokenEndpoint;
use crate::dev::simulator::fcm_schema::{self, Violation};
use crate::dev::simulator::identity::{Identity, PROJECT_ID};
use crate::dev::simulator::server::{Answer, Incoming};

const MAX_PAYLOAD: usize = 4096;

/// FCM.
pub(super) struct Fcm {
    tokens: TokenEndpoint,
    path: String,
}

impl Fcm {
    /// FCM, whose access tokens come from `token_uri`.
    pub(super) fn new(identity: &Identity, token_uri: String) -> anyhow::Result<Self> {
        let path = format!("/v1/projects/{PROJECT_ID}/messages:send");
        Ok(Self {
            tokens: TokenEndpoint::new(identity, token_uri)?,
            path,
        })
    }

    /// What everybody gets in an outage.
    pub(super) fn unavailable() -> Answer {
        error(
            503,
            "UNAVAILABLE",
            "The service is currently unavailable.",
            fcm_detail("UNAVAILABLE"),
        )
    }

    /// Answers a request.
    pub(super) fn answer(&self, incoming: &Incoming<'_>, arrivals: &Arrivals) -> Answer {
        match (incoming.method, incoming.path) {
            (&Method::POST, "/token") => self.tokens.answer(incoming),
            (&Method::POST, path)
                if path.starts_with("/v1/projects/") && path.ends_with("/messages:send") =>
            {
                self.send(incoming, arrivals)
            }
            _ => error(
                404,
                "NOT_FOUND",
                "The requested URL was not found on this server.",
                json!([]),
            ),
        }
    }

    fn send(&self, incoming: &Incoming<'_>, arrivals: &Arrivals) -> Answer {
        let authorization = incoming
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        if !token.is_some_and(|token| self.tokens.knows(token)) {
            let text = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                other valid authentication credential.";
            return error(401, "UNAUTHENTICATED", text, json!([]));
        }
        if incoming.path != self.path {
            return error(
                403,
                "PERMISSION_DENIED",
                "The caller does not have permission",
                json!([]),
            );
        }
        let Ok(Value::Object(mut body)) = serde_json::from_slice(incoming.body) else {
            return error(
                400,
                "INVALID_ARGUMENT",
                "Invalid JSON payload received.",
                json!([]),
            );
        };
        let validate_only = body
            .remove("validate_only")
            .or_else(|| body.remove("validateOnly"))
            == Some(json!(true));
        let Some(mut message) = body.remove("message").filter(|_| body.is_empty()) else {
            return invalid(&[Violation::new(
                "message",
                "Message is required, and nothing else is known.",
            )]);
        };
        if let Err(violations) = fcm_schema::check(&message) {
            return invalid(&violations);
        }
        let token = message
            .as_object_mut()
            .and_then(|message| message.remove("token"));
        let Some(Value::String(token)) = token else {
            return invalid(&[Violation::new(
                "message",
                "Recipient of the message is not set.",
            )]);
        };
        if fcm_schema::size(&message) > MAX_PAYLOAD {
            // Without details, as the real one.
            return error(
                400,
                "INVALID_ARGUMENT",
                "Android message is too big",
                json!([]),
            );
        }
        if token.contains(char::is_whitespace) {
            return Self::refuse("INVALID_ARGUMENT");
        }
        if validate_only {
            // What is wrong with a token for ever is found without a delivery.
            let choice = chosen::fcm(&token).filter(|choice| choice.times.is_none());
            return choice.map_or_else(accepted, |choice| Self::refuse(choice.outcome));
        }
        Self::deliver(&token, message, arrivals)
    }

    fn deliver(token: &str, message: Value, arrivals: &Arrivals) -> Answer {
        let choice = chosen::fcm(token);
        let payload = arrivals.shared(message.to_string().as_bytes(), || message);
        let accept = |before| choice.is_none_or(|choice| !choice.applies(before));
        let is_accepted = arrivals.arrived("FCM", token, None, Arc::clone(&payload), accept);
        match choice {
            Some(choice) if !is_accepted => Self::refuse(choice.outcome),
            _ => accepted(),
        }
    }

    /// The error of each code, as the documents show it.
    fn refuse(code: &str) -> Answer {
        match code {
            "UNREGISTERED" => error(
                404,
                "NOT_FOUND",
                "Requested entity was not found.",
                fcm_detail(code),
            ),
            "INVALID_ARGUMENT" => {
                let text = "The registration token is not a valid FCM registration token";
                let details = json!([
                    {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code},
                    {"@type": "type.googleapis.com/google.rpc.BadRequest",
                        "fieldViolations": [{"field": "message.token", "description": "Invalid registration token"}]},
                ]);
                error(400, "INVALID_ARGUMENT", text, details)
            }
            "SENDER_ID_MISMATCH" => error(
                403,
                "PERMISSION_DENIED",
                "SenderId mismatch",
                fcm_detail(code),
            ),
            "QUOTA_EXCEEDED" => error(
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Send'.",
                fcm_detail(code),
            ),
            "UNAVAILABLE" => Self::unavailable(),
            "INTERNAL" => error(
                500,
                "INTERNAL",
                "Internal error encountered.",
                fcm_detail(code),
            ),
            "THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR" => {
                let text = "Auth error from APNS or Web Push Service";
                error(401, "UNAUTHENTICATED", text, fcm_detail(code))
            }
            _ => error(500, "UNKNOWN", "Unknown error.", fcm_detail(code)),
        }
    }
}

fn accepted() -> Answer {
    let name = format!(
        "projects/{PROJECT_ID}/messages/0:{:016x}",
        rand::random::<u64>()
    );
    let mut answer = Answer::new(200, json!({ "name": name }).to_string());
    answer.accepted = true;
    answer.with("content-type", "application/json; charset=UTF-8".to_owned())
}

fn fcm_detail(code: &str) -> Value {
    json!([{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}])
}

fn error(code: u16, status: &str, message: &str, details: Value) -> Answer {
    let mut error = json!({"code": code, "message": message, "status": status});
    if details
        .as_array()
        .is_some_and(|details| !details.is_empty())
    {
        error["details"] = details;
    }
    let body = json!({ "error": error }).to_string();
    Answer::new(code, body).with("content-type", "application/json; charset=UTF-8".to_owned())
}

fn invalid(violations: &[Violation]) -> Answer {
    let text = violations
        .first()
        .map(|violation| violation.description.clone())
        .unwrap_or_default();
    let violations: Vec<Value> = violations
        .iter()
        .map(|violation| json!({"field": violation.field, "description": violation.description}))
        .collect();
    let details = json!([{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]);
    error(400, "INVALID_ARGUMENT", &text, details)
}
