//! Nothing waits in silence: a QUEUED notification and its Operation say what they wait for, and a FAILED
//! one says why it failed.

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{fcm, message};
use crate::support::eventually;
use crate::support::service::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_says_what_it_waits_for_until_it_is_sent() {
    let service = World::new().await.start().await;
    let client = &service.client;
    let outage = |outage| {
        service.set_faults(Faults {
            outage,
            ..Faults::default()
        })
    };
    outage(Outage::Refuse).await;

    let id = client.send(&message(&[fcm("a")])).await;
    let path = format!("/Operations/{id}");
    let waiting = eventually("the Operation to say what it waits for", async || {
        let operation = client.read(&path).await;
        operation
            .get("waitingFor")
            .filter(|waiting| waiting["nextTry"].is_string())
            .cloned()
    })
    .await;
    let reason = waiting["reason"].as_str().unwrap();
    assert!(
        reason.contains("can't be reached") || reason.contains("no access token"),
        "{reason}"
    );
    assert!(waiting["since"].is_string());

    let operations = client.read("/Operations").await;
    assert_eq!(
        operations["operations"][0]["waitingFor"]["reason"],
        waiting["reason"]
    );

    let list = client.read(&format!("?operationId={id}")).await;
    let notification = &list["pushNotifications"][0];
    assert_eq!(notification["status"], "QUEUED");
    assert!(notification["waitingFor"]["reason"].is_string(), "{list}");

    outage(Outage::None).await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 1);
    assert!(operation.get("waitingFor").is_none());
    let operations = client.read("/Operations").await;
    assert!(operations["operations"][0].get("waitingFor").is_none());

    // The lane's recovery is stored, so that a later notification does not seem to wait.
    eventually("the lane to be said to send", async || {
        let left: i64 = sqlx::query_scalar("select count(*) from lane_states")
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_notification_says_why() {
    let service = World::new().await.start().await;
    let client = &service.client;

    let id = client
        .send(&message(&[fcm("a~UNREGISTERED"), fcm("b")]))
        .await;
    client.completed(&id).await;

    let list = client.read(&format!("?operationId={id}")).await;
    let notifications = list["pushNotifications"].as_array().unwrap();
    assert_eq!(notifications[0]["error"]["code"], "UNREGISTERED");
    assert!(notifications[1].get("error").is_none());

    let fetched: Value = client
        .read(&format!("/{}", notifications[0]["id"].as_str().unwrap()))
        .await;
    assert_eq!(fetched["error"]["code"], "UNREGISTERED");
    assert!(fetched["error"]["message"].is_string());

    // What its use showed is on the Credential.
    eventually("the Credential to be used", async || {
        let credentials = client.read("/Credentials").await;
        let all = credentials["credentials"].as_array().unwrap();
        all.iter()
            .any(|credential| credential["lastUsedAt"].is_string())
            .then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_device_of_the_sandbox_waits_for_the_credential_of_the_sandbox() {
    let service = World::new().await.start().await;
    let client = &service.client;
    let sandbox = json!({"appName": "demo", "credentialType": "APN_SANDBOX",
        "content": service.world.simulator.apn_credential()});
    let (status, created) = client.post("/Credentials", &sandbox).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{created}");
    let device =
        json!({"appName": "demo", "token": "aa01", "provider": "APN", "environment": "SANDBOX"});
    let (status, registered) = client.post("/DeviceRegistrations", &device).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{registered}");
    service
        .set_faults(Faults {
            outage: Outage::Refuse,
            ..Faults::default()
        })
        .await;

    let id = client
        .send(&message(&[json!({"userId": registered["userId"]})]))
        .await;
    eventually("the Operation to say what it waits for", async || {
        let operation = client.read(&format!("/Operations/{id}")).await;
        operation["waitingFor"]["reason"].is_string().then_some(())
    })
    .await;

    service.set_faults(Faults::default()).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    service.stop().await;
}
