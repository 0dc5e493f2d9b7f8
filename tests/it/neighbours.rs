//! Accounts share a process: none waits behind the work of another.

use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use bellwire::model::provider::CredentialType;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::client::{Client, fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World};

/// A message to `count` devices.
fn push(name: &str, priority: &str, count: usize) -> Value {
    let recipients: Vec<Value> = (0..count)
        .map(|index| fcm(&format!("{name}-{index}")))
        .collect();
    let mut body = message(&recipients);
    body["priority"] = json!(priority);

    body
}

/// A world whose provider takes its time, so that notifications stay claimed for a while.
async fn slow_world(latency: u64) -> World {
    let faults = Faults {
        latency,
        ..Faults::default()
    };
    let options = Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    };

    World::with(options).await
}

/// A service for `demo`, and the client of another account.
async fn with_neighbour(world: World) -> (Service, Client) {
    let (_, key, secret) = world.neighbour("neighbour").await;
    let service = world.start().await;
    let neighbour = Client::new(&service.url, &key, &secret);

    (service, neighbour)
}

/// Attempts of an account that began before and after the last attempt of another.
async fn attempts_around(pool: &PgPool, of: &str, last_of: &str) -> (i64, i64) {
    let query = "
        with attempt as (
            select delivery_attempts.created_at, accounts.name
            from delivery_attempts
            join operations on operations.id = delivery_attempts.operation_id
            join accounts on accounts.id = operations.account_id
        ),
        last as (select max(created_at) as at from attempt where name = $2)
        select count(*) filter (where created_at < last.at), count(*) filter (where created_at > last.at)
        from attempt cross join last
        where name = $1";

    sqlx::query_as(query)
        .bind(of)
        .bind(last_of)
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn all_settled(pool: &PgPool) {
    eventually("all to be settled", async || {
        let left: i64 = sqlx::query_scalar(
            "select (select coalesce(sum(queued), 0) from batches) + (select count(*) from fanouts)",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_neither_behind_the_operations_of_another_account_nor_behind_their_rank() {
    let mut world = slow_world(100).await;
    world.config.delivery.max_claimed = 1_000;
    let (service, neighbour) = with_neighbour(world).await;
    let client = &service.client;
    let pool = &service.world.database.pool;

    // Both lanes are open, so that what follows is about the queue alone.
    let first = client.send(&push("first", "HIGH", 1)).await;
    client.completed(&first).await;
    let first = neighbour.send(&push("first", "HIGH", 1)).await;
    neighbour.completed(&first).await;

    let sends = (0..20).map(|number| {
        let body = push(&format!("many-{number}"), "HIGH", 500);
        async move { client.send(&body).await }
    });
    join_all(sends).await;

    // Single ones go before all larger ones of their own account only, and LOW goes after HIGH.
    for (name, priority) in [("low", "LOW"), ("high", "HIGH")] {
        let id = neighbour.send(&push(name, priority, 1)).await;
        neighbour.completed(&id).await;
    }

    all_settled(pool).await;
    let (_, after) = attempts_around(pool, "demo", "neighbour").await;
    assert!(after > 2_000, "only {after} went after the neighbour's");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_much_to_send_share_equally() {
    const EACH: usize = 4_000;

    let mut world = slow_world(50).await;
    world.config.delivery.max_claimed = 2_000;
    let (service, neighbour) = with_neighbour(world).await;
    let client = &service.client;
    let pool = &service.world.database.pool;

    // Ten times as much, and earlier.
    let sends = (0..10).map(|number| {
        let body = push(&format!("many-{number}"), "HIGH", EACH);
        async move { client.send(&body).await }
    });
    join_all(sends).await;
    let late = neighbour.send(&push("late", "LOW", EACH)).await;
    neighbour.completed(&late).await;
    all_settled(pool).await;

    let (_, after) = attempts_around(pool, "demo", "neighbour").await;
    let during = sqlx::query_scalar::<_, i64>(
        "with attempt as (
             select delivery_attempts.created_at, accounts.name
             from delivery_attempts
             join operations on operations.id = delivery_attempts.operation_id
             join accounts on accounts.id = operations.account_id
         )
         select count(*) from attempt
         where name = 'demo'
             and created_at between (select min(created_at) from attempt where name = 'neighbour')
                 and (select max(created_at) from attempt where name = 'neighbour')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    // The lanes are as fast as each other, give or take what a busy machine makes of them.
    assert!(
        during < 3 * EACH as i64,
        "{during} went during the neighbour's"
    );
    assert!(after > 2 * EACH as i64, "only {after} went after them");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_does_not_wait_for_token_endpoints_of_another_that_hang() {
    let mut world = World::new().await;
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("https://{}/token", silent.local_addr().unwrap());
    world.config.fcm.token_uris.push(uri.clone());
    world.config.delivery.max_claimed = 500;
    world.config.delivery.deadline = Duration::from_secs(600);
    let (account_id, key, secret) = world.account("hanging").await;
    let mut credentials = Vec::new();
    for _ in 0..10 {
        let mut content = world.simulator.fcm_credential();
        content["tokenUri"] = json!(uri);
        let id = world
            .credential(account_id, CredentialType::Fcm, &content)
            .await;
        credentials.push(id);
        sqlx::query("update credentials set is_default = false where account_id = $1")
            .bind(account_id.as_uuid())
            .execute(&world.database.pool)
            .await
            .unwrap();
    }
    let service = world.start().await;
    let hanging = Client::new(&service.url, &key, &secret);

    let sends = credentials.iter().map(|credential| {
        let mut body = push("hanging", "HIGH", 500);
        body["from"] = json!({"fcm": credential.to_string()});
        let hanging = &hanging;
        async move { hanging.send(&body).await }
    });
    join_all(sends).await;
    // Its notifications are more than the process may claim.
    eventually("the lanes to be tried", async || {
        let claimed: i64 = sqlx::query_scalar("select count(*) from batches where claims > 0")
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
        (claimed > 0).then_some(())
    })
    .await;

    for priority in ["HIGH", "LOW"] {
        let id = service.client.send(&push("fine", priority, 500)).await;
        let operation = service.client.completed(&id).await;
        assert_eq!(operation["stats"]["sent"], 500);
    }
    let sent: i64 = sqlx::query_scalar("select sum(sent) from batches where account_id = $1")
        .bind(account_id.as_uuid())
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(sent, 0, "the endpoints still hang");
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audiences_of_several_accounts_take_turns() {
    let mut world = World::new().await;
    // Nothing of the batches is to be sent before all are there.
    world.config.fcm.max_per_minute = 60_000;
    let (service, neighbour) = with_neighbour(world).await;
    service.world.register_many(5_001).await;
    let pool = &service.world.database.pool;
    for account in ["neighbour"] {
        let device = json!({"appName": "demo", "token": account, "provider": "FCM"});
        let (status, answer) = neighbour.post("/DeviceRegistrations", &device).await;
        assert!(status.is_success(), "{answer}");
    }

    let audience = message(&[json!({"audience": {}})]);
    for _ in 0..10 {
        service.client.send(&audience).await;
    }
    let id = neighbour.send(&audience).await;
    let path = format!("/Operations/{id}");
    // How soon it is sent is not asked here: on a busy machine, that may be after all audiences have grown.
    eventually("the neighbour's audience to grow", async || {
        let operation = neighbour.read(&path).await;
        (operation["stats"]["total"] == 1).then_some(())
    })
    .await;

    let left: i64 = sqlx::query_scalar("select count(*) from fanouts")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(left > 4, "only {left} audiences were left");

    // The rest need not be sent.
    for operation in service.client.all("/Operations", "operations", 100).await {
        let path = format!("/Operations/{}/Cancel", operation["id"].as_str().unwrap());
        let _ = service.client.post(&path, &Value::Null).await;
    }
    all_settled(pool).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_an_older_release_are_sent() {
    let mut world = World::new().await;
    world.config.delivery.enabled = false;
    let (key, secret) = world.demo().await;
    let service = world.start_for(&key, &secret).await;
    let id = service.client.send(&push("old", "HIGH", 600)).await;

    // As a release leaves it that does not know the column.
    sqlx::query("update batches set account_id = $1")
        .bind(Uuid::nil())
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    let mut world = service.rest().await;
    world.config.delivery.enabled = true;
    let service = world.start_for(&key, &secret).await;
    let operation = service.client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 600);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_serves_the_api_says_what_is_due() {
    let mut world = World::new().await;
    world.config.delivery.poll_interval = Duration::from_secs(3600);
    let (key, secret) = world.demo().await;
    let delivering = bellwire::app::App::start(&world.config).await.unwrap();
    world.config.delivery.enabled = false;
    let service = world.start_for(&key, &secret).await;

    for (name, priority) in [("high", "HIGH"), ("low", "LOW"), ("more", "LOW")] {
        let count = if name == "more" { 1_200 } else { 1 };
        let id = service.client.send(&push(name, priority, count)).await;
        service.client.completed(&id).await;
    }

    delivering.stop().await;
    service.stop().await;
}
