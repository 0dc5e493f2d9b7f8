//! Seals and opens a value with AES-256-GCM, bound to what it belongs to.
//!
//! A binding is the kind of the value, then fields of a fixed length, and at most one field of another
//! length. So no two values have the same binding.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::SecretError;
use crate::model::sealed::ContentOwner;

pub(super) fn content_binding(owner: &ContentOwner<'_>) -> Vec<u8> {
    [
        b"credential\0".as_slice(),
        owner.account_id.as_uuid().as_bytes(),
        owner.id.as_uuid().as_bytes(),
        // The name of a type has no fixed length. A zero byte ends it, and no such name has one.
        owner.credential_type.as_str().as_bytes(),
        b"\0",
        owner.app_name.as_bytes(),
    ]
    .concat()
}

pub(super) fn direct_binding(account: Uuid) -> Vec<u8> {
    [b"recipient\0".as_slice(), account.as_bytes()].concat()
}

pub(super) fn device_binding(account: Uuid, device: Uuid) -> Vec<u8> {
    [
        b"device\0".as_slice(),
        account.as_bytes(),
        device.as_bytes(),
    ]
    .concat()
}

pub(super) fn seal(
    key: &RandomizedNonceKey,
    binding: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SecretError> {
    // Encrypted in place: afterwards no copy of the secret is left here.
    let mut buffer = plaintext.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(binding), &mut buffer)
        .map_err(|_| SecretError::DoesNotOpen)?;

    Ok([nonce.as_ref().as_slice(), &buffer].concat())
}

pub(super) fn open(
    key: &RandomizedNonceKey,
    binding: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let (nonce, ciphertext) = sealed
        .split_at_checked(NONCE_LEN)
        .ok_or(SecretError::DoesNotOpen)?;
    // A nonce must be unique for sealing. Here it is only read back.
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::DoesNotOpen)?;

    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = key
        .open_in_place(nonce, Aad::from(binding), &mut buffer)
        .map_err(|_| SecretError::DoesNotOpen)?
        .len();
    // Behind the plaintext, the buffer still has the tag.
    buffer.truncate(length);
    Ok(buffer)
}
