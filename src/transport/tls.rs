//! TLS towards the providers: the authorities that Bellwire trusts, and its own certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The certificate authorities that are trusted.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// A client certificate with its private key.
pub struct Identity {
    /// The certificate, followed by the intermediate ones that it was issued by.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The key of the first certificate: a secret.
    pub private_key: PrivateKeyDer<'static>,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("can't read certificates from {path}: {reason}")]
    Roots { path: String, reason: String },
    #[error("this machine has no certificate authorities: install its CA certificates")]
    NoRoots,
    /// The client certificate and its key don't work.
    #[error("{0}")]
    Identity(#[from] rustls::Error),
}

impl Roots {
    /// The machine's own authorities, and those of the PEM file `extra`.
    pub fn load(extra: Option<&Path>) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        // Machines often have a few that rustls can't parse. Those are left out.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);

        if let Some(path) = extra {
            let failed = |reason: String| TlsError::Roots {
                path: path.display().to_string(),
                reason,
            };
            let before = store.len();

            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                store
                    .add(certificate)
                    .map_err(|error| failed(error.to_string()))?;
            }

            if store.len() == before {
                return Err(failed("the file has no certificate".to_owned()));
            }
        }

        if store.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(Self(Arc::new(store)))
    }

    /// No authorities: no TLS connection succeeds.
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// A configuration for HTTP/2 that shows `identity` to a peer that asks for a certificate.
    pub fn client_config(&self, identity: Option<Identity>) -> Result<Arc<ClientConfig>, TlsError> {
        self.config(identity, b"h2")
    }

    /// A configuration for HTTP/1.1, without a client certificate.
    pub fn http1_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        self.config(None, b"http/1.1")
    }

    fn config(
        &self,
        identity: Option<Identity>,
        protocol: &[u8],
    ) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.0));

        let mut config = match identity {
            Some(identity) => {
                builder.with_client_auth_cert(identity.certificates, identity.private_key)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];

        Ok(Arc::new(config))
    }
}
