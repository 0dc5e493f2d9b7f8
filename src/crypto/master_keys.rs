//! Master keys: they seal secrets at rest with AES-256-GCM, so that a dump of the database or a
//! replica's disk reveals no Credential and no device token.
//!
//! A sealed value has one of two forms. Both are read.
//!
//! * The bound form is sealed with a key of its account and day, derived by HKDF from the master key,
//!   and bound to what it belongs to: account, App, type and id of a Credential, account and id of a
//!   registered device, account of a direct recipient. In another row it does not open. A key of a
//!   day stays far below the number of values that random nonces allow. It is day (2 bytes,
//!   days since 1970), nonce (12 bytes), ciphertext, tag (16 bytes).
//! * The older form is sealed with the master key itself, and bound to the Credential's id or the
//!   token's account: nonce, ciphertext, tag. Releases that know no other may run beside this one, so
//!   it is written until they have ended (see `maintenance::seal_form`).
//!
//! The id of its master key is stored beside every value. So a new master key can be introduced while
//! old rows still need the old one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::account_keys::AccountKeys;
use crate::crypto::receipt_tokens::{self, ReceiptKey};
use crate::model::sealed::{ContentOwner, Sealed};

/// Bytes of a master key.
pub(super) const KEY_LENGTH: usize = 32;
/// Longest id of a master key, in bytes.
pub(super) const MAX_KEY_ID: usize = 32;

/// The beginning of a content in the bound form.
const BOUND_CONTENT: &[u8; 4] = b"bw2\0";
/// Marks a token in the bound form, in the byte that holds the length of its key's id.
const BOUND_TOKEN: u8 = 0x80;

const _: () = assert!(MAX_KEY_ID < BOUND_TOKEN as usize);

/// The configured master keys. Cheap to clone.
#[derive(Clone)]
pub struct MasterKeys {
    /// The current one first: new secrets are sealed with it.
    keys: Arc<[MasterKey]>,
    /// Whether new secrets are sealed in the bound form.
    is_bound: Arc<AtomicBool>,
}

struct MasterKey {
    id: String,
    /// Opens and seals values of the older form.
    key: RandomizedNonceKey,
    /// Open and seal values of the bound form.
    account_keys: AccountKeys,
    /// Signs page tokens.
    page_tokens: hmac::Key,
    /// Signs the tokens of receipts.
    receipts: ReceiptKey,
    /// Signs what browsers keep for the console.
    console: hmac::Key,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKeys")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

/// Why a master key is invalid, or a secret can't be decrypted. No message holds a key: an id may be
/// one that was put in the wrong place, so only an id that the database holds is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("a master key must be 32 bytes in base64; `openssl rand -base64 32` makes one")]
    NotAKey,
    #[error("the id of a master key must have 1 to {MAX_KEY_ID} bytes")]
    NotAnId,
    #[error("item {0} has no colon: write each as id:key")]
    NoColon(usize),
    #[error("item {number}: {problem}")]
    Item {
        /// From 1.
        number: usize,
        problem: Box<SecretError>,
    },
    #[error("it has the id of another master key; give each an id of its own")]
    TwoKeys,
    #[error("encrypted with the master key '{0}', which is not configured")]
    UnknownKey(String),
    /// The value was changed, belongs to another row, or was sealed with another key of the same id.
    #[error("the master key of this id does not decrypt it")]
    DoesNotOpen,
}

/// A token, taken apart.
struct TokenParts<'a> {
    key_id: &'a str,
    is_bound: bool,
    body: &'a [u8],
}

impl MasterKeys {
    /// One key with the id `id`, in base64.
    pub fn new(id: &str, key: &str) -> Result<Self, SecretError> {
        Self::with_old(id, key, "")
    }

