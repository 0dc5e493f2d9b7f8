//! The pace of an Operation.

#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::client::{Client, answer, fcm, message};
use crate::support::process::Process;
use crate::support::service::{Service, World, assert_tallies};
use crate::support::{eventually, steady};

fn paced(count: usize, per_minute: u32) -> Value {
    let to: Vec<Value> = (0..count).map(|index| fcm(&format!("d{index}"))).collect();
    let mut body = message(&to);
    body["pace"] = json!({"perMinute": per_minute});
    body
}

async fn patch(client: &Client, id: &str, body: &Value) -> (StatusCode, Value) {
    let request = client.request(Method::PATCH, &format!("/Operations/{id}"));
    answer(request.json(body).send().await.unwrap()).await
}

async fn sent(client: &Client, id: &str) -> i64 {
    let operation = client.read(&format!("/Operations/{id}")).await;
    operation["stats"]["sent"].as_i64().unwrap()
}

/// Notifications that became due together.
#[derive(Debug, sqlx::FromRow)]
struct Turn {
    /// In seconds after the first turn.
    at: f64,
    notifications: i64,
}

/// The turns of the only Operation, in order.
async fn turns(world: &World) -> Vec<Turn> {
    let turns = "
        select
            extract(epoch from planned_at - min(planned_at) over ())::double precision as at,
            sum(size)::bigint as notifications
        from batches
        where planned_at is not null
        group by planned_at
        order by planned_at";

    sqlx::query_as(turns)
        .fetch_all(&world.database.pool)
        .await
        .unwrap()
}

