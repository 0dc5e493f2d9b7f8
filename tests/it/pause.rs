//! Pause, resume, guards, a changed schedule, and a cancel by tags.

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use bellwire::store::api_keys::{self, KnownKey, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, answer, assert_adds_up, fcm, message};
use crate::support::service::{Service, World, assert_tallies};
use crate::support::{eventually, steady};

async fn change(client: &Client, id: &str, what: &str) -> StatusCode {
    let path = format!("/Operations/{id}/{what}");
    client.post(&path, &Value::Null).await.0
}

async fn patch(client: &Client, id: &str, body: &Value) -> (StatusCode, Value) {
    let request = client.request(Method::PATCH, &format!("/Operations/{id}"));
    answer(request.json(body).send().await.unwrap()).await
}

fn at(ahead: Duration) -> Value {
    let at = OffsetDateTime::now_utc() + ahead;
    json!({"sendAt": [at.format(&Rfc3339).unwrap()]})
}

/// A service that sends some hundred a second.
async fn slow() -> Service {
    let behaviour = Behaviour::new(
        100,
        1000,
        Faults {
            latency: 50,
            jitter: 50,
            ..Faults::default()
        },
    );
    let mut world = World::with(Options {
        behaviour,
        ..Options::default()
    })
    .await;
    world.config.fcm.max_per_minute = 36_000;
    world.config.fcm.warm_up = std::time::Duration::from_millis(1);
    world.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_operation_sends_nothing_until_it_is_resumed() {
    let service = slow().await;
    let client = &service.client;
    let to: Vec<_> = (0..4_000).map(|index| fcm(&format!("d{index}"))).collect();
    let id = client.send(&message(&to)).await;
    let path = format!("/Operations/{id}");
    eventually("the first to be sent", async || {
        (client.read(&path).await["stats"]["sent"] != 0).then_some(())
    })
    .await;

    assert_eq!(change(client, &id, "Pause").await, StatusCode::ACCEPTED);
    assert_eq!(
        change(client, &id, "Pause").await,
        StatusCode::ACCEPTED,
        "it is paused already"
    );
    let paused = client.read(&path).await;
    assert_eq!(
        (
            &paused["paused"],
            &paused["pausedReason"],
            &paused["status"]
        ),
        (&json!(true), &json!("REQUESTED"), &json!("PROCESSING"))
    );
    let waiting_for = paused["waitingFor"]["reason"].as_str().unwrap();
    assert!(waiting_for.contains("paused"), "{waiting_for}");

    // What was in flight is recorded, and nothing follows.
    let counts = async || {
        let operation = client.read(&path).await;
        assert_adds_up(&operation["stats"]);
        (
            operation["stats"]["sent"].clone(),
            service.arrived().await["accepted"].clone(),
        )
    };
    let (sent, accepted) = steady("what is sent", std::time::Duration::from_secs(2), counts).await;
    assert_eq!(sent, accepted);
    assert!(sent.as_i64().unwrap() < 4_000, "{sent}");

    // Others go on.
    let other = client.send(&message(&[fcm("other")])).await;
    client.completed(&other).await;

    assert_eq!(change(client, &id, "Resume").await, StatusCode::ACCEPTED);
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 4_000);
    assert_eq!(operation["paused"], false);
    let arrived = service.arrived().await;
    assert_eq!(
        (&arrived["accepted"], &arrived["duplicates"]),
        (&json!(4_001), &json!(0))
    );

    for what in ["Pause", "Resume"] {
        assert_eq!(
            change(client, &id, what).await,
            StatusCode::CONFLICT,
            "{what}"
        );
    }
    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_rests_during_a_pause() {
    let service = slow().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let mut body = message(
        &(0..2_000)
            .map(|index| fcm(&format!("d{index}")))
            .collect::<Vec<_>>(),
    );
    body["deadline"] = json!(600);
    let id = client.send(&body).await;
    assert_eq!(change(client, &id, "Pause").await, StatusCode::ACCEPTED);

    // A batch in flight would read the deadline that is changed below, and expire.
    eventually("nothing to be in flight", async || {
        let claimed = "select count(*) from batches where queued > 0 and due_at > now()";
        let claimed: i64 = sqlx::query_scalar(claimed).fetch_one(pool).await.unwrap();
        (claimed == 0).then_some(())
    })
    .await;

    // As if it were paused for an hour.
    sqlx::query(
        "update operations
         set paused_at = paused_at - interval '1 hour', deadline_at = deadline_at - interval '1 hour'",
    )
    .execute(pool)
    .await
    .unwrap();
    assert_eq!(change(client, &id, "Resume").await, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2_000);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_operation_can_be_canceled_and_a_paused_audience_grows_and_waits() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(300).await;
    let mut body = message(&[json!({"audience": {}})]);
    body["schedule"] = at(Duration::seconds(2));
    let id = client.send(&body).await;
    assert_eq!(change(client, &id, "Pause").await, StatusCode::ACCEPTED);

    let path = format!("/Operations/{id}");
    eventually("the audience to be counted", async || {
        let operation = client.read(&path).await;
        (operation["stats"]["total"] == 300).then_some(())
    })
    .await;
    let paused = async || client.read(&path).await["stats"]["queued"].clone();
    let queued = steady("what waits", std::time::Duration::from_secs(1), paused).await;
    assert_eq!(queued, 300);

    assert_eq!(change(client, &id, "Resume").await, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["sent"], 300);

    let mut body = message(&[fcm("a"), fcm("b")]);
    body["schedule"] = at(Duration::hours(1));
    let id = client.send(&body).await;
    assert_eq!(change(client, &id, "Pause").await, StatusCode::ACCEPTED);
    assert_eq!(change(client, &id, "Cancel").await, StatusCode::ACCEPTED);
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(
        (&operation["status"], &operation["paused"]),
        (&json!("CANCELED"), &json!(false))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_pauses_an_operation_whose_notifications_fail() {
    let service = slow().await;
    let client = &service.client;
    let to: Vec<_> = (0..6_000)
        .map(|index| fcm(&format!("d{index}~UNREGISTERED")))
        .collect();
    let mut body = message(&to);
    body["guard"] = json!({"failedPercent": 50, "after": 100});
    let id = client.send(&body).await;
    let path = format!("/Operations/{id}");

    let operation = eventually("the guard to pause it", async || {
        let operation = client.read(&path).await;
        (operation["paused"] == true).then_some(operation)
    })
    .await;
    assert_eq!(operation["pausedReason"], "GUARD");
    let failed = async || client.read(&path).await["stats"]["failed"].clone();
    let failed = steady("what failed", std::time::Duration::from_secs(1), failed).await;
    let failed = failed.as_i64().unwrap();
    assert!((100..6_000).contains(&failed), "{failed}");

    // A guard pauses only once.
    assert_eq!(change(client, &id, "Resume").await, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["failed"], 6_000);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_cannot_pause_its_operation_does_not_keep_others_from_it() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    // Too many to end during the test.
    let to: Vec<_> = (0..2_000)
        .map(|index| fcm(&format!("d{index}~UNREGISTERED")))
        .collect();

    // The pause of the first one fails: its guard can't be deleted.
    let mut body = message(&to);
    body["pace"] = json!({"perMinute": 1_200});
    body["guard"] = json!({"failedPercent": 50, "after": 10});
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'refused by the test'; end $$;
         create trigger refuse before delete on guards
             for each row when (old.after = 10) execute function refuse()",
    )
    .execute(pool)
    .await
    .unwrap();
    let stuck = client.send(&body).await;
    let settled = async || {
        let operation = client.read(&format!("/Operations/{stuck}")).await;
        (operation["stats"]["failed"].as_i64() >= Some(10)).then_some(operation)
    };
    let operation = eventually("enough failures", settled).await;
    assert_eq!(operation["paused"], false);

    body["guard"]["after"] = json!(11);
    let other = client.send(&body).await;
    let is_paused = async |id: &str| {
        let operation = client.read(&format!("/Operations/{id}")).await;
        (operation["paused"] == true).then_some(())
    };
    eventually("the other one to be paused", async || {
        is_paused(&other).await
    })
    .await;

    sqlx::raw_sql("drop trigger refuse on guards")
        .execute(pool)
        .await
        .unwrap();
    eventually("the first one to be paused", async || {
        is_paused(&stuck).await
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_counts_failures_that_came_before_enough_were_settled() {
    let service = Service::start().await;
    let client = &service.client;
    // The failures come first.
    let to: Vec<_> = (0..200)
        .map(|index| match index {
            0..20 => fcm(&format!("d{index}~UNREGISTERED")),
            _ => fcm(&format!("d{index}")),
        })
        .collect();
    let mut body = message(&to);
    body["pace"] = json!({"perMinute": 1_200});
    body["guard"] = json!({"failedPercent": 20, "after": 60});
    let id = client.send(&body).await;

    let path = format!("/Operations/{id}");
    let operation = eventually("the guard to pause it", async || {
        let operation = client.read(&path).await;
        (operation["paused"] == true).then_some(operation)
    })
    .await;
    assert_eq!(operation["stats"]["failed"], 20);
    let sent = operation["stats"]["sent"].as_i64().unwrap();
    assert!((40..180).contains(&sent), "{sent}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_with_wrong_numbers_is_refused() {
    let service = Service::start().await;
    for (guard, field) in [
        (json!({}), "guard.failedPercent"),
        (json!(7), "guard"),
        (
            json!({"failedPercent": 0, "after": 1}),
            "guard.failedPercent",
        ),
        (
            json!({"failedPercent": 101, "after": 1}),
            "guard.failedPercent",
        ),
        (json!({"failedPercent": 1, "after": 0}), "guard.after"),
        (json!({"failedPercent": 1, "after": 1, "of": 2}), "guard.of"),
    ] {
        let mut body = message(&[fcm("a")]);
        body["guard"] = guard.clone();
        let (status, error) = service.client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{guard}");
        assert_eq!(error["errors"][0]["field"], field, "{guard}: {error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_operation_gets_another_time() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[fcm("a"), fcm("b")]);
    body["schedule"] = at(Duration::hours(1));
    let id = client.send(&body).await;

    let (status, response) = patch(client, &id, &json!({"schedule": at(Duration::hours(2))})).await;
    assert_eq!(
        (status, &response["operationId"]),
        (StatusCode::ACCEPTED, &json!(id))
    );
    let left: f64 = sqlx::query_scalar(
        "select extract(epoch from min(due_at) - now())::float8 / 3600 from batches",
    )
    .fetch_one(&service.world.database.pool)
    .await
    .unwrap();
    assert!((1.9..=2.0).contains(&left), "{left}");
    assert_eq!(
        client.read(&format!("/Operations/{id}")).await["status"],
        "SCHEDULED"
    );

    let (status, _) = patch(
        client,
        &id,
        &json!({"schedule": at(Duration::milliseconds(300))}),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2);

    let (status, error) = patch(client, &id, &json!({"schedule": at(Duration::hours(1))})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    for (body, field) in [
        (json!({}), "schedule"),
        (json!({"schedule": {}}), "schedule.sendAt"),
        (
            json!({"schedule": at(Duration::days(8))}),
            "schedule.sendAt[0]",
        ),
        (json!({"schedule": at(Duration::hours(1)), "x": 1}), "x"),
    ] {
        let (status, error) = patch(client, &id, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert_eq!(error["errors"][0]["field"], field, "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_canceled_by_their_tags() {
    let service = Service::start().await;
    let client = &service.client;
    let mut ids = Vec::new();
    for tags in [
        json!({"campaign": "spring", "kind": "news"}),
        json!({"campaign": "spring"}),
        json!({"campaign": "autumn"}),
    ] {
        let mut body = message(&[fcm("a"), fcm("b")]);
        body["schedule"] = at(Duration::hours(1));
        body["tags"] = tags;
        ids.push(client.send(&body).await);
    }

    let cancel = async |tags: Value| {
        client
            .post("/Operations/Cancel", &json!({"tags": tags}))
            .await
    };
    let (status, response) = cancel(json!({"campaign": "spring"})).await;
    assert_eq!(
        (status, &response["operations"]),
        (StatusCode::ACCEPTED, &json!([ids[0], ids[1]]))
    );
    for (id, expected) in ids.iter().zip(["CANCELED", "CANCELED", "SCHEDULED"]) {
        let operation = client.read(&format!("/Operations/{id}")).await;
        assert_eq!(operation["status"], expected);
    }

    let (status, response) = cancel(json!({"campaign": "spring"})).await;
    assert_eq!(
        (status, &response["operations"]),
        (StatusCode::ACCEPTED, &json!([]))
    );
    for bad in [
        json!({}),
        json!(null),
        json!("spring"),
        json!({"campaign": 7}),
    ] {
        let (status, error) = cancel(bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_send_may_control_what_it_sent() {
    let service = Service::start().await;
    let pool = &service.world.database.pool;
    let account_id =
        sqlx::query_scalar::<_, uuid::Uuid>("select id from accounts where name = 'demo'")
            .fetch_one(pool)
            .await
            .unwrap();
    let known = KnownKey {
        account_id: account_id.into(),
        secret_hash: bellwire::crypto::hash_api_secret("secret"),
        role: Role::Send,
        ended: None,
    };
    api_keys::insert(pool, "SKsend", &known).await.unwrap();
    let sender = Client::new(&service.url, "SKsend", "secret");

    let mut body = message(&[fcm("a")]);
    body["schedule"] = at(Duration::hours(1));
    let id = sender.send(&body).await;
    for what in ["Pause", "Resume"] {
        assert_eq!(
            change(&sender, &id, what).await,
            StatusCode::ACCEPTED,
            "{what}"
        );
    }
    let (status, _) = patch(&sender, &id, &json!({"schedule": at(Duration::hours(2))})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let path = format!("/Operations/{id}/Resend");
    let (status, _) = sender.post(&path, &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = sender
        .post("/Operations/Cancel", &json!({"tags": {"a": "b"}}))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(sender.get("/Operations").await.0, StatusCode::FORBIDDEN);
    let patched = sender
        .request(Method::PATCH, "/Apps/demo")
        .json(&json!({"isDefault": true}));
    assert_eq!(
        patched.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_at_the_end_of_its_retention_is_canceled() {
    for is_paused in [true, false] {
        canceled_with_its_records(is_paused).await;
    }
}

/// An Operation that is paused, or else has a pace.
async fn canceled_with_its_records(is_paused: bool) {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[fcm("a")]);
    body["schedule"] = at(Duration::hours(1));
    if !is_paused {
        body["pace"] = json!({"perMinute": 1});
    }
    let id = client.send(&body).await;
    if is_paused {
        assert_eq!(change(client, &id, "Pause").await, StatusCode::ACCEPTED);
    }

    // As if it were ten days old: its rows go to the default partitions.
    let pool = &service.world.database.pool;
    for table in ["batches", "push_notifications", "paces"] {
        let move_back =
            format!("update {table} set operation_id = '00000000-0000-7000-8000-000000000000'");
        sqlx::query(sqlx::AssertSqlSafe(move_back))
            .execute(pool)
            .await
            .unwrap();
    }
    sqlx::query("update operations set id = '00000000-0000-7000-8000-000000000000'")
        .execute(pool)
        .await
        .unwrap();

    let week = std::time::Duration::from_hours(168);
    bellwire::maintenance::retention::remove(&service.world.database.connections, week)
        .await
        .unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from batches")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    service.stop().await;
}
