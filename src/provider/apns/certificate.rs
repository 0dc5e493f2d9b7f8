//! What an APNs client certificate says about itself.

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::prelude::FromDer;

/// The attribute `UID` (<https://www.rfc-editor.org/rfc/rfc4519#section-2.39>), in which Apple puts
/// the bundle id.
const USER_ID: Oid<'static> = oid!(0.9.2342.19200300.100.1.1);

pub(in crate::provider) struct CertificateFacts {
    /// The app that the certificate is for; `None` if its subject names none.
    pub bundle_id: Option<String>,
    pub expires_at: OffsetDateTime,
}

impl CertificateFacts {
    /// The facts of the first certificate of `chain`; `None` if it can't be parsed.
    pub(in crate::provider) fn read(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
        let user_id = certificate
            .subject()
            .iter_by_oid(&USER_ID)
            .next()
            .and_then(|attribute| attribute.as_str().ok());

        Some(Self {
            bundle_id: user_id.map(str::to_owned),
            expires_at: certificate.validity().not_after.to_datetime(),
        })
    }

    pub(in crate::provider) fn has_expired(&self) -> bool {
        self.expires_at <= OffsetDateTime::now_utc()
    }
}
