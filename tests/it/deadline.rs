//! A send may say for how long Bellwire goes on trying.

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::client::{fcm, message};
use crate::support::service::{Service, World};

/// The time from acceptance to the deadline of the newest Operation, in seconds.
async fn stored_deadline(service: &Service) -> i64 {
    sqlx::query_scalar(
        "select round(extract(epoch from deadline_at - coalesce(send_at, created_at)))::bigint
         from operations order by id desc limit 1",
    )
    .fetch_one(&service.world.database.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_may_be_tried_for_longer_or_shorter_than_the_default() {
    let service = Service::start().await;

    for (deadline, ttl, expected) in [
        (json!(null), json!(null), 3600),
        (json!(604_800), json!(null), 604_800),
        (json!(604_800), json!(86_400), 86_400),
        (json!(1), json!(86_400), 1),
    ] {
        let mut body = message(&[fcm("a")]);
        body["deadline"] = deadline.clone();
        body["ttl"] = ttl.clone();
        service.client.send(&body).await;
        assert_eq!(
            stored_deadline(&service).await,
            expected,
            "{deadline} {ttl}"
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_by_then_fails_as_expired() {
    let mut world = World::new().await;
    world.config.delivery.max_attempts = 1000;
    let service = world.start().await;
    service
        .set_faults(Faults {
            outage: Outage::Unavailable,
            ..Faults::default()
        })
        .await;

    let mut body = message(&[fcm("a")]);
    body["deadline"] = json!(1);
    let id = service.client.send(&body).await;
    service.client.completed(&id).await;
    let errors = service
        .client
        .read(&format!("/Operations/{id}/Errors"))
        .await;
    assert_eq!(errors["errors"][0]["code"], "EXPIRED");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_beyond_its_limits_is_refused() {
    let service = Service::start().await;
    for bad in [
        json!(0),
        json!(604_801),
        json!(-5),
        json!(1.5),
        json!("60"),
        json!({"seconds": 60}),
    ] {
        let mut body = message(&[fcm("a")]);
        body["deadline"] = bad.clone();
        let (status, answer) = service.client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {answer}");
        assert_eq!(answer["errors"][0]["field"], "deadline", "{bad}");
    }
    service.stop().await;
}
