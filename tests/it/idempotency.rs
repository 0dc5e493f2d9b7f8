//! Idempotency-Key: a repeated request changes nothing and gets the first answer.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{Client, fcm, message};
use crate::support::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_send_is_one_operation() {
    let service = Service::start().await;
    let client = &service.client;
    let body = message(&[fcm("a")]);
    let first = client.post_once("", "k1", &body).await;
    assert_eq!(first.0, StatusCode::ACCEPTED);
    assert_eq!(client.post_once("", "k1", &body).await, first);
    assert_ne!(client.post_once("", "k2", &body).await, first);

    let (status, error) = client.post_once("", "k1", &message(&[fcm("b")])).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::CONFLICT, &json!(20409))
    );
    assert_eq!(
        client.read("/Operations").await["operations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let (account_id, key, secret) = service.world.account("other").await;
    let other = Client::new(&service.url, &key, &secret);
    let content = service.world.simulator.fcm_credential();
    service
        .world
        .credential(
            account_id,
            bellwire::model::provider::CredentialType::Fcm,
            &content,
        )
        .await;
    let theirs = other.post_once("", "k1", &message(&[fcm("b")])).await;
    assert_eq!(
        theirs.0,
        StatusCode::ACCEPTED,
        "keys are each account's own"
    );

    for bad in ["", &"x".repeat(256)] {
        let (status, error) = client.post_once("", bad, &body).await;
        assert_eq!(
            (status, &error["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!("Idempotency-Key"))
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repeats_create_one_resource() {
    let service = Service::start().await;
    let client = &service.client;
    let send = message(&[fcm("a")]);
    let register = json!({"appName": "demo", "token": "t", "provider": "FCM"});
    let credential = json!({"appName": "third", "credentialType": "FCM",
        "content": service.world.simulator.fcm_credential()});

    for (path, body) in [
        ("", &send),
        ("/DeviceRegistrations", &register),
        ("/Credentials", &credential),
    ] {
        let answers = join_all((0..20).map(|_| client.post_once(path, "same", body))).await;
        // The key was used for another path before.
        let expected = if path.is_empty() {
            StatusCode::ACCEPTED
        } else {
            StatusCode::CONFLICT
        };
        assert!(
            answers.iter().all(|answer| answer.0 == expected),
            "{path}: {answers:?}"
        );
        let key = format!("key {path}");
        let answers = join_all((0..20).map(|_| client.post_once(path, &key, body))).await;
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{path}: {answers:?}"
        );
        assert_eq!(answers[0].0, StatusCode::ACCEPTED);
    }

    let count =
        async |path: &str, key: &str| client.read(path).await[key].as_array().unwrap().len();
    assert_eq!(count("/Operations", "operations").await, 2);
    assert_eq!(count("/Users", "users").await, 1);
    assert_eq!(count("/Credentials", "credentials").await, 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_concurrent_requests_with_the_same_key_is_done() {
    let service = Service::start().await;
    let client = &service.client;
    let send = message(&[fcm("a")]);
    let mut sent = 0;
    for number in 0..40 {
        let key = format!("key-{number}");
        let token = format!("token-{number}");
        let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
        let (first, second) = futures_util::future::join(
            client.post_once("", &key, &send),
            client.post_once("/DeviceRegistrations", &key, &device),
        )
        .await;
        let statuses = [first.0, second.0];
        sent += usize::from(statuses[0] == StatusCode::ACCEPTED);
        assert!(
            statuses.contains(&StatusCode::ACCEPTED) && statuses.contains(&StatusCode::CONFLICT),
            "{statuses:?}"
        );
    }

    assert_eq!(
        client.all("/Operations", "operations", 50).await.len(),
        sent
    );
    assert_eq!(
        client.all("/Users", "users", 50).await.len(),
        40 - sent,
        "what is refused is not done"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_cancel_is_answered_like_the_first_and_a_refused_request_uses_no_key() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[fcm("a")]);
    assert_eq!(
        client.post_once("", "k", &json!({})).await.0,
        StatusCode::BAD_REQUEST
    );

    let at = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
    body["schedule"] =
        json!({"sendAt": [at.format(&time::format_description::well_known::Rfc3339).unwrap()]});
    let (status, answer) = client.post_once("", "k", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");

    let path = format!(
        "/Operations/{}/Cancel",
        answer["operationId"].as_str().unwrap()
    );
    let first = client.post_once(&path, "c", &Value::Null).await;
    assert_eq!(first.0, StatusCode::ACCEPTED);
    assert_eq!(client.post_once(&path, "c", &Value::Null).await, first);
    assert_eq!(
        client.post_once(&path, "d", &Value::Null).await.0,
        StatusCode::CONFLICT
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_after_a_day() {
    let service = Service::start().await;
    let body = message(&[fcm("a")]);
    let first = service.client.post_once("", "k", &body).await;
    let pool = &service.world.database.pool;
    sqlx::query("update idempotency_keys set created_at = now() - interval '25 hours'")
        .execute(pool)
        .await
        .unwrap();
    let second = service
        .client
        .post_once("", "k", &message(&[fcm("b")]))
        .await;
    assert!(
        second.0 == StatusCode::ACCEPTED && second != first,
        "{second:?}"
    );

    sqlx::query("update idempotency_keys set created_at = now() - interval '25 hours'")
        .execute(pool)
        .await
        .unwrap();
    // The service's own maintenance may have been first.
    bellwire::store::idempotency_keys::forget(pool, 100)
        .await
        .unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from idempotency_keys")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    service.stop().await;
}
