//! One send, from the request to what the device shows, in the documented forms.

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{apn, fcm, message};
use crate::support::forms::forms;
use crate::support::service::Service;

const FCM_TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bFexample";
const APN_TOKEN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_example_completes_and_every_resource_has_the_documented_form() {
    let service = Service::start().await;
    let mut body = message(&[fcm(FCM_TOKEN), apn(APN_TOKEN)]);
    body["priority"] = json!("HIGH");
    body["sound"] = json!("ring");
    body["tags"] = json!({"flight": "TLL-1"});

    let response = service
        .client
        .request(Method::POST, "")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202);

    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let accepted: Value = response.json().await.unwrap();
    assert_eq!(accepted["operationLocation"], location);

    let id = accepted["operationId"].as_str().unwrap();
    assert_eq!(
        location,
        format!("{}/v1/PushNotifications/Operations/{id}", service.url)
    );
    insta::assert_json_snapshot!("accepted", forms(&accepted));

    let operation = service.client.completed(id).await;
    insta::assert_json_snapshot!("operation", forms(&operation));
    insta::assert_json_snapshot!(
        "operations",
        forms(&service.client.read("/Operations").await)
    );

    let list = service.client.read(&format!("?operationId={id}")).await;
    insta::assert_json_snapshot!("push_notifications", forms(&list));

    let first = list["pushNotifications"][0]["id"].as_str().unwrap();
    insta::assert_json_snapshot!(
        "push_notification",
        forms(&service.client.read(&format!("/{first}")).await)
    );

    let mut attempts = service
        .client
        .read(&format!("/{first}/DeliveryAttempts"))
        .await;
    let attempt = &mut attempts["deliveryAttempts"][0];
    assert!(attempt["durationMs"].as_i64().unwrap() >= 0);

    attempt["durationMs"] = json!("[ms]");
    assert!(
        attempt["providerMessageId"]
            .as_str()
            .unwrap()
            .starts_with("projects/bellwire-demo/messages/")
    );

    attempt["providerMessageId"] = json!("[FCM's name]");
    insta::assert_json_snapshot!("delivery_attempts", forms(&attempts));

    let errors = service
        .client
        .read(&format!("/Operations/{id}/Errors"))
        .await;
    insta::assert_json_snapshot!("no_errors", forms(&errors));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_the_requested_message() {
    let service = Service::start().await;
    let body = json!({
        "to": [fcm(FCM_TOKEN), apn(APN_TOKEN)],
        "content": {"title": "T", "body": "B", "image": "https://x.example/i.png", "data": {"gate": "4"}},
        "sound": "ring", "badge": 2, "priority": "LOW", "ttl": 600, "collapseKey": "gate",
        "fcm": {"android": {"directBootOk": true}},
        "apn": {"payload": {"aps": {"category": "GATE"}}},
    });
    let id = service.client.send(&body).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 2);

    let arrived = |token: &'static str| {
        let url = format!(
            "{}/messages?token={token}",
            service.world.simulator.control_url
        );
        async move {
            reqwest::get(url)
                .await
                .unwrap()
                .json::<Value>()
                .await
                .unwrap()
        }
    };
    let at_fcm = arrived(FCM_TOKEN).await;
    let at_apns = arrived(APN_TOKEN).await;
    assert_eq!(
        (at_fcm["count"].as_i64(), at_apns["count"].as_i64()),
        (Some(1), Some(1))
    );
    insta::assert_json_snapshot!("fcm_payload", at_fcm["payload"], {".apns.headers[\"apns-expiration\"]" => "[ttl after the start]"});
    insta::assert_json_snapshot!("apns_payload", at_apns["payload"]);

    let list = service
        .client
        .read(&format!("?operationId={id}&provider=APN"))
        .await;
    let notification = service
        .client
        .read(&format!(
            "/{}",
            list["pushNotifications"][0]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        notification["content"],
        json!({"title": "T", "body": "B", "image": "https://x.example/i.png", "data": {"gate": "4"}})
    );
    assert_eq!(
        (&notification["badge"], &notification["ttl"]),
        (&json!(2), &json!(600))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_carries_the_same_apns_id_and_every_attempt_is_on_record() {
    let service = Service::start().await;
    let token = "050302ab0c0d";
    let id = service.client.send(&message(&[apn(token)])).await;
    let operation = service.client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 1);

    let list = service.client.read(&format!("?operationId={id}")).await;
    let notification = list["pushNotifications"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempts = service
        .client
        .all(
            &format!("/{notification}/DeliveryAttempts"),
            "deliveryAttempts",
            2,
        )
        .await;
    let reported: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            (
                attempt["number"].as_i64().unwrap(),
                attempt["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reported,
        [(1, "UNAVAILABLE"), (2, "UNAVAILABLE"), (3, "ACCEPTED")]
    );
    assert_eq!(attempts[0]["error"]["code"], "ServiceUnavailable");

    let url = format!(
        "{}/messages?token={token}",
        service.world.simulator.control_url
    );
    let arrived: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(
        (arrived["count"].as_i64(), arrived["accepted"].as_i64()),
        (Some(3), Some(1))
    );
    assert_eq!(arrived["apnsIds"].as_array().unwrap().len(), 1);
    service.stop().await;
}

fn scheduled(at: OffsetDateTime) -> Value {
    let mut body = message(&[fcm(FCM_TOKEN)]);
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_send_waits_for_its_time() {
    let service = Service::start().await;
    let client = &service.client;
    let in_an_hour = OffsetDateTime::now_utc() + time::Duration::hours(1);
    let id = client.send(&scheduled(in_an_hour)).await;
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(
        (&operation["status"], &operation["stats"]["scheduled"]),
        (&json!("SCHEDULED"), &json!(1))
    );

    let listed = client.read("/Operations?status=SCHEDULED").await;
    assert_eq!(listed["operations"].as_array().unwrap().len(), 1);

    let soon = OffsetDateTime::now_utc() + time::Duration::seconds(2);
    let id = client.send(&scheduled(soon)).await;
    client.completed(&id).await;
    assert!(OffsetDateTime::now_utc() >= soon, "sent before its time");
    assert_eq!(service.arrived().await["accepted"], 1, "the other waits");
    service.stop().await;
}
