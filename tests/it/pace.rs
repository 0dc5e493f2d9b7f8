//! How fast a lane sends: a rate limit is used up, a provider that is far away is not taken for a slow
//! one, and what a lane put back comes again when it has room.

use std::time::{Duration, Instant};

use bellwire::app::App;
use bellwire::dev::simulator::behaviour::Faults;
use serde_json::Value;

use crate::support::client::{fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World, assert_tallies};

fn devices(count: usize) -> Vec<Value> {
    (0..count).map(|index| fcm(&format!("d{index}"))).collect()
}

/// Waits until `count` messages have arrived. Returns how long that took, and the longest time in which
/// none arrived.
async fn arrivals(service: &Service, count: u64) -> (Duration, Duration) {
    let began = Instant::now();
    let mut last = (Instant::now(), 0);
    let mut longest = Duration::ZERO;

    eventually("all messages to arrive", async || {
        let arrived = service.arrived().await["accepted"].as_u64().unwrap();
        if arrived > last.1 {
            longest = longest.max(last.0.elapsed());
            last = (Instant::now(), arrived);
        }
        (arrived >= count).then_some(())
    })
    .await;

    (began.elapsed(), longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_with_a_rate_limit_goes_on_at_its_pace() {
    let mut world = World::new().await;
    // As by default: 1,000 a second at first.
    world.config.fcm.max_per_minute = 600_000;
    let service = world.start().await;

    let id = service.client.send(&message(&devices(6_000))).await;
    let (took, standstill) = arrivals(&service, 6_000).await;

    assert!(took > Duration::from_secs(3), "not faster: {took:?}");
    assert!(standstill < took / 2, "{standstill:?} of {took:?}");
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 6_000);
    assert_eq!(service.arrived().await["duplicates"], 0);
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_send_to_a_provider_far_away_is_not_put_back_for_long() {
    let service = World::new().await.start().await;
    service
        .set_faults(Faults {
            latency: 500,
            ..Faults::default()
        })
        .await;

    service.client.send(&message(&devices(3_000))).await;
    let (_, standstill) = arrivals(&service, 3_000).await;

    // The first answer takes a connection, an access token and half a second.
    assert!(standstill < Duration::from_secs(4), "{standstill:?}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_recalls_what_an_earlier_one_put_back() {
    let mut world = World::new().await;
    let caller = world.demo().await;
    world.config.delivery.enabled = false;
    let mut worker = world.config.clone();
    worker.delivery.enabled = true;
    worker.server.api = false;
    let service = world.start_for(&caller.0, &caller.1).await;
    let pool = &service.world.database.pool;

    // Five batches. The first is due, the others wait for the lane. The last is claimed by now.
    let id = service.client.send(&message(&devices(2_500))).await;
    let put_back = "
        update batches
        set due_at = now() + interval '1 hour',
            waits_for = (select credential_id from push_notifications limit 1),
            waits_as_of = batches.claims - (number = 4)::integer
        where number > 0";
    sqlx::query(put_back).execute(pool).await.unwrap();

    let app = App::start(&worker).await.unwrap();
    eventually("what was put back to be sent", async || {
        let operation = service.client.read(&format!("/Operations/{id}")).await;
        (operation["stats"]["sent"] == 2_000).then_some(())
    })
    .await;

    let claims: i32 = sqlx::query_scalar("select claims from batches where number = 4")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(claims, 0, "a lease is not cut short");
    app.stop().await;
    service.stop().await;
}
