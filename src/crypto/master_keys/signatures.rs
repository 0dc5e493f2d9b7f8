//! What Bellwire signs with keys derived from the master key: page tokens, what browsers keep for the
//! console, and the tokens of receipts. The current key signs, and old keys still verify.

use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::crypto::MasterKeys;
use crate::crypto::receipt_tokens;

impl MasterKeys {
    /// The signature of a page token (see `http::pagination`).
    pub fn sign_page_token(&self, content: &[u8]) -> Vec<u8> {
        self.keys
            .first()
            .map(|key| hmac::sign(&key.page_tokens, content).as_ref().to_vec())
            .unwrap_or_default()
    }

    /// Whether `signature` is one of this service, with the current or an old key.
    pub fn verify_page_token(&self, content: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            // `hmac::verify` compares in constant time, so an attacker learns nothing from how long
            // it takes.
            .any(|key| hmac::verify(&key.page_tokens, content, signature).is_ok())
    }

    /// The signature of what a browser keeps for the console.
    pub fn sign_for_console(&self, content: &[u8]) -> Vec<u8> {
        self.keys
            .first()
            .map(|key| hmac::sign(&key.console, content).as_ref().to_vec())
            .unwrap_or_default()
    }

    /// Whether `signature` is one of [`Self::sign_for_console`], with the current or an old key.
    pub fn is_signed_for_console(&self, content: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| hmac::verify(&key.console, content, signature).is_ok())
    }

    /// The token by which an app reports what became of a notification.
    pub fn receipt_token(&self, notification: Uuid) -> String {
        self.keys
            .first()
            .map(|key| key.receipts.token(notification))
            .unwrap_or_default()
    }

    /// The id of the notification that a token of this service was made for, with the current or an
    /// old key.
    pub fn open_receipt_token(&self, token: &str) -> Option<Uuid> {
        receipt_tokens::open(token, self.keys.iter().map(|key| &key.receipts))
    }
}

/// A derived key, so that the signatures that users see reveal nothing about the key that seals
/// secrets. Replicas share the labels: they must never change.
pub(super) fn signing_key(master_key: &[u8], label: &[u8]) -> hmac::Key {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master_key), label);

    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}
