//! A login that waits for the provider's answer. The browser keeps it in a signed cookie, so any process can
//! complete it, and no other browser can.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use time::OffsetDateTime;

use crate::console::oidc::provider::{Answer, Step};
use crate::crypto::MasterKeys;

/// The purpose of the signature, so that a signature for another purpose is not accepted.
const LOGIN: &[u8] = b"login\0";
/// Bytes of a signature, an HMAC-SHA-256.
const SIGNATURE_LENGTH: usize = 32;
/// How long a person may take at the provider.
pub(super) const LIFETIME: Duration = Duration::from_secs(600);
/// Most bytes of the page to go to. Browsers drop a cookie of more than 4,096 bytes.
const LONGEST_NEXT: usize = 1_024;

/// What the second step of a login needs from the first.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    /// The page to go to; empty: the first.
    next: String,
    /// In seconds since 1970.
    ends_at: i64,
}

impl Pending {
    pub(super) fn new(step: &Step, next: &str) -> Self {
        Self {
            state: step.state.clone(),
            nonce: step.nonce.clone(),
            verifier: step.verifier.clone(),
            next: if next.len() > LONGEST_NEXT {
                String::new()
            } else {
                next.to_owned()
            },
            ends_at: (OffsetDateTime::now_utc() + LIFETIME).unix_timestamp(),
        }
    }

    /// The login that `request`'s browser has begun, if this service has signed it and it is not over. As
    /// with a session, a cookie without the prefix counts over plain HTTP alone.
    pub(super) fn of(request: &HttpRequest, keys: &MasterKeys, is_encrypted: bool) -> Option<Self> {
        let cookies = request.headers().get_all(header::COOKIE);
        let pending = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == name_of(is_encrypted))
            .find_map(|(_, value)| Self::open(value, keys))?;

        // `Max-Age` ends the cookie in the browser. A copy of it would last, so the end is signed
        // too.
        let now = OffsetDateTime::now_utc().unix_timestamp();
        (now < pending.ends_at).then_some(pending)
    }

    /// Whether an answer with this `state` belongs to it.
    pub(super) fn is_answered_by(&self, state: &str) -> bool {
        // No comparison in constant time: the browser that sends the state also has the cookie with it.
        !state.is_empty() && self.state == state
    }

    /// The hash under which the end of this login is stored.
    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.state).to_vec()
    }

    pub(super) fn next(&self) -> &str {
        &self.next
    }

    pub(super) fn answer(&self, code: String, redirect_uri: String) -> Answer {
        Answer {
            code,
            redirect_uri,
            nonce: self.nonce.clone(),
            verifier: self.verifier.clone(),
        }
    }

    /// The `Set-Cookie` that stores it. It is `SameSite=Lax`, because the provider's answer comes from
    /// another site.
    pub(super) fn cookie(&self, keys: &MasterKeys, is_encrypted: bool) -> String {
        cookie(&self.sealed(keys), LIFETIME.as_secs(), is_encrypted)
    }

    /// The `Set-Cookie` that removes it.
    pub(super) fn no_cookie(is_encrypted: bool) -> String {
        cookie("", 0, is_encrypted)
    }

    fn sealed(&self, keys: &MasterKeys) -> String {
        // Strings and an integer can always be written.
        let content = serde_json::to_vec(self).unwrap_or_default();
        let signature = keys.sign_for_console(&[LOGIN, &content].concat());

        URL_SAFE_NO_PAD.encode([signature, content].concat())
    }

    fn open(value: &str, keys: &MasterKeys) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        // The signature comes first, because the content has no fixed length. It is checked before
        // the content is parsed.
        let (signature, content) = bytes.split_at_checked(SIGNATURE_LENGTH)?;
        if !keys.is_signed_for_console(&[LOGIN, content].concat(), signature) {
            return None;
        }

        serde_json::from_slice(content).ok()
    }
}

fn cookie(value: &str, seconds: u64, is_encrypted: bool) -> String {
    let name = name_of(is_encrypted);
    let secure = if is_encrypted { "; Secure" } else { "" };

    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}")
}

fn name_of(is_encrypted: bool) -> &'static str {
    if is_encrypted {
        "__Host-bellwire_login"
    } else {
        "bellwire_login"
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::crypto::generate_master_key;

    fn keys() -> MasterKeys {
        MasterKeys::new("1", &generate_master_key()).unwrap()
    }

    fn pending(ends_in: i64) -> Pending {
        Pending {
            state: "a-state".to_owned(),
            nonce: "a-nonce".to_owned(),
            verifier: "a-verifier".to_owned(),
            next: "/console/queue".to_owned(),
            ends_at: OffsetDateTime::now_utc().unix_timestamp() + ends_in,
        }
    }

    fn request(cookie: &str) -> HttpRequest {
        let (pair, _) = cookie.split_once(';').unwrap();
        TestRequest::default()
            .insert_header((header::COOKIE, pair))
            .to_http_request()
    }

    #[test]
    fn only_what_this_service_has_signed_is_taken() {
        let keys = keys();
        let cookie = pending(60).cookie(&keys, false);
        let found = Pending::of(&request(&cookie), &keys, false).unwrap();
        assert!(found.is_answered_by("a-state"));
        assert_eq!(found.next(), "/console/queue");

        assert!(Pending::of(&request(&cookie), &self::keys(), false).is_none());
        let planted = Pending::of(&request(&cookie), &keys, true);
        assert!(planted.is_none(), "over TLS, without the prefix");
        let unsigned = URL_SAFE_NO_PAD.encode([&[7; 32][..], br#"{"state":"x"}"#].concat());
        for wrong in ["", "x", &unsigned] {
            assert!(Pending::open(wrong, &keys).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_login_that_took_too_long_is_over() {
        let keys = keys();
        let cookie = pending(0).cookie(&keys, true);

        assert!(cookie.contains("; Secure") && cookie.starts_with("__Host-"));
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        assert!(Pending::of(&request(&cookie), &keys, true).is_none());
    }

    #[test]
    fn a_page_with_a_long_address_is_not_kept() {
        let step = Step {
            address: String::new(),
            state: "a-state".to_owned(),
            nonce: "a-nonce".to_owned(),
            verifier: "a-verifier".to_owned(),
        };
        let kept = |length: usize| Pending::new(&step, &"x".repeat(length)).next.len();

        assert_eq!(kept(LONGEST_NEXT), LONGEST_NEXT);
        assert_eq!(kept(LONGEST_NEXT + 1), 0);
        let longest = Pending::new(&step, &"x".repeat(LONGEST_NEXT));
        assert!(longest.cookie(&keys(), true).len() < 4_096);
    }

    #[test]
    fn an_answer_without_a_state_belongs_to_no_login() {
        let mut pending = pending(60);
        assert!(!pending.is_answered_by("another"));

        pending.state = String::new();
        assert!(!pending.is_answered_by(""));
    }
}
