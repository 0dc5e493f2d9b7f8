//! Who goes first, and that nobody waits for ever.

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use serde_json::{Value, json};

use crate::support::client::{fcm, message};
use crate::support::service::World;

fn recipients(name: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| fcm(&format!("{name}-{index}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn low_goes_after_high_and_is_not_starved_by_it() {
    let faults = Faults {
        latency: 100,
        ..Faults::default()
    };
    let options = Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    };
    let mut world = World::with(options).await;
    world.config.delivery.max_claimed = 2_000;
    let service = world.start().await;
    let client = &service.client;
    // A first one, so that the lane is busy when the others come.
    client.send(&message(&recipients("first", 2_000))).await;
    let mut low = message(&recipients("low", 1_000));
    low["priority"] = json!("LOW");
    let low = client.send(&low).await;
    let high = client.send(&message(&recipients("high", 10_000))).await;
    client.completed(&low).await;
    let operation = client.read(&format!("/Operations/{high}")).await;
    assert_eq!(
        operation["status"], "PROCESSING",
        "low was not left to the end: {operation}"
    );
    assert!(
        operation["stats"]["sent"].as_u64() > Some(0),
        "and high has not waited for it: {operation}"
    );
    client.completed(&high).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_send_passes_a_large_one() {
    let faults = Faults {
        latency: 100,
        ..Faults::default()
    };
    let options = Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    };
    let mut world = World::with(options).await;
    world.config.delivery.max_claimed = 1_500;
    let service = world.start().await;
    let large = service
        .client
        .send(&message(&recipients("large", 10_000)))
        .await;
    let single = service
        .client
        .send(&message(&recipients("single", 1)))
        .await;
    service.client.completed(&single).await;
    let operation = service.client.read(&format!("/Operations/{large}")).await;
    assert_eq!(operation["status"], "PROCESSING", "{operation}");
    service.client.completed(&large).await;
    service.stop().await;
}
