//! From a stored Credential to a client that sends with it.

use crate::crypto::MasterKeys;
use crate::model::sealed::SealedCredential;
use crate::provider::{Client, Credential, Endpoints};

/// Opens a stored Credential and makes a client for it. The error is a reason for people, without
/// secrets; the cause is logged here.
pub fn open(
    stored: &SealedCredential,
    keys: &MasterKeys,
    endpoints: &Endpoints,
) -> Result<Client, &'static str> {
    let content = keys
        .open(stored.id.as_uuid(), &stored.content)
        .map_err(|error| {
            tracing::error!(credential_id = %stored.id, %error, "a Credential can't be opened");
            "its Credential can't be decrypted with the configured master keys"
        })?;

    let content = serde_json::from_slice(&content).unwrap_or_default();
    let credential = Credential::parse(
        stored.credential_type,
        &content,
        &endpoints.fcm_token_uris,
    )
    .map_err(|problems| {
        tracing::error!(credential_id = %stored.id, ?problems, "a stored Credential is not usable");
        "its Credential is not usable"
    })?;

    Client::new(&credential, stored.credential_type, endpoints).map_err(|error| {
        tracing::error!(credential_id = %stored.id, %error, "no client can be made for a Credential");
        "no connection can be made with its Credential"
    })
}
