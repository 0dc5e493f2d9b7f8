//! The two kinds of Credential that APNs takes: a signing key (.p8), or a client certificate with
//! its key.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use crate::provider::FieldProblem;
use crate::provider::apns::certificate::CertificateFacts;
use crate::provider::credential_fields::{CredentialFields, can_sign, certificates, private_key};

/// Characters of a team id and of a key id.
const ID_LENGTH: usize = 10;

/// A signing key, with which provider tokens are made:
/// <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>.
pub struct KeyCredential {
    /// The app's bundle id, from which the topic of each request is made.
    pub bundle_id: String,
    pub(super) team_id: String,
    pub(super) key_id: String,
    /// A secret.
    pub(super) signing_key: EncodingKey,
}

/// A client certificate:
/// <https://developer.apple.com/documentation/usernotifications/establishing-a-certificate-based-connection-to-apns>.
pub struct CertificateCredential {
    /// The app's bundle id: the API user's, else the certificate's. `None` if neither names one;
    /// then requests carry no topic.
    pub bundle_id: Option<String>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// A secret.
    pub(super) private_key: PrivateKeyDer<'static>,
}

impl fmt::Debug for KeyCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyCredential")
            .field("bundle_id", &self.bundle_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CertificateCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CertificateCredential")
            .field("bundle_id", &self.bundle_id)
            .finish_non_exhaustive()
    }
}

impl KeyCredential {
    /// Reads `{privateKey, teamId, keyId, bundleId}`.
    pub(crate) fn parse(content: &Value) -> Result<Self, Vec<FieldProblem>> {
        // A content with `certificate` is read by `CertificateCredential`. The name is here for the
        // message about unknown fields.
        let mut fields = CredentialFields::new(
            content,
            &["privateKey", "teamId", "keyId", "bundleId", "certificate"],
        );

        let bundle_id = fields.required_string(&["bundleId"]);
        check_bundle_id(&mut fields, &bundle_id);

        let team_id = apple_id(&mut fields, "teamId");
        let key_id = apple_id(&mut fields, "keyId");

        let pem = fields.required_pem(&["privateKey"]);
        let signing_key = EncodingKey::from_ec_pem(pem.as_bytes())
            .ok()
            .filter(|key| can_sign(key, Algorithm::ES256));
        if signing_key.is_none() && !pem.is_empty() {
            fields.push_problem(
                "privateKey",
                "must be the content of a .p8 file: a P-256 private key in PKCS#8",
            );
        }

        fields.finish(signing_key.map(|signing_key| Self {
            bundle_id,
            team_id,
            key_id,
            signing_key,
        }))
    }
}

impl CertificateCredential {
    /// Reads `{certificate, privateKey, bundleId?}`.
    pub(crate) fn parse(content: &Value) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = CredentialFields::new(content, &["certificate", "privateKey", "bundleId"]);

        let bundle_id = fields.optional_string(&["bundleId"]);
        check_bundle_id(&mut fields, bundle_id.as_deref().unwrap_or_default());

        let certificate_pem = fields.required_pem(&["certificate"]);
        let certificates = certificates(&certificate_pem);
        let facts = certificates.as_deref().and_then(CertificateFacts::read);
        if facts.is_none() && !certificate_pem.is_empty() {
            fields.push_problem("certificate", "must hold at least one X.509 certificate");
        }
        if facts.as_ref().is_some_and(CertificateFacts::has_expired) {
            fields.push_problem("certificate", "must not have expired");
        }

        // A certificate may be good for several topics, of which its subject names only one. So the
        // API user's bundle id goes first.
        let bundle_id = bundle_id.or(facts.and_then(|facts| facts.bundle_id));

        let key_pem = fields.required_pem(&["privateKey"]);
        let private_key = private_key(&key_pem);
        if private_key.is_none() && !key_pem.is_empty() {
            fields.push_problem(
                "privateKey",
                "must be a private key in PKCS#8, PKCS#1 or SEC1, without a password",
            );
        }
        if let (Some(certificates), Some(private_key)) = (&certificates, &private_key)
            && !belong_together(certificates, private_key)
        {
            fields.push_problem("privateKey", "must be the private key of the certificate");
        }

        let credential = certificates
            .zip(private_key)
            .map(|(certificates, private_key)| Self {
                bundle_id,
                certificates,
                private_key,
            });
        fields.finish(credential)
    }
}

fn belong_together(
    certificates: &[CertificateDer<'static>],
    private_key: &PrivateKeyDer<'static>,
) -> bool {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    rustls::sign::CertifiedKey::from_der(certificates.to_vec(), private_key.clone_key(), &provider)
        .is_ok()
}

fn check_bundle_id(fields: &mut CredentialFields<'_>, bundle_id: &str) {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    if !bundle_id.chars().all(allowed) {
        fields.push_problem(
            "bundleId",
            "must be a bundle id: letters, digits, '-', '.' and '_'",
        );
    }
}

fn apple_id(fields: &mut CredentialFields<'_>, name: &str) -> String {
    let id = fields.required_string(&[name]);
    let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());

    if !id.is_empty() && !is_id {
        fields.push_problem(name, &format!("must be {ID_LENGTH} letters and digits"));
    }
    id
}