/// Checks that no attempt came before its turn, and that no turn came before its time at a pace of
/// `per_second`. A busy machine delays turns, of which an Operation makes up for `catch_up` seconds.
async fn assert_pace(world: &World, per_second: i64, catch_up: f64) {
    let mut earlier = 0;
    for turn in turns(world).await {
        let planned = (earlier / per_second) as f64;
        assert!(
            turn.at > planned - catch_up - 0.01,
            "after {earlier}: {turn:?}"
        );
        assert!(turn.notifications <= per_second, "{turn:?}");
        earlier += turn.notifications;
    }
    assert!(earlier > per_second, "{earlier} were due in turns");

    let early: i64 = sqlx::query_scalar(
        "select count(*)
         from delivery_attempts
         join batches
            on batches.operation_id = delivery_attempts.operation_id
            and delivery_attempts.position >= batches.first_position
            and delivery_attempts.position < batches.first_position + batches.size
         where delivery_attempts.created_at < batches.planned_at - interval '10 ms'",
    )
    .fetch_one(&world.database.pool)
    .await
    .unwrap();
    assert_eq!(early, 0, "attempts before their turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_holds_over_two_processes() {
    let world = World::new().await;
    let caller = world.demo().await;
    let (_other, _) = Process::serve(&world, &caller).await;
    let service = world.start_for(&caller.0, &caller.1).await;
    let client = &service.client;

    let id = client.send(&paced(80, 1_200)).await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 80);
    assert_eq!(operation["pace"], json!({"perMinute": 1_200}));

    assert_pace(&service.world, 20, 1.0).await;
    assert_eq!(service.arrived().await["duplicates"], 0);
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pace_takes_effect_at_once() {
    let service = Service::start().await;
    let client = &service.client;

    // At its own pace it would take an hour.
    let id = client.send(&paced(60, 1)).await;
    eventually("the first to be sent", async || {
        (sent(client, &id).await == 1).then_some(())
    })
    .await;
    let began = Instant::now();
    let (status, response) = patch(client, &id, &json!({"pace": {"perMinute": 1_800}})).await;
    assert_eq!(
        (status, &response["operationId"]),
        (StatusCode::ACCEPTED, &json!(id))
    );
    assert_eq!(client.completed(&id).await["stats"]["sent"], 60);
    let took = began.elapsed();
    assert!(took < Duration::from_mins(1), "{took:?}");
    assert!(took > Duration::from_millis(900), "{took:?}");
    let (status, error) = patch(client, &id, &json!({"pace": {"perMinute": 1}})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");

    // Slower: what the next turn takes has the size of the new pace.
    let id = client.send(&paced(2_000, 6_000)).await;
    eventually("the first to be sent", async || {
        (sent(client, &id).await > 0).then_some(())
    })
    .await;
    let (status, error) = patch(client, &id, &json!({"pace": {"perMinute": 60}})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    let pool = &service.world.database.pool;
    let changed_at: OffsetDateTime = sqlx::query_scalar("select now()")
        .fetch_one(pool)
        .await
        .unwrap();
    let sizes = eventually("turns at the new pace", async || {
        let sizes: Vec<i64> = sqlx::query_scalar(
            "select sum(size)::bigint from batches where planned_at > $1 group by planned_at",
        )
        .bind(changed_at)
        .fetch_all(pool)
        .await
        .unwrap();
        (sizes.len() >= 3).then_some(sizes)
    })
    .await;
    assert!(sizes.iter().all(|size| *size == 1), "{sizes:?}");
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_unpaced_can_be_given_a_pace() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = paced(1_000, 1);
    body.as_object_mut().unwrap().remove("pace");
    body["schedule"] = json!({"sendAt": [later(1)]});
    let id = client.send(&body).await;

    let (status, error) = patch(client, &id, &json!({"pace": {"perMinute": 6_000}})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(operation["status"], "SCHEDULED");
    eventually("the first to be sent", async || {
        (sent(client, &id).await > 0).then_some(())
    })
    .await;
    assert!(sent(client, &id).await < 1_000);

    let path = format!("/Operations/{id}/Cancel");
    let (status, _) = client.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(operation["status"], "CANCELED");
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

fn later(seconds: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    let at = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    at.format(&Rfc3339).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_out_of_its_bounds_is_refused() {
    let service = Service::start().await;
    let client = &service.client;
    let id = client.send(&paced(5, 1)).await;

    for (pace, field, rule) in [
        (
            json!({"perMinute": 0}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (
            json!({"perMinute": -1}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (
            json!({"perMinute": 1.5}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (
            json!({"perMinute": "60"}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (
            json!({"perMinute": null}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (
            json!({"perMinute": 10_000_001}),
            "pace.perMinute",
            "an integer from 1",
        ),
        (json!({}), "pace.perMinute", "required"),
        (json!(60), "pace", "object"),
        (
            json!({"perMinute": 60, "perHour": 1}),
            "pace.perHour",
            "does not exist",
        ),
    ] {
        let mut body = message(&[fcm("a")]);
        body["pace"] = pace.clone();
        let change = json!({"pace": pace});
        for (status, error) in [
            client.post("", &body).await,
            patch(client, &id, &change).await,
        ] {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{change}: {error}");
            let problem = &error["errors"][0];
            assert_eq!(problem["field"], field, "{change}: {error}");
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(rule), "{change}: {message}");
        }
    }

    // 10 000 at one a minute take nearly 7 days.
    let mut body = paced(10_000, 1);
    body["validateOnly"] = json!(true);
    body["schedule"] = json!({"sendAt": [later(86_400)]});
    let (status, error) = client.post("", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert_eq!(error["errors"][0]["field"], "pace.perMinute");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_does_not_burst() {
    let service = Service::start().await;
    let client = &service.client;
    let id = client.send(&paced(1_000, 600)).await;
    eventually("the first to be sent", async || {
        (sent(client, &id).await > 0).then_some(())
    })
    .await;

    // As if no process had run for a minute.
    sqlx::query("update paces set next_at = next_at - interval '1 minute'")
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    eventually("four turns", async || {
        (sent(client, &id).await >= 40).then_some(())
    })
    .await;

    // The turn that was due, and one second's worth.
    assert_pace(&service.world, 10, 2.0).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_pace_an_operation_is_sent_at_once() {
    let service = Service::start().await;
    let client = &service.client;
    let none = json!({"pace": null});

    // At its own pace it would take an hour.
    let id = client.send(&paced(60, 1)).await;
    eventually("the first to be sent", async || {
        (sent(client, &id).await == 1).then_some(())
    })
    .await;
    let (status, response) = patch(client, &id, &none).await;
    assert_eq!(
        (status, &response["operationId"]),
        (StatusCode::ACCEPTED, &json!(id))
    );
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 60);
    assert!(operation["pace"].is_null(), "{operation}");
    let (status, error) = patch(client, &id, &none).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");

    // A pause and a time that has not come stay as they are, and the time can still be changed.
    let mut body = paced(700, 600);
    body["schedule"] = json!({"sendAt": [later(3_600)]});
    let id = client.send(&body).await;
    let path = format!("/Operations/{id}/Pause");
    let (status, _) = client.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(patch(client, &id, &none).await.0, StatusCode::ACCEPTED);
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(
        (&operation["status"], &operation["stats"]["scheduled"]),
        (&json!("SCHEDULED"), &json!(700))
    );
    let soon = json!({"schedule": {"sendAt": [later(1)]}});
    assert_eq!(patch(client, &id, &soon).await.0, StatusCode::ACCEPTED);
    let path = format!("/Operations/{id}/Resume");
    let (status, _) = client.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["sent"], 700);

    // An Operation that has none stays as it is.
    let mut body = paced(1, 1);
    body.as_object_mut().unwrap().remove("pace");
    body["schedule"] = json!({"sendAt": [later(3_600)]});
    let id = client.send(&body).await;
    assert_eq!(patch(client, &id, &none).await.0, StatusCode::ACCEPTED);
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_is_made_goes_on_without_its_pace() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(45).await;
    let mut body = message(&[json!({"audience": {}})]);
    body["pace"] = json!({"perMinute": 1});
    let id = client.send(&body).await;

    let (status, error) = patch(client, &id, &json!({"pace": null})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    assert_eq!(client.completed(&id).await["stats"]["sent"], 45);
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_counts_from_the_planned_time() {
    let service = Service::start().await;
    let mut body = paced(100, 1_200);
    body["deadline"] = json!(3);
    let id = service.client.send(&body).await;

    // All of them take 4 s.
    let operation = service.client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 100, "{operation}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_of_low_priority_that_is_paced_over_days_ends() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let mut body = paced(5, 1);
    body["priority"] = json!("LOW");
    let id = client.send(&body).await;

    for count in 1..=5 {
        eventually("the next to be sent", async || {
            // As if its time had come, also after a long outage.
            sqlx::query("update paces set next_at = now() - interval '1 day' where cardinality(recent) < $1")
                .bind(count)
                .execute(pool)
                .await
                .unwrap();
            (sent(client, &id).await >= i64::from(count)).then_some(())
        })
        .await;
        assert_eq!(sent(client, &id).await, i64::from(count));
    }
    assert_eq!(client.completed(&id).await["stats"]["sent"], 5);
    let left: i64 = sqlx::query_scalar("select count(*) from paces")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_has_a_pace() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(45).await;
    let mut body = message(&[json!({"audience": {}})]);
    body["pace"] = json!({"perMinute": 1_200});
    let id = client.send(&body).await;

    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 45);
    assert_pace(&service.world, 20, 1.0).await;
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_canceled_while_it_waits_is_not_sent() {
    let service = Service::start().await;
    let client = &service.client;
    let id = client.send(&paced(60, 1_200)).await;
    let path = format!("?operationId={id}&status=QUEUED&pageSize=1000");
    let waiting = client.read(&path).await;
    let waiting = waiting["pushNotifications"].as_array().unwrap();
    // In the order of the request.
    for notification in waiting.iter().rev().take(5) {
        let path = format!("/{}/Cancel", notification["id"].as_str().unwrap());
        let (status, _) = client.post(&path, &Value::Null).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }

    let operation = client.completed(&id).await;
    assert_eq!(
        (&operation["stats"]["sent"], &operation["stats"]["canceled"]),
        (&json!(55), &json!(5))
    );
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_operation_takes_no_turns() {
    let service = Service::start().await;
    let client = &service.client;
    let id = client.send(&paced(300, 3_000)).await;
    let path = format!("/Operations/{id}/Pause");
    let (status, _) = client.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);

    let count = async || sent(client, &id).await;
    let paused = steady("what is sent", Duration::from_millis(1_500), count).await;
    assert!(paused < 300, "{paused}");

    let path = format!("/Operations/{id}/Resume");
    let (status, _) = client.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["sent"], 300);
    assert_eq!(service.arrived().await["duplicates"], 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_sent_again_at_the_same_pace() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = paced(0, 6_000);
    body["to"] = (0..30)
        .map(|index| fcm(&format!("d{index}~UNREGISTERED")))
        .collect();
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["failed"], 30);

    let path = format!("/Operations/{id}/Resend");
    let (status, response) = client
        .post(&path, &json!({"codes": ["UNREGISTERED"]}))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{response}");
    let operation = client
        .completed(response["operationId"].as_str().unwrap())
        .await;
    assert_eq!(operation["stats"]["failed"], 30);
    assert_eq!(operation["pace"], json!({"perMinute": 6_000}));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_leave_nothing_behind() {
    let service = Service::start().await;
    let client = &service.client;
    for round in 0..10 {
        let mut body = paced(700, 1);
        body.as_object_mut().unwrap().remove("pace");
        body["schedule"] = json!({"sendAt": [later(3_600)]});
        let id = client.send(&body).await;
        let first = json!({"pace": {"perMinute": 60}});
        let second = json!({"pace": {"perMinute": 120}});
        let cancel = format!("/Operations/{id}/Cancel");
        let changes = tokio::join!(
            patch(client, &id, &first),
            patch(client, &id, &second),
            client.post(&cancel, &Value::Null),
        );
        for (status, answer) in [changes.0, changes.1] {
            assert!(
                matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT),
                "{round}: {answer}"
            );
        }
        assert_eq!(changes.2.0, StatusCode::ACCEPTED);

        let operation = client.read(&format!("/Operations/{id}")).await;
        assert_eq!(operation["stats"]["canceled"], 700, "{operation}");
    }
    assert_tallies(&service.world.database).await;
    service.stop().await;
}
