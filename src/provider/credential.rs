//! Credentials, with which Bellwire authenticates at a provider, read from the API's `content`.

use serde_json::Value;

use crate::model::provider::CredentialType;
use crate::provider::apns::{CertificateCredential, KeyCredential};
use crate::provider::fcm::FcmCredential;

/// A field of a Credential's content that breaks a rule. The message never repeats the value, which
/// may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's name within the content; empty for the content as a whole.
    pub field: String,
    /// The rule that the field breaks: `must be an object`.
    pub message: String,
}

/// A Credential that was checked and can be used. Its debug output holds no secret.
#[derive(Debug)]
pub enum Credential {
    Fcm(FcmCredential),
    /// An APNs signing key (.p8).
    ApnKey(KeyCredential),
    /// An APNs client certificate with its private key.
    ApnCertificate(CertificateCredential),
}

impl Credential {
    /// Reads the `content` of a Credential as the API takes it, and names every problem at once.
    ///
    /// `token_uris` are the token endpoints that the operator allows besides Google's own, so that
    /// a tenant can't make Bellwire call an address of its choice.
    pub fn parse(
        credential_type: CredentialType,
        content: &Value,
        token_uris: &[String],
    ) -> Result<Self, Vec<FieldProblem>> {
        match credential_type {
            CredentialType::Fcm => FcmCredential::parse(content, token_uris).map(Self::Fcm),
            CredentialType::Apn | CredentialType::ApnSandbox
                if content.get("certificate").is_some() =>
            {
                CertificateCredential::parse(content).map(Self::ApnCertificate)
            }
            CredentialType::Apn | CredentialType::ApnSandbox => {
                KeyCredential::parse(content).map(Self::ApnKey)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use rcgen::{
        CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    };
    use serde_json::json;

    use super::*;

    fn fields_of(credential_type: CredentialType, content: &Value) -> Vec<String> {
        match Credential::parse(
            credential_type,
            content,
            &["https://localhost:1/token".to_owned()],
        ) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.field).collect(),
        }
    }

    fn rsa() -> KeyPair {
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
    }

    fn base64(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn a_service_account_is_taken_in_camel_case_and_as_googles_file() {
        let key = rsa().serialize_pem();
        let in_camel_case =
            json!({"projectId": "p", "clientEmail": "a@p.example", "privateKey": base64(&key)});
        let googles = json!({"type": "service_account", "project_id": "p", "client_email": "a@p.example",
            "private_key": key, "private_key_id": "k", "client_id": "1", "universe_domain": "googleapis.com",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token"});
        let operators = json!({"projectId": "p", "clientEmail": "a@p.example",
            "privateKey": base64(&key).trim_end_matches('='), "tokenUri": "https://localhost:1/token"});
        for content in [in_camel_case, googles, operators] {
            assert_eq!(
                fields_of(CredentialType::Fcm, &content),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let bad = json!({"projectId": "a/b", "clientEmail": 7, "privateKey": "bm8=",
            "tokenUri": "https://evil.example/token", "extra": 1});
        let fields = fields_of(CredentialType::Fcm, &bad);

        assert_eq!(
            fields,
            [
                "extra",
                "projectId",
                "clientEmail",
                "tokenUri",
                "privateKey"
            ]
        );
        assert_eq!(
            fields_of(CredentialType::Fcm, &json!({})),
            ["projectId", "clientEmail", "privateKey"]
        );
        let apn = json!({"privateKey": "x", "teamId": "short", "bundleId": "a b"});

        assert_eq!(
            fields_of(CredentialType::Apn, &apn),
            ["bundleId", "teamId", "keyId", "privateKey"]
        );
        assert_eq!(
            fields_of(CredentialType::ApnSandbox, &json!({"certificate": "x"})),
            ["certificate", "privateKey"]
        );
        assert_eq!(
            fields_of(CredentialType::Apn, &json!([]))
                .first()
                .map(String::as_str),
            Some("")
        );
    }

    #[test]
    fn a_key_must_be_able_to_sign() {
        let apn = |pem: &str| json!({"privateKey": pem, "teamId": "TEAM123456", "keyId": "KEY1234567", "bundleId": "a.b"});
        let [p256, p384] = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384]
            .map(|curve| KeyPair::generate_for(curve).unwrap().serialize_pem());
        assert_eq!(
            fields_of(CredentialType::Apn, &apn(&p256)),
            Vec::<String>::new()
        );
        assert_eq!(fields_of(CredentialType::Apn, &apn(&p384)), ["privateKey"]);
        assert_eq!(
            fields_of(CredentialType::Apn, &apn(&rsa().serialize_pem())),
            ["privateKey"]
        );
        let fcm = json!({"projectId": "p", "clientEmail": "a@p.example", "privateKey": p256});

        assert_eq!(fields_of(CredentialType::Fcm, &fcm), ["privateKey"]);
    }

    #[test]
    fn a_certificate_brings_its_bundle_id_and_must_fit_its_key() {
        let [key, other] = [rsa(), rsa()];
        let mut params = CertificateParams::default();
        let user_id = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
        params.distinguished_name.push(user_id, "com.example.app");
        let certificate = params.self_signed(&key).unwrap().pem();
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let expired = params.self_signed(&key).unwrap().pem();
        let content = |certificate: &str, key: &KeyPair| json!({"certificate": base64(certificate), "privateKey": base64(&key.serialize_pem())});
        let parsed = Credential::parse(CredentialType::Apn, &content(&certificate, &key), &[]);

        match parsed.unwrap() {
            Credential::ApnCertificate(parsed) => {
                assert_eq!(parsed.bundle_id.as_deref(), Some("com.example.app"));
            }
            other => panic!("{other:?}"),
        }

        assert_eq!(
            fields_of(CredentialType::Apn, &content(&certificate, &other)),
            ["privateKey"]
        );
        assert_eq!(
            fields_of(CredentialType::Apn, &content(&expired, &key)),
            ["certificate"]
        );
    }

    #[test]
    fn neither_debug_output_nor_problems_hold_a_secret() {
        let key = rsa().serialize_pem();
        let secret: String = key.lines().nth(2).unwrap().to_owned();
        let good = json!({"projectId": "p", "clientEmail": "a@p.example", "privateKey": key});
        let shown = format!(
            "{:?}",
            Credential::parse(CredentialType::Fcm, &good, &[]).unwrap()
        );
        let bad = json!({"projectId": "p", "privateKey": secret, "tokenUri": "https://x.example"});
        let problems = format!(
            "{:?}",
            Credential::parse(CredentialType::Fcm, &bad, &[]).unwrap_err()
        );

        assert!(
            !shown.contains(&secret) && !problems.contains(&secret),
            "{shown} {problems}"
        );
    }
}
