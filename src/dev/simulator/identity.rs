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
/// To be raised when certificates change, so that those of an earlier release are replaced.
const VERSION: u32 = 1;
/// The name of HTTP/1.1 in TLS.
const HTTP1: &[u8] = b"http/1.1";

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
    /// Missing in a file of an earlier release.
    #[serde(default)]
    host_names: Vec<String>,
    /// Which release's certificates these are; 0 in a file of an earlier release.
    #[serde(default)]
    version: u32,
}

impl Identity {
    /// The identity that is kept in `directory`. A new one is made on the first start, and when the
    /// host names have changed, which the server's certificate must carry.
    pub(super) fn keep_in(directory: &Path, host_names: &[String]) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        if let Ok(text) = fs::read_to_string(&path) {
            let kept: Self = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged: delete it", path.display()))?;
            if kept.host_names == host_names && kept.version == VERSION {
                return Ok(kept);
            }
        }

        let identity = Self::generate(host_names)?;
        fs::create_dir_all(directory)
            .with_context(|| format!("can't create {}", directory.display()))?;
        write_private(&path, &serde_json::to_string_pretty(&identity)?)?;
        Ok(identity)
    }

    pub(super) fn generate(host_names: &[String]) -> anyhow::Result<Self> {
        let (ca_pem, issuer) = authority()?;

        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        names.extend(host_names.iter().cloned());
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
            host_names: host_names.to_vec(),
            version: VERSION,
        })
    }

    /// FCM's TLS, without client certificates. Google's servers speak HTTP/1.1 as well.
    pub(super) fn fcm_tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.tls(false, &[b"h2", HTTP1])
    }

    /// APNs' TLS: a client may show a certificate.
    pub(super) fn apns_tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.tls(true, &[b"h2"])
    }

    fn tls(
        &self,
        client_certificates: bool,
        protocols: &[&[u8]],
    ) -> anyhow::Result<Arc<ServerConfig>> {
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
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();

        Ok(Arc::new(config))
    }

    /// Writes what other programs need to send to the simulator.
    pub(super) fn write_files(&self, directory: &Path, token_uri: &str) -> anyhow::Result<()> {
        let account = serde_json::to_string_pretty(&self.service_account(token_uri))?;
        // The certificate of the authority is public. The files below have secrets.
        let ca_file = directory.join("ca.pem");
        fs::write(&ca_file, &self.ca_pem)
            .with_context(|| format!("can't write {}", ca_file.display()))?;

        for (name, content) in [
            ("service-account.json", account.as_str()),
            (&format!("AuthKey_{KEY_ID}.p8"), &self.signing_key),
            ("client-certificate.pem", &self.client_certificate),
            ("client-key.pem", &self.client_key),
        ] {
            write_private(&directory.join(name), content)?;
        }
        Ok(())
    }

    /// The demo service account, in the form of the file that Google gives out.
    fn service_account(&self, token_uri: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": PROJECT_ID,
            "private_key_id": "demo",
            "private_key": self.service_account_key,
            "client_email": CLIENT_EMAIL,
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{CLIENT_EMAIL}"),
            "universe_domain": "googleapis.com",
        })
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
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Python 3.13 and others refuse a certificate that does not name its authority's key.
    params.use_authority_key_identifier_extension = true;

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

        let names_authority_key = certificate.extensions().iter().any(|extension| {
            matches!(
                extension.parsed_extension(),
                x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(_)
            )
        });
        assert!(names_authority_key, "Python 3.13 refuses it");
    }
}
