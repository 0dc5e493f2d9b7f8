//! Credentials and Apps: how a client manages them. Their content is never shown.

use bellwire::model::provider::CredentialType;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, apn, message};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::{Service, World};

async fn create(client: &Client, body: &Value) -> String {
    let response = client
        .request(Method::POST, "/Credentials")
        .json(body)
        .send()
        .await
        .unwrap();
    let location = response
        .headers()
        .get("location")
        .map(|location| location.to_str().unwrap().to_owned());
    let (status, answer) = answer(response).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(
        answer["resourceLocation"].as_str().map(str::to_owned),
        location
    );

    answer["resourceId"].as_str().unwrap().to_owned()
}

/// A client of an account that has nothing yet.
async fn newcomer(service: &Service) -> Client {
    let (_, key, secret) = service.world.account("newcomer").await;
    Client::new(&service.url, &key, &secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_its_kind_is_the_default_until_another_is() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let content = service.world.simulator.fcm_credential();
    let body = json!({"credentialType": "FCM", "appName": "limonade_app", "content": content});
    let first = create(&client, &body).await;
    let second = create(&client, &body).await;
    let is_default =
        async |id: &str| client.read(&format!("/Credentials/{id}")).await["isDefault"].clone();
    assert_eq!(
        (is_default(&first).await, is_default(&second).await),
        (json!(true), json!(false))
    );

    let path = format!("/Credentials/{second}");
    let patch = client
        .request(Method::PATCH, &path)
        .json(&json!({"isDefault": true}));
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(
        (is_default(&first).await, is_default(&second).await),
        (json!(false), json!(true))
    );

    let app = client.read("/Apps/limonade_app").await;
    assert_eq!(
        (&app["name"], &app["isDefault"]),
        (&json!("limonade_app"), &json!(true))
    );
    assert_eq!(
        app["defaultCredentials"],
        json!([{"id": second, "credentialType": "FCM"}])
    );

    assert_eq!(
        client
            .request(Method::DELETE, &path)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(client.get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        is_default(&first).await,
        json!(true),
        "the oldest other takes its place"
    );

    let listed = client
        .read("/Credentials?credentialType=FCM&appName=limonade_app")
        .await;
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    assert!(listed["credentials"][0].get("content").is_none());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_content_is_refused_field_by_field_and_never_repeated() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let cases = [
        (json!({}), vec!["credentialType", "appName", "content"]),
        (
            json!({"credentialType": "GCM", "appName": "Demo App", "content": {}}),
            vec!["credentialType", "appName"],
        ),
        (
            json!({"credentialType": "FCM", "appName": "a", "content": {"privateKey": "s3cret", "extra": 1}}),
            vec![
                "content.extra",
                "content.projectId",
                "content.clientEmail",
                "content.privateKey",
            ],
        ),
        (
            json!({"credentialType": "FCM", "appName": "a", "content": {"projectId": "p", "clientEmail": "e",
                "privateKey": service.world.simulator.fcm_credential()["privateKey"], "tokenUri": "https://169.254.169.254/"}}),
            vec!["content.tokenUri"],
        ),
        (
            json!({"credentialType": "APN", "appName": "a", "content": {"teamId": "short", "keyId": "DEMOKEY001",
                "privateKey": "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----"}}),
            vec!["content.bundleId", "content.teamId", "content.privateKey"],
        ),
        (
            json!({"credentialType": "APN_SANDBOX", "appName": "a", "content": {"certificate": "x", "privateKey": "y"}}),
            vec!["content.certificate", "content.privateKey"],
        ),
    ];

    for (body, expected) in cases {
        let (status, error) = client.post("/Credentials", &body).await;
        let fields: Vec<&str> = error["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        assert_eq!(
            (status, fields),
            (StatusCode::BAD_REQUEST, expected),
            "{error}"
        );
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_takes_ten_credentials_and_an_account_ten_apps() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let content = service.world.simulator.apn_credential();
    let body = |app: &str| json!({"credentialType": "APN", "appName": app, "content": content});

    for _ in 0..10 {
        create(&client, &body("app_0")).await;
    }

    let (status, error) = client.post("/Credentials", &body("app_0")).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("appName"))
    );

    for number in 1..10 {
        create(&client, &body(&format!("app_{number}"))).await;
    }

    assert_eq!(
        client.post("/Credentials", &body("app_10")).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(client.all("/Apps", "apps", 3).await.len(), 10);
    assert_eq!(client.all("/Credentials", "credentials", 7).await.len(), 19);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_works_as_well_as_a_key_and_the_sandbox_as_well_as_production() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let content = service.world.simulator.apn_certificate_credential();
    let body = json!({"credentialType": "APN_SANDBOX", "appName": "certified", "content": content});
    let id = create(&client, &body).await;

    for from in [
        json!({"apn": id}),
        json!({"appName": "certified"}),
        Value::Null,
    ] {
        let mut body = message(&[apn("abcdef")]);
        body["from"] = from;
        let operation = client.send(&body).await;
        assert_eq!(client.completed(&operation).await["stats"]["sent"], 1);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_sealed_in_the_database() {
    let world = World::new().await;
    let private_key = world.simulator.fcm_credential()["privateKey"]
        .as_str()
        .unwrap()
        .to_owned();
    let service = world.start().await;
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select content from credentials")
        .fetch_all(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);

    let needle = &private_key.as_bytes()[..24];
    assert!(
        stored
            .iter()
            .all(|content| !content.windows(needle.len()).any(|window| window == needle))
    );
    service.stop().await;
}

/// An RSA key as PEM.
fn rsa_key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
}

/// A certificate that names its app as Apple's do, in UID.
fn certificate(key: &rcgen::KeyPair, user_id: &str, common_name: &str) -> String {
    let mut params = rcgen::CertificateParams::default();
    let uid = rcgen::DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
    params.distinguished_name.push(uid, user_id);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    params.self_signed(key).unwrap().pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_files_are_taken_as_people_have_them() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let rsa = rsa_key().serialize_pem();
    let p256 = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIM/6cOPwDhMUU0WxBDuGp9ghHDiP4EQmPw8hVIeSMkMPoAoGCCqGSM49\n\
                AwEHoUQDQgAEoTHRML3YSk7SdrSoFh3bLeqWZvGuB8drR1S5q0hSObU63p2IKaZB\nJbWK90qUyeUGwdjIo3VzYADWL+gs6OkOMQ==\n\
                -----END EC PRIVATE KEY-----\n";
    let file = |token_uri: &str, private_key: &str| {
        json!({"type": "service_account", "project_id": "p", "private_key_id": "abc", "private_key": private_key,
            "client_email": "a@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs"})
    };
    let signing_key = |private_key: &str| json!({"privateKey": private_key, "teamId": "TEAM123456", "keyId": "KEY1234567", "bundleId": "com.example.app"});
    let mut with_null = signing_key(&p256);
    with_null["certificate"] = Value::Null;
    let with_null_camel_case = json!({"projectId": null, "project_id": "p", "clientEmail": null,
        "client_email": "a@p.example", "privateKey": null, "private_key": rsa});
    let certified = rsa_key();

    for (number, (credential_type, content)) in [
        ("FCM", file("https://accounts.google.com/o/oauth2/token", &rsa)),
        ("FCM", file("https://www.googleapis.com/oauth2/v4/token", &rsa)),
        ("FCM", file("https://oauth2.googleapis.com/token", &rsa.replace('\n', "\\n"))),
        ("FCM", file("https://oauth2.googleapis.com/token", &rsa.replace('\n', "\\\\n"))),
        ("FCM", file("https://oauth2.googleapis.com/token", &rsa.replace('\n', "\\r\\n"))),
        ("FCM", with_null_camel_case),
        ("APN", with_null),
        ("APN", signing_key(&p256.replace('\n', "\\\\n"))),
        ("APN", signing_key(sec1)),
        (
            "APN_SANDBOX",
            json!({"certificate": certificate(&certified, "com.example.app", "Apple Push Services: com.example.app"),
                "privateKey": certified.serialize_pem(), "teamId": null, "keyId": null}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let app = format!("app_{}", number % 9);
        create(&client, &json!({"credentialType": credential_type, "appName": app, "content": content})).await;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_credential_says_what_it_is() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let key = rsa_key();
    let rsa = key.serialize_pem();
    let service_account = |extra: &Value| {
        let mut content =
            json!({"project_id": "p", "client_email": "a@p.example", "private_key": rsa});
        content
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        content
    };
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIc9p6t1MfxXICAggA\n\
                     -----END ENCRYPTED PRIVATE KEY-----\n";
    // The beginning of a .p12 file, in base64.
    let pkcs12 = "MIIJUQIBAzCCCRcGCSqGSIb3DQEHAaCCCQgEggkE";
    let website = certificate(&key, "web.com.example", "Website Push ID: web.com.example");

    for (credential_type, content, field, expected) in [
        (
            "FCM",
            json!({"type": "authorized_user", "client_id": "x", "client_secret": "y", "refresh_token": "z",
                "quota_project_id": "p"}),
            "content.type",
            "must be service_account",
        ),
        (
            "FCM",
            service_account(&json!({"type": "authorized_user"})),
            "content.type",
            "of a person",
        ),
        (
            "FCM",
            service_account(&json!({"type": "external_account"})),
            "content.type",
            "workload identity",
        ),
        (
            "FCM",
            service_account(&json!({"universe_domain": "apis-tpclp.goog"})),
            "content.universe_domain",
            "must be googleapis.com",
        ),
        (
            "FCM",
            json!({"project_info": {"project_id": "p"}, "client": [], "configuration_version": "1"}),
            "content",
            "google-services.json",
        ),
        (
            "FCM",
            json!({"projectId": "p", "clientEmail": "a@p.example", "privateKey": encrypted}),
            "content.privateKey",
            "encrypted with a password",
        ),
        (
            "APN",
            json!({"certificate": pkcs12, "privateKey": rsa}),
            "content.certificate",
            "openssl pkcs12",
        ),
        (
            "APN",
            json!({"certificate": website, "privateKey": rsa}),
            "content.certificate",
            "Website Push",
        ),
        (
            "APN",
            json!({"privateKey": rsa, "teamId": "TEAM123456", "keyId": "KEY1234567", "bundleId": "a.b"}),
            "content.privateKey",
            "P-256",
        ),
        (
            "FCM",
            service_account(&json!({"quota_project_id": "x".repeat(70_000)})),
            "content",
            "at most 65536 bytes",
        ),
    ] {
        let body = json!({"credentialType": credential_type, "appName": "a", "content": content});
        let (status, error) = client.post("/Credentials", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");

        let errors = error["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{error}");
        assert_eq!(errors[0]["field"], field, "{error}");
        let message = errors[0]["message"].as_str().unwrap();
        assert!(
            message.contains(expected),
            "{message} should contain {expected}"
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voip_certificate_gets_its_topics_ending_once() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let key = rsa_key();
    let pem = certificate(
        &key,
        "com.example.app.voip",
        "VoIP Services: com.example.app",
    );
    let content = json!({"certificate": pem, "privateKey": key.serialize_pem()});
    create(
        &client,
        &json!({"credentialType": "APN", "appName": "voipapp", "content": content}),
    )
    .await;

    let call = json!({
        "to": [apn("740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad")],
        "from": {"appName": "voipapp"},
        "content": {},
        "apn": {"headers": {"apns-push-type": "voip"}, "payload": {"call": "1"}}
    });
    let (status, preview) = client.post("/Preview", &call).await;
    assert_eq!(status, StatusCode::OK, "{preview}");
    assert!(
        preview
            .to_string()
            .contains(r#""apns-topic":"com.example.app.voip""#),
        "{preview}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voip_push_may_have_5120_bytes() {
    let service = Service::start().await;
    let call = |bytes: usize| {
        json!({
            "to": [apn("abcdef")],
            "content": {},
            "apn": {"headers": {"apns-push-type": "voip"}, "payload": {"call": "x".repeat(bytes)}}
        })
    };

    let id = service.client.send(&call(5_000)).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1);
    assert_eq!(
        service.client.post("", &call(5_120)).await.0,
        StatusCode::BAD_REQUEST
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_shows_what_it_is_and_how_it_does() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let read = async |id: &str| client.read(&format!("/Credentials/{id}")).await;
    let test = async |id: &str| {
        let (status, body) = client
            .post(&format!("/Credentials/{id}/Test"), &json!({}))
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    };

    let content = service.world.simulator.apn_credential();
    let good = create(
        &client,
        &json!({"credentialType": "APN", "appName": "a", "content": content}),
    )
    .await;
    let before = read(&good).await;
    assert_eq!(before["details"]["bundleId"], content["bundleId"]);
    assert_eq!(before["details"]["teamId"], content["teamId"]);
    assert_eq!(before["details"]["keyId"], content["keyId"]);
    assert_eq!(
        (&before["status"], &before["lastUsedAt"]),
        (&json!("UNUSED"), &Value::Null)
    );

    assert_eq!(test(&good).await["status"], "WORKING");
    let after = read(&good).await;
    assert_eq!(after["status"], "WORKING");
    assert!(after["lastUsedAt"].is_string(), "{after}");
    assert_eq!(after["updatedAt"], before["updatedAt"]);
    assert_eq!(after["lastError"], Value::Null);

    // A key that APNs does not know.
    let mut unknown = content.clone();
    unknown["privateKey"] = json!(rcgen::KeyPair::generate().unwrap().serialize_pem());
    let bad = create(
        &client,
        &json!({"credentialType": "APN", "appName": "a", "content": unknown}),
    )
    .await;
    let tested = test(&bad).await;
    assert_eq!(tested["status"], "REFUSED", "{tested}");
    let shown = read(&bad).await;
    assert_eq!(shown["status"], "REFUSED");
    assert!(
        shown["lastError"]
            .as_str()
            .unwrap()
            .contains("InvalidProviderToken"),
        "{shown}"
    );
    assert!(shown["lastErrorAt"].is_string(), "{shown}");

    let key = rsa_key();
    let pem = certificate(
        &key,
        "com.example.app",
        "Apple Push Services: com.example.app",
    );
    let certified = create(
        &client,
        &json!({"credentialType": "APN_SANDBOX", "appName": "a",
            "content": {"certificate": pem, "privateKey": key.serialize_pem()}}),
    )
    .await;
    let shown = read(&certified).await;
    assert_eq!(
        shown["details"]["certificateName"],
        "Apple Push Services: com.example.app"
    );
    assert!(shown["certificateExpiresAt"].is_string(), "{shown}");

    // Another account's is not to be found.
    let path = format!("/Credentials/{good}/Test");
    assert_eq!(
        service.client.post(&path, &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_verified_is_stored_only_if_its_provider_takes_it() {
    let service = Service::start().await;
    let client = newcomer(&service).await;
    let mut content = service.world.simulator.fcm_credential();
    let body = |content: &Value| json!({"credentialType": "FCM", "appName": "a", "content": content, "verify": true});
    create(&client, &body(&content)).await;

    content["privateKey"] = json!(rsa_key().serialize_pem());
    let (status, error) = client.post("/Credentials", &body(&content)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["errors"][0]["field"], "content", "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("refuses it"),
        "{error}"
    );
    assert_eq!(client.all("/Credentials", "credentials", 10).await.len(), 1);
    service.stop().await;
}

/// Release 0.1 stores a Credential without its facts.
#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_credential_of_an_older_release_are_read_from_its_content() {
    let service = Service::start().await;
    let listed = service.client.read("/Credentials").await;
    let of = |credential_type: &str| {
        let credentials = listed["credentials"].as_array().unwrap();
        credentials
            .iter()
            .find(|credential| credential["credentialType"] == credential_type)
            .unwrap()["details"]
            .clone()
    };

    let fcm = service.world.simulator.fcm_credential();
    assert_eq!(of("FCM")["projectId"], fcm["projectId"]);
    let apn = service.world.simulator.apn_credential();
    assert_eq!(of("APN")["bundleId"], apn["bundleId"]);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_measured() {
    let world = World::new().await;
    let (account_id, key, secret) = world.account("demo").await;
    let content = world.simulator.apn_certificate_credential();
    let id = world
        .credential(account_id, CredentialType::Apn, &content)
        .await;
    sqlx::query("update credentials set expires_at = '2099-01-01T00:00:00Z' where id = $1")
        .bind(id.as_uuid())
        .execute(&world.database.pool)
        .await
        .unwrap();

    let service = world.start_for(&key, &secret).await;
    eventually("the metric", async || {
        let end = service
            .metric("bellwire_certificate_end_timestamp_seconds")
            .await;
        (end > 4_000_000_000.0).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_have_ended_do_not_hide_one_that_ends_soon() {
    let world = World::new().await;
    let (account_id, key, secret) = world.account("demo").await;
    let content = world.simulator.apn_certificate_credential();
    let soon = world
        .credential(account_id, CredentialType::Apn, &content)
        .await;
    for statement in [
        "insert into credentials (id, account_id, app_name, credential_type, master_key_id, content, expires_at)
         select lpad(to_hex(number), 32, '0')::uuid, account_id, app_name, credential_type, master_key_id, content, now() - interval '1 day'
         from credentials, generate_series(1, 1000) as number
         where id = $1",
        "update credentials set expires_at = now() + interval '20 days' where id = $1",
    ] {
        sqlx::query(statement)
            .bind(soon.as_uuid())
            .execute(&world.database.pool)
            .await
            .unwrap();
    }

    let (process, _) = Process::serve(&world, &(key, secret)).await;
    process.logged(&soon.to_string()).await;
}
