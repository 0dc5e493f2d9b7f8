//! What an APNs client certificate says about itself.

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::prelude::FromDer;

use crate::model::provider::CredentialType;

/// The attribute `UID` (<https://www.rfc-editor.org/rfc/rfc4519#section-2.39>), in which Apple puts
/// the bundle id.
const USER_ID: Oid<'static> = oid!(0.9.2342.19200300.100.1.1);

pub(in crate::provider) struct CertificateFacts {
    /// The app that the certificate is for; `None` if its subject names none.
    pub bundle_id: Option<String>,
    /// What the certificate is called; empty if its subject has no common name.
    pub common_name: String,
    pub expires_at: OffsetDateTime,
}

/// What Apple calls certificates that are of no use for notifications to apps, and what they are for.
const OTHER_PURPOSES: [(&str, &str); 9] = [
    (
        "Website Push ID:",
        "is a Website Push certificate, which sends to websites in Safari and not to apps",
    ),
    ("Apple Development:", SIGNS_APPS),
    ("Apple Distribution:", SIGNS_APPS),
    ("iPhone Developer:", SIGNS_APPS),
    ("iPhone Distribution:", SIGNS_APPS),
    ("Mac Developer:", SIGNS_APPS),
    ("Developer ID ", SIGNS_APPS),
    ("3rd Party Mac Developer ", SIGNS_APPS),
    (
        "Apple Worldwide Developer Relations",
        "is a certificate of Apple's authority",
    ),
];
const SIGNS_APPS: &str = "is a certificate that signs apps";

/// With this name, a certificate is for the sandbox only.
const SANDBOX_ONLY: &str = "Apple Development IOS Push Services:";

impl CertificateFacts {
    /// The facts of the first certificate of `chain`; `None` if it can't be parsed.
    pub(in crate::provider) fn read(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
        // A string that can't be decoded counts as absent. The certificate may be valid all the
        // same, and the API user can name the bundle id.
        let user_id = certificate
            .subject()
            .iter_by_oid(&USER_ID)
            .next()
            .and_then(|attribute| attribute.as_str().ok());

        let common_name = certificate
            .subject()
            .iter_common_name()
            .next()
            .and_then(|attribute| attribute.as_str().ok());

        Some(Self {
            bundle_id: user_id.map(str::to_owned),
            common_name: common_name.unwrap_or_default().to_owned(),
            expires_at: certificate.validity().not_after.to_datetime(),
        })
    }

    /// Why the certificate can't send as `credential_type`; `None`: it may.
    pub(in crate::provider) fn objection(&self, credential_type: CredentialType) -> Option<String> {
        if self.has_expired() {
            return Some(format!(
                "must not have expired; it ended on {}",
                self.expires_at.date()
            ));
        }

        let other = OTHER_PURPOSES
            .iter()
            .find(|(name, _)| self.common_name.starts_with(name));
        if let Some((_, purpose)) = other {
            return Some(format!(
                "{purpose}; create an 'Apple Push Notification service SSL' certificate for the app"
            ));
        }

        (credential_type == CredentialType::Apn && self.common_name.starts_with(SANDBOX_ONLY)).then(
            || {
                "is a certificate for the sandbox; give it the credentialType APN_SANDBOX"
                    .to_owned()
            },
        )
    }

    pub(in crate::provider) fn has_expired(&self) -> bool {
        self.expires_at <= OffsetDateTime::now_utc()
    }
}
