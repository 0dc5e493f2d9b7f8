//! What is held on a person, and how it is erased: nothing of it is left in a dump of the database, and
//! tallies stay true.

use std::path::PathBuf;

use bellwire::dev::postgres;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::process::Command;

use crate::support::client::{Client, answer, fcm, message};
use crate::support::service::{Service, World, assert_tallies};
use crate::webhooks::receiver::Receiver;

/// What must be gone: a token, the ends of it that are shown, an external id, the values of variables, and
/// the text of a message for one person.
const SECRETS: [&str; 8] = [
    "zoes-token",
    "zoes…0815",
    "zoes-dead",
    "zoe@example.com",
    "Zoë Zweig",
    "Zwickau",
    "code 4711",
    "order-4711",
];

fn pg_dump() -> PathBuf {
    postgres::installed()
        .into_iter()
        .map(|binaries| binaries.directory.join("pg_dump"))
        .find(|path| path.exists())
        .expect("pg_dump is not installed: install Postgres 15 or newer")
}

async fn dump(service: &Service) -> String {
    let output = Command::new(pg_dump())
        .arg("--inserts")
        .arg(&service.world.database.url)
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    String::from_utf8(output.stdout).unwrap()
}

fn found_in(dump: &str) -> Vec<&'static str> {
    SECRETS
        .into_iter()
        .filter(|secret| dump.contains(secret))
        .collect()
}

async fn register(client: &Client, token: &str, fields: Value) -> String {
    let mut body = fcm(token);
    body["appName"] = json!("demo");
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, answer) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");

    answer["userId"].as_str().unwrap().to_owned()
}

async fn zoe(client: &Client) -> String {
    let fields = json!({"externalId": "zoe@example.com", "variables": {"city": "Zwickau"}, "language": "de"});
    let user = register(client, "zoes-token-of-a-phone-0815", fields).await;
    register(client, "zoes-dead~UNREGISTERED", json!({"userId": user})).await;
    user
}

