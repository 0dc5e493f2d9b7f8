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

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::account_keys::AccountKeys;
use crate::crypto::receipt_tokens::ReceiptKey;
use crate::model::sealed::{ContentOwner, Sealed};

mod sealing;
mod signatures;

use sealing::{content_binding, device_binding, direct_binding, open, seal};
use signatures::signing_key;

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

        // Counted before empty items are left out: an error names the place that the operator sees.
        let items = old.split(',').map(str::trim).enumerate();
        for (index, item) in items.filter(|(_, item)| !item.is_empty()) {
            let number = index + 1;
            let in_item = |problem| SecretError::Item {
                number,
                problem: Box::new(problem),
            };

            // An id may have colons, and base64 has none.
            let (id, key) = item.rsplit_once(':').ok_or(SecretError::NoColon(number))?;
            let key = MasterKey::new(id, key).map_err(in_item)?;
            // A sealed value names its key by this id alone.
            if keys.iter().any(|other| other.id == key.id) {
                return Err(in_item(SecretError::TwoKeys));
            }
            keys.push(key);
        }

        Ok(Self {
            keys: keys.into(),
            // A process that writes to a database sets this anew, by the releases that run beside
            // it.
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
        // No other memory depends on it. During a change, a seal may have either form, and both are
        // opened.
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
            // The key's id is not a part of it: a content has a column for that.
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
}

impl MasterKey {
    fn new(id: &str, key: &str) -> Result<Self, SecretError> {
        let id = id.trim();
        if !is_key_id(id) {
            return Err(SecretError::NotAnId);
        }

        let bytes = STANDARD
            .decode(key.trim())
            // The bytes are overwritten at the end of this function. Only keys made of them are
            // kept.
            .map(Zeroizing::new)
            .ok()
            .filter(|bytes| bytes.len() == KEY_LENGTH)
            .ok_or(SecretError::NotAKey)?;
        let sealing =
            RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretError::NotAKey)?;

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
        // A length never reaches the bit of the form: `MAX_KEY_ID` is below it.
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

/// Whether `id` can be the id of a master key. A key is longer, so one that is put in its place is
/// refused.
pub fn is_key_id(id: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// Days since 1970.
fn today() -> u16 {
    let days = OffsetDateTime::now_utc().unix_timestamp() / 86_400;
    // It holds days until the year 2149. A wrong day opens as well, because the value names its
    // own.
    u16::try_from(days).unwrap_or_default()
}

/// A new master key, in base64.
pub fn generate_master_key() -> String {
    STANDARD.encode(rand::random::<[u8; KEY_LENGTH]>())
}

#[cfg(test)]
mod tests;
