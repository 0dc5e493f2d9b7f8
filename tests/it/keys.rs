//! API keys through the API: a FULL key manages those of its own account.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer};
use crate::support::eventually;
use crate::support::service::Service;

/// Creates a key, and returns a client that has it, and its user name.
async fn create(service: &Service, body: &Value) -> (Client, String) {
    let (status, created) = service.client.post("/Keys", body).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");

    let [key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap().to_owned());
    (Client::new(&service.url, &key, &secret), key)
}

async fn revoke(client: &Client, key: &str) -> StatusCode {
    let request = client.request(Method::DELETE, &format!("/Keys/{key}"));
    answer(request.send().await.unwrap()).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_as_its_role_says_until_it_is_revoked() {
    let service = Service::start().await;
    let body = json!({"role": "READ", "name": "reports", "note": "asked for by finance"});
    let (reader, key) = create(&service, &body).await;

    assert_eq!(reader.get("/Apps").await.0, StatusCode::OK);
    for path in ["/Keys".to_owned(), format!("/Keys/{key}")] {
        assert_eq!(reader.get(&path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(
        reader.post("/Keys", &json!({})).await.0,
        StatusCode::FORBIDDEN
    );

    let path = format!("/Keys/{key}");
    let shown = eventually("its last use", async || {
        let shown = service.client.read(&path).await;
        shown["lastUsedAt"].is_string().then_some(shown)
    })
    .await;
    assert_eq!(
        [
            &shown["role"],
            &shown["status"],
            &shown["name"],
            &shown["note"]
        ],
        ["READ", "ACTIVE", "reports", "asked for by finance"]
    );
    assert!(shown.get("secret").is_none(), "{shown}");

    assert_eq!(revoke(&service.client, &key).await, StatusCode::NO_CONTENT);
    assert_eq!(revoke(&service.client, &key).await, StatusCode::NOT_FOUND);
    assert_eq!(reader.get("/Apps").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(service.client.read(&path).await["status"], "REVOKED");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_works_for_the_overlap() {
    let service = Service::start().await;
    let (old, key) = create(&service, &json!({"name": "backend"})).await;

    let path = format!("/Keys/{key}/Rotate");
    let (status, created) = service.client.post(&path, &json!({"overlap": 3600})).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let [new_key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap());
    let new = Client::new(&service.url, new_key, secret);

    assert_eq!(old.get("/Apps").await.0, StatusCode::OK);
    assert_eq!(new.get("/Apps").await.0, StatusCode::OK);
    let rotated = service.client.read(&format!("/Keys/{key}")).await;
    assert!(rotated["expiresAt"].is_string(), "{rotated}");
    let successor = service.client.read(&format!("/Keys/{new_key}")).await;
    assert_eq!(successor["name"], "backend");

    let (status, _) = service.client.post(&path, &json!({"overlap": 0})).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, error) = old.get("/Apps").await;
    let message = error["message"].as_str().unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(message.contains("has expired"), "{message}");

    // Who has another secret does not learn that it has.
    let stranger = Client::new(&service.url, &key, "guessed");
    let (status, error) = stranger.get("/Apps").await;
    let message = error["message"].as_str().unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        message.contains("The secret is not that of this API key"),
        "{message}"
    );
    let (status, _) = service.client.post(&path, &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "it has expired");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_and_rotated_without_a_body() {
    let service = Service::start().await;
    let post = async |path: &str| {
        answer(
            service
                .client
                .request(Method::POST, path)
                .send()
                .await
                .unwrap(),
        )
        .await
    };

    let (status, created) = post("/Keys").await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let key = created["key"].as_str().unwrap();
    let (status, rotated) = post(&format!("/Keys/{key}/Rotate")).await;
    assert_eq!(status, StatusCode::CREATED, "{rotated}");

    let old = service.client.read(&format!("/Keys/{key}")).await;
    assert!(old["expiresAt"].is_string(), "{old}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_manages_its_own_keys_only_and_not_the_one_in_use() {
    let service = Service::start().await;
    let (_, key, secret) = service.world.account("other").await;
    let other = Client::new(&service.url, &key, &secret);
    let (_, own) = create(&service, &json!({})).await;

    assert_eq!(
        other.get(&format!("/Keys/{own}")).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(revoke(&other, &own).await, StatusCode::NOT_FOUND);
    let path = format!("/Keys/{own}/Rotate");
    assert_eq!(other.post(&path, &json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(revoke(&other, &key).await, StatusCode::CONFLICT);

    let listed = other.all("/Keys", "keys", 1).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["key"], key.as_str());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_is_refused_field_by_field_and_a_hundred_are_the_most() {
    let service = Service::start().await;
    let bad = json!({"role": "ADMIN", "name": "", "note": 7, "expiresAt": "2020-01-01T00:00:00Z", "secret": "x"});
    let (status, error) = service.client.post("/Keys", &bad).await;
    let fields: Vec<&str> = error["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        (status, fields),
        (
            StatusCode::BAD_REQUEST,
            vec!["role", "name", "note", "expiresAt", "secret"]
        )
    );
    // In UTC it is in the year 10000, which no answer can show.
    let late = json!({"expiresAt": "9999-12-31T23:59:59-01:00"});
    let (status, error) = service.client.post("/Keys", &late).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert_eq!(error["errors"][0]["field"], "expiresAt");

    for _ in 0..99 {
        create(&service, &json!({})).await;
    }
    let (status, error) = service.client.post("/Keys", &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    service.stop().await;
}
