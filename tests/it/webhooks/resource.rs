//! The resource: created with a secret that is shown once, changed, deleted; and what is refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer};
use crate::support::forms::forms;
use crate::support::service::{Service, World};

fn webhook() -> Value {
    json!({"url": "https://hooks.example.com/bellwire", "events": ["operation.completed", "notification.failed"]})
}

async fn patch(client: &Client, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = client.request(Method::PATCH, path).json(body);
    answer(request.send().await.unwrap()).await
}

async fn count(service: &Service) -> i64 {
    sqlx::query_scalar("select count(*) from webhooks")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = webhook();
    body["appName"] = json!("demo");
    body["tags"] = json!({"team": "crm"});
    body["description"] = json!("the CRM");
    body["envelope"] = json!("CloudEvents");

    let response = client
        .request(Method::POST, "/Webhooks")
        .json(&body)
        .send()
        .await
        .unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, created) = answer(response).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let id = created["id"].as_str().unwrap();
    let path = format!("/Webhooks/{id}");
    assert!(location.ends_with(&path), "{location}");
    let secret = created["secret"].as_str().unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() > 40,
        "{secret}"
    );

    let mut expected = json!({"id": "[bellwire_webhook_ID]", "url": "https://hooks.example.com/bellwire",
        "events": ["operation.completed", "notification.failed"], "appName": "demo", "tags": {"team": "crm"},
        "description": "the CRM", "envelope": "cloudevents", "status": "ENABLED", "disabledReason": null,
        "createdAt": "[date]", "updatedAt": "[date]"});
    let read = client.read(&path).await;
    assert_eq!(forms(&read), expected);
    let listed = client.read("/Webhooks").await;
    assert_eq!(listed["webhooks"], json!([read]));
    assert!(listed["pagination"]["next"].is_null());

    let change = json!({"events": ["device.removed", "device.removed"], "appName": null, "tags": null,
        "description": null, "envelope": null, "url": "https://hooks.example.com/other", "status": "DISABLED"});
    let (status, changed) = patch(client, &path, &change).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{changed}");
    assert_eq!(changed["resourceId"], id);
    expected["events"] = json!(["device.removed"]);
    for name in ["appName", "tags", "description"] {
        expected[name] = Value::Null;
    }
    expected["envelope"] = json!("standard");
    expected["url"] = json!("https://hooks.example.com/other");
    expected["status"] = json!("DISABLED");
    expected["disabledReason"] = json!("disabled by a request");
    assert_eq!(forms(&client.read(&path).await), expected);

    patch(client, &path, &json!({"status": "ENABLED"})).await;
    let enabled = client.read(&path).await;
    assert_eq!(enabled["status"], "ENABLED");
    assert_eq!(
        enabled["url"], "https://hooks.example.com/other",
        "the rest stays"
    );

    let deleted = client.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(client.get(&path).await.0, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_and_never_kept_in_plain_text() {
    let service = Service::start().await;
    let client = &service.client;
    let (status, created) = client.post_once("/Webhooks", "key-1", &webhook()).await;
    assert_eq!(status, StatusCode::CREATED);
    let path = format!("/Webhooks/{}", created["id"].as_str().unwrap());
    let mut shown = vec![created["secret"].as_str().unwrap().to_owned()];

    // A repeat is answered without the secret, and makes nothing.
    let (status, again) = client.post_once("/Webhooks", "key-1", &webhook()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(again["id"], created["id"]);
    assert!(again.get("secret").is_none(), "{again}");
    assert_eq!(count(&service).await, 1);

    let rotate = format!("{path}/RotateSecret");
    let request = client
        .request(Method::POST, &rotate)
        .header("Idempotency-Key", "key-2");
    let (status, rotated) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    shown.push(rotated["secret"].as_str().unwrap().to_owned());
    assert_ne!(shown[0], shown[1]);
    let request = client
        .request(Method::POST, &rotate)
        .header("Idempotency-Key", "key-2");
    let (status, again) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(again.get("secret").is_none(), "{again}");

    for answer in [client.read(&path).await, client.read("/Webhooks").await] {
        assert!(!answer.to_string().contains("whsec_"), "{answer}");
    }
    for table in ["webhooks", "idempotency_keys"] {
        let query = format!("select string_agg({table}::text, ' ') from {table}");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        for secret in &shown {
            let encoded = secret.strip_prefix("whsec_").unwrap();
            assert!(!rows.contains(encoded), "{table}");
        }
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_within_are_refused_and_nothing_is_written() {
    let service = Service::start().await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.1.2.3/",
        "https://192.168.0.1:8443/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://017700000001/",
        "https://0.0.0.0/",
        "ftp://example.com/",
        "not a url",
        "",
        "https://user:password@example.com/",
    ] {
        let mut body = webhook();
        body["url"] = json!(url);
        let (status, error) = service.client.post("/Webhooks", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url}: {error}");
        assert_eq!(error["errors"][0]["field"], "url", "{url}: {error}");
    }
    assert_eq!(count(&service).await, 0);

    // A change is held to the same rules.
    let (_, created) = service.client.post("/Webhooks", &webhook()).await;
    let path = format!("/Webhooks/{}", created["id"].as_str().unwrap());
    let (status, _) = patch(&service.client, &path, &json!({"url": "https://10.0.0.1/"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(service.client.read(&path).await["url"], created["url"]);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_allow_private_addresses_but_no_metadata() {
    let mut world = World::new().await;
    world.config.webhooks.allow_private = true;
    let service = world.start().await;
    for (url, expected) in [
        ("http://127.0.0.1:9000/hook", StatusCode::CREATED),
        ("http://localhost:9000/hook", StatusCode::CREATED),
        ("https://10.0.0.1/", StatusCode::CREATED),
        (
            "https://name-that-does-not-resolve.invalid/",
            StatusCode::CREATED,
        ),
        ("http://93.184.216.34/", StatusCode::BAD_REQUEST),
        ("http://169.254.169.254/", StatusCode::BAD_REQUEST),
        ("http://[::ffff:169.254.169.254]/", StatusCode::BAD_REQUEST),
        ("http://[fe80::1]/", StatusCode::BAD_REQUEST),
        ("https://metadata.google.internal/", StatusCode::BAD_REQUEST),
    ] {
        let mut body = webhook();
        body["url"] = json!(url);
        let (status, answer) = service.client.post("/Webhooks", &body).await;
        assert_eq!(status, expected, "{url}: {answer}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_are_named_and_an_account_has_at_most_ten() {
    let service = Service::start().await;
    let client = &service.client;
    for (change, field) in [
        (json!({"events": []}), "events"),
        (json!({"events": null}), "events"),
        (json!({"events": "operation.completed"}), "events"),
        (
            json!({"events": ["operation.completed", "operation.finished"]}),
            "events[1]",
        ),
        (json!({"events": [7]}), "events[0]"),
        (json!({"url": null}), "url"),
        (json!({"url": 7}), "url"),
        (json!({"appName": "no_such_app"}), "appName"),
        (json!({"appName": "No App"}), "appName"),
        (json!({"tags": {"a b": "c"}}), "tags.a b"),
        (json!({"description": "d".repeat(257)}), "description"),
        (json!({"envelope": "soap"}), "envelope"),
        (json!({"secret": "whsec_mine"}), "secret"),
    ] {
        let mut body = webhook();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, error) = client.post("/Webhooks", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {error}");
        assert_eq!(error["errors"][0]["field"], field, "{body}: {error}");
    }
    assert_eq!(count(&service).await, 0);

    for _ in 0..10 {
        assert_eq!(
            client.post("/Webhooks", &webhook()).await.0,
            StatusCode::CREATED
        );
    }
    let (status, error) = client.post("/Webhooks", &webhook()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("at most 10 webhooks"),
        "{error}"
    );
    assert_eq!(count(&service).await, 10);
    assert_eq!(client.all("/Webhooks", "webhooks", 3).await.len(), 10);
    service.stop().await;
}
