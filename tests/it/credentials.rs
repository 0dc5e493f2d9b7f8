//! Credentials and Apps: how a client manages them. Their content is never shown.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, apn, message};
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
