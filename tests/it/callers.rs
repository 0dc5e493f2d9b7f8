//! Roles of API keys, and rate limits.

use std::time::{Duration, Instant};

use bellwire::crypto::{generate_api_secret, hash_api_secret};
use bellwire::store::api_keys::{self, KnownKey, Role};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{Client, fcm, message};
use crate::support::eventually;
use crate::support::process::{Process, free_port};
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
        ended: None,
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
    assert_eq!(
        answer.headers()["ratelimit-policy"],
        r#""requests";q=3;w=1, "recipients";q=5;qu="recipients";w=60"#
    );
    let limits = answer.headers()["ratelimit"].to_str().unwrap();
    assert!(
        limits.ends_with(&format!(r#", "recipients";r=0;t={wait}"#)),
        "{limits}"
    );

    let answer = service.client.request(Method::GET, "/Operations");
    let answer = answer.send().await.unwrap();
    assert_eq!(
        answer.headers()["ratelimit-policy"],
        r#""requests";q=3;w=1"#
    );
    let limits = answer.headers()["ratelimit"].to_str().unwrap();
    assert!(limits.starts_with(r#""requests";r="#), "{limits}");

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

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_counts_for_the_rate_limit() {
    let mut world = World::new().await;
    world.config.limits.recipients_per_minute = 5;
    let (key, secret) = world.demo().await;
    world.register_many(20).await;
    let service = world.start_for(&key, &secret).await;

    let everybody = message(&[json!({"audience": {}})]);
    let (status, error) = service.client.post("", &everybody).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert_eq!(error["errors"][0]["field"], "to");

    let two = message(&[json!({"audience": {"tags": {"tier": "gold"}}})]);
    for expected in [202, 202, 429] {
        assert_eq!(service.client.post("", &two).await.0, expected);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_as_many_users_and_devices_as_it_may_have() {
    let mut world = World::new().await;
    world.config.limits.users_per_account = 2;
    world.config.limits.devices_per_account = 3;
    let service = world.start().await;
    let register = async |token: &str, user: Option<&str>| {
        let device = json!({"appName": "demo", "token": token, "provider": "FCM", "userId": user});
        service.client.post("/DeviceRegistrations", &device).await
    };

    let (_, first) = register("a", None).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        first["resourceId"].as_str().unwrap()
    );
    let user = service.client.read(&path).await["userId"].clone();
    let user = user.as_str();
    assert_eq!(register("b", None).await.0, StatusCode::ACCEPTED);
    let (status, error) = register("c", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{error}");
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("limits.users_per_account"), "{text}");

    assert_eq!(register("c", user).await.0, StatusCode::ACCEPTED);
    let (status, error) = register("d", user).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{error}");
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("limits.devices_per_account"), "{text}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_as_many_notifications_queued_as_it_may_have() {
    let mut world = World::new().await;
    world.config.limits.queued_per_account = 10;
    world.config.delivery.enabled = false;
    let service = world.start().await;

    let id = service.client.send(&message(&vec![fcm("a"); 9])).await;
    let request = service.client.request(Method::POST, "");
    let answer = request.json(&message(&vec![fcm("a"); 2])).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    let text = answer.text().await.unwrap();
    assert!(text.contains("limits.queued_per_account"), "{text}");

    assert_eq!(service.client.post("", &message(&[fcm("a")])).await.0, 202);
    let cancel = format!("/Operations/{id}/Cancel");
    assert_eq!(service.client.post(&cancel, &Value::Null).await.0, 202);
    eventually("room in the queue", async || {
        let (status, _) = service.client.post("", &message(&[fcm("a")])).await;
        (status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    service.stop().await;
}

/// An Operation with `count` notifications that failed and can be sent again.
async fn failed(service: &Service, count: usize) -> String {
    let to: Vec<Value> = (0..count)
        .map(|number| fcm(&format!("late-{number}~UNAVAILABLE-1")))
        .collect();
    let id = service.client.send(&message(&to)).await;
    let stats = service.client.completed(&id).await["stats"].clone();
    assert_eq!(stats["failed"], count, "{stats}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_counts_for_the_queue_of_the_account() {
    let mut world = World::new().await;
    world.config.limits.queued_per_account = 10;
    world.config.delivery.max_attempts = 1;
    let service = world.start().await;
    let client = &service.client;
    let id = failed(&service, 4).await;
    let mut later = message(&vec![fcm("a"); 8]);
    let tomorrow = OffsetDateTime::now_utc() + time::Duration::days(1);
    later["schedule"] = json!({"sendAt": [tomorrow.format(&Rfc3339).unwrap()]});
    let waiting = client.send(&later).await;

    let path = format!("/Operations/{id}/Resend");
    let (status, error) = client.post(&path, &json!({})).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{error}");
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("limits.queued_per_account"), "{text}");
    let (status, error) = client.post(&path, &json!({"recipients": [0, 1, 1]})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");

    let cancel = format!("/Operations/{waiting}/Cancel");
    assert_eq!(client.post(&cancel, &Value::Null).await.0, 202);
    eventually("room in the queue", async || {
        let (status, _) = client.post(&path, &json!({})).await;
        (status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_counts_for_the_rate_limit_unless_it_is_refused() {
    let mut world = World::new().await;
    world.config.limits.recipients_per_minute = 5;
    world.config.delivery.max_attempts = 1;
    let service = world.start().await;
    let client = &service.client;
    let id = failed(&service, 2).await;
    let path = format!("/Operations/{id}/Resend");

    for (body, expected) in [
        // Each is refused, and would count for two.
        (json!({"codes": ["NONE"]}), 409),
        (json!({"recipients": [0, 7]}), 400),
        (json!({"recipients": [0, 1]}), 202),
        (json!({}), 429),
        (json!({"recipients": [0]}), 202),
        (json!({"recipients": [0]}), 429),
    ] {
        let (status, answer) = client.post(&path, &body).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_the_queue_refuses_does_not_count_for_the_rate_limit() {
    let mut world = World::new().await;
    world.config.limits.recipients_per_minute = 10;
    world.config.limits.queued_per_account = 4;
    world.config.delivery.enabled = false;
    let service = world.start().await;
    let client = &service.client;
    client.send(&message(&vec![fcm("a"); 3])).await;

    for _ in 0..2 {
        let (status, error) = client.post("", &message(&vec![fcm("a"); 6])).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{error}");
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("limits.queued_per_account"), "{text}");
    }
    let (status, error) = client.post("", &message(&[fcm("a")])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_keys_is_slowed_down_counted_and_logged_without_the_secret() {
    let world = World::new().await;
    let caller = world.demo().await;
    let metrics = free_port();
    let environment = [
        ("BELLWIRE__METRICS__LISTEN", format!("127.0.0.1:{metrics}")),
        (
            "BELLWIRE__SERVER__TRUSTED_PROXIES",
            "127.0.0.0/8".to_owned(),
        ),
    ];
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;
    let guess = async |source: &str, key: &str| {
        let began = Instant::now();
        let stranger = Client::new(client.url(), key, "my-guessed-secret");
        let request = stranger.request(Method::GET, "/Apps");
        let answer = request.header("X-Forwarded-For", source).send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::UNAUTHORIZED);
        began.elapsed()
    };

    let guesses = (0..12).map(|_| guess("198.51.100.7", "SKdemo"));
    let slowest = join_all(guesses).await.into_iter().max().unwrap();
    assert!(slowest >= Duration::from_millis(900), "{slowest:?}");
    // Others are not slowed down, and neither is a valid key.
    guess("198.51.100.8", "aSecretInTheWrongPlace").await;
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(client.get("/Apps").await.0, StatusCode::OK);
        let known = client.request(Method::GET, "/Apps");
        let known = known.header("X-Forwarded-For", "198.51.100.7").send().await;
        assert_eq!(known.unwrap().status(), StatusCode::OK);
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < slowest, "{quickest:?}");

    let url = format!("http://127.0.0.1:{metrics}/metrics");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(
        text.contains("bellwire_http_failed_logins_total 13"),
        "{text}"
    );
    let log = process.log();
    assert_eq!(log.matches("a login failed").count(), 3, "{log}");
    assert!(
        log.contains("198.51.100.7") && log.contains("SKdemo"),
        "{log}"
    );
    for secret in ["my-guessed-secret", "aSecretInTheWrongPlace"] {
        assert!(!log.contains(secret), "{log}");
    }
    world.simulator.stop().await;
}
