//! Credentials, with which Bellwire authenticates at a provider, read from the API's `content`.

use serde_json::Value;
use time::OffsetDateTime;

use crate::crypto::{MasterKeys, erase};
use crate::model::credential_state::CredentialDetails;
use crate::model::provider::CredentialType;
use crate::model::quoted::type_of;
use crate::model::sealed::SealedCredential;
use crate::provider::Endpoints;
use crate::provider::apns::{CertificateCredential, KeyCredential};
use crate::provider::credential_fields::{present, wrong_content};
use crate::provider::fcm::FcmCredential;

/// A field of a Credential's content that breaks a rule. The message never repeats the value, which
/// may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's name within the content; empty for the content as a whole.
    pub field: String,
    /// The rule that the field breaks: `must be an object`.
    pub message: String,
}

/// A Credential that was checked and can be used. Its debug output holds no secret.
#[derive(Debug)]
pub enum Credential {
    Fcm(FcmCredential),
    /// An APNs signing key (.p8).
    ApnKey(KeyCredential),
    /// An APNs client certificate with its private key.
    ApnCertificate(CertificateCredential),
}

impl Credential {
    /// Reads the `content` of a Credential as the API takes it, and names every problem at once.
    ///
    /// `token_uris` are the token endpoints that the operator allows besides Google's own, so that
    /// a tenant can't make Bellwire call an address of its choice.
    pub fn parse(
        credential_type: CredentialType,
        content: &Value,
        token_uris: &[String],
    ) -> Result<Self, Vec<FieldProblem>> {
        // One sentence about the whole content: as a string it would have four problems, three of
        // them about fields that it can't have.
        match content {
            Value::Object(_) => {}
            Value::String(_) => {
                return Err(wrong_content(
                    "",
                    "must be an object; got a string: send the JSON as it is, and not as a string",
                ));
            }
            other => {
                let message = format!("must be an object; got {}", type_of(other));
                return Err(wrong_content("", message));
            }
        }

        match credential_type {
            CredentialType::Fcm => FcmCredential::parse(content, token_uris).map(Self::Fcm),
            CredentialType::Apn | CredentialType::ApnSandbox
                // A signing key has a privateKey too, and no certificate.
                if present(content, "certificate").is_some() =>
            {
                CertificateCredential::parse(content, credential_type).map(Self::ApnCertificate)
            }
            CredentialType::Apn | CredentialType::ApnSandbox => {
                KeyCredential::parse(content).map(Self::ApnKey)
            }
        }
    }

    /// Opens a stored Credential. The error is a reason that an API user may read; the cause is
    /// logged.
    pub fn open(
        stored: &SealedCredential,
        keys: &MasterKeys,
        endpoints: &Endpoints,
    ) -> Result<Self, &'static str> {
        let content = keys
            .open_content(&stored.owner(), &stored.content)
            .map_err(|error| {
                tracing::error!(credential_id = %stored.id, %error, "a Credential can't be decrypted");
                "its Credential can't be decrypted with the configured master keys"
            })?;

        // It was checked when it was stored. It may fail now if the rules have become stricter since,
        // or the operator allows fewer token endpoints.
        // Bytes that are no JSON become null, which `parse` refuses.
        let content: Value = serde_json::from_slice(&content).unwrap_or_default();
        let credential =
            Credential::parse(stored.credential_type, &content, &endpoints.fcm_token_uris);
        // Before the result is looked at, so that the secret is overwritten on every way out.
        erase(content);

        credential.map_err(|problems| {
            tracing::error!(credential_id = %stored.id, ?problems, "a stored Credential is invalid");
            "its Credential is no longer valid: replace its content"
        })
    }

    /// Its public facts.
    pub fn details(&self) -> CredentialDetails {
        match self {
            Self::Fcm(credential) => credential.details(),
            Self::ApnKey(credential) => credential.details(),
            Self::ApnCertificate(credential) => credential.details(),
        }
    }

    /// When its certificate ends, if it has one.
    pub fn expires_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Fcm(_) | Self::ApnKey(_) => None,
            Self::ApnCertificate(credential) => Some(credential.expires_at),
        }
    }

    /// The content as it is stored: the fields that Bellwire needs and no other, under the API's
    /// names. Secret.
    pub fn content(&self) -> Value {
        match self {
            Self::Fcm(credential) => credential.content(),
            Self::ApnKey(credential) => credential.content(),
            Self::ApnCertificate(credential) => credential.content(),
        }
    }
}

#[cfg(test)]
mod tests;
