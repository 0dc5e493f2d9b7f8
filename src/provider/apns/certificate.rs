//! What an APNs client certificate says about itself.

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::prelude::FromDer;

/// `UID` of RFC 4519: where Apple puts the bundle id.
const USER_ID: Oid<'static> = oid!(0.9.2342.19200300.100.1.1);

/// What matters of a certificate.
pub(super) struct Facts {
    /// The app that it is for, where its subject names one.
    pub bundle_id: Option<String>,
    /// Until when it is good.
    pub expires_at: OffsetDateTime,
}

impl Facts {
    /// Whether it is no longer good.
    pub(super) fn has_expired(&self) -> bool {
        self.expires_at <= OffsetDateTime::now_utc()
    }
}

/// Reads the first of a chain; `None` if it is no certificate.
pub(super) fn read(chain: &[CertificateDer<'_>]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
    let user_id = certificate
        .subject()
        .iter_by_oid(&USER_ID)
        .next()
        .and_then(|attribute| attribute.as_str().ok());
    Some(Facts {
        bundle_id: user_id.map(str::to_owned),
        expires_at: certificate.validity().not_after.to_datetime(),
    })
}
