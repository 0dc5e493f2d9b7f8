//! The secrets of webhooks, and the signatures made with them, as Standard Webhooks describes
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::crypto::{MasterKeys, SecretError};

/// What a secret begins with where it is shown.
const PREFIX: &str = "whsec_";
/// Bytes of a secret. The specification asks for 24 to 64.
const LENGTH: usize = 32;

/// A new secret of a webhook: random bytes.
pub(crate) fn generate_webhook_secret() -> Vec<u8> {
    rand::random::<[u8; LENGTH]>().to_vec()
}

/// A secret as receivers configure it: `whsec_` and its bytes in base64.
pub(crate) fn encode_webhook_secret(secret: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(secret))
}

impl MasterKeys {
    /// Encrypts the secret of `webhook`, which is `account`'s, as the token of a device with the
    /// webhook's id. It opens for this webhook only.
    pub fn seal_webhook_secret(
        &self,
        account: Uuid,
        webhook: Uuid,
        secret: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        // A token is text, and a secret may be any bytes.
        self.seal_device_token(account, webhook, &STANDARD.encode(secret))
    }

    /// Decrypts the secret of `webhook`.
    pub fn open_webhook_secret(
        &self,
        account: Uuid,
        webhook: Uuid,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        let encoded = self.open_device_token(account, webhook, sealed)?;

        STANDARD
            .decode(encoded)
            .map_err(|_| SecretError::DoesNotOpen)
    }
}

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedMessage<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`, in Unix seconds.
    pub timestamp: i64,
    pub body: &'a [u8],
}

impl SignedMessage<'_> {
    /// The header `webhook-signature`: a signature for each secret, separated by spaces.
    pub(crate) fn signatures<S: AsRef<[u8]>>(&self, secrets: &[S]) -> String {
        let signatures: Vec<String> = secrets
            .iter()
            .map(|secret| self.signature(secret.as_ref()))
            .collect();

        signatures.join(" ")
    }

    fn signature(&self, secret: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mut context = hmac::Context::with_key(&key);
        // In parts, so that a body with a thousand notifications is not copied.
        context.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        context.update(self.body);

        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_shows() {
        // The example of the official libraries' tests.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = SignedMessage {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: br#"{"test": 2432232314}"#,
        };

        assert_eq!(
            message.signatures(&[&secret]),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let message = SignedMessage {
            id: "id",
            timestamp: 0,
            body: b"",
        };
        let both = message.signatures(&[b"one".as_slice(), b"two"]);
        let alone = [b"one".as_slice(), b"two"].map(|secret| message.signatures(&[secret]));

        assert_eq!(both, alone.join(" "));
    }

    #[test]
    fn a_sealed_secret_opens_for_its_webhook_only() {
        let keys = MasterKeys::new("1", &crate::crypto::generate_master_key()).unwrap();
        let [account, webhook, other] = [(); 3].map(|()| Uuid::now_v7());
        let sealed = keys
            .seal_webhook_secret(account, webhook, b"secret")
            .unwrap();

        let opened = keys.open_webhook_secret(account, webhook, &sealed);
        assert_eq!(opened.unwrap(), b"secret");
        assert!(keys.open_webhook_secret(account, other, &sealed).is_err());
        assert!(keys.open_webhook_secret(other, webhook, &sealed).is_err());
    }

    #[test]
    fn a_secret_is_shown_with_its_prefix() {
        let secret = generate_webhook_secret();
        assert_eq!(secret.len(), LENGTH);
        assert_ne!(secret, generate_webhook_secret());

        let encoded = encode_webhook_secret(&secret);
        let encoded = encoded.strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap(), secret);
    }
}
