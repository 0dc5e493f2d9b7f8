//! Sending again: the failed notifications of an Operation, and no others, become a new Operation.

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{Client, answer, apn, fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World};

async fn resend(client: &Client, id: &str, body: &Value) -> (StatusCode, Value) {
    client.post(&format!("/Operations/{id}/Resend"), body).await
}

/// Resends, and returns the new Operation once it has completed.
async fn resent(client: &Client, id: &str, body: &Value) -> Value {
    let (status, answer) = resend(client, id, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let new = answer["operationId"].as_str().unwrap();
    assert_ne!(new, id);

    let operation = client.completed(new).await;
    assert_eq!(operation["resendOf"], id);
    operation
}

/// A service whose Operation has one notification that was sent, one to a dead token, one that the
/// provider refuses, and three that were given up while the provider was away.
async fn with_failures() -> (Service, String) {
    let mut world = World::new().await;
    world.config.delivery.max_attempts = 1;
    let service = world.start().await;
    let to = [
        fcm("sent"),
        fcm("dead~UNREGISTERED"),
        fcm("late-1~UNAVAILABLE-1"),
        apn("aabb"),
        fcm("late-2~UNAVAILABLE-1"),
        fcm("late-3~UNAVAILABLE-1"),
    ];
    let mut body = message(&to);
    body["tags"] = json!({"kind": "news"});
    let id = service.client.send(&body).await;
    let stats = service.client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["sent"], &stats["failed"]),
        (&json!(2), &json!(4)),
        "{stats}"
    );
    (service, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_are_not_permanent_are_sent_again() {
    let (service, id) = with_failures().await;
    let client = &service.client;

    let operation = resent(client, &id, &json!({})).await;
    let stats = &operation["stats"];
    assert_eq!((&stats["total"], &stats["sent"]), (&json!(3), &json!(3)));

    let messages = service.world.messages().await;
    for (token, accepted) in [
        ("sent", 1),
        ("aabb", 1),
        ("late-1~UNAVAILABLE-1", 1),
        ("late-3~UNAVAILABLE-1", 1),
    ] {
        assert_eq!(messages[token]["accepted"], accepted, "{token}");
    }
    assert_eq!(messages["dead~UNREGISTERED"]["count"], 1);

    // It has the content and the tags of the first.
    let new = operation["id"].as_str().unwrap();
    let tagged = client
        .read(&format!("?operationId={new}&tags=kind:news"))
        .await;
    let first = tagged["pushNotifications"][0]["id"].as_str().unwrap();
    let notification = client.read(&format!("/{first}")).await;
    assert_eq!(
        notification["content"],
        message(&[])["content"],
        "{notification}"
    );

    let source = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(source["stats"]["failed"], 4, "the first is as it was");
    assert_eq!(source["resendOf"], Value::Null);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_and_recipients_choose() {
    let (service, id) = with_failures().await;
    let client = &service.client;
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    let code = |position: i64| {
        errors["errors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|error| error["position"] == position)
            .unwrap()["code"]
            .clone()
    };

    for (body, total) in [
        (json!({"codes": [code(2)]}), 3),
        (json!({"codes": [code(1)]}), 1),
        (json!({"codes": [code(1), code(2)]}), 4),
        (json!({"recipients": [2, 5, 5]}), 2),
        (json!({"recipients": [1]}), 1),
        (json!({"recipients": [1, 2], "codes": [code(2)]}), 1),
    ] {
        let operation = resent(client, &id, &body).await;
        assert_eq!(operation["stats"]["total"], total, "{body}");
    }

    let (status, error) = resend(client, &id, &json!({"codes": ["NO_SUCH_CODE"]})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");

    for positions in [json!([0]), json!([2, 99])] {
        let (status, error) = resend(client, &id, &json!({"recipients": positions})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        let field = format!("recipients[{}]", positions.as_array().unwrap().len() - 1);
        assert_eq!(error["errors"][0]["field"], json!(field), "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_no_body_and_is_done_once_under_a_key() {
    let (service, id) = with_failures().await;
    let path = format!("/Operations/{id}/Resend");
    let post = async || {
        let request = service
            .client
            .request(Method::POST, &path)
            .header("Idempotency-Key", "again");
        answer(request.send().await.unwrap()).await
    };

    let (status, first) = post().await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!(post().await, (status, first));

    let operations = service.client.read("/Operations").await;
    assert_eq!(operations["operations"].as_array().unwrap().len(), 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_operation_is_refused_and_so_is_one_without_failures() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[fcm("a")]);
    let at = OffsetDateTime::now_utc() + time::Duration::HOUR;
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let scheduled = client.send(&body).await;
    let sent = client
        .send(&message(&[fcm("b"), fcm("dead~UNREGISTERED")]))
        .await;
    client.completed(&sent).await;

    service
        .set_faults(Faults {
            outage: Outage::Unavailable,
            ..Faults::default()
        })
        .await;
    let running = client.send(&message(&[fcm("c")])).await;

    for id in [&scheduled, &running, &sent] {
        let (status, error) = resend(client, id, &json!({})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{error}");
    }
    let operations = client.read("/Operations").await;
    assert_eq!(
        operations["operations"].as_array().unwrap().len(),
        3,
        "nothing is stored"
    );
    service.set_faults(Faults::default()).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_operation_is_copied_in_the_background() {
    let mut world = World::new().await;
    world.config.delivery.max_attempts = 1;
    let service = world.start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;

    // 30 batches, of which each has failures: more than a step looks at.
    let to: Vec<Value> = (0..7_500)
        .map(|index| match index % 3 {
            0 => fcm(&format!("sent-{index}")),
            _ => fcm(&format!("late-{index}~UNAVAILABLE-1")),
        })
        .collect();
    let first = client.send(&message(&to)).await;
    client.completed(&first).await;
    // As if it were larger: a step looks at 20 batches.
    sqlx::query(
        "with whole as (
             delete from batches where operation_id = (select id from operations) returning *
         )
         insert into batches (operation_id, number, account_id, first_position, size, rank, due_at, queued, sent, failed, updated_at)
         select
             whole.operation_id, whole.number * 5 + part, whole.account_id, whole.first_position + part * 100, 100, whole.rank,
             whole.due_at, 0,
             100 - count(*) filter (where notification.status = 'FAILED'),
             count(*) filter (where notification.status = 'FAILED'),
             whole.updated_at
         from whole
         cross join generate_series(0, 4) as part
         join push_notifications as notification
             on notification.position / 100 = whole.number * 5 + part
         group by 1, 2, 3, 4, 5, 6, 7, 11",
    )
    .execute(pool)
    .await
    .unwrap();

    let operation = resent(client, &first, &json!({})).await;
    assert_eq!(operation["stats"]["total"], 5_000);
    assert_eq!(operation["stats"]["sent"], 5_000);

    let left: i64 = sqlx::query_scalar("select count(*) from fanouts")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    eventually("every message to arrive once", async || {
        (service.arrived().await["accepted"] == 7_500).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_read() {
    let (service, id) = with_failures().await;
    let path = format!("/Operations/{id}/Resend");
    // Over HTTP/2, a stream has neither a Content-Length nor a Transfer-Encoding.
    let http = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let stream = |text: &'static str| {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(text)]);
        let mut request = service
            .client
            .request(Method::POST, &path)
            .header("Content-Type", "application/json")
            .build()
            .unwrap();
        *request.body_mut() = Some(reqwest::Body::wrap_stream(chunks));
        http.execute(request)
    };

    let (status, error) = answer(stream(r#"{"codes": ["NO_SUCH_CODE"]}"#).await.unwrap()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("NO_SUCH_CODE"),
        "{error}"
    );

    let (status, resent) = answer(stream("").await.unwrap()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{resent}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_the_operation_takes_a_place_on_the_page() {
    let (service, id) = with_failures().await;
    let client = &service.client;
    sqlx::query("update operations set error_code = 'AUDIENCE_TOO_LARGE', error_message = 'x'")
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    for size in 1..=6 {
        let mut codes = Vec::new();
        let mut token = String::new();
        loop {
            let path = format!("/Operations/{id}/Errors?pageSize={size}{token}");
            let page = client.read(&path).await;
            let errors = page["errors"].as_array().unwrap().clone();
            assert!(errors.len() <= size, "{page}");
            codes.extend(errors.iter().map(|error| error["code"].clone()));

            match page["pagination"]["next"].as_str() {
                Some(next) => token = format!("&pageToken={next}"),
                None => break,
            }
        }
        assert_eq!(codes.len(), 5, "{codes:?}");
        assert_eq!(codes[0], "AUDIENCE_TOO_LARGE");
    }
    service.stop().await;
}
