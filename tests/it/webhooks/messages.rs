//! The messages that webhooks get: every notification at least once, every end of an Operation once, signed.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, fcm, message};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::{Device, Service, World};
use crate::webhooks::receiver::{Behaviour, Received, Receiver};

pub(super) async fn world() -> World {
    let mut world = World::new().await;
    world.config.webhooks.allow_private = true;
    world
}

/// A webhook's path and secret.
pub(super) struct Webhook {
    pub path: String,
    pub secret: String,
}

async fn subscribe_with(client: &Client, body: Value) -> Webhook {
    let (status, created) = client.post("/Webhooks", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    Webhook {
        path: format!("/Webhooks/{}", created["id"].as_str().unwrap()),
        secret: created["secret"].as_str().unwrap().to_owned(),
    }
}

pub(super) async fn subscribe(client: &Client, receiver: &Receiver, events: &[&str]) -> Webhook {
    subscribe_with(
        client,
        json!({"url": receiver.url("/hook"), "events": events}),
    )
    .await
}

const ALL: [&str; 6] = [
    "operation.processing",
    "operation.completed",
    "operation.canceled",
    "notification.failed",
    "notification.canceled",
    "notification.sent",
];

fn of_event<'a>(received: &'a [Received], event: &str) -> Vec<&'a Received> {
    received
        .iter()
        .filter(|message| message.json()["type"] == event)
        .collect()
}

