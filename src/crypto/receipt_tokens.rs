//! The token that a message carries for its receipts: the notification's id, signed, so that an app
//! needs no API key to report what became of it, and can report nothing of any other.
//!
//! A token is the base64url form of id (16 bytes) and signature (16 bytes): 43 characters.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Bytes of the HMAC-SHA-256 that are kept: 128 bits can't be guessed.
const SIGNATURE_LENGTH: usize = 16;
const ID_LENGTH: usize = 16;
/// Characters of a token.
pub const RECEIPT_TOKEN_LENGTH: usize = ((ID_LENGTH + SIGNATURE_LENGTH) * 4).div_ceil(3);

/// Replicas share it: it must never change.
const LABEL: &[u8] = b"bellwire receipts";

/// Signs and checks the tokens of one master key.
pub(super) struct ReceiptKey(hmac::Key);

impl ReceiptKey {
    /// A derived key, so that the tokens on devices reveal nothing about the master key.
    pub(super) fn of(master_key: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master_key), LABEL);

        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The token of the notification with this id.
    pub(super) fn token(&self, notification: Uuid) -> String {
        let mut bytes = [0; ID_LENGTH + SIGNATURE_LENGTH];
        bytes[..ID_LENGTH].copy_from_slice(notification.as_bytes());
        bytes[ID_LENGTH..].copy_from_slice(&self.signature(notification.as_bytes()));

        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn signature(&self, id: &[u8; ID_LENGTH]) -> [u8; SIGNATURE_LENGTH] {
        let mut signature = [0; SIGNATURE_LENGTH];
        let whole = hmac::sign(&self.0, id);
        signature.copy_from_slice(&whole.as_ref()[..SIGNATURE_LENGTH]);

        signature
    }

    fn has_signed(&self, parts: &TokenParts) -> bool {
        // The time of an ordinary comparison would show how many bytes of a guess are right.
        self.signature(&parts.id).ct_eq(&parts.signature).into()
    }
}

/// A token, taken apart.
struct TokenParts {
    id: [u8; ID_LENGTH],
    signature: [u8; SIGNATURE_LENGTH],
}

impl TokenParts {
    fn of(token: &str) -> Option<Self> {
        // Checked first: a string of any length may be sent, and decoding would allocate for it.
        if token.len() != RECEIPT_TOKEN_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;

        Some(Self {
            id: *id,
            signature: signature.try_into().ok()?,
        })
    }
}

/// The id of the notification that `token` was made for, if one of `keys` signed it.
pub(super) fn open<'a>(
    token: &str,
    mut keys: impl Iterator<Item = &'a ReceiptKey>,
) -> Option<Uuid> {
    let parts = TokenParts::of(token)?;

    keys.any(|key| key.has_signed(&parts))
        .then(|| Uuid::from_bytes(parts.id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_opens_with_its_own_key_only() {
        let [key, other] = [ReceiptKey::of(&[1; 32]), ReceiptKey::of(&[2; 32])];
        let id = Uuid::now_v7();
        let token = key.token(id);

        assert_eq!(token.len(), RECEIPT_TOKEN_LENGTH);
        assert_eq!(open(&token, [&key].into_iter()), Some(id));
        assert_eq!(open(&token, [&other, &key].into_iter()), Some(id));
        assert_eq!(open(&token, [&other].into_iter()), None);
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let key = ReceiptKey::of(&[1; 32]);
        let token = key.token(Uuid::now_v7());

        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&changed, [&key].into_iter()), None, "{index}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token(text in "[A-Za-z0-9_-]{43}|.*") {
            prop_assert_eq!(open(&text, [&ReceiptKey::of(&[1; 32])].into_iter()), None);
        }
    }
}
