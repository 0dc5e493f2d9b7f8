//! Providers that fail: accepted notifications wait, and none is lost.

use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use bellwire::model::provider::CredentialType;
use bellwire::model::sealed::ContentOwner;
use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::eventually;
use crate::support::service::World;

async fn world(faults: Faults) -> World {
    World::with(Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    })
    .await
}

fn recipients(count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| {
            if index % 2 == 0 {
                fcm(&format!("d{index}"))
            } else {
                apn(&format!("aa{index:06x}"))
            }
        })
        .collect()
}

async fn rides_out(outage: Outage) {
    let mut world = world(Faults {
        outage,
        ..Faults::default()
    })
    .await;
    world.config.fcm.timeout = Duration::from_secs(1);
    world.config.apns.timeout = Duration::from_secs(1);
    world.config.delivery.max_attempts = 1000;
    let service = world.start().await;
    let id = service.client.send(&message(&recipients(200))).await;

    // By attempts, or by claiming the batch and putting it back.
    eventually("the outage to be met", async || {
        let tries = "select (select count(*) from delivery_attempts) + sum(claims) from batches";
        let tries: i64 = sqlx::query_scalar(tries)
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        (tries > 3).then_some(())
    })
    .await;

    let operation = service.client.read(&format!("/Operations/{id}")).await;
    assert_eq!(
        (&operation["status"], &operation["stats"]["sent"]),
        (&json!("PROCESSING"), &json!(0))
    );
    assert_eq!(operation["stats"]["failed"], 0);

    service.set_faults(Faults::default()).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 200);
    assert_eq!(service.arrived().await["tokens"], 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_with_errors_is_ridden_out() {
    rides_out(Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_without_connections_is_ridden_out() {
    rides_out(Outage::Refuse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_without_answers_is_ridden_out() {
    rides_out(Outage::Hang).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goaway_every_100_requests_doubles_nothing() {
    let service = world(Faults {
        goaway_after: 100,
        ..Faults::default()
    })
    .await
    .start()
    .await;
    let id = service.client.send(&message(&recipients(3000))).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 3000);

    let summary = service.arrived().await;
    assert_eq!(
        (&summary["tokens"], &summary["duplicates"]),
        (&json!(3000), &json!(0))
    );
    assert!(summary["connections"].as_u64() >= Some(10), "{summary}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_are_repeated_with_the_same_id() {
    let service = world(Faults {
        lose_answer_every: 40,
        ..Faults::default()
    })
    .await
    .start()
    .await;
    let id = service.client.send(&message(&recipients(400))).await;
    let stats = service.client.completed(&id).await["stats"].clone();
    let summary = service.arrived().await;
    assert_eq!(summary["tokens"], 400);

    // A notification may lose its answer so often that it is given up, but it has arrived by then.
    assert_eq!(
        stats["sent"].as_u64().unwrap() + stats["failed"].as_u64().unwrap(),
        400,
        "{stats}"
    );
    assert!(summary["duplicates"].as_u64() > Some(0), "{summary}");

    let arrived = service.world.messages().await;
    let by_apns = arrived
        .values()
        .filter(|arrival| arrival["provider"] == "APN");

    for arrival in by_apns {
        assert_eq!(arrival["apnsIds"].as_array().unwrap().len(), 1, "{arrival}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_keeps_its_notifications_until_it_is_replaced() {
    let service = World::new().await.start().await;
    let (account_id, key, secret) = service.world.account("broken").await;
    let client = crate::support::client::Client::new(&service.url, &key, &secret);
    let mut content = service.world.simulator.apn_credential();
    content["keyId"] = json!("WRONGKEY01");
    let credential = service
        .world
        .credential(account_id, CredentialType::Apn, &content)
        .await;
    let id = client.send(&message(&[apn("aabb")])).await;
    let attempts = format!(
        "/{}/DeliveryAttempts",
        client.read("").await["pushNotifications"][0]["id"]
            .as_str()
            .unwrap()
    );
    eventually("an attempt on record", async || {
        let attempts = client.read(&attempts).await;
        (attempts["deliveryAttempts"][0]["outcome"] == "CREDENTIAL_REFUSED").then_some(())
    })
    .await;

    assert_eq!(
        client.read(&format!("/Operations/{id}")).await["status"],
        "PROCESSING"
    );

    // Another account's lane to the same provider is not affected.
    let other = service.client.send(&message(&[apn("ccdd")])).await;
    assert_eq!(service.client.completed(&other).await["stats"]["sent"], 1);

    let keys = bellwire::app::master_keys(&service.world.config).unwrap();
    let owner = ContentOwner {
        account_id,
        app_name: "demo",
        credential_type: CredentialType::Apn,
        id: credential,
    };
    let mended = service.world.simulator.apn_credential().to_string();
    let sealed = keys.seal_content(&owner, mended.as_bytes()).unwrap();
    let pool = &service.world.database.pool;
    assert!(
        bellwire::store::credentials::replace_content(pool, account_id, credential, &sealed)
            .await
            .unwrap()
    );
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_cannot_be_sent_in_time_expires() {
    let service = world(Faults {
        outage: Outage::Refuse,
        ..Faults::default()
    })
    .await
    .start()
    .await;
    let client = &service.client;

    // The first one trips the lane. It has time until the provider is back.
    client.send(&message(&[fcm("patient")])).await;
    eventually("the first one to be put back", async || {
        let claims: i32 = sqlx::query_scalar("select max(claims) from batches")
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        (claims >= 2).then_some(())
    })
    .await;

    let mut send = message(&[fcm("device")]);
    send["deadline"] = json!(1);
    let id = client.send(&send).await;
    assert_eq!(client.completed(&id).await["stats"]["failed"], 1);

    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    let error = &errors["errors"][0];
    assert_eq!(
        (&error["code"], &error["attempts"]),
        (&json!("EXPIRED"), &json!(0))
    );

    let text = error["message"].as_str().unwrap();
    assert!(text.contains("last error: "), "{text}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_credential_fails_its_queued_notifications() {
    let service = world(Faults {
        outage: Outage::Refuse,
        ..Faults::default()
    })
    .await
    .start()
    .await;
    let id = service.client.send(&message(&[fcm("device")])).await;
    let credentials = service.client.read("/Credentials?credentialType=FCM").await;
    let path = format!(
        "/Credentials/{}",
        credentials["credentials"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        service
            .client
            .request(reqwest::Method::DELETE, &path)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(service.client.completed(&id).await["stats"]["failed"], 1);

    let errors = service
        .client
        .read(&format!("/Operations/{id}/Errors"))
        .await;
    assert_eq!(errors["errors"][0]["code"], "CREDENTIAL_GONE");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fcm_goes_on_while_apns_hangs() {
    let hanging = World::with(Options {
        behaviour: Behaviour::new(
            100,
            1000,
            Faults {
                outage: Outage::Hang,
                ..Faults::default()
            },
        ),
        ..Options::default()
    })
    .await;
    let mut world = World::new().await;
    world
        .config
        .apns
        .endpoint
        .clone_from(&hanging.simulator.apns_url);
    world
        .config
        .apns
        .ca_file
        .clone_from(&hanging.config.apns.ca_file);

    // Less than what hangs, which would fill the claim limit if it were not put back.
    world.config.delivery.max_claimed = 1000;
    world.config.apns.timeout = Duration::from_secs(60);
    world.config.delivery.lease = Duration::from_secs(120);
    let service = world.start().await;
    let hanging_send = service
        .client
        .send(&message(
            &(0..3000)
                .map(|index| apn(&format!("aa{index:06x}")))
                .collect::<Vec<_>>(),
        ))
        .await;
    let id = service
        .client
        .send(&message(
            &(0..3000)
                .map(|index| fcm(&format!("d{index}")))
                .collect::<Vec<_>>(),
        ))
        .await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 3000);

    let operation = service
        .client
        .read(&format!("/Operations/{hanging_send}"))
        .await;
    assert_eq!(operation["stats"]["queued"], 3000);
    hanging.simulator.stop().await;
    service.stop().await;
}
