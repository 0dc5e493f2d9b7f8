//! The simulated FCM, `messages:send`:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use http::Method;
use serde_json::{Value, json};

use crate::dev::simulator::fcm_schema::{self, Violation};
use crate::dev::simulator::fcm_token_endpoint::TokenEndpoint;
use crate::dev::simulator::identity::{Identity, PROJECT_ID};
use crate::dev::simulator::inbox::{DeviceRequest, Inbox};
use crate::dev::simulator::scripted_outcome;
use crate::dev::simulator::server::{Answer, Incoming, bearer_token};

const MAX_PAYLOAD: usize = 4096;

/// Where access tokens are given out: the paths of Google's endpoints, old ones included.
const TOKEN_PATHS: [&str; 4] = [
    "/token",
    "/oauth2/v4/token",
    "/oauth2/v3/token",
    "/o/oauth2/token",
];

/// The simulated FCM and its token endpoint. It belongs to its server, whose connections share it.
pub(super) struct Fcm {
    tokens: TokenEndpoint,
    /// The path of `messages:send` for the demo project.
    path: String,
}

/// The body of a `messages:send` that passed FCM's checks.
struct SendRequest {
    /// A device token; or `topic:…`, `condition:…` or `fid:…`.
    target: String,
    /// The message without its target.
    message: Value,
    validate_only: bool,
}

impl SendRequest {
    fn read(body: &[u8]) -> Result<Self, Answer> {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
            let text = "Invalid JSON payload received.";
            return Err(error(400, "INVALID_ARGUMENT", text, json!([])));
        };

        // Null is as good as absent in proto3's JSON.
        body.retain(|_, value| !value.is_null());
        let validate_only = body
            .remove("validate_only")
            .or_else(|| body.remove("validateOnly"))
            .unwrap_or(Value::Bool(false));
        let Value::Bool(validate_only) = validate_only else {
            let text = "Invalid value at 'validate_only'";
            return Err(invalid(&[Violation::new("validate_only", text)]));
        };

        let message = body.remove("message");
        if let Some(unknown) = body.keys().next() {
            let text = fcm_schema::unknown_name(unknown, "");
            return Err(invalid(&[Violation::new("", text)]));
        }
        let Some(mut message) = message else {
            let text = "Message is required.";
            return Err(invalid(&[Violation::new("message", text)]));
        };

        fcm_schema::check(&mut message).map_err(|violations| invalid(&violations))?;
        let Some(target) = take_target(&mut message) else {
            let text = "Recipient of the message is not set.";
            return Err(invalid(&[Violation::new("message", text)]));
        };

        if fcm_schema::size(&message) > MAX_PAYLOAD {
            // The real FCM gives no details here either.
            let text = "Android message is too big";
            return Err(error(400, "INVALID_ARGUMENT", text, json!([])));
        }
        // Only a condition has spaces.
        if target.contains(char::is_whitespace) && !target.starts_with("condition:") {
            return Err(Fcm::refuse("INVALID_ARGUMENT"));
        }

        Ok(Self {
            target,
            message,
            validate_only,
        })
    }
}

/// Takes the recipient out of a message.
fn take_target(message: &mut Value) -> Option<String> {
    let message = message.as_object_mut()?;
    let (kind, target) = fcm_schema::TARGETS
        .into_iter()
        .find_map(|kind| Some((kind, message.remove(kind)?)))?;
    let Value::String(target) = target else {
        return None;
    };

    Some(match kind {
        "token" => target,
        kind => format!("{kind}:{target}"),
    })
}

impl Fcm {
    /// `token_uri` is the address that assertions must name.
    pub(super) fn new(identity: &Identity, token_uri: String) -> anyhow::Result<Self> {
        Ok(Self {
            tokens: TokenEndpoint::new(identity, token_uri)?,
            path: format!("/v1/projects/{PROJECT_ID}/messages:send"),
        })
    }

    /// The answer to every request in an outage.
    pub(super) fn unavailable() -> Answer {
        error(
            503,
            "UNAVAILABLE",
            "The service is currently unavailable.",
            fcm_detail("UNAVAILABLE"),
        )
    }

    pub(super) fn answer(&self, incoming: &Incoming<'_>, inbox: &Inbox) -> Answer {
        match (incoming.method, incoming.path) {
            (&Method::POST, path) if TOKEN_PATHS.contains(&path) => self.tokens.answer(incoming),
            (&Method::POST, path)
                if path.starts_with("/v1/projects/") && path.ends_with("/messages:send") =>
            {
                self.send(incoming, inbox)
            }
            _ => error(
                404,
                "NOT_FOUND",
                "The requested URL was not found on this server.",
                json!([]),
            ),
        }
    }

    fn send(&self, incoming: &Incoming<'_>, inbox: &Inbox) -> Answer {
        if let Err(refusal) = self.authenticate(incoming) {
            return refusal;
        }

        let SendRequest {
            target,
            message,
            validate_only,
        } = match SendRequest::read(incoming.body) {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };

        if validate_only {
            // A lasting error of a token is found without a delivery.
            let scripted =
                scripted_outcome::fcm(&target).filter(|scripted| scripted.times.is_none());
            return scripted.map_or_else(accepted, |scripted| Self::refuse(scripted.error));
        }

        Self::deliver(&target, message, incoming, inbox)
    }

    fn authenticate(&self, incoming: &Incoming<'_>) -> Result<(), Answer> {
        let token = incoming
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(bearer_token);

        if !token.is_some_and(|token| self.tokens.knows(token)) {
            let text = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                other valid authentication credential.";
            return Err(error(401, "UNAUTHENTICATED", text, json!([])));
        }

        // The token is good for the demo project only.
        if incoming.path != self.path {
            let text = "The caller does not have permission";
            return Err(error(403, "PERMISSION_DENIED", text, json!([])));
        }

        Ok(())
    }

    fn deliver(target: &str, message: Value, incoming: &Incoming<'_>, inbox: &Inbox) -> Answer {
        let scripted = scripted_outcome::fcm(target);
        let request = DeviceRequest {
            provider: "FCM",
            token: target,
            headers: inbox.shared_headers(incoming.headers),
            apns_id: None,
            payload: inbox.shared_payload(message.to_string().as_bytes(), || message),
        };

        let is_accepted = inbox.record(request, |earlier| {
            scripted.is_none_or(|scripted| !scripted.applies(earlier))
        });

        match scripted {
            Some(scripted) if !is_accepted => Self::refuse(scripted.error),
            _ => accepted(),
        }
    }

    /// The error of each code, as FCM's page shows it.
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
            // Any other code stands for one that FCM may add, which a client must not take for a
            // dead token.
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
    answer.is_accepted = true;
    answer.with_header("content-type", "application/json; charset=UTF-8".to_owned())
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
    Answer::new(code, body)
        .with_header("content-type", "application/json; charset=UTF-8".to_owned())
}

/// Must be given at least one violation, which becomes the message.
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