async fn erase(client: &Client, user: &str) -> StatusCode {
    let path = format!("/Users/{user}?records=true");
    answer(client.request(Method::DELETE, &path).send().await.unwrap())
        .await
        .0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_user_is_left_and_tallies_stay_true() {
    let mut world = World::new().await;
    world.config.webhooks.allow_private = true;
    let service = world.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let hook =
        json!({"url": receiver.url("/hook"), "events": ["device.removed", "notification.sent"]});
    assert_eq!(client.post("/Webhooks", &hook).await.0, StatusCode::CREATED);

    let zoe = zoe(client).await;
    let max = register(
        client,
        "maxs-token-9999",
        json!({"externalId": "max@example.com"}),
    )
    .await;

    // One message for both, one for Zoë alone, one by an external id before it was hers, one that fails.
    let mut shared = message(&[
        json!({"externalId": "zoe@example.com", "variables": {"name": "Zoë Zweig"}}),
        json!({"userId": max, "variables": {"name": "Max"}}),
    ]);
    shared["content"]["body"] = json!("Hello {{ name }}");
    let shared = client.send(&shared).await;
    let mut alone = message(&[json!({"userId": zoe})]);
    alone["content"]["body"] = json!("Your code 4711");
    alone["tags"] = json!({"order": "order-4711"});
    let alone = client.send(&alone).await;
    let mut failing = message(&[json!({"userId": zoe, "variables": {"name": "Zoë Zweig"}})]);
    failing["content"]["body"] = json!("{{ name | append: missing }}");
    let (_, failing) = client.post("", &failing).await;
    for id in [&shared, &alone] {
        assert_eq!(client.completed(id).await["stats"]["failed"], 0);
    }
    if let Some(id) = failing["operationId"].as_str() {
        client.completed(id).await;
    }
    receiver.wait_for_event("device.removed").await;
    assert!(found_in(&dump(&service).await).len() >= 5);

    assert_eq!(erase(client, &zoe).await, StatusCode::NO_CONTENT);
    let dump_after = dump(&service).await;
    assert_eq!(found_in(&dump_after), [""; 0]);
    assert!(
        !dump_after.contains(&bellwire_uuid(&zoe)),
        "the id of the User is left"
    );
    assert!(dump_after.contains("max@example.com"));

    // What others see stays as it was.
    assert_tallies(&service.world.database).await;
    let operation = client.read(&format!("/Operations/{shared}")).await;
    assert_eq!(
        (&operation["stats"]["total"], &operation["stats"]["sent"]),
        (&json!(2), &json!(2))
    );
    let list = client.read(&format!("?operationId={shared}")).await;
    assert_eq!(list["pushNotifications"][0]["to"], json!({"erased": true}));
    assert_eq!(list["pushNotifications"][0]["status"], "SENT");
    assert_eq!(list["pushNotifications"][1]["to"]["userId"], json!(max));
    let id = list["pushNotifications"][0]["id"].as_str().unwrap();
    let attempts = client.read(&format!("/{id}/DeliveryAttempts")).await;
    assert!(!attempts["deliveryAttempts"].as_array().unwrap().is_empty());
    let results = client.request(Method::GET, &format!("/Operations/{alone}/Results"));
    let results = results.send().await.unwrap().text().await.unwrap();
    assert!(results.contains("\"erased\":true"), "{results}");

    assert_eq!(
        client.get(&format!("/Users/{zoe}")).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(erase(client, &zoe).await, StatusCode::NOT_FOUND);
    let wrong = client.request(Method::DELETE, &format!("/Users/{max}?records=perhaps"));
    assert_eq!(
        wrong.send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    service.stop().await;
}

/// The id as the database shows it.
fn bellwire_uuid(id: &str) -> String {
    let id: bellwire::model::id::UserId = id.parse().unwrap();
    id.as_uuid().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_be_sent_to_an_erased_user_is_canceled() {
    let service = Service::start().await;
    let client = &service.client;
    let zoe = zoe(client).await;
    let at = OffsetDateTime::now_utc() + Duration::HOUR;
    let mut body = message(&[
        json!({"userId": zoe, "variables": {"name": "Zoë Zweig"}}),
        json!({"externalId": "zoe@example.com"}),
        fcm("other"),
    ]);
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let id = client.send(&body).await;

    // The rest follows when no request can be in flight any more.
    assert_eq!(erase(client, &zoe).await, StatusCode::ACCEPTED);
    assert_eq!(found_in(&dump(&service).await), [""; 0]);
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(
        (
            &operation["stats"]["canceled"],
            &operation["stats"]["scheduled"]
        ),
        (&json!(2), &json!(1))
    );
    assert_tallies(&service.world.database).await;

    let pool = &service.world.database.pool;
    for statement in [
        "update push_notifications set updated_at = updated_at - interval '1 hour' where canceled_at is not null",
        "update user_erasures set due_at = now() - interval '1 second'",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    // A User whose records are still there can be erased again, which does the rest at once.
    assert_eq!(erase(client, &zoe).await, StatusCode::NO_CONTENT);
    assert!(
        !dump(&service)
            .await
            .contains(&format!("'{}'", bellwire_uuid(&zoe)))
    );
    let list = client.read(&format!("?operationId={id}")).await;
    assert_eq!(list["pushNotifications"][0]["to"], json!({"erased": true}));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_held_on_a_person_is_exported() {
    let service = Service::start().await;
    let client = &service.client;
    let zoe = zoe(client).await;
    let mut body =
        message(&[json!({"externalId": "zoe@example.com", "variables": {"name": "Zoë Zweig"}})]);
    body["content"]["body"] = json!("Hello {{ name }}");
    for _ in 0..3 {
        client.completed(&client.send(&body).await).await;
    }

    let data = async |query: &str| -> Vec<Value> {
        let request = client.request(Method::GET, &format!("/Users/{zoe}/Data{query}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let text = response.text().await.unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let lines = data("").await;
    let of =
        |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["type"] == kind).collect() };
    assert_eq!(of("user")[0]["externalId"], "zoe@example.com");
    assert_eq!(of("user")[0]["variables"], json!({"city": "Zwickau"}));
    assert_eq!(of("device")[0]["token"], "zoes…0815");
    assert_eq!(of("notification").len(), 3);
    assert_eq!(of("notification")[0]["content"]["body"], "Hello Zoë Zweig");
    assert!(of("deliveryAttempt").len() >= 3);

    let whole = data("?tokens=FULL").await;
    assert!(
        whole
            .iter()
            .any(|line| line["token"] == "zoes-token-of-a-phone-0815")
    );
    let nobody = "/Users/comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8/Data";
    assert_eq!(client.get(nobody).await.0, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_users_that_were_merged_into_a_person_are_exported_and_erased_with_it() {
    const MERGED: usize = 25;

    let service = Service::start().await;
    let client = &service.client;
    let zoe = zoe(client).await;
    let mut users = Vec::new();
    for number in 0..MERGED {
        let token = format!("token-{number}");
        users.push(register(client, &token, json!({})).await);
    }
    let to: Vec<Value> = users.iter().map(|user| json!({"userId": user})).collect();
    client.completed(&client.send(&message(&to)).await).await;
    for user in &users {
        let path = format!("/Users/{user}/Merge");
        let (status, merged) = client.post(&path, &json!({"into": zoe})).await;
        assert!(status.is_success(), "{merged}");
    }

    let request = client.request(Method::GET, &format!("/Users/{zoe}/Data"));
    let data = request.send().await.unwrap().text().await.unwrap();
    let notifications = data
        .lines()
        .filter(|line| line.contains("\"type\":\"notification\""));
    assert_eq!(notifications.count(), MERGED);

    assert_eq!(erase(client, &zoe).await, StatusCode::NO_CONTENT);
    let dump = dump(&service).await;
    let left = users
        .iter()
        .filter(|user| dump.contains(&bellwire_uuid(user)));
    assert_eq!(left.count(), 0);
    service.stop().await;
}
