//! Faults of the worst night, with the service as separate processes. After each fault every
//! recipient is settled, the stats add up, and each token got its message. No more messages arrive
//! twice than were not on record when the fault struck.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use bellwire::dev::postgres::PrivatePostgres;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use crate::support::client::{apn, fcm, message};
use crate::support::database::Database;
use crate::support::drill::{CLAIMED, Drill, RECIPIENTS};
use crate::support::eventually;
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_again_and_again() {
    let drill = Drill::new().await;
    let (mut process, mut client) = drill.process().await;
    let id = drill.send(&client).await;
    let mut unrecorded = 0;
    for round in 1..=3 {
        drill
            .arrived(round * RECIPIENTS / 5 + rand::random_range(0..200))
            .await;
        drop(process);
        drill.disconnected().await;
        unrecorded += drill.unrecorded().await;
        drill.end_leases().await;

        (process, client) = drill.process().await;
    }

    drill.ends_well(&client, &id, unrecorded).await;
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_replicas_is_killed() {
    let mut drill = Drill::new().await;

    // The other two take over what the killed one has claimed when its leases run out.
    drill.set_lease(Duration::from_secs(10));
    let (first, _) = drill.process().await;
    let (_second, client) = drill.process().await;
    let (_third, _) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 4).await;
    drop(first);
    drill.ends_well(&client, &id, CLAIMED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_postgres_are_cut_again_and_again() {
    let drill = Drill::new().await;
    let (_process, client) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;

    // Each time as soon as the service has connected again. This connection has another name.
    let mut connection = PgConnection::connect(&drill.world.database.url)
        .await
        .unwrap();

    for _ in 0..10 {
        let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                   where datname = current_database() and application_name like 'bellwire %'";
        eventually("connections of the service", async || {
            let cut: i64 = sqlx::query_scalar(cut)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            (cut > 0).then_some(())
        })
        .await;
    }

    // Outcomes are kept while Postgres is away, so nothing is sent again.
    drill.ends_well(&client, &id, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_out() {
    let drill = Drill::new().await;
    let (_process, client) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;
    let pool = &drill.world.database.pool;
    sqlx::raw_sql(
        "create function disk_full() returns trigger language plpgsql as
             $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
         create trigger disk_full before insert on delivery_attempts for each statement execute function disk_full()",
    )
    .execute(pool)
    .await
    .unwrap();

    // The process sends what it has claimed, and claims no more.
    let before = drill.accepted().await;
    drill.idle().await;
    let meanwhile = drill.accepted().await - before;
    assert!(
        meanwhile <= 2 * CLAIMED,
        "{meanwhile} were sent that could not be recorded"
    );

    sqlx::raw_sql("drop trigger disk_full on delivery_attempts")
        .execute(pool)
        .await
        .unwrap();
    drill.ends_well(&client, &id, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_stopped_and_started() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let socket = directory.path().join("socket");
    let mut postgres = PrivatePostgres::start(&data).await.unwrap();
    let database = Database::own(&postgres, &socket).await;
    let drill = Drill::on(database).await;
    let (_process, client) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;
    postgres.stop();
    std::fs::remove_file(&socket).unwrap();
    eventually("the service to notice", async || {
        let ready = reqwest::get(format!("{}/readyz", client.url())).await;
        (ready.unwrap().status() == 503).then_some(())
    })
    .await;

    postgres = PrivatePostgres::start(&data).await.unwrap();
    symlink(postgres.options("").get_socket().unwrap(), &socket).unwrap();
    drill.ends_well(&client, &id, 0).await;
    drop(postgres);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_postgres_that_outlasts_the_leases_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let socket = directory.path().join("socket");
    let mut postgres = PrivatePostgres::start(&data).await.unwrap();
    let mut drill = Drill::on(Database::own(&postgres, &socket).await).await;
    drill.set_lease(Duration::from_secs(10));

    // All of it is claimed at once. The recorder needs several writes for that.
    drill.world.config.delivery.max_claimed = RECIPIENTS as usize;
    let (_process, client) = drill.process().await;
    let (_idle, _) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;
    postgres.stop();
    std::fs::remove_file(&socket).unwrap();

    // The leases run out meanwhile, by Postgres' clock.
    tokio::time::sleep(drill.world.config.delivery.lease).await;
    postgres = PrivatePostgres::start(&data).await.unwrap();
    symlink(postgres.options("").get_socket().unwrap(), &socket).unwrap();
    drill.ends_well(&client, &id, 0).await;
    drop(postgres);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime: `make faketime` runs it"]
async fn the_clock_steps_to_and_fro() {
    let library = faketime().expect("libfaketime is not installed");
    let drill = Drill::new().await;
    let offset = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(offset.path(), "+0").unwrap();
    let environment = [
        ("LD_PRELOAD", library.display().to_string()),
        (
            "FAKETIME_TIMESTAMP_FILE",
            offset.path().display().to_string(),
        ),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let (_process, client) = Process::serve_with(&drill.world, &drill.caller, &environment).await;
    let id = drill.send(&client).await;

    for (round, step) in ["-10m", "+0", "+10m"].into_iter().enumerate() {
        drill.arrived((round as u64 + 1) * RECIPIENTS / 5).await;
        std::fs::write(offset.path(), step).unwrap();
    }

    // One more message, so that one is sent after the last step. Its device got one before.
    let last = client.send(&message(&[fcm("device-0")])).await;
    client.completed(&last).await;
    let farthest = "select max(created_at) > now() + interval '5 minutes' from delivery_attempts";
    let has_stepped: bool = sqlx::query_scalar(farthest)
        .fetch_one(&drill.world.database.pool)
        .await
        .unwrap();
    assert!(has_stepped, "an attempt by the other clock");

    drill.ends_well(&client, &id, 1).await;
}

/// The library that makes a process see another time.
fn faketime() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").ok()?.flatten();
    directories
        .map(|directory| directory.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn apns_goes_on_while_fcm_asks_for_a_pause() {
    let drill = Drill::new().await;
    let (_process, client) = drill.process().await;
    let throttled: Vec<Value> = (0..1_000)
        .map(|index| fcm(&format!("{index}~QUOTA_EXCEEDED")))
        .collect();
    let waiting = client.send(&message(&throttled)).await;
    let others: Vec<Value> = (0..1_000)
        .map(|index| apn(&format!("aa{index:08x}")))
        .collect();
    let id = client.send(&message(&others)).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1_000);

    let operation = client.read(&format!("/Operations/{waiting}")).await;
    assert_eq!(operation["status"], "PROCESSING", "{operation}");
    assert_eq!(operation["stats"]["failed"], 0, "{operation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apns_goes_on_while_fcm_is_slow() {
    let mut drill = Drill::new().await;

    // 10 a second: 2,000 of them would fill the claim limit for minutes.
    drill.world.config.fcm.max_per_minute = 600;
    drill.world.config.delivery.max_claimed = 2_000;
    let (_process, client) = drill.process().await;
    let slow: Vec<Value> = (0..5_000)
        .map(|index| fcm(&format!("slow-{index}")))
        .collect();
    let waiting = client.send(&message(&slow)).await;
    drill.arrived(5).await;
    let others: Vec<Value> = (0..2_000)
        .map(|index| apn(&format!("aa{index:08x}")))
        .collect();
    let id = client.send(&message(&others)).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2_000);

    let operation = client.read(&format!("/Operations/{waiting}")).await;
    assert_eq!(operation["status"], "PROCESSING", "{operation}");
}
