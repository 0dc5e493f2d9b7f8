//! From a stored Credential to what sends with it.

use crate::provider::{Client, Credential, Endpoints};
use crate::secret::MasterKeys;
use crate::store::senders::SealedCredential;

/// A client for a stored Credential; an error says, for people, why there can be none.
pub fn open(
    stored: &SealedCredential,
    keys: &MasterKeys,
    endpoints: &Endpoints,
) -> Result<Client, &'static str> {
    let content = keys
        .open(stored.id.as_uuid(), &stored.content)
        .map_err(|error| {
            tracing::error!(credential_id = %stored.id, %error, "a Credential can't be opened");
            "its Credential can't be decrypted with the master key at hand"
        })?;
    let content = serde_json::from_slice(&content).unwrap_or_default();
    let parsed = Credential::parse(stored.credential_type, &content, &endpoints.fcm_token_uris);
    let credential = parsed.map_err(|problems| {
        tracing::error!(credential_id = %stored.id, ?problems, "a stored Credential is not usable");
        "its Credential is not usable"
    })?;
    Client::new(&credential, stored.credential_type, endpoints).map_err(|error| {
        tracing::error!(credential_id = %stored.id, %error, "no client can be made for a Credential");
        "no connection can be made with its Credential"
    })
}
