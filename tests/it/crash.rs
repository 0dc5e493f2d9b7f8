//! kill -9 in the middle of a send: nothing is lost, and little is doubled.

use serde_json::json;

use crate::support::client::message;
use crate::support::database::Database;
use crate::support::drill::{Drill, RECIPIENTS};
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_send_loses_nothing_and_doubles_little() {
    let drill = Drill::slow(Database::new().await).await;
    let (process, client) = drill.process().await;
    let id = drill.send(&client).await;
    survives_kill_9(drill, process, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_broadcast_loses_nothing_and_doubles_little() {
    let drill = Drill::slow(Database::new().await).await;
    drill.world.register_many(RECIPIENTS as usize).await;
    let (process, client) = drill.process().await;
    let id = client.send(&message(&[json!({"audience": {}})])).await;
    survives_kill_9(drill, process, &id).await;
}

async fn survives_kill_9(drill: Drill, process: Process, id: &str) {
    drill.arrived(RECIPIENTS / 5).await;
    drop(process);
    drill.disconnected().await;

    assert!(
        drill.accepted().await < RECIPIENTS,
        "it was over before it could be killed"
    );

    let unrecorded = drill.unrecorded().await;
    drill.end_leases().await;

    let (process, client) = drill.process().await;
    drill.ends_well(&client, id, unrecorded).await;
    drop(process);
}
