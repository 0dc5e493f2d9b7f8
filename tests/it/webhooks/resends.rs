//! The end of an Operation that sends failed notifications again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::messages::{subscribe, world};
use crate::support::client::{fcm, message};
use crate::support::eventually;
use crate::webhooks::receiver::Receiver;

/// Failed notifications, each in a batch of its own: as many batches as one step copies.
const FAILED: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_reported_though_all_was_settled_before_the_last_step() {
    let service = world().await.start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let receiver = Receiver::start().await;
    subscribe(client, &receiver, &["operation.completed"]).await;

    let to: Vec<Value> = (0..FAILED)
        .map(|number| fcm(&format!("{number}~UNREGISTERED")))
        .collect();
    let source = client.send(&message(&to)).await;
    client.completed(&source).await;
    for statement in [
        "update batches set size = 1, failed = 1",
        "insert into batches (
             operation_id, number, account_id, first_position, size, rank, due_at, claims, queued, failed, updated_at
         )
         select operation_id, next, account_id, next, 1, rank, due_at, claims, 0, 1, updated_at
         from batches
         cross join generate_series(1, 19) as next",
        // The last step of a copy waits for the test.
        "create function await_test() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock(4711); return old; end $$",
        "create trigger await_test before delete on fanouts for each row execute function await_test()",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    let mut last_step = pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(4711)")
        .execute(&mut *last_step)
        .await
        .unwrap();

    let path = format!("/Operations/{source}/Resend");
    let body = json!({"codes": ["UNREGISTERED"]});
    let (status, accepted) = client.post(&path, &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted}");
    let id = accepted["operationId"].as_str().unwrap();
    eventually("all to be settled and reported", async || {
        let operation = client.read(&format!("/Operations/{id}")).await;
        let events: i64 = sqlx::query_scalar("select count(*) from events")
            .fetch_one(pool)
            .await
            .unwrap();
        (operation["stats"]["failed"] == FAILED && events == 0).then_some(())
    })
    .await;
    last_step.commit().await.unwrap();

    eventually("the end to be reported", async || {
        let received = receiver.received();
        let is_reported = received
            .iter()
            .any(|message| message.json()["data"]["operationId"] == id);
        is_reported.then_some(())
    })
    .await;
    service.stop().await;
}
