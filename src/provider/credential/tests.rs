use base64::Engine;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
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
        fields_of(CredentialType::Apn, &json!([])),
        [""],
        "its fields are not named too"
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
fn what_is_stored_is_read_again_and_holds_no_other_field() {
    let key = rsa();
    let [p256] = [&PKCS_ECDSA_P256_SHA256].map(|curve| KeyPair::generate_for(curve).unwrap());
    let certificate = CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .pem();
    let cases = [
        (
            CredentialType::Fcm,
            json!({"type": "service_account", "project_id": "p", "client_email": "a@p.example",
                "private_key": key.serialize_pem().replace('\n', "\\n"), "private_key_id": "k", "client_id": "1",
                "universe_domain": "googleapis.com", "token_uri": "https://accounts.google.com/o/oauth2/token"}),
            vec!["clientEmail", "privateKey", "privateKeyId", "projectId"],
        ),
        (
            CredentialType::Apn,
            json!({"privateKey": base64(&p256.serialize_pem()), "teamId": "TEAM123456", "keyId": "KEY1234567",
                "bundleId": "a.b", "certificate": null}),
            vec!["bundleId", "keyId", "privateKey", "teamId"],
        ),
        (
            CredentialType::ApnSandbox,
            json!({"certificate": certificate, "privateKey": key.serialize_pem(), "teamId": null}),
            vec!["certificate", "privateKey"],
        ),
    ];

    for (credential_type, content, expected) in cases {
        let stored = Credential::parse(credential_type, &content, &[])
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .content();
        let names: Vec<&str> = stored
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(names, expected);

        let again = Credential::parse(credential_type, &stored, &[]).unwrap();
        assert_eq!(again.content(), stored);
    }
}

#[test]
fn googles_older_token_endpoints_are_googles() {
    for uri in [
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v3/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://oauth2.googleapis.com/token",
    ] {
        let content = json!({"projectId": "p", "clientEmail": "a@p.example", "privateKey": rsa().serialize_pem(),
            "tokenUri": uri});
        match Credential::parse(CredentialType::Fcm, &content, &[]).unwrap() {
            Credential::Fcm(parsed) => {
                assert_eq!(parsed.token_uri, "https://oauth2.googleapis.com/token");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_signing_key_is_taken_in_every_form_of_its_curve() {
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIM/6cOPwDhMUU0WxBDuGp9ghHDiP4EQmPw8hVIeSMkMPoAoGCCqGSM49\n\
        AwEHoUQDQgAEoTHRML3YSk7SdrSoFh3bLeqWZvGuB8drR1S5q0hSObU63p2IKaZB\nJbWK90qUyeUGwdjIo3VzYADWL+gs6OkOMQ==\n\
        -----END EC PRIVATE KEY-----\n";
    let with_parameters = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{sec1}"
    );

    for key in [sec1.to_owned(), with_parameters, base64(sec1)] {
        let content = json!({"privateKey": key, "teamId": "TEAM123456", "keyId": "KEY1234567", "bundleId": "a.b"});
        assert_eq!(
            fields_of(CredentialType::Apn, &content),
            Vec::<String>::new(),
            "{key}"
        );
    }
}

#[test]
fn a_content_of_another_kind_says_what_it_is() {
    let key = rsa().serialize_pem();
    let account = |r#type: &str| json!({"type": r#type, "project_id": "p", "client_email": "a@p.example", "private_key": key});
    let mut other_universe = account("service_account");
    other_universe["universe_domain"] = json!("apis-tpclp.goog");
    let cases = [
        (
            CredentialType::Fcm,
            json!({"type": "authorized_user", "client_id": "x", "refresh_token": "z"}),
            "type",
            "of a person",
        ),
        (
            CredentialType::Fcm,
            account("authorized_user"),
            "type",
            "of a person",
        ),
        (
            CredentialType::Fcm,
            account("external_account"),
            "type",
            "workload identity",
        ),
        (
            CredentialType::Fcm,
            account("impersonated_service_account"),
            "type",
            "impersonat",
        ),
        (
            CredentialType::Fcm,
            account("robot"),
            "type",
            "service_account",
        ),
        (
            CredentialType::Fcm,
            other_universe,
            "universe_domain",
            "googleapis.com",
        ),
        (
            CredentialType::Fcm,
            json!({"project_info": {}, "client": [], "configuration_version": "1"}),
            "",
            "google-services.json",
        ),
        (
            CredentialType::Fcm,
            json!({"GOOGLE_APP_ID": "x", "GCM_SENDER_ID": "y"}),
            "",
            "GoogleService-Info.plist",
        ),
        (
            CredentialType::Fcm,
            json!({"apiKey": "x", "authDomain": "y", "projectId": "p"}),
            "",
            "web app",
        ),
        (
            CredentialType::Fcm,
            json!({"installed": {"client_id": "x"}}),
            "",
            "OAuth client",
        ),
        (
            CredentialType::Fcm,
            json!({"serverKey": "AAAA"}),
            "",
            "server key",
        ),
        (
            CredentialType::Fcm,
            json!({"teamId": "T", "keyId": "K"}),
            "",
            "credentialType APN",
        ),
        (
            CredentialType::Apn,
            account("service_account"),
            "",
            "credentialType FCM",
        ),
    ];

    for (credential_type, content, field, expected) in cases {
        let problems = Credential::parse(credential_type, &content, &[]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].field, field);
        assert!(problems[0].message.contains(expected), "{problems:?}");
    }
}

#[test]
fn a_certificate_of_another_purpose_says_what_it_is() {
    let key = rsa();
    let named = |common_name: &str| {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        json!({"certificate": params.self_signed(&key).unwrap().pem(), "privateKey": key.serialize_pem()})
    };

    for (common_name, credential_type, expected) in [
        (
            "Website Push ID: web.com.example",
            CredentialType::Apn,
            "Website Push",
        ),
        (
            "Apple Distribution: Acme (TEAM123456)",
            CredentialType::Apn,
            "signs apps",
        ),
        (
            "Apple Development IOS Push Services: com.example",
            CredentialType::Apn,
            "APN_SANDBOX",
        ),
    ] {
        let problems = Credential::parse(credential_type, &named(common_name), &[]).unwrap_err();
        assert_eq!(problems[0].field, "certificate");
        assert!(problems[0].message.contains(expected), "{problems:?}");
    }
    for (common_name, credential_type) in [
        ("Apple Push Services: com.example", CredentialType::Apn),
        ("VoIP Services: com.example", CredentialType::Apn),
        (
            "Apple Development IOS Push Services: com.example",
            CredentialType::ApnSandbox,
        ),
    ] {
        assert_eq!(
            fields_of(credential_type, &named(common_name)),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_chain_is_taken_in_any_order() {
    let [key, other] = [rsa(), rsa()];
    let [own, authority] =
        [&key, &other].map(|key| CertificateParams::default().self_signed(key).unwrap().pem());
    let content =
        json!({"certificate": format!("{authority}{own}"), "privateKey": key.serialize_pem()});

    assert_eq!(
        fields_of(CredentialType::Apn, &content),
        Vec::<String>::new()
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
