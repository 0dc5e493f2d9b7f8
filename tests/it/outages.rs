//! A notification that can't be sent or read delays no other, and one that is too late fails,
//! whether or not its provider answers.

use std::time::Duration;

use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use bellwire::dev::simulator::{Options, Simulator};
use bellwire::model::provider::CredentialType;
use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::{World, assert_tallies};

fn hanging() -> Options {
    let faults = Faults {
        outage: Outage::Hang,
        ..Faults::default()
    };
    Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    }
}

/// How many notifications of an Operation have this status.
async fn count(world: &World, id: &str, status: &str) -> i64 {
    let query = "select count(*) from push_notifications join operations on id = operation_id
                 where status = $1::push_notification_status and id = $2";
    let id: bellwire::model::id::OperationId = id.parse().unwrap();
    sqlx::query_scalar(query)
        .bind(status)
        .bind(id.as_uuid())
        .fetch_one(&world.database.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fcm_goes_on_while_many_lanes_to_apns_hang() {
    let mut world = World::new().await;
    let silent = Simulator::start(hanging()).await.unwrap();
    let ca_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca_file.path(), &silent.ca_pem).unwrap();
    world.config.apns.endpoint.clone_from(&silent.apns_url);
    world.config.apns.ca_file = Some(ca_file.path().to_owned());
    world.config.apns.timeout = Duration::from_secs(300);
    world.config.delivery.lease = Duration::from_secs(600);
    world.config.delivery.max_claimed = 500;
    let caller = world.demo().await;
    let account_id = sqlx::query_scalar("select id from accounts where name = 'demo'");
    let account_id: uuid::Uuid = account_id.fetch_one(&world.database.pool).await.unwrap();
    let mut lanes = Vec::new();
    for _ in 0..8 {
        lanes.push(
            world
                .credential(
                    account_id.into(),
                    CredentialType::Apn,
                    &silent.apn_credential(),
                )
                .await,
        );
    }

    let environment = [("BELLWIRE__DELIVERY__GRACE", "600s".to_owned())];
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;

    // Each of the silent lanes gets as much as the process may claim at a time.
    let mut waiting = Vec::new();
    for (number, lane) in lanes.iter().enumerate() {
        let to: Vec<Value> = (0..500)
            .map(|index| apn(&format!("aa{number:02x}{index:08x}")))
            .collect();
        let mut send = message(&to);
        send["from"] = json!({"apn": lane.to_string()});
        waiting.push(client.send(&send).await);
    }

    // The first lane takes all that the process may claim. Only when it turns out to be silent can
    // the next be claimed for.
    eventually("batches of a second lane to be claimed", async || {
        let claimed = "select count(distinct operation_id) from batches where claims > 0";
        let claimed: i64 = sqlx::query_scalar(claimed)
            .fetch_one(&world.database.pool)
            .await
            .unwrap();
        (claimed >= 2).then_some(())
    })
    .await;

    let to: Vec<Value> = (0..2_000).map(|index| fcm(&format!("d{index}"))).collect();
    let id = client.send(&message(&to)).await;

    // The others' requests wait for minutes, so FCM did not have to wait for their end.
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2_000);

    for id in waiting {
        assert_eq!(
            client.read(&format!("/Operations/{id}")).await["stats"]["queued"],
            500
        );
    }
    drop(process);
    assert_tallies(&world.database).await;
    silent.stop().await;
    world.simulator.stop().await;
}