    /// One key, and old ones that still open what they sealed. `old` is `id:key,id:key`, or empty.
    pub fn with_old(id: &str, key: &str, old: &str) -> Result<Self, SecretError> {
        let mut keys = vec![MasterKey::new(id, key)?];

        let items = old.split(',').map(str::trim).enumerate();
        for (index, item) in items.filter(|(_, item)| !item.is_empty()) {
            let number = index + 1;
            let in_item = |problem| SecretError::Item {
                number,
                problem: Box::new(problem),
            };

            let (id, key) = item.split_once(':').ok_or(SecretError::NoColon(number))?;
            let key = MasterKey::new(id, key).map_err(in_item)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(in_item(SecretError::TwoKeys));
            }
            keys.push(key);
        }

        Ok(Self {
            keys: keys.into(),
            is_bound: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The id of the key that new secrets are sealed with.
    pub fn current(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// Whether new secrets are sealed in the bound form, which older releases can't read. All clones
    /// follow.
    pub fn is_bound(&self) -> bool {
        self.is_bound.load(Ordering::Relaxed)
    }

    pub fn set_bound(&self, is_bound: bool) {
        self.is_bound.store(is_bound, Ordering::Relaxed);
    }

    /// The bytes with which every content in the bound form begins.
    pub fn content_prefix() -> &'static [u8] {
        BOUND_CONTENT
    }

    /// The bytes with which every device token begins that is sealed as new ones are.
    pub fn token_prefix(&self) -> Vec<u8> {
        self.prefix(self.is_bound())
    }

    /// The bytes with which every token begins that is sealed in the bound form with the current key.
    pub(super) fn prefix(&self, is_bound: bool) -> Vec<u8> {
        let id = self.current();
        let mark = if is_bound { BOUND_TOKEN } else { 0 };

        [&[mark | id.len() as u8], id.as_bytes()].concat()
    }

    /// Encrypts the content of a Credential. It opens for its owner only.
    pub fn seal_content(
        &self,
        owner: &ContentOwner<'_>,
        content: &[u8],
    ) -> Result<Sealed, SecretError> {
        let key = self.key(self.current())?;
        let bytes = if self.is_bound() {
            let account_id = owner.account_id.as_uuid();
            let body = key.seal_bound(account_id, &content_binding(owner), content)?;
            [BOUND_CONTENT.as_slice(), &body].concat()
        } else {
            seal(&key.key, owner.id.as_uuid().as_bytes(), content)?
        };

        Ok(Sealed {
            master_key_id: key.id.clone(),
            bytes,
        })
    }

    /// Decrypts the content of a Credential.
    pub fn open_content(
        &self,
        owner: &ContentOwner<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let key = self.key(&sealed.master_key_id)?;

        // A nonce of the older form begins with these bytes once in four billion times.
        if let Some(body) = sealed.bytes.strip_prefix(BOUND_CONTENT.as_slice())
            && let Ok(content) =
                key.open_bound(owner.account_id.as_uuid(), &content_binding(owner), body)
        {
            return Ok(content);
        }
        open(&key.key, owner.id.as_uuid().as_bytes(), &sealed.bytes)
    }

    /// Encrypts the token of a recipient that is no registered device.
    pub fn seal_direct_token(&self, account: Uuid, token: &str) -> Result<Vec<u8>, SecretError> {
        self.seal_token(account, &direct_binding(account), token)
    }

    pub fn open_direct_token(&self, account: Uuid, sealed: &[u8]) -> Result<String, SecretError> {
        self.open_token(account, &direct_binding(account), sealed)
    }

    /// Encrypts the token of the registered device with the id `device`.
    pub fn seal_device_token(
        &self,
        account: Uuid,
        device: Uuid,
        token: &str,
    ) -> Result<Vec<u8>, SecretError> {
        self.seal_token(account, &device_binding(account, device), token)
    }

    pub fn open_device_token(
        &self,
        account: Uuid,
        device: Uuid,
        sealed: &[u8],
    ) -> Result<String, SecretError> {
        self.open_token(account, &device_binding(account, device), sealed)
    }

    /// The result begins with the key's id (a byte with its length and the form, then the id), so that
    /// a token is one column and many tokens are one array.
    fn seal_token(
        &self,
        account: Uuid,
        binding: &[u8],
        token: &str,
    ) -> Result<Vec<u8>, SecretError> {
        if self.is_bound() {
            return self.seal_bound_token(account, binding, token);
        }

        let key = self.key(self.current())?;
        let body = seal(&key.key, account.as_bytes(), token.as_bytes())?;
        Ok([self.prefix(false).as_slice(), &body].concat())
    }

    /// The same in the bound form, whichever form new secrets have.
    pub(super) fn seal_bound_token(
        &self,
        account: Uuid,
        binding: &[u8],
        token: &str,
    ) -> Result<Vec<u8>, SecretError> {
        let key = self.key(self.current())?;
        let body = key.seal_bound(account, binding, token.as_bytes())?;

        Ok([self.prefix(true).as_slice(), &body].concat())
    }

    pub(super) fn open_token(
        &self,
        account: Uuid,
        binding: &[u8],
        sealed: &[u8],
    ) -> Result<String, SecretError> {
        let parts = TokenParts::of(sealed)?;
        let key = self.key(parts.key_id)?;
        let token = if parts.is_bound {
            key.open_bound(account, binding, parts.body)?
        } else {
            open(&key.key, account.as_bytes(), parts.body)?
        };

        std::str::from_utf8(&token)
            .map(str::to_owned)
            .map_err(|_| SecretError::DoesNotOpen)
    }

    fn key(&self, id: &str) -> Result<&MasterKey, SecretError> {
        self.keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| SecretError::UnknownKey(id.to_owned()))
    }

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

impl MasterKey {
    fn new(id: &str, key: &str) -> Result<Self, SecretError> {
        let id = id.trim();
        if !is_key_id(id) {
            return Err(SecretError::NotAnId);
        }

        let bytes = STANDARD
            .decode(key.trim())
            .map(Zeroizing::new)
            .ok()
            .filter(|bytes| bytes.len() == KEY_LENGTH)
            .ok_or(SecretError::NotAKey)?;
        let sealing = RandomizedNonceKey::new(&aws_lc_rs::aead::AES_256_GCM, &bytes)
            .map_err(|_| SecretError::NotAKey)?;

        Ok(Self {
            id: id.to_owned(),
            key: sealing,
            account_keys: AccountKeys::of(&bytes),
            page_tokens: signing_key(&bytes, b"bellwire page tokens"),
            receipts: ReceiptKey::of(&bytes),
            console: signing_key(&bytes, b"bellwire console"),
        })
    }

    fn seal_bound(
        &self,
        account: Uuid,
        binding: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        let day = today();
        let key = self.account_keys.get(account, day)?;
        let sealed = seal(&key, binding, plaintext)?;

        Ok([day.to_be_bytes().as_slice(), &sealed].concat())
    }

    fn open_bound(
        &self,
        account: Uuid,
        binding: &[u8],
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let (day, sealed) = body.split_first_chunk().ok_or(SecretError::DoesNotOpen)?;
        let key = self.account_keys.get(account, u16::from_be_bytes(*day))?;

        open(&key, binding, sealed)
    }
}

impl<'a> TokenParts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self, SecretError> {
        let (mark, rest) = sealed.split_first().ok_or(SecretError::DoesNotOpen)?;
        let length = usize::from(mark & !BOUND_TOKEN);
        let (id, body) = rest
            .split_at_checked(length)
            .ok_or(SecretError::DoesNotOpen)?;

        Ok(Self {
            key_id: std::str::from_utf8(id).map_err(|_| SecretError::DoesNotOpen)?,
            is_bound: mark & BOUND_TOKEN != 0,
            body,
        })
    }
}

