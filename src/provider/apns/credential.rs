//! The two kinds of Credential that APNs takes: a signing key (.p8), or a client certificate with
//! its key.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::model::credential_state::CredentialDetails;
use crate::model::provider::CredentialType;
use crate::model::provider_token::TokenKey;
use crate::provider::FieldProblem;
use crate::provider::apns::certificate::CertificateFacts;
use crate::provider::credential_fields::{CredentialFields, can_sign, present, wrong_content};
use crate::provider::key_file::to_pem;

/// Characters of a team id and of a key id.
const ID_LENGTH: usize = 10;
/// The label of a PKCS#8 key.
const PRIVATE_KEY: &str = "PRIVATE KEY";

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
    /// The API user's bundle id.
    given_bundle_id: Option<String>,
    /// The certificate's common name; empty if it has none.
    name: String,
    pub expires_at: OffsetDateTime,
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
        // Checked first: one sentence says what the file is. A list of missing and unknown fields
        // would hide it.
        if ["client_email", "clientEmail"]
            .iter()
            .any(|name| present(content, name).is_some())
        {
            return Err(wrong_content(
                "",
                "is the key of a Google service account; give it the credentialType FCM",
            ));
        }

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

        let signing_key = fields
            .required_file(&["privateKey"])
            .and_then(|file| fields.check("privateKey", file.private_key()))
            .and_then(|key| fields.check("privateKey", signing_key(&key)));

        fields.finish(signing_key.map(|signing_key| Self {
            bundle_id,
            team_id,
            key_id,
            signing_key,
        }))
    }
}

impl KeyCredential {
    /// What distinguishes its signing key from all others.
    pub(super) fn token_key(&self) -> TokenKey {
        TokenKey {
            team_id: self.team_id.clone(),
            key_id: self.key_id.clone(),
            // The same in whatever form the key was given: see `signing_key`.
            key_hash: Sha256::digest(self.signing_key.as_bytes()).to_vec(),
        }
    }

    pub(crate) fn details(&self) -> CredentialDetails {
        CredentialDetails {
            bundle_id: Some(self.bundle_id.clone()),
            team_id: Some(self.team_id.clone()),
            key_id: Some(self.key_id.clone()),
            ..CredentialDetails::default()
        }
    }

    /// The content as it is stored: secret.
    pub(crate) fn content(&self) -> Value {
        json!({
            "privateKey": *to_pem(PRIVATE_KEY, self.signing_key.as_bytes()),
            "teamId": self.team_id,
            "keyId": self.key_id,
            "bundleId": self.bundle_id,
        })
    }
}

impl CertificateCredential {
    /// Reads `{certificate, privateKey, bundleId?}`.
    pub(crate) fn parse(
        content: &Value,
        credential_type: CredentialType,
    ) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = CredentialFields::new(content, &["certificate", "privateKey", "bundleId"]);

        let bundle_id = fields.optional_string(&["bundleId"]);
        check_bundle_id(&mut fields, bundle_id.as_deref().unwrap_or_default());

        let certificates = fields
            .required_file(&["certificate"])
            .and_then(|file| fields.check("certificate", file.certificates()));
        let private_key = fields
            .required_file(&["privateKey"])
            .and_then(|file| fields.check("privateKey", file.private_key()));

        // A file may begin with the certificate of an authority.
        let mut certificates = certificates.unwrap_or_default();
        if let Some(private_key) = &private_key {
            match certificates
                .iter()
                .position(|certificate| belong_together(certificate, private_key))
            {
                Some(own) => certificates.swap(0, own),
                None if certificates.is_empty() => {}
                None => {
                    fields.push_problem("privateKey", "must be the private key of the certificate");
                }
            }
        }

        let facts = CertificateFacts::read(&certificates);
        match &facts {
            None if certificates.is_empty() => {}
            // The PEM frame says certificate, and the DER inside does not parse.
            None => fields.push_problem("certificate", "must hold at least one X.509 certificate"),
            Some(facts) => {
                if let Some(objection) = facts.objection(credential_type) {
                    fields.push_problem("certificate", &objection);
                }
            }
        }

        let credential = private_key.zip(facts).map(|(private_key, facts)| Self {
            // A certificate may be good for several topics, of which its subject names only one. So
            // the API user's bundle id goes first.
            bundle_id: bundle_id.clone().or(facts.bundle_id),
            given_bundle_id: bundle_id,
            name: facts.common_name,
            expires_at: facts.expires_at,
            certificates,
            private_key,
        });
        fields.finish(credential)
    }

    pub(crate) fn details(&self) -> CredentialDetails {
        CredentialDetails {
            bundle_id: self.bundle_id.clone(),
            certificate_name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            ..CredentialDetails::default()
        }
    }

    /// The content as it is stored: secret.
    pub(crate) fn content(&self) -> Value {
        let label = match &self.private_key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => PRIVATE_KEY,
        };
        let certificates = self
            .certificates
            .iter()
            .map(|certificate| to_pem("CERTIFICATE", certificate).to_string());

        let mut content = json!({
            "certificate": certificates.collect::<String>(),
            "privateKey": *to_pem(label, self.private_key.secret_der()),
        });
        if let Some(bundle_id) = &self.given_bundle_id {
            content["bundleId"] = json!(bundle_id);
        }
        content
    }
}

/// The key that signs provider tokens: on the curve P-256, in any form.
fn signing_key(key: &PrivateKeyDer<'_>) -> Result<EncodingKey, String> {
    let pair =
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_der());

    pair.ok()
        // Written anew as PKCS#8: jsonwebtoken signs only with this form, and a key has one hash in
        // `token_key` whatever form it came in.
        .and_then(|pair| pair.to_pkcs8v1().ok())
        .map(|pkcs8| EncodingKey::from_ec_der(pkcs8.as_ref()))
        .filter(|key| can_sign(key, Algorithm::ES256))
        .ok_or_else(|| {
            "must be the content of a .p8 file, a private key on the curve P-256; this is another kind of key"
                .to_owned()
        })
}

fn belong_together(
    certificate: &CertificateDer<'static>,
    private_key: &PrivateKeyDer<'static>,
) -> bool {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // rustls compares the public keys of both, as it would when it connects.
    let chain = vec![certificate.clone()];
    rustls::sign::CertifiedKey::from_der(chain, private_key.clone_key(), &provider).is_ok()
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

    // An empty id is missing, which is a problem already.
    if !id.is_empty() && !is_id {
        fields.push_problem(name, &format!("must be {ID_LENGTH} letters and digits"));
    }
    id
}
