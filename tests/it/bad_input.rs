//! Bad input: the right status, an error that names the field, and nothing written.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, apn, fcm, message};
use crate::support::service::{Service, World};

const TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bF";

fn fields(error: &Value) -> Vec<&str> {
    error["errors"]
        .as_array()
        .map_or(Vec::new(), |errors| errors.iter().map(|error| error["field"].as_str().unwrap()).collect())
}

/// A good send with one thing changed.
fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = message(&[fcm(TOKEN)]);
    change(&mut body);
    body
}

async fn assert_nothing_written(service: &Service) {
    let written: i64 = sqlx::query_scalar("select (select count(*) from operations) + (select count(*) from push_notifications) + (select count(*) from batches)")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_send_is_refused_with_the_field_at_fault() {
    let service = Service::start().await;
    let long = "x".repeat(5000);
    let many: Vec<Value> = (0..10_001).map(|index| fcm(&format!("t{index}"))).collect();
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("unknown field", with(|body| body["titel"] = json!("x")), &["titel"]),
        ("unknown nested field", with(|body| body["content"]["text"] = json!("x")), &["content.text"]),
        ("wrong type", with(|body| body["content"]["title"] = json!(7)), &["content.title"]),
        ("no recipients", with(|body| body["to"] = json!([])), &["to"]),
        ("10,001 recipients", with(|body| body["to"] = json!(many)), &["to"]),
        ("no to", with(|body| body["to"] = Value::Null), &["to"]),
        ("to is an object", with(|body| body["to"] = fcm(TOKEN)), &["to"]),
        ("unknown provider", with(|body| body["to"][0]["provider"] = json!("GCM")), &["to[0].provider"]),
        ("lower-case provider", with(|body| body["to"][0]["provider"] = json!("fcm")), &["to[0].provider"]),
        ("no provider", with(|body| body["to"] = json!([{"token": "x"}])), &["to[0].provider"]),
        ("no token", with(|body| body["to"] = json!([{"provider": "FCM"}])), &["to[0].token"]),
        ("empty token", with(|body| body["to"][0]["token"] = json!("")), &["to[0].token"]),
        ("token with a space", with(|body| body["to"][0]["token"] = json!("a b")), &["to[0].token"]),
        ("token that is a path", with(|body| body["to"] = json!([apn("../x")])), &["to[0].token"]),
        ("a user", with(|body| body["to"] = json!([{"userId": "x"}])), &["to[0].userId"]),
        ("no content", with(|body| body["content"] = Value::Null), &["content"]),
        ("empty content", with(|body| body["content"] = json!({})), &["content"]),
        ("5 KB", with(|body| body["content"]["body"] = json!(long)), &["content"]),
        ("priority", with(|body| body["priority"] = json!("URGENT")), &["priority"]),
        ("ttl", with(|body| body["ttl"] = json!(-1)), &["ttl"]),
        ("badge", with(|body| body["badge"] = json!(1.5)), &["badge"]),
        ("data", with(|body| body["content"]["data"] = json!({"a": 1})), &["content.data.a"]),
        ("reserved data", with(|body| body["content"]["data"] = json!({"from": "x"})), &["content.data.from"]),
        ("image", with(|body| body["content"]["image"] = json!("no address")), &["content.image"]),
        ("NUL", with(|body| body["content"]["title"] = json!("a\0b")), &["content.title"]),
        ("override of the target", with(|body| body["fcm"] = json!({"topic": "x"})), &["fcm.topic"]),
        ("tags", with(|body| body["tags"] = json!({"a b": "x"})), &["tags.a b"]),
        (
            "schedule in the past",
            with(|body| body["schedule"] = json!({"sendAt": ["2020-01-01T00:00:00Z"]})),
            &["schedule.sendAt[0]"],
        ),
        ("unknown App", with(|body| body["from"] = json!({"appName": "nope"})), &["from.appName"]),
        ("malformed Credential", with(|body| body["from"] = json!({"fcm": "nope"})), &["from.fcm"]),
        (
            "unknown Credential",
            with(|body| body["from"] = json!({"fcm": "comms_credential_01h9krwprkeee8fzqspvwy6nq8"})),
            &["from.fcm"],
        ),
        (
            "several at once",
            with(|body| {
                body["to"] = json!([{"token": 1, "provider": "FCM"}, fcm("ok"), {"token": "x", "provider": "X"}]);
                body["ttl"] = json!("long");
            }),
            &["to[0].token", "to[2].provider", "ttl"],
        ),
    ];
    for (case, body, expected) in cases {
        let (status, error) = service.client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{case}: {error}");
        assert_eq!((&error["code"], &error["status"]), (&json!(400), &json!(400)), "{case}");
        assert_eq!(fields(&error), expected, "{case}: {error}");
    }
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_error_is_what_a_client_gets() {
    let service = Service::start().await;
    let body = with(|body| body["to"][0]["provider"] = json!("GCM"));
    let response = service.client.request(Method::POST, "").json(&body).send().await.unwrap();
    let text = response.text().await.unwrap();
    assert!(include_str!("../../README.md").contains(&format!("```json\n{text}\n```")), "{text}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_at_all_gets_the_error_object_too() {
    let mut world = World::new().await;
    world.config.server.max_body_size = 100_000;
    let service = world.start().await;
    let post = || service.client.request(Method::POST, "").header("content-type", "application/json");

    let (status, error) = answer(post().body("{\"to\": [").send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["message"].as_str().unwrap().contains("line 1"), "{error}");
    let (status, _) = answer(post().body("[]").send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, error) = answer(post().body("x".repeat(100_001)).send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(413)));
    assert!(error["message"].as_str().unwrap().contains("100000"), "{error}");
    let text = service.client.request(Method::POST, "").header("content-type", "text/plain").body("{}");
    let (status, error) = answer(text.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!(415)));

    let response = service.client.request(Method::PUT, "").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, POST");
    let (status, error) = answer(response).await;
    assert_eq!((status, &error["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!(405)));
    for path in [
        "/nothing/here",
        "/Operations/x",
        "/Operations/%ff",
        "/comms_pushnotification_x",
        "/Apps/nope",
        "/Credentials/x",
    ] {
        let (status, error) = service.client.get(path).await;
        assert_eq!((status, &error["code"]), (StatusCode::NOT_FOUND, &json!(20404)), "{path}: {error}");
    }
    let stranger = Client::new(&service.url, "SKdemo", "guessed");
    let response = stranger.request(Method::GET, "/Operations").send().await.unwrap();
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let (status, error) = answer(response).await;
    assert_eq!((status, &error["code"]), (StatusCode::UNAUTHORIZED, &json!(20003)));
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_query_parameter_is_named() {
    let service = Service::start().await;
    let cases = [
        ("/Operations?pageSize=0", "pageSize"),
        ("/Operations?pageSize=1001", "pageSize"),
        ("/Operations?pageToken=garbage", "pageToken"),
        ("/Operations?status=FAILED", "status"),
        ("/Operations?startDate=yesterday", "startDate"),
        ("?operationId=x", "operationId"),
        ("?provider=fcm", "provider"),
        ("?tags=x", "tags"),
        ("/Credentials?credentialType=GCM", "credentialType"),
        ("/Apps?isDefault=perhaps", "isDefault"),
    ];
    for (path, field) in cases {
        let (status, error) = service.client.get(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
        assert_eq!(fields(&error), [field], "{path}");
    }
    let (status, _) = service.client.get("/Operations?unknown=1").await;
    assert_eq!(status, StatusCode::OK, "unknown parameters are ignored");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_credential_is_named_at_its_first_recipient() {
    let service = Service::start().await;
    let (account_id, key, secret) = service.world.account("other").await;
    let other = Client::new(&service.url, &key, &secret);
    let (status, error) = other.post("", &message(&[fcm(TOKEN)])).await;
    assert_eq!((status, fields(&error)), (StatusCode::BAD_REQUEST, vec!["from"]), "no App at all");
    let fcm_type = bellwire::provider::CredentialType::Fcm;
    let content = service.world.simulator.fcm_credential();
    service.world.credential(account_id, fcm_type, &content).await;
    let (status, error) = other.post("", &message(&[fcm(TOKEN), apn("aa")])).await;
    assert_eq!((status, fields(&error)), (StatusCode::BAD_REQUEST, vec!["to[1].provider"]));
    assert_nothing_written(&service).await;
    service.stop().await;
}
