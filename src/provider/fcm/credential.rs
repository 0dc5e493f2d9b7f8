//! The Credential that FCM takes: a Google service account.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use crate::model::credential_state::CredentialDetails;
use crate::provider::FieldProblem;
use crate::provider::credential_fields::{CredentialFields, can_sign, present, wrong_content};
use crate::provider::key_file::to_pem;

/// Google's own token endpoint, which exchanges a signed assertion for an access token.
pub(super) const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Endpoints that files of earlier years name. All of them are Google's and mean the same.
const OLDER_TOKEN_URIS: [&str; 4] = [
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v3/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://www.googleapis.com/oauth2/token",
];

/// The only `type` of a JSON file from Google that holds a key.
const SERVICE_ACCOUNT: &str = "service_account";
/// The only universe that FCM is in.
const UNIVERSE: &str = "googleapis.com";
const HOW_TO_GET_ONE: &str = "create one in the Firebase console: Project settings, Service accounts, Generate new private key";

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
        // Checked before the fields: one sentence says what the file is. A list of missing and
        // unknown fields would hide it.
        if let Some(kind) = other_kind(content) {
            let message =
                format!("{kind}, but must be the key of a service account; {HOW_TO_GET_ONE}");
            return Err(wrong_content("", message));
        }
        let mut problems = other_type(content);
        problems.extend(other_universe(content));
        if !problems.is_empty() {
            return Err(problems);
        }

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

        // Files of earlier years name an address that Google has replaced.
        let token_uri = match fields.optional_string(&["tokenUri", "token_uri"]) {
            Some(uri) if !OLDER_TOKEN_URIS.contains(&uri.trim_end_matches('/')) => uri,
            _ => GOOGLE_TOKEN_URI.to_owned(),
        };
        // Bellwire connects to it, so an account must not choose any address of the operator's network.
        if token_uri != GOOGLE_TOKEN_URI && !token_uris.contains(&token_uri) {
            let message = format!(
                "must be {GOOGLE_TOKEN_URI}, or a URI that the operator allows in fcm.token_uris"
            );
            fields.push_problem("tokenUri", &message);
        }

        let signing_key = fields
            .required_file(&["privateKey", "private_key"])
            .and_then(|file| fields.check("privateKey", file.private_key()))
            .and_then(|key| fields.check("privateKey", signing_key(&key)));

        let credential = signing_key.map(|signing_key| Self {
            project_id,
            client_email,
            private_key_id,
            token_uri,
            signing_key,
        });
        fields.finish(credential)
    }

    pub(crate) fn details(&self) -> CredentialDetails {
        CredentialDetails {
            project_id: Some(self.project_id.clone()),
            client_email: Some(self.client_email.clone()),
            private_key_id: self.private_key_id.clone(),
            ..CredentialDetails::default()
        }
    }

    /// The content as it is stored: secret.
    pub(crate) fn content(&self) -> Value {
        let mut content = json!({
            "projectId": self.project_id,
            "clientEmail": self.client_email,
            "privateKey": *to_pem(PKCS1, self.signing_key.as_bytes()),
        });
        if let Some(id) = &self.private_key_id {
            content["privateKeyId"] = json!(id);
        }
        if self.token_uri != GOOGLE_TOKEN_URI {
            content["tokenUri"] = json!(self.token_uri);
        }

        content
    }
}

/// The label of an RSA key in the form that [`EncodingKey`] keeps.
const PKCS1: &str = "RSA PRIVATE KEY";

/// The key that signs assertions: RSA, in any form.
fn signing_key(key: &PrivateKeyDer<'_>) -> Result<EncodingKey, String> {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => PKCS1,
        _ => "PRIVATE KEY",
    };
    let pem = to_pem(label, key.secret_der());

    // By way of PEM: jsonwebtoken takes the RSA key out of PKCS#8 only there. From DER it would
    // keep the bytes as they are.
    EncodingKey::from_rsa_pem(pem.as_bytes())
        .ok()
        .filter(|key| can_sign(key, Algorithm::RS256))
        .ok_or_else(|| "must be an RSA private key of at least 2048 bits".to_owned())
}

/// What a content is that is no service account's; `None`: it looks like one.
fn other_kind(content: &Value) -> Option<&'static str> {
    let has = |name| present(content, name).is_some();
    let has_key = has("private_key") || has("privateKey");
    if has_key && (has("client_email") || has("clientEmail")) {
        return None;
    }

    if has("project_info") || has("configuration_version") {
        Some(
            "is google-services.json, the configuration of an Android app, which holds no private key",
        )
    } else if has("GOOGLE_APP_ID") || has("GCM_SENDER_ID") {
        Some(
            "is GoogleService-Info.plist, the configuration of an Apple app, which holds no private key",
        )
    } else if has("authDomain") || has("messagingSenderId") || has("apiKey") {
        Some("is the configuration of a web app, which holds no private key")
    } else if has("installed") || has("web") || has("client_secret") && !has("type") {
        Some("is an OAuth client, which holds no private key")
    } else if ["serverKey", "server_key", "secret", "api_key"]
        .into_iter()
        .any(has)
    {
        Some("is a server key of FCM's older API, which Google has shut down")
    } else if has("teamId") || has("keyId") || has("bundleId") || has("certificate") {
        Some("is a Credential for APNs (give it the credentialType APN or APN_SANDBOX)")
    } else {
        None
    }
}

/// The problem of a JSON file whose `type` is another than a service account's.
fn other_type(content: &Value) -> Vec<FieldProblem> {
    let Some(kind) = present(content, "type") else {
        return Vec::new();
    };

    let what = match kind.as_str() {
        Some(SERVICE_ACCOUNT) => return Vec::new(),
        Some("authorized_user") => "these are the credentials of a person, as gcloud stores them",
        Some("external_account" | "external_account_authorized_user") => {
            "this is a configuration of workload identity federation, which holds no private key"
        }
        Some("impersonated_service_account") => {
            "this impersonates a service account, and holds no private key of it"
        }
        _ => "Bellwire knows no other type",
    };
    wrong_content(
        "type",
        format!("must be {SERVICE_ACCOUNT}; {what}; {HOW_TO_GET_ONE}"),
    )
}

fn other_universe(content: &Value) -> Vec<FieldProblem> {
    match present(content, "universe_domain") {
        Some(domain) if domain != UNIVERSE => wrong_content(
            "universe_domain",
            format!("must be {UNIVERSE}: FCM is in no other universe of Google Cloud"),
        ),
        _ => Vec::new(),
    }
}