/// A derived key, so that the signatures that users see reveal nothing about the key that seals
/// secrets. Replicas share the labels: they must never change.
fn signing_key(master_key: &[u8], label: &[u8]) -> hmac::Key {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master_key), label);

    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

/// Whether `id` can be the id of a master key. A key is longer, so one that is put in its place is
/// refused.
pub fn is_key_id(id: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// Days since 1970.
fn today() -> u16 {
    let days = OffsetDateTime::now_utc().unix_timestamp() / 86_400;
    u16::try_from(days).unwrap_or_default()
}

// What a value is bound to: its kind, then fields of a fixed length, at most one of another.

fn content_binding(owner: &ContentOwner<'_>) -> Vec<u8> {
    [
        b"credential\0".as_slice(),
        owner.account_id.as_uuid().as_bytes(),
        owner.id.as_uuid().as_bytes(),
        owner.credential_type.as_str().as_bytes(),
        b"\0",
        owner.app_name.as_bytes(),
    ]
    .concat()
}

fn direct_binding(account: Uuid) -> Vec<u8> {
    [b"recipient\0".as_slice(), account.as_bytes()].concat()
}

fn device_binding(account: Uuid, device: Uuid) -> Vec<u8> {
    [
        b"device\0".as_slice(),
        account.as_bytes(),
        device.as_bytes(),
    ]
    .concat()
}

fn seal(
    key: &RandomizedNonceKey,
    binding: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SecretError> {
    let mut buffer = plaintext.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(binding), &mut buffer)
        .map_err(|_| SecretError::DoesNotOpen)?;

    Ok([nonce.as_ref().as_slice(), &buffer].concat())
}

fn open(
    key: &RandomizedNonceKey,
    binding: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let (nonce, ciphertext) = sealed
        .split_at_checked(NONCE_LEN)
        .ok_or(SecretError::DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::DoesNotOpen)?;

    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = key
        .open_in_place(nonce, Aad::from(binding), &mut buffer)
        .map_err(|_| SecretError::DoesNotOpen)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// A new master key, in base64.
pub fn generate_master_key() -> String {
    STANDARD.encode(rand::random::<[u8; KEY_LENGTH]>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{AccountId, CredentialId};
    use crate::model::provider::CredentialType;

    fn keys(id: &str) -> MasterKeys {
        MasterKeys::new(id, &generate_master_key()).unwrap()
    }

    fn owner() -> ContentOwner<'static> {
        ContentOwner {
            account_id: AccountId::generate(),
            app_name: "demo",
            credential_type: CredentialType::Apn,
            id: CredentialId::generate(),
        }
    }

    #[test]
    fn a_content_opens_for_its_owner_only() {
        let keys = keys("1");
        let owner = owner();
        let sealed = keys.seal_content(&owner, b"secret").unwrap();

        assert_eq!(*keys.open_content(&owner, &sealed).unwrap(), b"secret");
        assert!(!sealed.bytes.windows(6).any(|window| window == b"secret"));

        for other in [
            ContentOwner {
                account_id: AccountId::generate(),
                ..owner
            },
            ContentOwner {
                id: CredentialId::generate(),
                ..owner
            },
            ContentOwner {
                app_name: "demo2",
                ..owner
            },
            ContentOwner {
                credential_type: CredentialType::ApnSandbox,
                ..owner
            },
        ] {
            assert_eq!(
                keys.open_content(&other, &sealed),
                Err(SecretError::DoesNotOpen)
            );
        }
    }

    #[test]
    fn a_token_opens_for_its_account_and_device_only() {
        let keys = keys("2026");
        let [account, device, other] = [(); 3].map(|()| Uuid::now_v7());
        let refused = Err(SecretError::DoesNotOpen);

        let direct = keys.seal_direct_token(account, "dqWD:APA91").unwrap();
        assert_eq!(
            keys.open_direct_token(account, &direct).unwrap(),
            "dqWD:APA91"
        );
        assert_eq!(keys.open_direct_token(other, &direct), refused);
        assert_eq!(keys.open_device_token(account, device, &direct), refused);

        let registered = keys
            .seal_device_token(account, device, "dqWD:APA91")
            .unwrap();
        assert_eq!(
            keys.open_device_token(account, device, &registered)
                .unwrap(),
            "dqWD:APA91"
        );
        assert_eq!(keys.open_device_token(account, other, &registered), refused);
        assert_eq!(keys.open_device_token(other, device, &registered), refused);
        assert_eq!(keys.open_direct_token(account, &registered), refused);

        for length in 0..registered.len() {
            let part = &registered[..length];
            assert!(keys.open_device_token(account, device, part).is_err());
        }
    }

    #[test]
    fn the_older_form_is_read_and_is_written_on_request() {
        let keys = keys("1");
        let owner = owner();
        let [account, device] = [(); 2].map(|()| Uuid::now_v7());

        keys.clone().set_bound(false);
        let content = keys.seal_content(&owner, b"secret").unwrap();
        let token = keys.seal_device_token(account, device, "token").unwrap();
        assert!(token.starts_with(b"\x011"), "as release 0.1 reads it");
        assert_eq!(token.len(), 2 + 12 + "token".len() + 16);
        assert_eq!(content.bytes.len(), 12 + "secret".len() + 16);

        keys.set_bound(true);
        assert_eq!(*keys.open_content(&owner, &content).unwrap(), b"secret");
        assert_eq!(
            keys.open_device_token(account, device, &token).unwrap(),
            "token"
        );
        assert!(!token.starts_with(&keys.token_prefix()));
        let bound = keys.seal_device_token(account, device, "token").unwrap();
        assert!(bound.starts_with(&keys.token_prefix()));
    }

    #[test]
    fn old_keys_open_what_they_sealed() {
        let first = generate_master_key();
        let second = generate_master_key();
        let account = Uuid::now_v7();
        let old = MasterKeys::new("1", &first).unwrap();
        let new = MasterKeys::with_old(
            "2",
            &second,
            &format!("0:{}, 1:{first}", generate_master_key()),
        )
        .unwrap();
        let token = old.seal_direct_token(account, "token").unwrap();

        assert_eq!(new.open_direct_token(account, &token).unwrap(), "token");
        assert!(new.verify_page_token(b"page", &old.sign_page_token(b"page")));
        assert!(new.is_signed_for_console(b"a", &old.sign_for_console(b"a")));
        assert!(!new.is_signed_for_console(b"b", &old.sign_for_console(b"a")));
        assert!(!new.is_signed_for_console(b"a", &old.sign_page_token(b"a")));
        assert!(
            new.seal_direct_token(account, "token")
                .unwrap()
                .starts_with(&new.token_prefix())
        );
        assert!(!token.starts_with(&new.token_prefix()));
    }

    #[test]
    fn an_error_about_old_keys_names_the_item_and_shows_no_key() {
        let [key, other] = [(); 2].map(|()| generate_master_key());

        for (old, expected) in [
            (format!("1:{other}"), "item 1: it has the id of another"),
            (other.clone(), "item 1 has no colon"),
            (format!("0:{other},{key}"), "item 2 has no colon"),
            (
                format!("{other}:0"),
                "item 1: the id of a master key must have",
            ),
            (
                format!("{other}:{key}"),
                "item 1: the id of a master key must have",
            ),
            (
                format!("0:{}", &other[..40]),
                "item 1: a master key must be 32 bytes",
            ),
        ] {
            let said = MasterKeys::with_old("1", &key, &old)
                .unwrap_err()
                .to_string();
            assert!(
                said.starts_with(expected),
                "{said} should begin with {expected}"
            );
            assert!(
                !said.contains(&key[..8]) && !said.contains(&other[..8]),
                "{said}"
            );
        }
    }

    #[test]
    fn another_key_is_told_apart_from_a_changed_value() {
        let owner = owner();
        let mut sealed = keys("1").seal_content(&owner, b"secret").unwrap();

        assert_eq!(
            keys("2").open_content(&owner, &sealed),
            Err(SecretError::UnknownKey("1".into()))
        );
        assert_eq!(
            keys("1").open_content(&owner, &sealed),
            Err(SecretError::DoesNotOpen)
        );

        sealed.bytes.truncate(5);
        assert_eq!(
            keys("1").open_content(&owner, &sealed),
            Err(SecretError::DoesNotOpen)
        );
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for bad in [
            "",
            "short",
            "AAAA",
            "not base64 at all, but long enough to be one",
        ] {
            assert_eq!(MasterKeys::new("1", bad).err(), Some(SecretError::NotAKey));
        }
    }
}