/// 1,200 recipients, of which every tenth fails.
fn recipients() -> Vec<Value> {
    (0..1_200)
        .map(|number| match number % 10 {
            0 => fcm(&format!("device-number-{number}~UNREGISTERED")),
            _ => fcm(&format!("device-number-{number}")),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notification_is_reported_with_its_outcome() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let webhook = subscribe(client, &receiver, &ALL).await;
    let id = client.send(&message(&recipients())).await;
    client.completed(&id).await;

    let completed = receiver.wait_for_event("operation.completed").await;
    eventually("all notifications to be reported", async || {
        let sent = receiver.notifications("notification.sent").len();
        let failed = receiver.notifications("notification.failed").len();
        (sent == 1_080 && failed == 120).then_some(())
    })
    .await;

    let received = receiver.received();
    for message in &received {
        assert!(message.is_signed_with(&webhook.secret));
        assert!(message.id().starts_with("bellwire_webhook_delivery_"));
        assert_eq!(message.headers["content-type"], "application/json");
        assert_eq!(message.path, "/hook");
    }
    for event in ["operation.processing", "operation.completed"] {
        assert_eq!(
            of_event(&received, event).len(),
            1,
            "{event} is reported once"
        );
    }
    assert!(of_event(&received, "operation.canceled").is_empty());
    let data = completed.json()["data"].clone();
    assert_eq!(data["operationId"], id.as_str());
    assert_eq!(data["status"], "COMPLETED");
    assert_eq!(data["stats"]["failed"], 120);

    let failed = receiver.notifications("notification.failed");
    let example = failed
        .values()
        .find(|reported| reported["position"] == 0)
        .unwrap();
    assert_eq!(example["code"], "UNREGISTERED");
    assert_eq!(example["status"], "FAILED");
    assert_eq!(
        example["to"],
        json!({"token": "devi…ERED", "provider": "FCM"})
    );
    assert!(
        example["message"].is_string() && example["attempts"] == 1,
        "{example}"
    );
    let sent = receiver.notifications("notification.sent");
    assert!(
        sent.values()
            .all(|reported| reported["status"] == "SENT" && reported.get("code").is_none())
    );

    // Parts name their Operation, and the last one says so.
    let parts: Vec<Value> = of_event(&received, "notification.sent")
        .iter()
        .flat_map(|message| message.json()["data"].as_array().unwrap().clone())
        .collect();
    assert!(parts.iter().all(|part| part["operationId"] == id.as_str()));
    let sequences: HashSet<i64> = parts
        .iter()
        .filter_map(|part| part["sequence"].as_i64())
        .collect();
    assert_eq!(sequences, HashSet::from([0, 1, 2]));
    assert!(parts.iter().any(|part| part["isFinal"] == true));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_reported_and_a_canceled_operation_never_began() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &ALL).await;
    let mut body = message(&[fcm("first-device"), fcm("second-device")]);
    let tomorrow = time::OffsetDateTime::now_utc() + time::Duration::DAY;
    let tomorrow = tomorrow
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    body["schedule"] = json!({"sendAt": [tomorrow]});
    let id = client.send(&body).await;
    let cancel = format!("/Operations/{id}/Cancel");
    assert_eq!(
        client.post(&cancel, &json!({})).await.0,
        StatusCode::ACCEPTED
    );

    let canceled = receiver.wait_for_event("operation.canceled").await;
    assert_eq!(canceled.json()["data"]["stats"]["canceled"], 2);
    receiver.wait_for_event("notification.canceled").await;
    assert_eq!(receiver.notifications("notification.canceled").len(), 2);
    assert!(of_event(&receiver.received(), "operation.processing").is_empty());

    // Each notification alone is as good as all.
    let id = client.send(&body).await;
    let notifications = client.read(&format!("?operationId={id}")).await;
    for notification in notifications["pushNotifications"].as_array().unwrap() {
        let cancel = format!("/{}/Cancel", notification["id"].as_str().unwrap());
        assert_eq!(
            client.post(&cancel, &json!({})).await.0,
            StatusCode::ACCEPTED
        );
    }
    eventually("the second Operation to be reported", async || {
        let received = receiver.received();
        (of_event(&received, "operation.canceled").len() == 2).then_some(())
    })
    .await;
    assert!(of_event(&receiver.received(), "operation.completed").is_empty());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pause_is_reported_with_its_reason() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &["operation.paused"]).await;
    let mut body = message(&[fcm("first-device")]);
    let tomorrow = time::OffsetDateTime::now_utc() + time::Duration::DAY;
    let tomorrow = tomorrow
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    body["schedule"] = json!({"sendAt": [tomorrow]});
    let id = client.send(&body).await;
    for what in ["Pause", "Pause", "Resume", "Pause"] {
        let path = format!("/Operations/{id}/{what}");
        assert_eq!(client.post(&path, &json!({})).await.0, StatusCode::ACCEPTED);
    }

    let reported = eventually("both pauses to be reported", async || {
        let received = receiver.received();
        let reported: Vec<Value> = of_event(&received, "operation.paused")
            .iter()
            .map(|message| message.json()["data"].clone())
            .collect();
        (reported.len() == 2).then_some(reported)
    })
    .await;
    for data in reported {
        assert_eq!(
            (&data["operationId"], &data["pausedReason"]),
            (&json!(id), &json!("REQUESTED"))
        );
    }

    let to: Vec<Value> = (0..40)
        .map(|number| fcm(&format!("dead-device-{number}~UNREGISTERED")))
        .collect();
    let mut body = message(&to);
    body["pace"] = json!({"perMinute": 60});
    body["guard"] = json!({"failedPercent": 50, "after": 1});
    let id = client.send(&body).await;
    let reported = eventually("the guard's pause to be reported", async || {
        let received = receiver.received();
        let reported = of_event(&received, "operation.paused");
        let reported = reported
            .iter()
            .map(|message| message.json()["data"].clone());
        reported
            .into_iter()
            .find(|data| data["operationId"] == id.as_str())
    })
    .await;
    assert_eq!(reported["pausedReason"], "GUARD");
    service.stop().await;
}

/// The properties of the schema at `schema`, with those that it refers to.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let name = reference.rsplit('/').next().unwrap();
            &document["components"]["schemas"][name]
        }
        None => schema,
    }
}

