//! The simulated APNs, `POST /3/device/{token}`:
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use http::{HeaderMap, Method};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::dev::simulator::identity::{BUNDLE_ID, Identity, KEY_ID, TEAM_ID};
use crate::dev::simulator::inbox::{DeviceRequest, Inbox};
use crate::dev::simulator::scripted_outcome;
use crate::dev::simulator::server::{Answer, Incoming, bearer_token};

const MAX_PAYLOAD: usize = 4096;
/// The same of the push type `voip`.
const MAX_VOIP_PAYLOAD: usize = 5120;
const MAX_COLLAPSE_ID: usize = 64;

/// How many seconds old the `iat` of a provider token may be.
const TOKEN_LIFETIME: i64 = 3600;
/// How many seconds clocks may differ.
const LEEWAY: i64 = 60;

/// Push types, each with the suffix of its topic.
const PUSH_TYPES: [(&str, &str); 11] = [
    ("alert", ""),
    ("background", ""),
    ("location", ".location-query"),
    ("voip", ".voip"),
    ("complication", ".complication"),
    ("fileprovider", ".pushkit.fileprovider"),
    ("mdm", ""),
    ("liveactivity", ".push-type.liveactivity"),
    ("pushtotalk", ".voip-ptt"),
    ("widgets", ".push-type.widgets"),
    ("controls", ".push-type.controls"),
];

/// The simulated APNs. It belongs to its server, whose connections share it. The lock is held only to
/// look a token up or to add one.
pub(super) struct Apns {
    key: DecodingKey,
    /// The `iat` of provider tokens whose signature was verified.
    verified: RwLock<HashMap<String, i64>>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// Seconds. Some clients send a fraction.
    iat: f64,
}

/// An error: HTTP status and reason.
struct Refusal(u16, &'static str);

impl Apns {
    pub(super) fn new(identity: &Identity) -> anyhow::Result<Self> {
        let key = DecodingKey::from_ec_pem(identity.signing_public_key.as_bytes())?;
        Ok(Self {
            key,
            verified: RwLock::default(),
        })
    }

    /// The answer to every request in an outage.
    pub(super) fn unavailable() -> Answer {
        refuse(&Refusal(503, "ServiceUnavailable"), None)
    }

    pub(super) fn answer(&self, incoming: &Incoming<'_>, inbox: &Inbox) -> Answer {
        // APNs makes an id for a request without one.
        let id = header(incoming.headers, "apns-id").map_or_else(
            || {
                uuid::Builder::from_random_bytes(rand::random())
                    .into_uuid()
                    .to_string()
            },
            str::to_owned,
        );

        let (token, payload) = match self.check(incoming, inbox) {
            Ok(checked) => checked,
            Err(refusal) => return refuse(&refusal, Some(id)),
        };

        let scripted = scripted_outcome::apns(token);
        let request = DeviceRequest {
            provider: "APN",
            token,
            apns_id: Some(&id),
            headers: inbox.shared_headers(incoming.headers),
            payload: inbox.shared_payload(incoming.body, || payload),
        };

        // Decided under the lock of the token, or two requests at once could both be the first.
        let is_accepted = inbox.record(request, |earlier| {
            scripted.is_none_or(|scripted| !scripted.applies(earlier))
        });

        match scripted {
            Some(scripted) if !is_accepted => {
                let refusal = Refusal(scripted.error, usual_reason(scripted.error));
                refuse(&refusal, Some(id))
            }
            _ => {
                let mut answer = Answer::new(200, "").with_header("apns-id", id);
                answer.is_accepted = true;
                answer
            }
        }
    }

    /// The checks in the order of the real APNs: authentication first, then headers, token and payload.
    /// Returns the device token and the payload.
    fn check<'a>(
        &self,
        incoming: &Incoming<'a>,
        inbox: &Inbox,
    ) -> Result<(&'a str, Value), Refusal> {
        let token = incoming
            .path
            .strip_prefix("/3/device/")
            .ok_or(Refusal(404, "BadPath"))?;
        if incoming.method != Method::POST {
            return Err(Refusal(405, "MethodNotAllowed"));
        }

        if !incoming.has_certificate {
            self.authenticate(incoming.headers, inbox)?;
        }
        check_headers(incoming.headers, incoming.has_certificate)?;

        if token.is_empty() {
            return Err(Refusal(400, "MissingDeviceToken"));
        }
        if !token.len().is_multiple_of(2) || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal(400, "BadDeviceToken"));
        }

        // No device has it: what asks whether a Credential works sends to it.
        if token.bytes().all(|byte| byte == b'0') {
            return Err(Refusal(400, "BadDeviceToken"));
        }

        let max = match header(incoming.headers, "apns-push-type") {
            Some("voip") => MAX_VOIP_PAYLOAD,
            _ => MAX_PAYLOAD,
        };
        if incoming.body.len() > max {
            return Err(Refusal(413, "PayloadTooLarge"));
        }
        let payload: Value =
            serde_json::from_slice(incoming.body).map_err(|_| Refusal(400, "PayloadEmpty"))?;
        if payload.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(Refusal(400, "PayloadEmpty"));
        }

        Ok((token, payload))
    }

    fn authenticate(&self, headers: &HeaderMap, inbox: &Inbox) -> Result<(), Refusal> {
        let token = header(headers, "authorization")
            .and_then(bearer_token)
            .ok_or(Refusal(403, "MissingProviderToken"))?;

        // To verify a signature takes longer than the rest of a request.
        let known = self
            .verified
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .copied();
        let iat = match known {
            Some(iat) => iat,
            None => {
                let iat = self
                    .verify(token)
                    .ok_or(Refusal(403, "InvalidProviderToken"))?;
                let mut verified = self
                    .verified
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                if verified.insert(token.to_owned(), iat).is_none() {
                    inbox.count_provider_token();
                }
                iat
            }
        };

        let age = OffsetDateTime::now_utc().unix_timestamp() - iat;
        match age {
            age if age > TOKEN_LIFETIME => Err(Refusal(403, "ExpiredProviderToken")),
            age if age < -LEEWAY => Err(Refusal(403, "InvalidProviderToken")),
            _ => Ok(()),
        }
    }

    /// The `iat` of a token that the demo key signed; `None` for any other.
    fn verify(&self, token: &str) -> Option<i64> {
        let header = jsonwebtoken::decode_header(token).ok()?;

        // APNs' tokens have neither an end nor an audience.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &validation)
            .ok()?
            .claims;

        (header.kid.as_deref() == Some(KEY_ID) && claims.iss == TEAM_ID)
            .then_some(claims.iat as i64)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `text` is a UUID in its canonical form: groups of 8, 4, 4, 4 and 12 digits.
fn is_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && text.parse::<Uuid>().is_ok()
}

