//! Receipts: apps report that messages arrived or were opened, each by the token in its message, and
//! every count stays right.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, apn, assert_adds_up, fcm, message};
use crate::support::service::{Service, World};

/// The value of `bw_receipt`, wherever the provider's payload has it.
fn find(payload: &Value) -> Option<&str> {
    let object = payload.as_object()?;
    let here = object.get("bw_receipt").and_then(Value::as_str);

    here.or_else(|| object.values().find_map(find))
}

async fn receipt_of(service: &Service, token: &str) -> String {
    let messages = service.world.messages().await;
    find(&messages[token]["payload"]).unwrap().to_owned()
}

fn request(service: &Service, body: &Value) -> RequestBuilder {
    reqwest::Client::new()
        .post(format!("{}/v1/Receipts", service.url))
        .json(body)
}

/// Reports `events` of one message, in one request.
async fn report(service: &Service, receipt: &str, events: &[&str]) {
    let receipts: Vec<Value> = events
        .iter()
        .map(|event| json!({"receipt": receipt, "event": event}))
        .collect();
    let response = request(service, &json!({"receipts": receipts}))
        .send()
        .await;
    assert_eq!(response.unwrap().status(), StatusCode::ACCEPTED);
}

async fn counts(client: &Client, id: &str) -> (i64, i64) {
    let operation = client.read(&format!("/Operations/{id}")).await;
    let stats = &operation["stats"];
    assert_adds_up(stats);

    let of = |name: &str| stats[name].as_i64().unwrap();
    (of("delivered"), of("opened"))
}

/// Sends with receipts, and returns the Operation's id once it has completed.
async fn send(service: &Service, to: &[Value]) -> String {
    let mut body = message(to);
    body["receipts"] = json!(true);
    let id = service.client.send(&body).await;
    service.client.completed(&id).await;
    id
}

