//! What a browser keeps of a session: a random token and its signature. Nothing can be read from it,
//! and only a browser that logged in has one. It is made anew at each login.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::crypto::MasterKeys;

const TOKEN_LENGTH: usize = 32;
/// Of an HMAC-SHA-256.
const SIGNATURE_LENGTH: usize = 32;

/// What a signature is for, so that none can stand for another.
const SESSION: &[u8] = b"session\0";
const CHANGE: &[u8] = b"change\0";

/// The token of a session.
#[derive(Clone)]
pub(super) struct Token([u8; TOKEN_LENGTH]);

impl Token {
    pub(super) fn generate() -> Self {
        Self(rand::random())
    }

    /// The token that a browser has sent, if this service has signed it. A cookie without the prefix counts
    /// over plain HTTP alone: other hosts of the domain, and attackers on the network, could plant one.
    pub(super) fn of(request: &HttpRequest, keys: &MasterKeys, is_encrypted: bool) -> Option<Self> {
        // HTTP/2 may split the cookies over several headers (RFC 9113, section 8.2.3). A browser
        // may also send several of this name, of other paths or domains: the first one that was
        // signed here counts.
        let cookies = request.headers().get_all(header::COOKIE);

        cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == name_of(is_encrypted))
            .find_map(|(_, value)| Self::open(value, keys))
    }

    /// What a cookie holds.
    fn sealed(&self, keys: &MasterKeys) -> String {
        let signature = keys.sign_for_console(&[SESSION, &self.0].concat());

        URL_SAFE_NO_PAD.encode([self.0.as_slice(), &signature].concat())
    }

    fn open(value: &str, keys: &MasterKeys) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        if bytes.len() != TOKEN_LENGTH + SIGNATURE_LENGTH {
            return None;
        }

        let (token, signature) = bytes.split_first_chunk::<TOKEN_LENGTH>()?;
        keys.is_signed_for_console(&[SESSION, token.as_slice()].concat(), signature)
            .then_some(Self(*token))
    }

    /// What the session is stored under.
    pub(super) fn hash(&self) -> Vec<u8> {
        // A reader of the database then can't log in with what is stored.
        Sha256::digest(self.0).to_vec()
    }

    /// What every form of the session carries: another site can't know it.
    pub(super) fn change_token(&self, keys: &MasterKeys) -> String {
        // Made from the session's token, so it needs no place in the database and ends with the
        // session.
        URL_SAFE_NO_PAD.encode(keys.sign_for_console(&[CHANGE, &self.0].concat()))
    }

    pub(super) fn is_change_token(&self, given: &str, keys: &MasterKeys) -> bool {
        URL_SAFE_NO_PAD.decode(given).is_ok_and(|signature| {
            keys.is_signed_for_console(&[CHANGE, &self.0].concat(), &signature)
        })
    }

    /// The `Set-Cookie` that begins the session. It ends with the browser, or with the session.
    pub(super) fn cookie(&self, keys: &MasterKeys, is_encrypted: bool) -> String {
        cookie(&self.sealed(keys), "", is_encrypted)
    }
}

/// The `Set-Cookie` that makes the browser forget the session.
pub(super) fn no_cookie(is_encrypted: bool) -> String {
    cookie("", "; Max-Age=0", is_encrypted)
}

fn cookie(value: &str, more: &str, is_encrypted: bool) -> String {
    // The prefix `__Host-` requires `Path=/` and no `Domain` (RFC 6265bis, section 4.1.3.2).
    let name = name_of(is_encrypted);
    let secure = if is_encrypted { "; Secure" } else { "" };

    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}")
}

/// With the prefix, browsers take the cookie from this very host alone, and only over TLS.
fn name_of(is_encrypted: bool) -> &'static str {
    if is_encrypted {
        "__Host-bellwire_console"
    } else {
        "bellwire_console"
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

    #[test]
    fn only_a_token_that_was_signed_here_is_taken() {
        let keys = keys();
        let token = Token::generate();
        let sealed = token.sealed(&keys);

        let opened = Token::open(&sealed, &keys).unwrap();
        assert_eq!(opened.hash(), token.hash());

        let mut changed = sealed.clone();
        changed.replace_range(..1, if sealed.starts_with('A') { "B" } else { "A" });
        let unsigned = URL_SAFE_NO_PAD.encode([7; TOKEN_LENGTH + SIGNATURE_LENGTH]);
        for wrong in ["", "x", &changed, &unsigned, &sealed[..40]] {
            assert!(Token::open(wrong, &keys).is_none(), "{wrong}");
        }
        assert!(Token::open(&sealed, &self::keys()).is_none());
    }

    #[test]
    fn a_change_token_is_of_its_session_and_nothing_else() {
        let keys = keys();
        let [one, other] = [(); 2].map(|()| Token::generate());

        assert!(one.is_change_token(&one.change_token(&keys), &keys));
        assert!(!one.is_change_token(&other.change_token(&keys), &keys));
        assert!(!one.is_change_token("", &keys));
        assert!(!one.is_change_token(&one.sealed(&keys), &keys));
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let keys = keys();
        let token = Token::generate();
        let plain = token.cookie(&keys, false);
        assert!(plain.ends_with("; Path=/; HttpOnly; SameSite=Strict"));
        assert!(token.cookie(&keys, true).contains("; Secure"));
        assert!(no_cookie(true).contains("; Max-Age=0"));

        let (pair, _) = plain.split_once(';').unwrap();
        let request = TestRequest::default()
            .insert_header((header::COOKIE, format!("a=b; {pair}")))
            .to_http_request();
        assert_eq!(
            Token::of(&request, &keys, false).map(|found| found.hash()),
            Some(token.hash())
        );
        let planted = Token::of(&request, &keys, true);
        assert!(planted.is_none(), "over TLS, without the prefix");
    }
}
