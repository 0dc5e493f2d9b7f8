//! The audit log: every change is recorded in the transaction of the change, without secrets.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use bellwire::maintenance::retention::forget_audit_events;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::client::{Client, answer, fcm, message};
use crate::support::service::{Service, World};

async fn call(client: &Client, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = client.request(method, path).json(body);
    answer(request.send().await.unwrap()).await
}

async fn events(client: &Client, query: &str) -> Vec<Value> {
    let list = client.read(&format!("/AuditEvents{query}")).await;
    list["auditEvents"].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_recorded_once_and_a_refused_one_is_not() {
    let service = Service::start().await;
    let client = &service.client;
    let content = service.world.simulator.fcm_credential();

    let credential = json!({"appName": "audited", "credentialType": "FCM", "content": content});
    let (_, created) = client.post("/Credentials", &credential).await;
    let credential = text(&created["resourceId"]);
    let default = json!({"isDefault": true});
    call(
        client,
        Method::PATCH,
        &format!("/Credentials/{credential}"),
        &default,
    )
    .await;
    call(client, Method::PATCH, "/Apps/audited", &default).await;
    call(
        client,
        Method::DELETE,
        &format!("/Credentials/{credential}"),
        &json!({}),
    )
    .await;

    let (_, created) = client.post("/Keys", &json!({"role": "READ"})).await;
    let key = text(&created["key"]);
    let secret = text(&created["secret"]);
    let (_, rotated) = client
        .post(&format!("/Keys/{key}/Rotate"), &json!({}))
        .await;
    let rotated = text(&rotated["key"]);
    call(client, Method::DELETE, &format!("/Keys/{key}"), &json!({})).await;

    let hook = json!({"url": "https://hooks.example.com/", "events": ["operation.completed"]});
    let (_, hook) = client.post("/Webhooks", &hook).await;
    let hook_secret = text(&hook["secret"]);
    let hook = text(&hook["id"]);
    let disabled = json!({"status": "DISABLED"});
    call(
        client,
        Method::PATCH,
        &format!("/Webhooks/{hook}"),
        &disabled,
    )
    .await;
    client
        .post(&format!("/Webhooks/{hook}/RotateSecret"), &json!({}))
        .await;
    call(
        client,
        Method::DELETE,
        &format!("/Webhooks/{hook}"),
        &json!({}),
    )
    .await;

    let mut body = message(&[fcm("a~UNREGISTERED")]);
    body["from"] = json!({"appName": "demo"});
    let id = client.send(&body).await;
    client.completed(&id).await;
    let again = json!({"codes": ["UNREGISTERED"]});
    let (_, resent) = client
        .post(&format!("/Operations/{id}/Resend"), &again)
        .await;
    let resent = text(&resent["operationId"]);
    client
        .request(Method::GET, &format!("/Operations/{id}/Results"))
        .send()
        .await
        .unwrap();
    // Neither is made, so neither is recorded.
    client
        .post(&format!("/Operations/{id}/Cancel"), &json!({}))
        .await;
    call(client, Method::DELETE, &format!("/Keys/{key}"), &json!({})).await;

    let recorded: Vec<(String, Value)> = events(client, "")
        .await
        .into_iter()
        .rev()
        .map(|event| (text(&event["action"]), event["targets"].clone()))
        .collect();
    let expected = [
        ("credential.create", json!([credential])),
        ("credential.update", json!([credential])),
        ("app.update", json!(["audited"])),
        ("credential.delete", json!([credential])),
        ("key.create", json!([key])),
        ("key.rotate", json!([key, rotated])),
        ("key.delete", json!([key])),
        ("webhook.create", json!([hook])),
        ("webhook.update", json!([hook])),
        ("webhook.rotateSecret", json!([hook])),
        ("webhook.delete", json!([hook])),
        ("operation.resend", json!([id, resent])),
        ("operation.results.export", json!([id])),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(action, targets)| (action.to_owned(), targets))
        .collect();
    assert_eq!(recorded, expected);

    for (action, _) in &recorded {
        let found = events(client, &format!("?action={action}")).await;
        assert!(!found.is_empty(), "{action}");
    }

    let last = events(client, "?pageSize=1").await.remove(0);
    assert_eq!(
        [&last["actor"], &last["via"], &last["sourceAddress"]],
        ["SKdemo", "API", "127.0.0.1"]
    );
    let all: Vec<String> = sqlx::query_scalar("select audit_events::text from audit_events")
        .fetch_all(&service.world.database.pool)
        .await
        .unwrap();
    for secret in [secret, hook_secret, "PRIVATE KEY".to_owned()] {
        assert!(all.iter().all(|row| !row.contains(&secret)));
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_export_and_every_erasure_is_recorded() {
    let service = Service::start().await;
    let client = &service.client;
    let device = json!({"appName": "demo", "token": "audited", "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let user = text(&registered["userId"]);

    for path in [
        "/DeviceRegistrations/Export".to_owned(),
        "/DeviceRegistrations/Export?tokens=FULL".to_owned(),
        format!("/Users/{user}/Data"),
        format!("/Users/{user}/Data?tokens=FULL"),
    ] {
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let profile = json!({"language": "es"});
    let path = format!("/Users/{user}");
    call(client, Method::PUT, &path, &profile).await;
    let wrong = json!({"externalId": 7});
    call(client, Method::PUT, &path, &wrong).await;
    let erase = format!("/Users/{user}?records=true");
    client.request(Method::DELETE, &erase).send().await.unwrap();

    let recorded: Vec<(String, Value)> = events(client, "")
        .await
        .into_iter()
        .rev()
        .map(|event| (text(&event["action"]), event["targets"].clone()))
        .collect();
    let expected = [
        ("deviceRegistration.export", json!([])),
        ("deviceRegistration.export.wholeTokens", json!([])),
        ("user.data.export", json!([user])),
        ("user.data.export.wholeTokens", json!([user])),
        ("user.update", json!([user])),
        ("user.erase", json!([user])),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(action, targets)| (action.to_owned(), targets))
        .collect();
    assert_eq!(recorded, expected);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_by_tags_is_recorded_for_each_operation() {
    let service = Service::start().await;
    let client = &service.client;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut body = message(&[fcm("a")]);
        body["tags"] = json!({"kind": "news"});
        body["schedule"] = json!({"sendAt": [in_an_hour()]});
        ids.push(client.send(&body).await);
    }

    let tags = json!({"tags": {"kind": "news"}});
    for _ in 0..2 {
        let (status, canceled) = client.post("/Operations/Cancel", &tags).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{canceled}");
    }

    let recorded = events(client, "?action=operation.cancel").await;
    let targets: Vec<&Value> = recorded
        .iter()
        .rev()
        .map(|event| &event["targets"])
        .collect();
    assert_eq!(targets, [&json!([ids[0]]), &json!([ids[1]])]);
    service.stop().await;
}

fn in_an_hour() -> String {
    let at = time::OffsetDateTime::now_utc() + time::Duration::HOUR;
    at.format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_filtered_and_paged_and_shown_to_full_keys_alone() {
    let service = Service::start().await;
    let client = &service.client;
    let mut keys = BTreeSet::new();
    for number in 0..5 {
        let body = json!({"role": "READ", "name": format!("key {number}")});
        let (_, created) = client.post("/Keys", &body).await;
        keys.insert(text(&created["key"]));
        if number == 0 {
            let secret = text(&created["secret"]);
            let reader = Client::new(&service.url, &text(&created["key"]), &secret);
            assert_eq!(reader.get("/AuditEvents").await.0, StatusCode::FORBIDDEN);
        }
    }
    let first = keys.first().unwrap().clone();
    call(
        client,
        Method::DELETE,
        &format!("/Keys/{first}"),
        &json!({}),
    )
    .await;

    let all = client.all("/AuditEvents", "auditEvents", 2).await;
    assert_eq!(all.len(), 6);
    let ids: Vec<String> = all.iter().map(|event| text(&event["id"])).collect();
    assert!(ids.is_sorted_by(|one, other| one > other), "newest first");

    assert_eq!(events(client, "?action=key.create").await.len(), 5);
    assert_eq!(events(client, &format!("?target={first}")).await.len(), 2);
    assert_eq!(
        events(client, "?actor=SKdemo&action=key.delete")
            .await
            .len(),
        1
    );
    assert_eq!(events(client, "?actor=nobody").await.len(), 0);
    assert_eq!(events(client, "?endDate=2020-01-01").await.len(), 0);
    assert_eq!(
        client.get("/AuditEvents?who=me").await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, error) = client.get("/AuditEvents?action=key.craete").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = text(&error["errors"][0]["message"]);
    assert!(message.contains(" key.create, key.delete, "), "{message}");
    assert!(message.ends_with("got 'key.craete'"), "{message}");

    let pool = &service.world.database.pool;
    sqlx::query(
        "update audit_events set at = now() - interval '91 days' where action = 'key.delete'",
    )
    .execute(pool)
    .await
    .unwrap();
    let connections = &service.world.database.connections;
    forget_audit_events(connections, Duration::from_secs(90 * 86_400))
        .await
        .unwrap();
    assert_eq!(events(client, "").await.len(), 5);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_the_command_line_record_what_they_change() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let service = world.start_for(&key, &secret).await;

    let id = service
        .client
        .send(&message(&[fcm("a~UNREGISTERED")]))
        .await;
    service.client.completed(&id).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let path = format!("/console/operations/{id}/resend");
    let page = browser.post(&path, &[("code", "UNREGISTERED")]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);

    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_bellwire"))
            .args(arguments)
            .env("BELLWIRE__DATABASE__URL", &service.world.database.url)
            .env("SUDO_USER", "ann")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let created = run(&["keys", "create", "--account", "demo", "--json"]);
    let created: Value = serde_json::from_str(&created).unwrap();
    let new = text(&created["key"]);
    run(&["accounts", "weight", "demo", "3"]);
    run(&["keys", "revoke", &new]);

    let recorded: Vec<_> = events(&service.client, "")
        .await
        .into_iter()
        .rev()
        .map(|event| [&event["action"], &event["via"], &event["actor"]].map(text))
        .collect();
    let ann = "command line (ann)";
    assert_eq!(
        recorded,
        [
            ["operation.resend", "CONSOLE", "SKdemo"],
            ["key.create", "CLI", ann],
            ["account.weight", "CLI", ann],
            ["key.delete", "CLI", ann],
        ]
    );
    service.stop().await;
}
