//! Start and shutdown of a process: it waits for Postgres, gives its work to other processes, and
//! loses nothing.

use std::time::Duration;

use bellwire::dev::postgres::PrivatePostgres;
use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use nix::sys::signal::Signal;

use crate::support::client::{Client, apn, fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::{World, assert_tallies};

const LONG: &str = "600s";

fn setting(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_two_replicas_loses_nothing_and_doubles_nothing() {
    let recipients = std::env::var("ROLLING").map_or(20_000, |count| count.parse::<u64>().unwrap());
    let per_send = (recipients / 2).min(10_000);
    let options = Options {
        behaviour: Behaviour::new(
            100,
            1000,
            Faults {
                latency: 20,
                jitter: 20,
                ..Faults::default()
            },
        ),
        ..Options::default()
    };
    let mut world = World::with(options).await;
    world.config.delivery.max_claimed = 2_000;
    let caller = world.demo().await;
    let serve = async || Process::serve(&world, &caller).await;
    let (mut first, mut client) = serve().await;
    let (mut second, _) = serve().await;
    let mut ids = Vec::new();
    let mut send = async |client: &Client, part: u64| {
        let recipient = |index| match index % 2 {
            0 => fcm(&format!("device-{part}-{index}")),
            _ => apn(&format!("aa{part:04x}{index:08x}")),
        };
        ids.push(
            client
                .send(&message(&(0..per_send).map(recipient).collect::<Vec<_>>()))
                .await,
        );
    };
    let arrived = async |count: u64| {
        let enough = async || {
            let summary = world.arrived().await;
            (summary["accepted"].as_u64() >= Some(count)).then_some(summary)
        };
        eventually("notifications to arrive", enough).await
    };
    let parts = recipients / per_send;

    for part in 0..parts / 2 {
        send(&client, part).await;
    }

    arrived(recipients / 10).await;
    let (successor, successors_client) = serve().await;
    let ending = std::mem::replace(&mut first, successor);
    ending.signal(Signal::SIGTERM);
    assert_eq!(ending.ended().await.code(), Some(0));

    client = successors_client;

    for part in parts / 2..parts {
        send(&client, part).await;
    }

    arrived(recipients / 2).await;
    let ending = std::mem::replace(&mut second, serve().await.0);
    ending.signal(Signal::SIGTERM);
    assert_eq!(ending.ended().await.code(), Some(0));

    for id in &ids {
        assert_eq!(client.completed(id).await["stats"]["sent"], per_send);
    }

    let summary = arrived(recipients).await;
    assert_eq!(
        (&summary["tokens"], &summary["duplicates"]),
        (&recipients.into(), &0.into())
    );

    let most: i16 = sqlx::query_scalar("select max(attempts) from push_notifications")
        .fetch_one(&world.database.pool)
        .await
        .unwrap();
    assert_eq!(most, 1, "what was given back costs no attempt");
    drop((first, second));
    assert_tallies(&world.database).await;
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_first_and_requests_are_answered_until_the_drain_delay_is_over() {
    let world = World::new().await;
    let caller = world.demo().await;
    let environment = [setting("BELLWIRE__SERVER__DRAIN_DELAY", LONG)];
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;
    let ready = async || reqwest::get(format!("{}/readyz", client.url())).await.ok();
    eventually("readiness", async || {
        ready().await.filter(|answer| answer.status() == 200)
    })
    .await;

    process.signal(Signal::SIGTERM);
    eventually("the end of readiness", async || {
        ready().await.filter(|answer| answer.status() == 503)
    })
    .await;

    let id = client.send(&message(&[fcm("late")])).await;
    let answer = client
        .request(reqwest::Method::GET, &format!("/Operations/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["connection"], "close");

    client.completed(&id).await;
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await.code(), Some(1));
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_process_that_waits_for_a_provider() {
    let faults = Faults {
        outage: Outage::Hang,
        ..Faults::default()
    };
    let options = Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    };
    let mut world = World::with(options).await;
    let caller = world.demo().await;
    world.config.fcm.timeout = Duration::from_secs(300);
    world.config.apns.timeout = Duration::from_secs(300);
    world.config.delivery.lease = Duration::from_secs(600);
    let environment = [setting("BELLWIRE__DELIVERY__GRACE", LONG)];
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;
    client
        .send(&message(&[fcm("a-device"), apn("0a1b2c3d")]))
        .await;
    eventually("requests to be in flight", async || {
        (world.arrived().await["inFlight"] == 2).then_some(())
    })
    .await;

    process.signal(Signal::SIGINT);
    eventually("the API to be closed", async || {
        let request = client.request(reqwest::Method::GET, "/Apps");
        request.send().await.is_err().then_some(())
    })
    .await;

    process.signal(Signal::SIGINT);
    assert_eq!(process.ended().await.code(), Some(1));
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_postgres_and_logs_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let socket = directory.path().join("socket");
    let mut postgres = PrivatePostgres::start(&data).await.unwrap();
    let world = World::on(Database::own(&postgres, &socket).await, Options::default()).await;
    let (key, secret) = world.demo().await;
    postgres.stop();
    std::fs::remove_file(&socket).unwrap();
    let port = free_port();
    let process = Process::spawn(&mut world.command(port));
    process.logged("waiting for Postgres").await;
    postgres = PrivatePostgres::start(&data).await.unwrap();
    std::os::unix::fs::symlink(postgres.options("").get_socket().unwrap(), &socket).unwrap();
    let client = Client::new(&format!("http://127.0.0.1:{port}"), &key, &secret);
    let listening = async || {
        client
            .request(reqwest::Method::GET, "/Apps")
            .send()
            .await
            .ok()
    };
    assert_eq!(
        eventually("the service to listen", listening)
            .await
            .status(),
        200
    );
    drop((process, postgres));
    world.simulator.stop().await;
}
