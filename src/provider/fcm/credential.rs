//! A Google service account.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::provider::credential::{FieldProblem, Fields, signs};

/// Where Google exchanges a signed assertion for an access token.
pub(super) const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Everything that a service account's JSON file may hold; what isn't needed is accepted and left
/// alone.
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

/// What FCM is sent with.
#[derive(Clone)]
pub struct FcmCredential {
    /// The Firebase project.
    pub project_id: String,
    /// Who signs.
    pub client_email: String,
    /// The name of the signing key, if it has one.
    pub private_key_id: Option<String>,
    /// Where the access token comes from.
    pub token_uri: String,
    /// What signs: a secret.
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
        let mut fields = Fields::of(content, &KNOWN);
        let project_id = fields.required(&["projectId", "project_id"]);
        if !project_id
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-.:".contains(character))
        {
            fields.problem(
                "projectId",
                "must be a Google project id: letters, digits, '-', '.' and ':'",
            );
        }
        let client_email = fields.required(&["clientEmail", "client_email"]);
        let private_key_id = fields.optional(&["privateKeyId", "private_key_id"]);
        let token_uri = fields
            .optional(&["tokenUri", "token_uri"])
            .unwrap_or_else(|| GOOGLE_TOKEN_URI.to_owned());
        if token_uri != GOOGLE_TOKEN_URI && !token_uris.contains(&token_uri) {
            fields.problem(
                "tokenUri",
                "must be Google's, or one that the operator allows in fcm.token_uris",
            );
        }
        let pem = fields.required_pem(&["privateKey", "private_key"]);
        let signing_key = EncodingKey::from_rsa_pem(pem.as_bytes())
            .ok()
            .filter(|key| signs(key, Algorithm::RS256));
        if signing_key.is_none() && !pem.is_empty() {
            fields.problem(
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
