//! `/healthz`, `/readyz`, and what every answer carries.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::client::{answer, fcm, message};
use crate::support::service::{Service, World};

async fn get(url: &str) -> (StatusCode, Value) {
    answer(reqwest::get(url).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ready_while_its_schema_is_there() {
    let service = Service::start().await;
    let ready = format!("{}/readyz", service.url);
    assert_eq!(get(&ready).await.0, 200);

    let pool = &service.world.database.pool;

    // As if this version needed a migration that has not been run.
    sqlx::query("update _sqlx_migrations set version = version - 10000000000000")
        .execute(pool)
        .await
        .unwrap();
    let (status, body) = get(&ready).await;
    assert_eq!(
        (status.as_u16(), body["status"].as_str()),
        (503, Some("not ready"))
    );
    assert!(
        body["reason"]
            .as_str()
            .unwrap()
            .contains("bellwire migrate"),
        "{body}"
    );
    assert_eq!(
        get(&format!("{}/healthz", service.url)).await.0,
        200,
        "alive nevertheless"
    );

    // A newer version has migrated it. This one goes on until it is replaced.
    sqlx::query("update _sqlx_migrations set version = version + 90000000000000")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(get(&ready).await.0, 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_not_ready_without_postgres() {
    let service = Service::start().await;
    service.world.database.drop_by_force().await;
    let (status, body) = get(&format!("{}/readyz", service.url)).await;
    assert_eq!(status, 503, "{body}");
    assert!(
        body["reason"].as_str().unwrap().contains("Postgres"),
        "{body}"
    );
    assert_eq!(get(&format!("{}/healthz", service.url)).await.0, 200);
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_the_api_delivers_and_answers_only_health_checks() {
    let mut world = World::new().await;
    let caller = world.demo().await;
    world.config.delivery.enabled = false;
    let mut worker = world.config.clone();
    (
        worker.server.api,
        worker.delivery.enabled,
        worker.retention.enabled,
    ) = (false, true, false);
    let service = world.start_for(&caller.0, &caller.1).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(
        service.client.read(&format!("/Operations/{id}")).await["status"],
        "PROCESSING"
    );

    let app = bellwire::app::App::start(&worker).await.unwrap();
    let url = format!("http://{}", app.addresses[0]);
    assert_eq!(get(&format!("{url}/readyz")).await.0, 200);
    assert_eq!(
        get(&format!("{url}/v1/PushNotifications/Apps")).await.0,
        404
    );
    assert_eq!(get(&format!("{url}/openapi.json")).await.0, 404);

    service.client.completed(&id).await;
    app.stop().await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_an_id_of_its_request() {
    let service = Service::start().await;
    let http = reqwest::Client::new();
    let id_of = async |path: &str, id: Option<&str>| {
        let request = http.get(format!("{}{path}", service.url));
        let request = id
            .into_iter()
            .fold(request, |request, id| request.header("X-Request-Id", id));
        request.send().await.unwrap().headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id_of("/healthz", Some("caller-7")).await, "caller-7");

    let new = [
        id_of("/v1/PushNotifications/Apps", None).await,
        id_of("/nowhere", Some(&"x".repeat(129))).await,
        id_of("/healthz", Some("two words")).await,
    ];
    assert!(new.iter().all(|id| id.len() == 36), "{new:?}");
    assert_ne!(new[0], new[1]);
    service.stop().await;
}