fn apple_devices(count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| apn(&format!("aa{index:08x}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_for_a_silent_provider_fails_at_its_deadline() {
    let mut world = World::with(hanging()).await;

    // Longer than the test takes: no request is given up, so the lane stays stalled.
    world.config.apns.timeout = Duration::from_secs(600);
    world.config.delivery.lease = Duration::from_secs(1200);
    world.config.delivery.grace = Duration::ZERO;
    let service = world.start().await;
    let client = &service.client;

    // The first requests are not answered, so the lane stalls and puts back what waits behind them.
    // Nothing of the second batch is in flight: it is released long before its lease is over.
    client.send(&message(&apple_devices(1_000))).await;
    eventually("the lane to keep nothing waiting", async || {
        let put_back = "select count(*) from batches
                        where number = 1 and claims > 0 and due_at < now() + interval '1 minute'";
        let put_back: i64 = sqlx::query_scalar(put_back)
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        (put_back == 1).then_some(())
    })
    .await;

    let mut send = message(&apple_devices(2_000));
    send["deadline"] = json!(3);
    let id = client.send(&send).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["failed"], &stats["sent"]),
        (&json!(2_000), &json!(0))
    );

    let path = format!("/Operations/{id}/Errors?code=EXPIRED");
    let errors = client.all(&path, "errors", 1000).await;
    assert_eq!(errors.len(), 2_000, "nothing more is sent to it");

    for error in errors {
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("last error: "), "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_answered_before_its_deadline_fails() {
    let mut world = World::with(hanging()).await;
    world.config.apns.timeout = Duration::from_secs(4);
    let service = world.start().await;
    let client = &service.client;

    let mut send = message(&apple_devices(1));
    send["deadline"] = json!(3);
    let id = client.send(&send).await;
    assert_eq!(client.completed(&id).await["stats"]["failed"], 1);

    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    let code = errors["errors"][0]["code"].as_str().unwrap();

    // EXPIRED on a machine so busy that it was too late for a first attempt.
    assert!(["AMBIGUOUS", "EXPIRED"].contains(&code), "{errors}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_this_version_cannot_read_waits_and_delays_no_other() {
    let mut world = World::new().await;
    let caller = world.demo().await;
    world.config.delivery.enabled = false;
    let mut worker = world.config.clone();
    (worker.delivery.enabled, worker.server.api) = (true, false);
    let service = world.start_for(&caller.0, &caller.1).await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let unreadable = client.send(&message(&[fcm("a"), apn("aa00bb11")])).await;
    let id: bellwire::model::id::OperationId = unreadable.parse().unwrap();

    // As if a newer version had accepted it.
    let message_before: Value = sqlx::query_scalar("select message from operations where id = $1")
        .bind(id.as_uuid())
        .fetch_one(pool)
        .await
        .unwrap();
    let set = async |message: &Value| {
        let update = "update operations set message = $2 where id = $1";
        sqlx::query(update)
            .bind(id.as_uuid())
            .bind(message)
            .execute(pool)
            .await
            .unwrap();
    };
    set(&json!({"priority": "LATER"})).await;
    let other = client.send(&message(&[fcm("b")])).await;
    let app = bellwire::app::App::start(&worker).await.unwrap();
    assert_eq!(client.completed(&other).await["stats"]["sent"], 1);
    assert_eq!(count(&service.world, &unreadable, "QUEUED").await, 2);

    set(&message_before).await;
    assert_eq!(
        client.completed(&unreadable).await["stats"]["sent"],
        2,
        "it is sent once it can be read"
    );
    app.stop().await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_operation_waits_for_a_tripped_lane_and_is_sent_when_it_recovers() {
    let mut world = World::new().await;
    world.config.delivery.retry_base = Duration::from_secs(2);
    world.config.delivery.retry_max = Duration::from_secs(2);
    let service = world.start().await;
    let outage = |outage| {
        service.set_faults(Faults {
            outage,
            ..Faults::default()
        })
    };
    outage(Outage::Refuse).await;
    let to: Vec<Value> = (0..5_000).map(|index| fcm(&format!("d{index}"))).collect();
    let id = service.client.send(&message(&to)).await;
    let pool = &service.world.database.pool;
    let claims = async || -> i64 {
        sqlx::query_scalar("select sum(claims)::bigint from batches")
            .fetch_one(pool)
            .await
            .unwrap()
    };

    // Each of its ten batches is claimed and released several times.
    eventually("batches to come and go", async || {
        (claims().await > 60).then_some(())
    })
    .await;

    outage(Outage::None).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 5_000);
    assert_eq!(service.arrived().await["duplicates"], 0);
    service.stop().await;
}
