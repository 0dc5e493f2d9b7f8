//! kill -9 in the middle of a send: nothing is lost, and little is doubled.

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::{World, assert_tallies};

const RECIPIENTS: u64 = 10_000;

async fn summary(world: &World) -> Value {
    reqwest::get(format!("{}/summary", world.simulator.control_url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_send_loses_nothing_and_doubles_little() {
    let recipient = |index| {
        if index % 2 == 0 {
            fcm(&format!("device-{index}"))
        } else {
            apn(&format!("aa{index:08x}"))
        }
    };
    let (world, caller) = slow_world().await;
    survives_kill_9(
        world,
        caller,
        &message(&(0..RECIPIENTS).map(recipient).collect::<Vec<_>>()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_broadcast_loses_nothing_and_doubles_little() {
    let (world, caller) = slow_world().await;
    world.register_many(RECIPIENTS as usize).await;
    survives_kill_9(world, caller, &message(&[json!({"audience": {}})])).await;
}

/// With providers slow enough to be caught in the middle.
async fn slow_world() -> (World, (String, String)) {
    let faults = Faults {
        latency: 50,
        jitter: 50,
        ..Faults::default()
    };
    let mut world = World::with(Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    })
    .await;
    world.config.fcm.timeout = std::time::Duration::from_secs(1);
    world.config.apns.timeout = std::time::Duration::from_secs(1);
    world.config.delivery.lease = std::time::Duration::from_secs(3);
    let caller = world.demo().await;
    (world, caller)
}

async fn survives_kill_9(world: World, caller: (String, String), body: &Value) {
    let (process, client) = Process::serve(&world, &caller).await;
    let id = client.send(body).await;
    eventually("a part to be sent", async || {
        (summary(&world).await["accepted"].as_u64() > Some(2_000)).then_some(())
    })
    .await;
    drop(process);
    // What the simulator had taken by then, it goes on to accept.
    let mut before = 0;
    let unchanged = async || {
        let accepted = summary(&world).await["accepted"].as_u64().unwrap();
        let quiet = std::mem::replace(&mut before, accepted) == accepted;
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        quiet.then_some(())
    };
    eventually("the simulator to be done", unchanged).await;
    assert!(before < RECIPIENTS, "it was over before it could be killed");
    let recorded: i64 = sqlx::query_scalar("select sum(sent) from batches")
        .fetch_one(&world.database.pool)
        .await
        .unwrap();

    let (process, client) = Process::serve(&world, &caller).await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], RECIPIENTS);
    let summary = summary(&world).await;
    assert_eq!(summary["tokens"], RECIPIENTS);
    let (duplicates, unrecorded) = (
        summary["duplicates"].as_u64().unwrap(),
        before - recorded as u64,
    );
    assert!(
        duplicates <= unrecorded,
        "{duplicates} duplicates, {unrecorded} were under way or not yet recorded"
    );
    drop(process);
    assert_tallies(&world.database).await;
    world.simulator.stop().await;
}
