#![no_main]

use std::sync::LazyLock;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

/// Placeholders in an input, and the PEM that takes their place: no fuzzer finds a valid key, and
/// none is kept in the corpus.
static PEMS: LazyLock<[(&str, String); 3]> = LazyLock::new(|| {
    let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::default().self_signed(&ec).unwrap();

    [
        ("$EC_KEY", ec.serialize_pem()),
        ("$RSA_KEY", rsa.serialize_pem()),
        ("$CERTIFICATE", certificate.pem()),
    ]
    .map(|(placeholder, pem)| (placeholder, pem.replace('\n', "\\n")))
});

libfuzzer_sys::fuzz_target!(|content: &str| {
    let mut content = content.to_owned();
    for (placeholder, pem) in PEMS.iter() {
        content = content.replace(placeholder, pem);
    }

    bellwire::fuzz::credential(&content);
});