/// Checks that `value` has the fields that `schema` describes and no others.
fn assert_described(document: &Value, schema: &Value, value: &Value) {
    let schema = properties(document, schema);
    match value {
        Value::Array(elements) => {
            for element in elements {
                assert_described(document, &schema["items"], element);
            }
        }
        Value::Object(fields) if schema["properties"].is_object() => {
            for (name, value) in fields {
                let property = &schema["properties"][name];
                assert!(!property.is_null(), "{name} is not described: {schema}");
                assert_described(document, property, value);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(!value[name.as_str().unwrap()].is_null(), "{name}: {value}");
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_reported_and_every_message_is_as_openapi_describes_it() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let events = [
        "operation.processing",
        "operation.completed",
        "notification.failed",
        "notification.sent",
        "notification.delivered",
        "notification.opened",
        "device.removed",
    ];
    subscribe(client, &receiver, &events).await;
    service
        .world
        .register_users(&[vec![Device {
            provider: "FCM",
            token: "registered-device~UNREGISTERED".to_owned(),
            tags: None,
        }]])
        .await;
    let broadcast = client.send(&message(&[json!({"audience": {}})])).await;
    client.completed(&broadcast).await;

    let to: Vec<Value> = ["first-device", "second-device", "third~UNREGISTERED"]
        .iter()
        .map(|token| fcm(token))
        .collect();
    let mut body = message(&to);
    body["receipts"] = json!(true);
    let id = client.send(&body).await;
    client.completed(&id).await;
    let operation: bellwire::model::id::OperationId = id.parse().unwrap();
    let keys = bellwire::app::master_keys(&service.world.config).unwrap();
    let receipts: Vec<Value> = [(0, "OPENED"), (1, "DELIVERED"), (1, "DELIVERED")]
        .into_iter()
        .map(|(position, event)| {
            let notification = operation.push_notification(position).as_uuid();
            let token = keys.receipt_token(notification);
            json!({"receipt": token, "event": event})
        })
        .collect();
    let url = format!("{}/v1/Receipts", service.url);
    let request = reqwest::Client::new().post(url);
    let body = json!({"receipts": receipts});
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);

    eventually("the receipts to be reported", async || {
        let delivered = receiver.notifications("notification.delivered");
        let opened = receiver.notifications("notification.opened");
        let removed = !of_event(&receiver.received(), "device.removed").is_empty();
        (delivered.len() == 2 && opened.len() == 1 && removed).then_some(())
    })
    .await;
    let opened = receiver.notifications("notification.opened");
    let opened = opened.values().next().unwrap();
    assert_eq!(
        (&opened["position"], &opened["status"]),
        (&json!(0), &json!("SENT"))
    );
    assert!(opened["openedAt"].is_string() && opened["deliveredAt"].is_string());

    let document: Value = reqwest::get(format!("{}/openapi.json", service.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for message in receiver.received() {
        let body = message.json();
        let event = body["type"].as_str().unwrap();
        let content = &document["webhooks"][event]["post"]["requestBody"]["content"];
        let schema = &content["application/json"]["schema"];
        assert!(schema.is_object(), "{event} is not described");
        assert_described(&document, schema, &body);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_of_nobody_has_an_end_too() {
    let service = world().await.start().await;
    let receiver = Receiver::start().await;
    subscribe(&service.client, &receiver, &["operation.completed"]).await;
    let id = service
        .client
        .send(&message(&[json!({"audience": {}})]))
        .await;

    let completed = receiver.wait_for_event("operation.completed").await;
    assert_eq!(completed.json()["data"]["operationId"], id.as_str());
    assert_eq!(completed.json()["data"]["stats"]["total"], 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_in_trouble_gets_the_same_message_again_and_its_attempts_are_on_record() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    receiver.behave(Behaviour::FirstWith(500, 1));
    let webhook = subscribe(client, &receiver, &["operation.completed"]).await;
    let id = client.send(&message(&[fcm("a-device")])).await;
    client.completed(&id).await;

    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].id(), received[1].id());
    let deliveries = format!("{}/Deliveries", webhook.path);
    let delivery = eventually("the delivery to be recorded", async || {
        let list = client.read(&deliveries).await;
        let delivery = list["deliveries"][0].clone();
        (delivery["status"] == "DELIVERED").then_some(delivery)
    })
    .await;
    assert_eq!(delivery["event"], "operation.completed");
    assert_eq!(delivery["id"], received[0].id());
    let attempts = delivery["attempts"].as_array().unwrap();
    let seen: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt["number"].as_i64(), attempt["httpStatus"].as_i64()))
        .collect();
    assert_eq!(seen, [(Some(1), Some(500)), (Some(2), Some(200))]);
    assert_eq!(attempts[0]["answer"], "answered");
    assert!(attempts[0]["error"].as_str().unwrap().contains("500"));
    assert!(attempts[1]["error"].is_null() && attempts[1]["durationMs"].is_i64());

    let path = format!("{deliveries}/{}", received[0].id());
    assert_eq!(client.read(&path).await, delivery);
    let filtered = client.read(&format!("{deliveries}?status=FAILED")).await;
    assert_eq!(filtered["deliveries"], json!([]));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_disabled_until_it_is_enabled_again() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    receiver.behave(Behaviour::Status(410));
    let webhook = subscribe(client, &receiver, &["operation.completed"]).await;
    let test = format!("{}/Test", webhook.path);
    assert_eq!(client.post(&test, &json!({})).await.0, StatusCode::ACCEPTED);

    let disabled = eventually("the webhook to be disabled", async || {
        let webhook = client.read(&webhook.path).await;
        (webhook["status"] == "DISABLED").then_some(webhook)
    })
    .await;
    assert!(
        disabled["disabledReason"].as_str().unwrap().contains("410"),
        "{disabled}"
    );
    let (status, error) = client.post(&test, &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");

    receiver.behave(Behaviour::Status(200));
    let enable = client
        .request(Method::PATCH, &webhook.path)
        .json(&json!({"status": "ENABLED"}));
    assert_eq!(enable.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let (status, accepted) = client.post(&test, &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let delivery = accepted["resourceId"].as_str().unwrap();
    let path = format!("{}/Deliveries/{delivery}", webhook.path);
    eventually("the test to be delivered", async || {
        (client.read(&path).await["status"] == "DELIVERED").then_some(())
    })
    .await;
    let received = receiver.received();
    assert_eq!(received.last().unwrap().json()["type"], "webhook.test");

    let tests = format!(
        "{}/Deliveries?event=webhook.test&status=DELIVERED",
        webhook.path
    );
    assert_eq!(client.read(&tests).await["deliveries"][0]["id"], delivery);

    // The same message again, on request.
    let (status, _) = client.post(&format!("{path}/Resend"), &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let received = receiver.wait_for(received.len() + 1).await;
    assert_eq!(received.last().unwrap().id(), delivery);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed_and_silence_is_a_failure() {
    let service = world().await.start().await;
    let client = &service.client;
    let target = Receiver::start().await;
    for (behaviour, expected) in [
        (
            Behaviour::Header(302, format!("Location: {}", target.url("/inside"))),
            "redirects are not followed",
        ),
        (Behaviour::Close, ""),
        (Behaviour::Status(404), "404"),
    ] {
        let receiver = Receiver::start().await;
        receiver.behave(behaviour);
        let webhook = subscribe(client, &receiver, &["operation.completed"]).await;
        client
            .post(&format!("{}/Test", webhook.path), &json!({}))
            .await;
        let attempt = eventually("an attempt", async || {
            let list = client.read(&format!("{}/Deliveries", webhook.path)).await;
            let delivery = &list["deliveries"][0];
            let attempt = delivery["attempts"][0].clone();
            (attempt.is_object() && delivery["status"] == "PENDING").then_some(attempt)
        })
        .await;
        assert!(
            attempt["error"].as_str().unwrap().contains(expected),
            "{attempt}"
        );
    }
    assert!(target.received().is_empty());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_no_push_and_no_other_receiver() {
    let service = world().await.start().await;
    let client = &service.client;
    let [hanging, good] = [Receiver::start().await, Receiver::start().await];
    hanging.behave(Behaviour::Hang);
    let events = ["operation.completed", "notification.sent"];
    subscribe(client, &hanging, &events).await;
    subscribe(client, &good, &events).await;

    // Far more messages than the hanging receiver may hold.
    let mut ids = HashSet::new();
    for number in 0..30 {
        let id = client
            .send(&message(&[fcm(&format!("device-number-{number}"))]))
            .await;
        client.completed(&id).await;
        ids.insert(id);
    }
    let began = std::time::Instant::now();
    eventually("the good receiver to be reported", async || {
        let received = good.received();
        let reported: HashSet<String> = of_event(&received, "operation.completed")
            .iter()
            .map(|message| {
                message.json()["data"]["operationId"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        (reported == ids).then_some(())
    })
    .await;
    // A hanging request alone takes 15 s.
    assert!(
        began.elapsed() < Duration::from_secs(14),
        "{:?}",
        began.elapsed()
    );

    // It stops without waiting for the receiver.
    hanging.behave(Behaviour::Status(200));
    drop(hanging);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_after_a_rotation() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let webhook = subscribe(client, &receiver, &["operation.completed"]).await;
    let (_, rotated) = client
        .post(&format!("{}/RotateSecret", webhook.path), &json!({}))
        .await;
    client
        .post(&format!("{}/Test", webhook.path), &json!({}))
        .await;

    let received = receiver.wait_for(1).await;
    assert!(received[0].is_signed_with(&webhook.secret), "the old one");
    assert!(
        received[0].is_signed_with(rotated["secret"].as_str().unwrap()),
        "the new one"
    );
    assert_eq!(
        received[0].headers["webhook-signature"].split(' ').count(),
        2
    );
    let age = time::OffsetDateTime::now_utc().unix_timestamp()
        - received[0].headers["webhook-timestamp"]
            .parse::<i64>()
            .unwrap();
    assert!((0..300).contains(&age), "{age}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_events_are_sent_if_asked_for() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let body = json!({"url": receiver.url("/"), "events": ["operation.completed"], "envelope": "cloudevents"});
    subscribe_with(client, body).await;
    let id = client.send(&message(&[fcm("a-device")])).await;

    let received = receiver.wait_for(1).await;
    let event = received[0].json();
    assert_eq!(
        received[0].headers["content-type"],
        "application/cloudevents+json"
    );
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "com.twilio.comms-api.operation.completed");
    assert_eq!(event["id"], received[0].id());
    assert_eq!(event["data"]["operation_id"], id.as_str());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_an_app_or_of_tags_gets_no_other_events() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    for (path, narrowed) in [
        ("/app", json!({"appName": "demo"})),
        ("/tags", json!({"tags": {"team": "crm"}})),
    ] {
        let mut body = narrowed;
        body["url"] = json!(receiver.url(path));
        body["events"] = json!(["operation.completed"]);
        subscribe_with(client, body).await;
    }
    let mut tagged = message(&[fcm("first-device")]);
    tagged["tags"] = json!({"team": "crm", "run": "1"});
    let tagged = client.send(&tagged).await;
    client.completed(&tagged).await;
    let plain = client.send(&message(&[fcm("second-device")])).await;
    client.completed(&plain).await;

    receiver.wait_for(3).await;
    let reported: HashSet<(String, String)> = receiver
        .received()
        .iter()
        .map(|message| {
            let id = message.json()["data"]["operationId"]
                .as_str()
                .unwrap()
                .to_owned();
            (message.path.clone(), id)
        })
        .collect();
    let expected = [("/app", &tagged), ("/app", &plain), ("/tags", &tagged)]
        .map(|(path, id)| (path.to_owned(), id.clone()));
    assert_eq!(reported, HashSet::from(expected));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_may_name_a_callback_at_the_place_of_a_webhook() {
    let service = world().await.start().await;
    let client = &service.client;
    let [receiver, stranger] = [Receiver::start().await, Receiver::start().await];
    subscribe(client, &receiver, &["operation.completed"]).await;
    let mut body = message(&[fcm("a-device")]);
    for url in [
        stranger.url("/steal"),
        "https://example.com/".to_owned(),
        "http://169.254.169.254/".to_owned(),
        "nonsense".to_owned(),
    ] {
        body["callbackUrl"] = json!(url);
        let (status, error) = client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url}");
        assert_eq!(error["errors"][0]["field"], "callbackUrl", "{error}");
    }

    body["callbackUrl"] = json!(receiver.url("/run/7?a=b"));
    let id = client.send(&body).await;
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].path, "/run/7?a=b");
    assert_eq!(received[0].json()["data"]["operationId"], id.as_str());
    assert!(stranger.received().is_empty());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_device_is_reported() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &["device.removed"]).await;
    let device =
        json!({"appName": "demo", "token": "device-of-a-user~UNREGISTERED", "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let registration = registered["resourceId"].as_str().unwrap();
    let user = client
        .read(&format!("/DeviceRegistrations/{registration}"))
        .await["userId"]
        .clone();
    client.send(&message(&[json!({"userId": user})])).await;

    let removed = receiver.wait_for_event("device.removed").await.json()["data"][0].clone();
    assert_eq!(removed["userId"], user);
    assert_eq!(removed["deviceRegistrationId"], registration);
    assert_eq!(removed["token"], "devi…ERED");
    assert_eq!(removed["appName"], "demo");
    assert_eq!(removed["provider"], "FCM");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_and_recovers_is_reported() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    subscribe(
        client,
        &receiver,
        &["credential.refused", "credential.recovered"],
    )
    .await;
    let mut content = service.world.simulator.apn_credential();
    content["keyId"] = json!("WRONGKEY01");
    let credential = json!({"credentialType": "APN", "appName": "wrong", "content": content});
    let (_, stored) = client.post("/Credentials", &credential).await;
    let id = stored["resourceId"].as_str().unwrap();
    let mut body = message(&[crate::support::client::apn("aabbccdd")]);
    body["from"] = json!({"apn": id});
    client.send(&body).await;

    let refused = receiver.wait_for_event("credential.refused").await.json()["data"].clone();
    assert_eq!(refused["credentialId"], id);
    assert_eq!(refused["appName"], "wrong");
    assert!(refused["reason"].is_string(), "{refused}");
    let key = id.parse::<bellwire::model::id::CredentialId>().unwrap();
    let mended = service.world.simulator.apn_credential().to_string();
    let pool = &service.world.database.pool;
    let account_id: uuid::Uuid =
        sqlx::query_scalar("select account_id from credentials where id = $1")
            .bind(key.as_uuid())
            .fetch_one(pool)
            .await
            .unwrap();
    let owner = bellwire::model::sealed::ContentOwner {
        account_id: account_id.into(),
        app_name: "wrong",
        credential_type: bellwire::model::provider::CredentialType::Apn,
        id: key,
    };
    let keys = bellwire::app::master_keys(&service.world.config).unwrap();
    let sealed = keys.seal_content(&owner, mended.as_bytes()).unwrap();
    bellwire::store::credentials::replace_content(pool, account_id.into(), key, &sealed)
        .await
        .unwrap();
    let recovered = receiver.wait_for_event("credential.recovered").await.json()["data"].clone();
    assert_eq!(recovered["credentialId"], id);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notification_is_reported_though_a_replica_is_killed() {
    let mut world = world().await;
    world.config.delivery.lease = Duration::from_secs(2);
    world.config.fcm.timeout = Duration::from_secs(1);
    world.config.apns.timeout = Duration::from_secs(1);
    let caller = world.demo().await;
    let allow = [("BELLWIRE__WEBHOOKS__ALLOW_PRIVATE", "true".to_owned())];
    let (first, client) = Process::serve_with(&world, &caller, &allow).await;
    let (second, other) = Process::serve_with(&world, &caller, &allow).await;
    let receiver = Receiver::start().await;
    receiver.behave(Behaviour::Slow(Duration::from_millis(100)));
    subscribe(
        &client,
        &receiver,
        &["notification.sent", "operation.completed"],
    )
    .await;

    let mut ids = Vec::new();
    for batch in 0..3 {
        let to: Vec<Value> = (0..1_000)
            .map(|number| fcm(&format!("device-{batch}-{number}")))
            .collect();
        ids.push(client.send(&message(&to)).await);
    }
    receiver.wait_for(1).await;
    // Drop is kill -9.
    drop(first);

    for id in &ids {
        other.completed(id).await;
    }
    // The leases of the killed replica's messages end, as time would end them.
    sqlx::query("update webhook_deliveries set due_at = now() where is_claimed")
        .execute(&world.database.pool)
        .await
        .unwrap();
    eventually("every notification to be reported", async || {
        (receiver.notifications("notification.sent").len() == 3_000).then_some(())
    })
    .await;
    eventually("every end to be reported", async || {
        let received = receiver.received();
        let reported: HashSet<String> = of_event(&received, "operation.completed")
            .iter()
            .map(|message| {
                message.json()["data"]["operationId"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        ids.iter().all(|id| reported.contains(id)).then_some(())
    })
    .await;
    drop(second);
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_are_forgotten_and_nothing_is_written_without_a_webhook() {
    let service = world().await.start().await;
    let client = &service.client;
    let id = client.send(&message(&[fcm("a-device")])).await;
    client.completed(&id).await;
    let count = async |table: &str, service: &Service| -> i64 {
        let query = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap()
    };
    let sequence: Option<i64> = sqlx::query_scalar(
        "select last_value from pg_sequences where sequencename = 'events_id_seq'",
    )
    .fetch_one(&service.world.database.pool)
    .await
    .unwrap();
    assert_eq!(sequence, None, "no event was ever written");

    let receiver = Receiver::start().await;
    let webhook = subscribe(client, &receiver, &["operation.completed"]).await;
    client
        .post(&format!("{}/Test", webhook.path), &json!({}))
        .await;
    eventually("the attempt to be recorded", async || {
        (count("webhook_attempts", &service).await == 1).then_some(())
    })
    .await;
    let connections = &service.world.database.connections;
    bellwire::maintenance::retention::remove(connections, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(count("webhook_deliveries", &service).await, 0);
    assert_eq!(count("webhook_attempts", &service).await, 0);
    assert_eq!(count("events", &service).await, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_committed_late_is_reported() {
    let service = world().await.start().await;
    let client = &service.client;
    let unreported = client.send(&message(&[fcm("a-device")])).await;
    client.completed(&unreported).await;

    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &["operation.completed"]).await;
    let reported = client.send(&message(&[fcm("a-device")])).await;
    let first = receiver.wait_for(1).await;
    assert_eq!(first[0].json()["data"]["operationId"], json!(reported));

    // Far behind what has been taken.
    let id: bellwire::model::id::OperationId = unreported.parse().unwrap();
    sqlx::query(
        "insert into events (account_id, kind, operation_id, due_at)
        select account_id, 'operation', id, now() - interval '10 min' from operations where id = $1",
    )
    .bind(id.as_uuid())
    .execute(&service.world.database.pool)
    .await
    .unwrap();

    let both = receiver.wait_for(2).await;
    assert_eq!(both[1].json()["data"]["operationId"], json!(unreported));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_only_a_later_release_knows_is_left_to_it() {
    let service = world().await.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &["operation.completed"]).await;
    sqlx::query(
        "insert into events (account_id, kind, data, due_at)
         select id, 'device.later', '{}', now() - interval '10 min' from accounts limit 1",
    )
    .execute(&service.world.database.pool)
    .await
    .unwrap();

    let left = async || -> i64 {
        sqlx::query_scalar("select count(*) from events where kind = 'device.later'")
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap()
    };

    // What comes after it is taken.
    let id = client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(
        receiver.wait_for(1).await[0].json()["data"]["operationId"],
        json!(id)
    );
    assert_eq!(left().await, 1);

    // Retention removes it if no process ever knows it.
    let connections = &service.world.database.connections;
    let remove = async |period| {
        bellwire::maintenance::retention::remove(connections, period)
            .await
            .unwrap();
    };
    remove(Duration::from_mins(20)).await;
    assert_eq!(left().await, 1);
    remove(Duration::from_mins(5)).await;
    assert_eq!(left().await, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_account_is_not_found() {
    let service = world().await.start().await;
    let receiver = Receiver::start().await;
    let webhook = subscribe(&service.client, &receiver, &["operation.completed"]).await;
    let (_, accepted) = service
        .client
        .post(&format!("{}/Test", webhook.path), &json!({}))
        .await;
    let path = format!(
        "{}/Deliveries/{}",
        webhook.path,
        accepted["resourceId"].as_str().unwrap()
    );
    let (_, key, secret) = service.world.account("stranger").await;
    let stranger = Client::new(&service.url, &key, &secret);

    assert_eq!(stranger.get(&path).await.0, StatusCode::NOT_FOUND);
    let resend = stranger.request(Method::POST, &format!("{path}/Resend"));
    assert_eq!(
        answer(resend.send().await.unwrap()).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(service.client.get(&path).await.0, StatusCode::OK);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_among_many_webhooks_without_reading_them_all() {
    let service = world().await.start().await;
    let (other, ..) = service.world.neighbour("with-many-webhooks").await;
    let pool = &service.world.database.pool;
    let receiver = Receiver::start().await;
    let webhook = subscribe(&service.client, &receiver, &["operation.completed"]).await;
    let test = format!("{}/Test", webhook.path);

    sqlx::query(
        "insert into webhooks (id, account_id, url, origin, events, secret, failures, blocked_until)
         select gen_random_uuid(), $1, url, origin, events, secret, number % 2, now() + interval '1 hour' * (number % 2)
         from webhooks cross join generate_series(1, 3000) as number",
    )
    .bind(other.as_uuid())
    .execute(pool)
    .await
    .unwrap();
    service.client.post(&test, &json!({})).await;
    receiver.wait_for(1).await;
    eventually("the statistics of the claim and its record", async || {
        let updated: i64 = sqlx::query_scalar(
            "select n_tup_upd from pg_stat_user_tables where relname = 'webhook_deliveries'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        (updated >= 2).then_some(())
    })
    .await;
    let read: i64 = sqlx::query_scalar(
        "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'webhooks'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(read < 3_000, "{read} rows of webhooks were read");

    // Far more webhooks than a look examines have messages, and rest.
    sqlx::query(
        "insert into webhook_deliveries (id, account_id, webhook_id, event, content)
         select gen_random_uuid(), webhooks.account_id, webhooks.id, first.event, first.content
         from webhooks cross join (select event, content from webhook_deliveries limit 1) as first
         where webhooks.blocked_until > now()",
    )
    .execute(pool)
    .await
    .unwrap();
    service.client.post(&test, &json!({})).await;
    receiver.wait_for(2).await;
    let received = receiver.received();
    assert_eq!(received.len(), 2, "what rests gets nothing");
    service.stop().await;
}