async fn notification(client: &Client, id: &str, index: usize) -> Value {
    let list = client.read(&format!("?operationId={id}")).await;
    let id = list["pushNotifications"][index]["id"].as_str().unwrap();
    client.read(&format!("/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apps_report_is_counted_and_shown() {
    let service = Service::start().await;
    let client = &service.client;
    let id = send(&service, &[fcm("first"), apn("aabb"), fcm("third")]).await;
    assert_eq!(counts(client, &id).await, (0, 0));
    let before = notification(client, &id, 0).await;
    assert_eq!(before["openedAt"], Value::Null);

    let first = receipt_of(&service, "first").await;
    let second = receipt_of(&service, "aabb").await;
    assert_ne!(first, second);
    assert!(first.len() <= 64, "{first}");

    report(&service, &first, &["DELIVERED"]).await;
    assert_eq!(counts(client, &id).await, (1, 0));

    // What was opened or dismissed has arrived.
    report(&service, &second, &["OPENED"]).await;
    assert_eq!(counts(client, &id).await, (2, 1));
    let third = receipt_of(&service, "third").await;
    report(&service, &third, &["DISMISSED"]).await;
    assert_eq!(counts(client, &id).await, (3, 1));

    for (index, fields) in [
        (0, vec!["deliveredAt"]),
        (1, vec!["deliveredAt", "openedAt"]),
        (2, vec!["deliveredAt", "dismissedAt"]),
    ] {
        let shown = notification(client, &id, index).await;
        for name in ["deliveredAt", "openedAt", "dismissedAt"] {
            let is_there = shown[name].is_string();
            assert_eq!(is_there, fields.contains(&name), "{index} {name}: {shown}");
        }
        assert_eq!(shown["status"], "SENT");
    }

    let listed = client.read("/Operations").await;
    assert_eq!(listed["operations"][0]["stats"]["delivered"], 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_again_or_late_changes_nothing() {
    let service = Service::start().await;
    let client = &service.client;
    let id = send(&service, &[fcm("device")]).await;
    let receipt = receipt_of(&service, "device").await;

    report(&service, &receipt, &["OPENED", "OPENED"]).await;
    let first = notification(client, &id, 0).await;

    for events in [
        &["OPENED"][..],
        &["DELIVERED"],
        &["DELIVERED", "OPENED", "DELIVERED"],
    ] {
        report(&service, &receipt, events).await;
    }
    // A device's clock may be wrong.
    let body = json!({"receipts": [
        {"receipt": receipt, "event": "OPENED", "at": "1999-01-01T00:00:00Z"},
    ]});
    request(&service, &body).send().await.unwrap();

    assert_eq!(counts(client, &id).await, (1, 1));
    assert_eq!(notification(client, &id, 0).await, first);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_receipts_at_once_are_counted_once_each() {
    let service = Service::start().await;
    let to: Vec<Value> = (0..1_500).map(|index| fcm(&format!("d{index}"))).collect();
    let id = send(&service, &to).await;
    let messages = service.world.messages().await;
    let receipts: Vec<Value> = messages
        .values()
        .map(|arrival| json!({"receipt": find(&arrival["payload"]).unwrap(), "event": "OPENED"}))
        .collect();
    assert_eq!(receipts.len(), to.len());

    // Every request twice, at the same time.
    let requests = receipts.chunks(100).flat_map(|part| {
        let body = json!({"receipts": part});
        [request(&service, &body), request(&service, &body)]
    });
    let responses = futures_util::future::join_all(requests.map(RequestBuilder::send)).await;
    for response in responses {
        assert_eq!(response.unwrap().status(), StatusCode::ACCEPTED);
    }

    assert_eq!(counts(&service.client, &id).await, (1_500, 1_500));
    let rows: i64 = sqlx::query_scalar(
        "select count(*) from push_notifications where opened_at is not null and delivered_at is not null",
    )
    .fetch_one(&service.world.database.pool)
    .await
    .unwrap();
    assert_eq!(rows, 1_500);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_receipts_are_answered_like_others_and_change_nothing() {
    let other = Service::start().await;
    send(&other, &[fcm("device")]).await;
    let of_another_installation = receipt_of(&other, "device").await;
    other.stop().await;

    let service = Service::start().await;
    let id = send(&service, &[fcm("device")]).await;
    let receipt = receipt_of(&service, "device").await;
    let mut changed = receipt.clone().into_bytes();
    changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };

    for forged in [
        of_another_installation,
        String::from_utf8(changed).unwrap(),
        receipt[..42].to_owned(),
        format!("{receipt}A"),
        "nonsense".to_owned(),
        "é".repeat(43),
        "x".repeat(10_000),
    ] {
        report(&service, &forged, &["OPENED"]).await;
    }
    assert_eq!(counts(&service.client, &id).await, (0, 0));

    let tallies: i64 = sqlx::query_scalar("select count(*) from receipt_tallies")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(tallies, 0, "nothing is written");

    // Beside forged ones, a real one counts.
    let body = json!({"receipts": [
        {"receipt": "nonsense", "event": "OPENED"},
        {"receipt": receipt, "event": "OPENED"},
    ]});
    request(&service, &body).send().await.unwrap();
    assert_eq!(counts(&service.client, &id).await, (1, 1));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_of_any_origin_may_report() {
    let service = Service::start().await;
    let url = format!("{}/v1/Receipts", service.url);
    let preflight = reqwest::Client::new()
        .request(Method::OPTIONS, &url)
        .header("Origin", "https://app.example.org")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(headers["access-control-allow-headers"], "content-type");

    // A page can read errors too.
    for (body, status) in [
        (
            json!({"receipts": [{"receipt": "x", "event": "OPENED"}]}),
            202,
        ),
        (json!({}), 400),
    ] {
        let response = request(&service, &body)
            .header("Origin", "https://app.example.org")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_form_is_refused() {
    let service = Service::start().await;
    let url = format!("{}/v1/Receipts", service.url);
    let http = reqwest::Client::new();
    let many = vec![json!({"receipt": "x", "event": "OPENED"}); 101];

    for (body, field) in [
        (json!({"receipts": []}), "receipts"),
        (json!({"receipts": many}), "receipts"),
        (
            json!({"receipts": [{"receipt": "x", "event": "READ"}]}),
            "receipts[0].event",
        ),
    ] {
        let (status, error) = answer(request(&service, &body).send().await.unwrap()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert_eq!(error["errors"][0]["field"], field);
    }

    let plain = http.post(&url).body("receipts").send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let large = json!({"receipts": [{"receipt": "x".repeat(70_000), "event": "OPENED"}]});
    let (status, error) = answer(request(&service, &large).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{error}");

    let read = http.get(&url).send().await.unwrap();
    assert_eq!(read.status(), StatusCode::METHOD_NOT_ALLOWED);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_sends_too_many_waits() {
    let mut world = World::new().await;
    world.config.limits.receipts_per_second = 5;
    let service = world.start().await;
    let body = json!({"receipts": [{"receipt": "x", "event": "OPENED"}]});

    let mut refused = None;
    for _ in 0..100 {
        let response = request(&service, &body).send().await.unwrap();
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("a request beyond the limit");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_asks_for_receipts_gets_tokens() {
    let service = Service::start().await;
    let id = service.client.send(&message(&[fcm("device")])).await;
    service.client.completed(&id).await;
    let messages = service.world.messages().await;
    assert_eq!(find(&messages["device"]["payload"]), None);

    // The key is Bellwire's then.
    let mut body = message(&[fcm("device")]);
    body["receipts"] = json!(true);
    body["content"]["data"] = json!({"bw_receipt": "mine"});
    let (status, error) = service.client.post("", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["errors"][0]["field"], "content.data.bw_receipt");

    // The token counts as a part of the message.
    body["content"] = json!({"title": "x".repeat(4_030)});
    let (status, error) = service.client.post("", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    body["receipts"] = json!(false);
    let (status, error) = service.client.post("", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devices_of_a_user_and_templates_have_tokens_too() {
    let service = Service::start().await;
    let client = &service.client;
    let mut device = json!({"appName": "demo", "token": "phone", "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = client.read(&path).await["userId"].clone();
    device["userId"] = user.clone();
    device["token"] = json!("tablet");
    client.post("/DeviceRegistrations", &device).await;

    let mut body = message(&[json!({"userId": user, "variables": {"name": "Ann"}})]);
    body["receipts"] = json!(true);
    body["content"]["title"] = json!("Hi {{ name }}");
    let id = client.send(&body).await;
    client.completed(&id).await;

    // Both devices are one recipient.
    for token in ["phone", "tablet"] {
        let receipt = receipt_of(&service, token).await;
        report(&service, &receipt, &["OPENED"]).await;
    }
    assert_eq!(counts(client, &id).await, (1, 1));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_removes_the_counts_of_old_operations() {
    let service = Service::start().await;
    let pool = &service.world.database.pool;
    let id = send(&service, &[fcm("device")]).await;
    let receipt = receipt_of(&service, "device").await;
    report(&service, &receipt, &["DELIVERED"]).await;
    sqlx::query("insert into receipt_tallies (operation_id, slot, delivered) select '00000000-0000-7000-8000-000000000000', slot, 1 from generate_series(0, 9) as slot")
        .execute(pool)
        .await
        .unwrap();

    bellwire::maintenance::retention::remove(
        &service.world.database.connections,
        std::time::Duration::from_hours(168),
    )
    .await
    .unwrap();

    let left: i64 = sqlx::query_scalar("select count(*) from receipt_tallies")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
    assert_eq!(counts(&service.client, &id).await, (1, 0));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_find_what_was_delivered_or_opened() {
    let service = Service::start().await;
    let client = &service.client;
    let id = send(&service, &[fcm("first"), fcm("second"), fcm("third")]).await;
    let opened = receipt_of(&service, "second").await;
    report(&service, &opened, &["OPENED"]).await;
    let delivered = receipt_of(&service, "third").await;
    report(&service, &delivered, &["DELIVERED"]).await;

    for (filter, expected) in [
        ("opened=true", 1),
        ("opened=false", 2),
        ("delivered=true", 2),
        ("delivered=true&opened=false", 1),
        ("delivered=false", 1),
        ("status=FAILED&opened=true", 0),
    ] {
        let path = format!("?operationId={id}&{filter}");
        let list = client.read(&path).await;
        let found = list["pushNotifications"].as_array().unwrap().len();
        assert_eq!(found, expected, "{filter}");
    }
    let (status, error) = client.get("?opened=yes").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert_eq!(error["errors"][0]["field"], "opened");
    service.stop().await;
}
