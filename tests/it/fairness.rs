//! The order of sends: the urgent and the small first, and none waits for ever.

use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{fcm, message};
use crate::support::eventually;
use crate::support::service::World;

fn recipients(name: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| fcm(&format!("{name}-{index}")))
        .collect()
}

/// Counts the attempts that began before and after the last one of the Operations that `condition`
/// selects, without those themselves.
async fn attempts_around(pool: &PgPool, condition: &str) -> (i64, i64) {
    let around = format!(
        "with attempt as (
             select delivery_attempts.created_at, ({condition}) as chosen
             from delivery_attempts
             join operations on operations.id = delivery_attempts.operation_id
         ),
         last as (select max(created_at) as at from attempt where chosen)
         select count(*) filter (where created_at < last.at), count(*) filter (where created_at > last.at)
         from attempt cross join last
         where not chosen"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(around))
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn low_goes_after_high_and_is_not_starved_by_it() {
    const RECIPIENTS: usize = 100;
    const HIGH: usize = 100;
    const LOW: usize = 5;

    let faults = Faults {
        latency: 200,
        ..Faults::default()
    };
    let options = Options {
        behaviour: Behaviour::new(100, 1000, faults),
        ..Options::default()
    };
    let mut world = World::with(options).await;

    // The lane has nearly all of that in flight, so it puts nothing back, however busy the machine
    // is.
    world.config.delivery.max_claimed = 600;
    let service = world.start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;

    // Opens the lane, which sends little until its provider has answered.
    let first = client.send(&message(&recipients("first", 1))).await;
    client.completed(&first).await;

    let at = OffsetDateTime::now_utc() + Duration::from_secs(3600);
    let at = at.format(&Rfc3339).unwrap();
    let sends = (0..LOW + HIGH).map(|number| {
        let mut body = message(&recipients(&format!("send-{number}"), RECIPIENTS));
        body["priority"] = json!(if number < LOW { "LOW" } else { "HIGH" });
        body["schedule"] = json!({"sendAt": [at]});
        async move { client.send(&body).await }
    });
    join_all(sends).await;

    // All of it becomes due at once, and LOW has been due for longer.
    let due = "update batches
               set due_at = now() - make_interval(mins => (operations.message ->> 'priority' = 'LOW')::integer)
               from operations
               where operations.id = batches.operation_id and queued > 0";
    sqlx::query(due).execute(pool).await.unwrap();
    eventually("all to be sent", async || {
        let queued: i64 = sqlx::query_scalar("select sum(queued) from batches")
            .fetch_one(pool)
            .await
            .unwrap();
        (queued == 0).then_some(())
    })
    .await;

    let is_low = "operations.message ->> 'priority' = 'LOW'";
    let (before, after) = attempts_around(pool, is_low).await;
    let [before, after] = [before, after].map(|count| count as usize);
    assert!(before > 3 * LOW * RECIPIENTS, "only {before} went before");
    assert!(after > 3 * LOW * RECIPIENTS, "only {after} went after");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_send_passes_a_large_one() {
    let mut world = World::new().await;
    world.config.delivery.max_claimed = 1_500;

    // The large one takes at least five seconds, so most of it is left when the other arrives.
    world.config.fcm.max_per_minute = 60_000;
    world.config.fcm.warm_up = Duration::from_millis(1);
    let service = world.start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let large = client.send(&message(&recipients("large", 5_000))).await;
    let single = client.send(&message(&recipients("single", 1))).await;

    client.completed(&single).await;
    client.completed(&large).await;
    let (_, after) = attempts_around(pool, "operations.recipients = 1").await;
    assert!(after > 1_000, "only {after} went after the single one");
    service.stop().await;
}
