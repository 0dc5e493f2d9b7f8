//! Watching an Operation: a stream of its progress, and a request that waits for its end.

use std::time::{Duration, Instant};

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, fcm, message};
use crate::support::service::{Service, World};

fn outage(outage: Outage) -> Faults {
    Faults {
        outage,
        ..Faults::default()
    }
}

/// Names and data of a stream's events.
fn events(text: &str) -> Vec<(String, Value)> {
    text.split("\n\n")
        .filter_map(|event| {
            let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name.to_owned(), serde_json::from_str(data).unwrap()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_changes_and_ends_with_the_operation() {
    let service = World::new().await.start().await;
    service.set_faults(outage(Outage::Unavailable)).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    let path = format!("/Operations/{id}/Stream");
    let mut response = service
        .client
        .request(Method::GET, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");

    let mut text = String::new();
    while events(&text).is_empty() {
        text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    let (name, operation) = events(&text).remove(0);
    assert_eq!(name, "stats");
    assert_eq!(operation["id"], id.as_str());
    assert_eq!(operation["status"], "PROCESSING");
    assert_eq!(operation["stats"]["queued"], 1);

    service.set_faults(outage(Outage::None)).await;
    while let Some(chunk) = response.chunk().await.unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
    }
    let (name, operation) = events(&text).pop().unwrap();
    assert_eq!(name, "end");
    assert_eq!(
        operation,
        service.client.read(&format!("/Operations/{id}")).await
    );
    assert_eq!(operation["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_key_is_revoked() {
    let service = World::new().await.start().await;
    service.set_faults(outage(Outage::Unavailable)).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    let (status, made) = service
        .client
        .post("/Keys", &json!({"name": "watcher", "role": "READ"}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let key = made["key"].as_str().unwrap();
    let reader = Client::new(service.client.url(), key, made["secret"].as_str().unwrap());
    let stream = reader.request(Method::GET, &format!("/Operations/{id}/Stream"));
    let mut response = stream.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.chunk().await.unwrap().is_some());

    let revoke = service
        .client
        .request(Method::DELETE, &format!("/Keys/{key}"));
    assert_eq!(
        revoke.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let rest = tokio::time::timeout(Duration::from_mins(2), response.text());
    let text = rest.await.expect("the stream goes on").unwrap();

    // The stream could go on for an hour: the Operation has not ended.
    assert!(!text.contains("event: end"), "{text}");
    let operation = service.client.read(&format!("/Operations/{id}")).await;
    assert_eq!(operation["status"], "PROCESSING");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_end_and_no_longer() {
    let service = Service::start().await;
    service.set_faults(outage(Outage::Unavailable)).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    let began = Instant::now();
    let operation = service
        .client
        .read(&format!("/Operations/{id}?wait=2s"))
        .await;
    assert_eq!(operation["status"], "PROCESSING");
    assert!(began.elapsed() >= Duration::from_secs(2));

    let client = service.client.clone();
    let path = format!("/Operations/{id}?wait=60");
    let waiting = tokio::spawn(async move { client.read(&path).await });
    service.set_faults(outage(Outage::None)).await;
    let operation = waiting.await.unwrap();
    assert_eq!(operation["status"], "COMPLETED");

    for bad in ["61s", "-1", "soon", "1m", "1.5s"] {
        let (status, error) = service
            .client
            .get(&format!("/Operations/{id}?wait={bad}"))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(error["errors"][0]["field"], "wait", "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_hold_up_a_shutdown() {
    let mut world = World::new().await;
    // The request that is never answered would hold it up, too.
    world.config.delivery.grace = Duration::ZERO;
    let service = world.start().await;
    service.set_faults(outage(Outage::Hang)).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    let path = format!("/Operations/{id}/Stream");
    let mut response = service
        .client
        .request(Method::GET, &path)
        .send()
        .await
        .unwrap();
    response.chunk().await.unwrap().unwrap();

    service.set_faults(outage(Outage::None)).await;
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = response.chunk().await {} });
    service.app.stop().await;
    reading.await.unwrap();
    service.world.simulator.stop().await;
}
