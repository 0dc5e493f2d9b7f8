//! Device tokens in answers: masked, because a token is a secret.

use crate::crypto::MasterKeys;
use crate::model::id::AccountId;
use crate::model::masked_token::masked;
use crate::store::devices::Device;

/// The ends of a recipient's sealed token. One whose master key is gone shows none, as a short token
/// does.
pub(super) fn masked_recipient_token(
    keys: &MasterKeys,
    account_id: AccountId,
    sealed: &[u8],
) -> String {
    let token = keys.open_direct_token(account_id.as_uuid(), sealed);
    masked(&token.unwrap_or_default())
}

/// The same of a registered device's.
pub(super) fn masked_device_token(
    keys: &MasterKeys,
    account_id: AccountId,
    device: &Device,
) -> String {
    let token = keys.open_device_token(account_id.as_uuid(), device.id, &device.token);
    masked(&token.unwrap_or_default())
}
