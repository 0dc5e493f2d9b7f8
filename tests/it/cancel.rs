//! A cancel ends the unsettled notifications and leaves the settled ones, and every count stays
//! right.

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, apn, assert_adds_up, fcm, message};
use crate::support::service::{Service, World};
use crate::support::{eventually, steady};

async fn cancel(client: &Client, path: &str) -> StatusCode {
    client.post(&format!("{path}/Cancel"), &Value::Null).await.0
}

/// A message that is due in an hour.
fn scheduled(to: &[Value]) -> Value {
    let mut body = message(to);
    let at = OffsetDateTime::now_utc() + Duration::hours(1);
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_operation_is_canceled_as_a_whole_and_once() {
    let service = Service::start().await;
    let id = service
        .client
        .send(&scheduled(&[fcm("a"), apn("bb")]))
        .await;
    let path = format!("/Operations/{id}");
    let (status, answer) = service
        .client
        .post(&format!("{path}/Cancel"), &Value::Null)
        .await;
    assert_eq!(
        (status, &answer["operationId"]),
        (StatusCode::ACCEPTED, &json!(id))
    );

    let operation = service.client.read(&path).await;
    assert_adds_up(&operation["stats"]);
    assert_eq!(
        (&operation["status"], &operation["stats"]["canceled"]),
        (&json!("CANCELED"), &json!(2))
    );

    let listed = service.client.read("/Operations?status=CANCELED").await;
    assert_eq!(listed["operations"][0]["id"], json!(id));

    let (status, error) = service
        .client
        .post(&format!("{path}/Cancel"), &Value::Null)
        .await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::CONFLICT, &json!(20409))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_notification_is_canceled_and_the_others_go() {
    let service = Service::start().await;
    let body = scheduled(&[fcm("a"), fcm("b"), fcm("c")]);
    let id = service.client.send(&body).await;
    let list = service.client.read(&format!("?operationId={id}")).await;
    let second = format!("/{}", list["pushNotifications"][1]["id"].as_str().unwrap());
    assert_eq!(cancel(&service.client, &second).await, StatusCode::ACCEPTED);
    assert_eq!(cancel(&service.client, &second).await, StatusCode::CONFLICT);
    assert_eq!(service.client.read(&second).await["status"], "CANCELED");

    // As if its time had come.
    sqlx::query("update batches set due_at = now()")
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    let stats = service.client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(2), &json!(1)));

    let first = format!("/{}", list["pushNotifications"][0]["id"].as_str().unwrap());
    assert_eq!(
        cancel(&service.client, &first).await,
        StatusCode::CONFLICT,
        "it has been sent"
    );
    assert_eq!(service.arrived().await["tokens"], 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_notification_that_waits_for_its_provider_is_never_sent() {
    let mut world = World::new().await;
    world.config.delivery.max_attempts = 1000;
    let service = world.start().await;
    let before = service.client.send(&message(&[fcm("before")])).await;
    service.client.completed(&before).await;
    service
        .set_faults(Faults {
            outage: Outage::Unavailable,
            ..Faults::default()
        })
        .await;
    let to: Vec<_> = (0..50).map(|index| fcm(&format!("d{index}"))).collect();
    let id = service.client.send(&message(&to)).await;
    let path = format!("/Operations/{id}");
    eventually("an attempt", async || {
        let list = service
            .client
            .read(&format!("?operationId={id}&pageSize=1"))
            .await;
        let first = format!(
            "/{}/DeliveryAttempts",
            list["pushNotifications"][0]["id"].as_str().unwrap()
        );
        let attempts = service.client.read(&first).await;
        (attempts["deliveryAttempts"] != json!([])).then_some(())
    })
    .await;

    assert_eq!(cancel(&service.client, &path).await, StatusCode::ACCEPTED);

    service.set_faults(Faults::default()).await;

    // The lane has recovered once it has sent another.
    let other = service.client.send(&message(&[fcm("other")])).await;
    service.client.completed(&other).await;
    let operation = service.client.read(&path).await;
    assert_eq!(operation["status"], "CANCELED");
    assert_eq!(operation["stats"]["queued"], 0);

    // Requests that were in flight may have been accepted, and are on record. No other was sent.
    let arrived = async || {
        let arrived = service.arrived().await;
        (arrived["accepted"].clone(), arrived["inFlight"].clone())
    };
    let (accepted, _) = steady("what arrives", std::time::Duration::from_secs(1), arrived).await;
    let sent = service.client.read(&path).await["stats"]["sent"].clone();
    assert_eq!(accepted.as_i64().unwrap(), sent.as_i64().unwrap() + 2);
    service.stop().await;
}

/// Registers a User with one device that accepts and one that fails nine times.
async fn user_of_two(client: &Client, number: usize) -> Value {
    let mut body = json!({"appName": "demo", "token": format!("good-{number}"), "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &body).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = client.read(&path).await["userId"].clone();
    (body["userId"], body["token"]) = (user.clone(), json!(format!("bad-{number}~UNAVAILABLE-9")));
    assert_eq!(
        client.post("/DeviceRegistrations", &body).await.0,
        StatusCode::ACCEPTED
    );

    json!({"userId": user})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_notification_that_one_device_has_received_is_sent() {
    let mut world = World::new().await;
    world.config.delivery.retry_base = std::time::Duration::from_secs(600);
    world.config.delivery.retry_max = std::time::Duration::from_secs(600);
    let service = world.start().await;
    let client = &service.client;
    let user = user_of_two(client, 0).await;

    for whole in [true, false] {
        let id = client.send(&message(std::slice::from_ref(&user))).await;
        let list = client.read(&format!("?operationId={id}")).await;
        let notification = format!("/{}", list["pushNotifications"][0]["id"].as_str().unwrap());
        eventually("both devices to be tried", async || {
            let attempts = client
                .read(&format!("{notification}/DeliveryAttempts"))
                .await;
            (attempts["deliveryAttempts"].as_array().unwrap().len() == 2).then_some(())
        })
        .await;
        assert_eq!(client.read(&notification).await["status"], "QUEUED");
        let path = if whole {
            format!("/Operations/{id}")
        } else {
            notification.clone()
        };
        assert_eq!(
            cancel(client, &path).await,
            StatusCode::ACCEPTED,
            "the other device is let go of"
        );
        assert_eq!(cancel(client, &path).await, StatusCode::CONFLICT);
        assert_eq!(client.read(&notification).await["status"], "SENT");
        let operation = client.read(&format!("/Operations/{id}")).await;
        assert_eq!(
            operation["status"],
            if whole { "CANCELED" } else { "COMPLETED" }
        );
        let stats = &operation["stats"];
        assert_eq!(
            (&stats["sent"], &stats["canceled"], &stats["queued"]),
            (&json!(1), &json!(0), &json!(0))
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_during_the_attempts_for_many_users_leaves_every_status_right() {
    let behaviour = Behaviour::new(
        100,
        1000,
        Faults {
            latency: 20,
            jitter: 200,
            ..Faults::default()
        },
    );
    let mut world = World::with(Options {
        behaviour,
        ..Options::default()
    })
    .await;

    // So slow that the devices that fail nine times keep the Operation open until it is canceled.
    world.config.delivery.retry_base = std::time::Duration::from_secs(5);
    world.config.delivery.retry_max = std::time::Duration::from_secs(5);
    let service = world.start().await;
    let client = &service.client;
    let users =
        futures_util::future::join_all((0..100).map(|number| user_of_two(client, number))).await;
    let id = client.send(&message(&users)).await;
    eventually("the first attempts", async || {
        let found: i64 =
            sqlx::query_scalar("select count(*) from push_notifications where reached")
                .fetch_one(&service.world.database.pool)
                .await
                .unwrap();
        (found > 10).then_some(())
    })
    .await;

    assert_eq!(
        cancel(client, &format!("/Operations/{id}")).await,
        StatusCode::ACCEPTED
    );

    let accepted = async || service.arrived().await["accepted"].as_i64().unwrap();
    eventually("what was in flight to be recorded", async || {
        let recorded: i64 =
            sqlx::query_scalar("select count(*) from delivery_attempts where outcome = 'ACCEPTED'")
                .fetch_one(&service.world.database.pool)
                .await
                .unwrap();
        (recorded == accepted().await).then_some(())
    })
    .await;

    let stats = client.read(&format!("/Operations/{id}")).await["stats"].clone();
    assert_adds_up(&stats);
    assert_eq!(stats["queued"], 0);

    // Compares the statuses with the attempts.
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_during_delivery_neither_loses_nor_invents_a_notification() {
    let behaviour = Behaviour::new(
        100,
        1000,
        Faults {
            latency: 200,
            jitter: 300,
            ..Faults::default()
        },
    );
    let mut world = World::with(Options {
        behaviour,
        ..Options::default()
    })
    .await;

    // The whole send would take at least ten seconds, however fast the machine is.
    world.config.fcm.max_per_minute = 36_000;
    world.config.fcm.warm_up = std::time::Duration::from_millis(1);
    let service = world.start().await;
    let to: Vec<_> = (0..6000).map(|index| fcm(&format!("d{index}"))).collect();
    let id = service.client.send(&message(&to)).await;
    let path = format!("/Operations/{id}");
    eventually("the first to be sent", async || {
        let operation = service.client.read(&path).await;
        assert_adds_up(&operation["stats"]);
        (operation["stats"]["sent"] != 0).then_some(())
    })
    .await;

    let notifications = service
        .client
        .read(&format!("?operationId={id}&status=QUEUED&pageSize=200"))
        .await;
    let single = notifications["pushNotifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notification| {
            let path = format!("/{}", notification["id"].as_str().unwrap());
            let client = service.client.clone();
            async move { cancel(&client, &path).await }
        });
    let whole = (0..5).map(|_| cancel(&service.client, &path));
    let (single, whole) = futures_util::future::join(
        futures_util::future::join_all(single),
        futures_util::future::join_all(whole),
    )
    .await;
    assert_eq!(
        whole
            .iter()
            .filter(|status| **status == StatusCode::ACCEPTED)
            .count(),
        1,
        "{whole:?}"
    );
    assert!(
        single
            .iter()
            .chain(&whole)
            .all(|status| matches!(status.as_u16(), 202 | 409)),
        "{single:?} {whole:?}"
    );

    // Requests in flight are answered after the simulator's latency, and recorded.
    let operation = eventually("what was in flight to be recorded", async || {
        let operation = service.client.read(&path).await;
        assert_adds_up(&operation["stats"]);
        assert_eq!(operation["status"], "CANCELED");
        let accepted = service.arrived().await["accepted"].clone();
        (operation["stats"]["sent"] == accepted).then_some(operation)
    })
    .await;

    assert!(
        operation["stats"]["canceled"].as_i64() > Some(0),
        "{operation}"
    );
    service.stop().await;
}
