//! Broadcasts to every User of an App, or to those with tagged devices.

use bellwire::model::id::MAX_POSITIONS;
use bellwire::model::message::Priority;
use bellwire::store::fan_out::Step;
use bellwire::store::{fan_out, rank};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::client::{assert_adds_up, fcm, message};
use crate::support::service::{Service, World};

fn to_audience(audience: &Value) -> Value {
    message(&[json!({"audience": audience})])
}

/// Does the next step of any account.
async fn next_step(pool: &PgPool) -> Option<Step> {
    for due in fan_out::due_accounts(pool).await.unwrap() {
        if let Some(step) = fan_out::step(pool, due).await.unwrap() {
            return Some(step);
        }
    }

    None
}

#[tokio::test(flavor = "multi_thread")]
async fn every_user_gets_it_once() {
    let service = Service::start().await;
    service.world.register_many(12_000).await;
    let id = service.client.send(&to_audience(&json!({}))).await;
    let stats = service.client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["total"], &stats["sent"]),
        (&json!(12_000), &json!(12_000))
    );

    let arrived = service.arrived().await;
    assert_eq!(
        (&arrived["tokens"], &arrived["requests"]),
        (&json!(12_000), &json!(12_000)),
        "{arrived}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_choose_devices() {
    let service = Service::start().await;
    service.world.register_many(500).await;
    let tagged = json!({"tags": {"tier": "gold"}});
    let stats = service
        .client
        .completed(&service.client.send(&to_audience(&tagged)).await)
        .await["stats"]
        .clone();
    assert_eq!((&stats["total"], &stats["sent"]), (&json!(50), &json!(50)));

    let no_device = json!({"tags": {"tier": "gold", "lang": "en"}});
    let operation = service
        .client
        .completed(&service.client.send(&to_audience(&no_device)).await)
        .await;
    assert_eq!(operation["stats"]["total"], 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_the_fan_out_too() {
    let mut world = World::new().await;

    // The test does the fan-out itself, one step at a time.
    world.config.delivery.enabled = false;
    let service = world.start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    service.world.register_many(12_000).await;
    let path = format!(
        "/Operations/{}",
        client.send(&to_audience(&json!({}))).await
    );
    let step = next_step(pool).await.unwrap();
    assert!((1..12_000).contains(&step.notifications), "{step:?}");

    let cancel = format!("{path}/Cancel");
    assert_eq!(
        client.post(&cancel, &Value::Null).await.0,
        StatusCode::ACCEPTED
    );

    let canceled = client.read(&path).await;
    assert_eq!(canceled["status"], "CANCELED");
    assert_adds_up(&canceled["stats"]);
    assert_eq!(canceled["stats"]["canceled"], step.notifications);

    assert!(next_step(pool).await.is_none(), "it goes on");
    assert_eq!(
        client.post(&cancel, &Value::Null).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(client.read(&path).await["stats"], canceled["stats"]);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_beyond_what_an_operation_holds_is_not_cut_silently() {
    let mut world = World::new().await;
    world.config.delivery.enabled = false;
    let service = world.start().await;
    service.world.register_many(3).await;
    service.client.send(&to_audience(&json!({}))).await;
    let pool = &service.world.database.pool;
    let most = MAX_POSITIONS as i32;
    let holds_two = MAX_POSITIONS as i32 - 2;
    sqlx::query("update fanouts set next_position = $1")
        .bind(holds_two)
        .execute(pool)
        .await
        .unwrap();
    let step = next_step(pool).await.unwrap();
    assert_eq!((step.notifications, step.is_full), (2, true));

    // The rest is counted.
    let step = next_step(pool).await.unwrap();
    assert_eq!((step.notifications, step.is_full), (0, false));
    let failure = step.failure.unwrap();
    assert!(
        failure.starts_with("1 Users of the audience were left out"),
        "{failure}"
    );

    let last: i32 = sqlx::query_scalar("select max(position) from push_notifications")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(last, most - 1);

    service.client.send(&to_audience(&json!({}))).await;
    let step = next_step(pool).await.unwrap();
    assert_eq!((step.notifications, step.is_full), (3, false));
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_an_audience_rank_like_those_of_a_list() {
    let mut world = World::new().await;
    world.config.delivery.enabled = false;
    let service = world.start().await;
    service.world.register_many(501).await;
    let pool = &service.world.database.pool;

    for (name, priority) in [("HIGH", Priority::High), ("LOW", Priority::Low)] {
        let mut body = to_audience(&json!({}));
        body["priority"] = json!(name);

        // The last batch number of a rank, and with it the first of the next one.
        for next_batch in (0..24).map(|bits| (1 << bits) - 1) {
            service.client.send(&body).await;
            sqlx::query("update fanouts set next_batch = $1")
                .bind(next_batch)
                .execute(pool)
                .await
                .unwrap();
            let step = next_step(pool).await.unwrap();

            let made: Vec<(i32, i16)> = sqlx::query_as(
                "select number, rank from batches where operation_id = $1 order by number",
            )
            .bind(step.operation_id.as_uuid())
            .fetch_all(pool)
            .await
            .unwrap();
            let expected = [next_batch, next_batch + 1]
                .map(|number| (number, rank::of_batch(priority, number)));
            assert_eq!(made, expected, "{name}");
        }
    }

    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_broadcast_can_be_canceled_before_its_fan_out() {
    let service = Service::start().await;
    service.world.register_many(10).await;
    let mut body = to_audience(&json!({}));
    let at = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
    body["schedule"] =
        json!({"sendAt": [at.format(&time::format_description::well_known::Rfc3339).unwrap()]});
    let path = format!("/Operations/{}", service.client.send(&body).await);
    assert_eq!(service.client.read(&path).await["status"], "SCHEDULED");
    assert_eq!(
        service.client.read("/Operations?status=SCHEDULED").await["operations"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        service
            .client
            .post(&format!("{path}/Cancel"), &Value::Null)
            .await
            .0,
        StatusCode::ACCEPTED
    );
    assert_eq!(service.client.read(&path).await["status"], "CANCELED");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_the_only_recipient() {
    let service = Service::start().await;
    let audience = json!({"audience": {}});
    for (to, field) in [
        (vec![audience.clone(), fcm("a")], "to[0]"),
        (vec![audience.clone(), audience.clone()], "to[0]"),
        (vec![json!({"audience": 7})], "to[0].audience"),
        (vec![json!({"audience": {"tag": {}}})], "to[0].audience.tag"),
        (
            vec![json!({"audience": {"tags": {"a": 1}}})],
            "to[0].audience.tags.a",
        ),
    ] {
        let (status, error) = service.client.post("", &message(&to)).await;
        assert_eq!(
            (status, &error["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{error}"
        );
    }
    service.stop().await;
}
