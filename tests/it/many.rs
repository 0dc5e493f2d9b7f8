//! 10,000 recipients in one request: some tokens dead, some failing for a while.

use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::service::Service;

const RECIPIENTS: usize = 10_000;

/// Of each 200 recipients, one of each provider is dead, and one of each fails twice.
fn recipient(index: usize) -> Value {
    match index % 200 {
        10 => fcm(&format!("device-{index}~UNREGISTERED")),
        11 => apn(&format!("041000{index:08x}")),
        12 => fcm(&format!("device-{index}~UNAVAILABLE-2")),
        13 => apn(&format!("050302{index:08x}")),
        even if even % 2 == 0 => fcm(&format!("device-{index}")),
        _ => apn(&format!("aa{index:08x}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_has_an_answer() {
    let service = Service::start().await;
    let to: Vec<Value> = (0..RECIPIENTS).map(recipient).collect();
    let id = service.client.send(&message(&to)).await;
    let operation = service.client.completed(&id).await;
    let stats = &operation["stats"];
    let expected = json!({"total": 10_000, "recipients": 10_000, "unaddressable": 0, "scheduled": 0, "queued": 0,
        "sent": 9_900, "failed": 100, "canceled": 0, "delivered": 0, "opened": 0});
    assert_eq!(stats, &expected);

    let errors = service
        .client
        .all(&format!("/Operations/{id}/Errors"), "errors", 30)
        .await;
    let found: Vec<_> = errors
        .iter()
        .map(|error| {
            (
                error["position"].as_u64().unwrap() as usize,
                error["code"].clone(),
            )
        })
        .collect();
    let dead = (0..RECIPIENTS).filter_map(|index| match index % 200 {
        10 => Some((index, json!("UNREGISTERED"))),
        11 => Some((index, json!("Unregistered"))),
        _ => None,
    });
    assert_eq!(found, dead.collect::<Vec<_>>());

    let of_fcm = service
        .client
        .all(
            &format!("/Operations/{id}/Errors?code=UNREGISTERED"),
            "errors",
            1000,
        )
        .await;
    assert_eq!(of_fcm.len(), 50);

    let notifications = service
        .client
        .all(&format!("?operationId={id}"), "pushNotifications", 999)
        .await;
    assert_eq!(notifications.len(), RECIPIENTS);

    for index in (0..RECIPIENTS).filter(|index| matches!(index % 200, 12 | 13)) {
        let notification = notifications[index]["id"].as_str().unwrap();
        let attempts = service
            .client
            .read(&format!("/{notification}/DeliveryAttempts"))
            .await;
        assert_eq!(
            attempts["deliveryAttempts"].as_array().unwrap().len(),
            3,
            "position {index}"
        );
    }

    let arrived = service.world.messages().await;
    assert_eq!(arrived.len(), RECIPIENTS);
    assert!(
        arrived
            .values()
            .all(|arrival| arrival["accepted"].as_u64() <= Some(1)),
        "a device saw it twice"
    );
    service.stop().await;
}
