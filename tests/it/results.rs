//! The stream of an Operation's results: every recipient once, in order, in each format.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::service::Service;

struct Stream {
    status: StatusCode,
    content_type: String,
    text: String,
}

async fn results(client: &Client, id: &str, accept: Option<&str>) -> Stream {
    let mut request = client.request(Method::GET, &format!("/Operations/{id}/Results"));
    if let Some(accept) = accept {
        request = request.header("Accept", accept);
    }
    let response = request.send().await.unwrap();

    Stream {
        status: response.status(),
        content_type: response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned(),
        text: response.text().await.unwrap(),
    }
}

fn lines(stream: &Stream) -> Vec<Value> {
    stream
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_is_a_line_in_the_order_of_the_request() {
    let service = Service::start().await;
    let client = &service.client;

    // Three pages, the last of which is not full.
    let to: Vec<Value> = (0..4_500)
        .map(|index| match index % 100 {
            0 => fcm(&format!("a-device-{index}~UNREGISTERED")),
            1 => apn(&format!("ab{index:08x}")),
            _ => fcm(&format!("a-device-{index}")),
        })
        .collect();
    let id = client.send(&message(&to)).await;
    let stats = client.completed(&id).await["stats"].clone();

    let stream = results(client, &id, None).await;
    assert_eq!(stream.status, StatusCode::OK);
    assert_eq!(stream.content_type, "application/x-ndjson");

    let lines = lines(&stream);
    let with = |status: &str| lines.iter().filter(|line| line["status"] == status).count();
    assert_eq!(lines.len(), to.len());
    assert_eq!(json!(with("SENT")), stats["sent"]);
    assert_eq!(json!(with("FAILED")), stats["failed"]);
    for (position, line) in lines.iter().enumerate() {
        assert_eq!(line["position"], position);
    }

    // A line says what the other resources say of the same notification.
    let failed = &lines[4_400];
    let errors = client
        .all(&format!("/Operations/{id}/Errors"), "errors", 1000)
        .await;
    let error = errors
        .iter()
        .find(|error| error["position"] == 4_400)
        .unwrap();
    assert_eq!(failed["id"], error["pushNotificationId"]);
    for field in ["code", "message", "to", "attempts"] {
        assert_eq!(failed[field], error[field], "{field}");
    }
    let notification = client
        .read(&format!("/{}", lines[1]["id"].as_str().unwrap()))
        .await;
    for field in ["to", "status", "updatedAt"] {
        assert_eq!(lines[1][field], notification[field], "{field}");
    }
    assert!(!stream.text.contains("a-device-2\""), "tokens are masked");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_lines_are_there_as_csv() {
    let service = Service::start().await;
    let client = &service.client;
    let device = json!({"appName": "demo", "token": "registered", "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = client.read(&path).await["userId"].clone();
    let to = [
        fcm("=HYPERLINK(\"https://example.org\")"),
        json!({"userId": user}),
        fcm("device,with,commas~UNREGISTERED"),
    ];
    let id = client.send(&message(&to)).await;
    client.completed(&id).await;
    // As a provider might answer.
    sqlx::query("update push_notifications set error_message = $1 where position = 2")
        .bind("=cmd|' /C calc'!A0, \"quoted\"\r\nsecond line")
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let stream = results(client, &id, Some("text/csv")).await;
    assert_eq!(stream.status, StatusCode::OK);
    assert!(stream.content_type.starts_with("text/csv"));

    let lines: Vec<&str> = stream.text.split_inclusive("\r\n").collect();
    assert_eq!(
        lines[0],
        "position,id,provider,token,userId,externalId,status,code,message,attempts,updatedAt,deliveredAt,openedAt,dismissedAt\r\n"
    );
    assert!(lines[1].contains(",FCM,\"'=HYP…"), "{}", lines[1]);
    assert!(lines[1].contains(",SENT,,,1,"), "{}", lines[1]);
    let user = user.as_str().unwrap();
    assert!(
        lines[2].contains(&format!(",,,{user},,SENT,")),
        "{}",
        lines[2]
    );
    assert!(
        stream
            .text
            .contains(",\"'=cmd|' /C calc'!A0, \"\"quoted\"\"\r\nsecond line\","),
        "{}",
        stream.text
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_is_a_line_as_well() {
    let service = Service::start().await;
    let mut body = message(&[fcm("a"), fcm("b")]);
    let at = OffsetDateTime::now_utc() + Duration::HOUR;
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let id = service.client.send(&body).await;

    let stream = results(&service.client, &id, Some("application/x-ndjson")).await;
    let lines = lines(&stream);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (
            &lines[0]["status"],
            &lines[0]["code"],
            &lines[0]["attempts"]
        ),
        (&json!("SCHEDULED"), &Value::Null, &json!(0))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_of_nobody_has_no_lines_and_csv_its_header() {
    let service = Service::start().await;
    let body = message(&[json!({"audience": {"tags": {"group": "empty"}}})]);
    let id = service.client.send(&body).await;
    service.client.completed(&id).await;

    assert_eq!(results(&service.client, &id, None).await.text, "");
    let csv = results(&service.client, &id, Some("text/csv")).await;
    assert_eq!(csv.text.lines().count(), 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_format_and_another_operation_are_refused() {
    let service = Service::start().await;
    let id = service.client.send(&message(&[fcm("a")])).await;

    let refused = results(&service.client, &id, Some("image/png")).await;
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE);
    assert!(
        refused.text.contains("application/x-ndjson or text/csv"),
        "{}",
        refused.text
    );

    let id = bellwire::model::id::OperationId::generate().to_string();
    let missing = results(&service.client, &id, None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    service.stop().await;
}
