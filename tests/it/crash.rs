//! kill -9 in the middle of a send: nothing is lost, and little is doubled.

use std::net::TcpListener;
use std::process::Child;

use bellwire::simulator::Options;
use bellwire::simulator::behaviour::{Behaviour, Faults};
use serde_json::{Value, json};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::eventually;
use crate::support::service::{World, assert_tallies};

const RECIPIENTS: u64 = 10_000;
/// Requests under way at a time on each of the two lanes.
const IN_FLIGHT: u64 = 2 * 500;

/// Ends the process with the test, however that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn summary(world: &World) -> Value {
    reqwest::get(format!("{}/summary", world.simulator.control_url)).await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_send_loses_nothing_and_doubles_little() {
    let recipient =
        |index| if index % 2 == 0 { fcm(&format!("device-{index}")) } else { apn(&format!("aa{index:08x}")) };
    let (world, caller) = slow_world().await;
    survives_kill_9(world, caller, &message(&(0..RECIPIENTS).map(recipient).collect::<Vec<_>>())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_broadcast_loses_nothing_and_doubles_little() {
    let (world, caller) = slow_world().await;
    world.register_many(RECIPIENTS as usize).await;
    survives_kill_9(world, caller, &message(&[json!({"audience": {}})])).await;
}

/// With providers slow enough to be caught in the middle.
async fn slow_world() -> (World, (String, String)) {
    let faults = Faults { latency: 50, jitter: 50, ..Faults::default() };
    let mut world = World::with(Options { behaviour: Behaviour::new(100, 1000, faults), ..Options::default() }).await;
    world.config.fcm.timeout = std::time::Duration::from_secs(1);
    world.config.apns.timeout = std::time::Duration::from_secs(1);
    world.config.delivery.lease = std::time::Duration::from_secs(3);
    let caller = world.demo().await;
    (world, caller)
}

async fn survives_kill_9(world: World, (key, secret): (String, String), body: &Value) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(&format!("http://127.0.0.1:{port}"), &key, &secret);
    let ready = async || {
        eventually("the service to listen", async || client.request(reqwest::Method::GET, "/Apps").send().await.ok())
            .await
    };

    let process = Process(world.process(port));
    ready().await;
    let id = client.send(body).await;
    eventually("a part to be sent", async || (summary(&world).await["accepted"].as_u64() > Some(2_000)).then_some(()))
        .await;
    drop(process);
    let before = summary(&world).await["accepted"].as_u64().unwrap();
    assert!(before < RECIPIENTS, "it was over before it could be killed");

    let process = Process(world.process(port));
    ready().await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], RECIPIENTS);
    let summary = summary(&world).await;
    assert_eq!(summary["tokens"], RECIPIENTS);
    let duplicates = summary["duplicates"].as_u64().unwrap();
    // What was under way, and what one window of the recorder holds: no more than the same again.
    assert!(duplicates <= 2 * IN_FLIGHT, "{duplicates} duplicates");
    drop(process);
    assert_tallies(&world.database).await;
    world.simulator.stop().await;
}
