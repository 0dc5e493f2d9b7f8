//! The simulator's certificates, and the keys of the demo Credentials that it accepts. They are made
//! on the machine where it runs and never shipped.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dev::private_file::write_private;

// The names in the demo Credentials.
pub(super) const PROJECT_ID: &str = "bellwire-demo";
pub(super) const CLIENT_EMAIL: &str = "demo@bellwire-demo.iam.gserviceaccount.com";
pub(super) const BUNDLE_ID: &str = "com.example.demo";
pub(super) const TEAM_ID: &str = "DEMOTEAM01";
pub(super) const KEY_ID: &str = "DEMOKEY001";

const FILE: &str = "simulator.json";

/// All keys and certificates, as PEM.
#[derive(Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) ca_pem: String,
    server_certificate: String,
    server_key: String,
    client_certificate: String,
    client_key: String,
    service_account_key: String,
    /// Verifies assertions of the demo service account.
    pub(super) service_account_public_key: String,
    signing_key: String,
    /// Verifies provider tokens of the demo signing key.
    pub(super) signing_public_key: String,
    host_name: Option<String>,
}

impl Identity {
    /// The identity that is kept in `directory`. A new one is made on the first start, and when the
    /// host name has changed, which the server's certificate must carry.
    pub(super) fn keep_in(directory: &Path, host_name: Option<&str>) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        if let Ok(text) = fs::read_to_string(&path) {
            let kept: Self = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged: delete it", path.display()))?;
            if kept.host_name.as_deref() == host_name {
                return Ok(kept);
            }
        }

        let identity = Self::generate(host_name)?;
        fs::create_dir_all(directory)
            .with_context(|| format!("can't create {}", directory.display()))?;
        write_private(&path, &serde_json::to_string_pretty(&identity)?)?;
        Ok(identity)
    }

    pub(super) fn generate(host_name: Option<&str>) -> anyhow::Result<Self> {
        let (ca_pem, issuer) = authority()?;

        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        names.extend(host_name.map(str::to_owned));
        let (server_certificate, server_key) =
            signed(names, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
        let (client_certificate, client_key) =
            signed(Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, &issuer)?;

        let service_account = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let signing = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;

        Ok(Self {
            ca_pem,
            server_certificate,
            server_key,
            client_certificate,
            client_key,
            service_account_key: service_account.serialize_pem(),
            service_account_public_key: service_account.public_key_pem(),
            signing_key: signing.serialize_pem(),
            signing_public_key: signing.public_key_pem(),
            host_name: host_name.map(str::to_owned),
        })
    }

    /// FCM's TLS, without client certificates.
    pub(super) fn fcm_tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.tls(false)
    }

    /// APNs' TLS: a client may show a certificate.
    pub(super) fn apns_tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.tls(true)
    }

    fn tls(&self, client_certificates: bool) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;

        let builder = if client_certificates {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.ca_pem.as_bytes())?)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
        } else {
            builder.with_no_client_auth()
        };

        let certificate = CertificateDer::from_pem_slice(self.server_certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(self.server_key.as_bytes())?;
        let mut config = builder.with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];

        Ok(Arc::new(config))
    }

    pub(super) fn fcm_credential(&self, token_uri: &str) -> Value {
        json!({"projectId": PROJECT_ID, "clientEmail": CLIENT_EMAIL, "privateKeyId": "demo",
            "privateKey": STANDARD.encode(&self.service_account_key), "tokenUri": token_uri})
    }

    pub(super) fn apn_credential(&self) -> Value {
        json!({"privateKey": STANDARD.encode(&self.signing_key), "teamId": TEAM_ID, "keyId": KEY_ID,
            "bundleId": BUNDLE_ID})
    }

    pub(super) fn apn_certificate_credential(&self) -> Value {
        json!({"certificate": STANDARD.encode(&self.client_certificate), "privateKey": STANDARD.encode(&self.client_key),
            "bundleId": BUNDLE_ID})
    }
}

/// A new certificate authority: its certificate as PEM, and the issuer of others.
fn authority() -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Bellwire simulator CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;

    Ok((certificate.pem(), Issuer::new(params, key)))
}

/// A new certificate and its key, both as PEM.
fn signed(
    names: Vec<String>,
    purpose: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'static, KeyPair>,
) -> anyhow::Result<(String, String)> {
    // Another name than the authority's: see the test below.
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Bellwire simulator");
    params.extended_key_usages = vec![purpose];

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.signed_by(&key, issuer)?;

    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL takes a certificate for self-signed, and refuses it, if its issuer has the same name.
    #[test]
    fn the_server_and_its_authority_have_different_names() {
        let (_, issuer) = authority().unwrap();
        let names = vec!["localhost".to_owned()];
        let (pem, _) = signed(names, ExtendedKeyUsagePurpose::ServerAuth, &issuer).unwrap();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();

        assert_ne!(certificate.subject(), certificate.issuer());
    }
}
