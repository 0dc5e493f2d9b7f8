//! Roles of API keys, and rate limits.

use bellwire::crypto::{generate_api_secret, hash_api_secret};
use bellwire::store::api_keys::{self, KnownKey, Role};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, fcm, message};
use crate::support::service::{Service, World};

async fn with_role(service: &Service, role: Role) -> Client {
    let pool = &service.world.database.pool;
    let (account_id, ..) = service.world.account(&format!("{role:?}")).await;
    let content = service.world.simulator.fcm_credential();
    service
        .world
        .credential(
            account_id,
            bellwire::model::provider::CredentialType::Fcm,
            &content,
        )
        .await;
    let key = format!("SKrole{role:?}");
    let secret = generate_api_secret();
    let known = KnownKey {
        account_id,
        secret_hash: hash_api_secret(&secret),
        role,
    };
    assert!(api_keys::insert(pool, &key, &known).await.unwrap());

    Client::new(&service.url, &key, &secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_role_allows() {
    let service = Service::start().await;
    let sender = with_role(&service, Role::Send).await;
    let reader = with_role(&service, Role::Read).await;
    let id = sender.send(&message(&[fcm("a")])).await;
    let cancel = format!("/Operations/{id}/Cancel");
    assert_ne!(
        sender.post(&cancel, &Value::Null).await.0,
        StatusCode::FORBIDDEN
    );

    for (method, path) in [
        (Method::GET, ""),
        (Method::GET, "/Operations"),
        (Method::POST, "/Credentials"),
        (Method::POST, "/DeviceRegistrations"),
        (Method::DELETE, "/Users/x"),
    ] {
        let answer = sender
            .request(method.clone(), path)
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
    }

    assert_eq!(reader.get("/Operations").await.0, StatusCode::OK);

    let (status, error) = reader.post("", &message(&[fcm("a")])).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::FORBIDDEN, &json!(403))
    );

    for (method, path) in [
        (Method::POST, cancel.as_str()),
        (Method::DELETE, "/Credentials/x"),
        (Method::PATCH, "/Apps/demo"),
    ] {
        let answer = reader
            .request(method.clone(), path)
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_over_a_limit_get_429_with_retry_after() {
    let mut world = World::new().await;
    world.config.limits.requests_per_second = 3;
    world.config.limits.recipients_per_minute = 5;
    let service = world.start().await;
    let (status, error) = service.client.post("", &message(&vec![fcm("a"); 6])).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to")),
        "never fits"
    );
    assert_eq!(
        service
            .client
            .post("", &message(&vec![fcm("a"); 4]))
            .await
            .0,
        StatusCode::ACCEPTED
    );

    let answer = service
        .client
        .request(Method::POST, "")
        .json(&message(&vec![fcm("a"); 4]))
        .send()
        .await
        .unwrap();
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=60).contains(&wait), "{wait}");

    // At three a second, 200 requests take more than a minute.
    let requests = (0..200).map(|_| service.client.get("/Operations"));
    let answers = join_all(requests).await;
    let (_, limited) = answers
        .into_iter()
        .find(|(status, _)| *status == StatusCode::TOO_MANY_REQUESTS)
        .expect("no request was refused");
    let message = "Too many requests. Please retry according to the Retry-After response header.";
    let more_info = "https://www.twilio.com/docs/api/errors/20429";
    assert_eq!(
        limited,
        json!({"code": 20429, "message": message, "more_info": more_info, "status": 429})
    );
    service.stop().await;
}