fn check_headers(headers: &HeaderMap, has_certificate: bool) -> Result<(), Refusal> {
    let push_type = header(headers, "apns-push-type").unwrap_or("alert");
    let known = PUSH_TYPES.iter().find(|(name, _)| *name == push_type);
    let (_, suffix) = known.ok_or(Refusal(400, "InvalidPushType"))?;

    match header(headers, "apns-topic") {
        // A certificate names its own topic, so the header may be missing beside one.
        None if !has_certificate => return Err(Refusal(400, "MissingTopic")),
        Some(topic) if topic.strip_suffix(suffix) != Some(BUNDLE_ID) => {
            return Err(Refusal(400, "TopicDisallowed"));
        }
        _ => {}
    }

    match header(headers, "apns-priority").unwrap_or("10") {
        "10" if push_type == "background" => return Err(Refusal(400, "BadPriority")),
        "10" | "5" | "1" => {}
        _ => return Err(Refusal(400, "BadPriority")),
    }

    if header(headers, "apns-expiration").is_some_and(|at| at.parse::<u64>().is_err()) {
        return Err(Refusal(400, "BadExpirationDate"));
    }
    if header(headers, "apns-id").is_some_and(|id| !is_uuid(id)) {
        return Err(Refusal(400, "BadMessageId"));
    }
    if header(headers, "apns-collapse-id").is_some_and(|id| id.len() > MAX_COLLAPSE_ID) {
        return Err(Refusal(400, "BadCollapseId"));
    }

    Ok(())
}

/// The most frequent reason of a status.
fn usual_reason(status: u16) -> &'static str {
    match status {
        400 => "BadDeviceToken",
        403 => "InvalidProviderToken",
        404 => "BadPath",
        405 => "MethodNotAllowed",
        410 => "Unregistered",
        413 => "PayloadTooLarge",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        500.. => "InternalServerError",
        _ => "BadMessageId",
    }
}

fn refuse(refusal: &Refusal, apns_id: Option<String>) -> Answer {
    let Refusal(status, reason) = *refusal;
    let mut body = json!({ "reason": reason });
    if status == 410 {
        let milliseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        body["timestamp"] = json!(milliseconds as i64);
    }

    let answer = Answer::new(status, body.to_string());
    match apns_id {
        Some(id) => answer.with_header("apns-id", id),
        None => answer,
    }
}
