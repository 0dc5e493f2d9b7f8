//! The Credential that FCM takes: a Google service account.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::provider::FieldProblem;
use crate::provider::credential_fields::{CredentialFields, can_sign};

/// Google's own token endpoint, which exchanges a signed assertion for an access token.
pub(super) const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The API's fields, then those of a service account's JSON file. Fields of the file that Bellwire
/// does not need are accepted and ignored.
const KNOWN: [&str; 17] = [
    "projectId",
    "clientEmail",
    "privateKey",
    "privateKeyId",
    "tokenUri",
    "project_id",
    "client_email",
    "private_key",
    "private_key_id",
    "token_uri",
    "type",
    "client_id",
    "auth_uri",
    "auth_provider_x509_cert_url",
    "client_x509_cert_url",
    "universe_domain",
    "quota_project_id",
];

#[derive(Clone)]
pub struct FcmCredential {
    /// The Firebase project.
    pub project_id: String,
    /// The service account, which signs assertions.
    pub client_email: String,
    /// The id that Google knows the signing key by.
    pub private_key_id: Option<String>,
    /// The endpoint that exchanges assertions for access tokens.
    pub token_uri: String,
    /// A secret.
    pub(super) signing_key: EncodingKey,
}

impl fmt::Debug for FcmCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FcmCredential")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

impl FcmCredential {
    /// Reads `{projectId, clientEmail, privateKey, privateKeyId?, tokenUri?}`, or a service
    /// account's JSON file as it is.
    pub(crate) fn parse(content: &Value, token_uris: &[String]) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = CredentialFields::new(content, &KNOWN);

        let project_id = fields.required_string(&["projectId", "project_id"]);
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "-.:".contains(character);
        if !project_id.chars().all(allowed) {
            fields.push_problem(
                "projectId",
                "must be a Google project id: letters, digits, '-', '.' and ':'",
            );
        }

        let client_email = fields.required_string(&["clientEmail", "client_email"]);
        let private_key_id = fields.optional_string(&["privateKeyId", "private_key_id"]);

        let token_uri = fields
            .optional_string(&["tokenUri", "token_uri"])
            .unwrap_or_else(|| GOOGLE_TOKEN_URI.to_owned());
        if token_uri != GOOGLE_TOKEN_URI && !token_uris.contains(&token_uri) {
            let message = format!(
                "must be {GOOGLE_TOKEN_URI}, or a URI that the operator allows in fcm.token_uris"
            );
            fields.push_problem("tokenUri", &message);
        }

        let pem = fields.required_pem(&["privateKey", "private_key"]);
        let signing_key = EncodingKey::from_rsa_pem(pem.as_bytes())
            .ok()
            .filter(|key| can_sign(key, Algorithm::RS256));
        if signing_key.is_none() && !pem.is_empty() {
            fields.push_problem(
                "privateKey",
                "must be an RSA private key of at least 2048 bits",
            );
        }

        let credential = signing_key.map(|signing_key| Self {
            project_id,
            client_email,
            private_key_id,
            token_uri,
            signing_key,
        });
        fields.finish(credential)
    }
}
