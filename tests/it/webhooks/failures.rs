//! A webhook rests after failures.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::eventually;
use crate::support::service::Service;
use crate::webhooks::messages::{Webhook, subscribe, world};
use crate::webhooks::receiver::{Behaviour, Receiver};

/// Sends messages to a webhook, all at the same time.
async fn send_at_once(service: &Service, webhook: &Webhook, count: usize) {
    rest(service, "now() + interval '1 minute'").await;
    for _ in 0..count {
        let test = format!("{}/Test", webhook.path);
        let (status, error) = service.client.post(&test, &json!({})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    }
    rest(service, "null").await;
}

/// Sets until when nothing is sent to the webhook.
async fn rest(service: &Service, until: &str) {
    let query = format!("update webhooks set blocked_until = {until}");
    sqlx::query(sqlx::AssertSqlSafe(query))
        .execute(&service.world.database.pool)
        .await
        .unwrap();
}

/// Waits until `count` attempts are recorded. Returns for how many seconds nothing is sent to the webhook.
async fn recorded(service: &Service, count: i64) -> f64 {
    let pool = &service.world.database.pool;
    eventually(&format!("{count} attempts"), async || {
        let attempts: i64 = sqlx::query_scalar("select count(*) from webhook_attempts")
            .fetch_one(pool)
            .await
            .unwrap();
        (attempts >= count).then_some(())
    })
    .await;

    sqlx::query_scalar("select extract(epoch from blocked_until - now())::float8 from webhooks")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_fail_together_count_as_one_failure() {
    let service = world().await.start().await;
    let receiver = Receiver::start().await;
    receiver.behave(Behaviour::Status(500));
    let webhook = subscribe(&service.client, &receiver, &["operation.completed"]).await;

    // As many as are in flight to one webhook.
    send_at_once(&service, &webhook, 8).await;
    recorded(&service, 8).await;
    assert_eq!(receiver.received().len(), 8);
    // Alone, because the webhook fails.
    send_at_once(&service, &webhook, 1).await;
    let rest = recorded(&service, 9).await;
    assert!(
        (1.0..5.0).contains(&rest),
        "it rests for {rest} s after its second failure"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_patience_gets_it_though_other_requests_fail() {
    let service = world().await.start().await;
    let receiver = Receiver::start().await;
    receiver.behave(Behaviour::FirstBusy);
    let webhook = subscribe(&service.client, &receiver, &["operation.completed"]).await;

    send_at_once(&service, &webhook, 8).await;
    let rest = recorded(&service, 8).await;
    assert!(rest > 500.0, "it rests for {rest} s and asked for 600");
    service.stop().await;
}
