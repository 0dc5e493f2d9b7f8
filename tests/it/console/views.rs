//! What the console's views show, and what they change.

use std::time::Duration;

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::sessions::start;
use crate::support::browser::Browser;
use crate::support::client::{fcm, message};
use crate::support::eventually;

/// Reads a stream until it has `wanted`, and returns what came.
async fn read_until(response: &mut reqwest::Response, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let chunk = tokio::time::timeout(Duration::from_secs(60), response.chunk()).await;
        let chunk = chunk.unwrap_or_else(|_| panic!("{wanted} does not come: {text}"));
        let Some(chunk) = chunk.unwrap() else {
            panic!("the stream ended without {wanted}: {text}");
        };
        text += std::str::from_utf8(&chunk).unwrap();
    }

    text
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_fills_up_live_and_what_failed_is_sent_again() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    service
        .set_faults(Faults {
            outage: Outage::Unavailable,
            ..Faults::default()
        })
        .await;

    let mut body = message(&[fcm("good"), fcm("gone~UNREGISTERED")]);
    body["tags"] = json!({"campaign": "spring"});
    let id = service.client.send(&body).await;
    let list = browser.read("/console/operations").await;
    assert!(list.contains("Boarding time @ TLL") && list.contains("campaign:spring"));
    assert!(list.contains("hx-sse:connect=\"/console/operations/live\""));

    let mut rows = browser
        .request(Method::GET, "/console/operations/live?status=PROCESSING")
        .send()
        .await
        .unwrap();
    assert_eq!(rows.headers()["content-type"], "text/event-stream");
    read_until(&mut rows, &id).await;
    let mut progress = browser
        .request(Method::GET, &format!("/console/operations/{id}/live"))
        .send()
        .await
        .unwrap();
    read_until(&mut progress, "0 of 2 settled").await;

    service.set_faults(Faults::default()).await;
    let text = read_until(&mut progress, "event: end").await;
    assert!(text.contains("2 of 2 settled"), "{text}");
    read_until(&mut rows, "No Operation matches").await;

    let page = browser.read(&format!("/console/operations/{id}")).await;
    assert!(!page.contains("hx-sse:connect"), "nothing changes any more");
    assert!(page.contains("UNREGISTERED") && page.contains("Resend failed"));
    assert!(page.contains("data-curves=") && page.contains("accepted"));
    let other = browser
        .read(&format!("/console/operations/{id}?code=EXPIRED"))
        .await;
    assert!(other.contains("None with this code"));

    let csv = browser
        .get(&format!("/console/operations/{id}/results"))
        .await;
    let content_type = csv.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("text/csv"), "{content_type}");
    assert_eq!(csv.text.lines().count(), 3);

    let sent = browser
        .post(
            &format!("/console/operations/{id}/resend"),
            &[("code", "UNREGISTERED")],
        )
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let again = browser.read(&sent.location).await;
    assert!(again.contains("sends the failed notifications again"));
    assert!(again.contains(&format!("href=\"/console/operations/{id}\"")));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_canceled_and_the_list_is_filtered() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let mut body = message(&[fcm("later")]);
    body["schedule"] = json!({"sendAt": ["2099-01-01T00:00:00Z"]});
    body["schedule"]["sendAt"][0] = json!(
        (time::OffsetDateTime::now_utc() + time::Duration::DAY)
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    );
    let id = service.client.send(&body).await;

    for (change, shown) in [("pause", "status paused"), ("resume", "status scheduled")] {
        let path = format!("/console/operations/{id}/{change}");
        let changed = browser.post(&path, &[]).await;
        assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
        let page = browser.read(&changed.location).await;
        assert!(page.contains(shown), "{change}: {page}");
    }
    let path = format!("/console/operations/{id}/pace");
    let changed = browser.post(&path, &[("perMinute", "600")]).await;
    assert!(
        browser
            .read(&changed.location)
            .await
            .contains("Pace 600 a minute")
    );
    let wrong = browser.post(&path, &[("perMinute", "fast")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);

    let canceled = browser
        .post(&format!("/console/operations/{id}/cancel"), &[])
        .await;
    assert_eq!(
        canceled.location,
        format!("/console/operations/{id}?done=cancel")
    );
    let page = browser.read(&canceled.location).await;
    assert!(page.contains("is being canceled") && page.contains("status canceled"));
    let again = browser
        .post(&format!("/console/operations/{id}/cancel"), &[])
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("settled already"), "{}", again.text);

    let found = browser.read("/console/operations?status=CANCELED").await;
    assert!(found.contains(&id));
    let none = browser.read("/console/operations?status=COMPLETED").await;
    assert!(none.contains("No Operation matches") && !none.contains(&id));
    let wrong = browser.read("/console/operations?tags=none").await;
    assert!(wrong.contains("role=\"alert\""), "{wrong}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_sees_what_it_may() {
    let (service, _, _) = start().await;
    let id = service
        .client
        .send(&message(&[fcm("a~UNREGISTERED")]))
        .await;
    service.client.completed(&id).await;

    let (_, created) = service.client.post("/Keys", &json!({"role": "READ"})).await;
    let [key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap());
    let reader = Browser::log_in(&service.url, key, secret).await;
    let page = reader.read(&format!("/console/operations/{id}")).await;
    assert!(page.contains("UNREGISTERED") && !page.contains("Resend failed"));
    for change in ["cancel", "resend"] {
        let page = reader
            .post(&format!("/console/operations/{id}/{change}"), &[])
            .await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{change}");
    }

    // A person with the role SEND gets a message on the page of the form.
    let (_, created) = service.client.post("/Keys", &json!({"role": "SEND"})).await;
    let [key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap());
    let sender = Browser::log_in(&service.url, key, secret).await;
    let fields = [
        ("to", "FCM a-device"),
        ("title", "Hello"),
        ("body", "World"),
    ];
    let sent = sender.post("/console/send", &fields).await;
    assert_eq!(sent.location, "/console/send?done=send", "{}", sent.text);
    let page = sender.read(&sent.location).await;
    assert!(page.contains("The message is accepted."), "{page}");
    let page = sender.read("/console/send").await;
    assert!(!page.contains("The message is accepted."), "{page}");

    // A list that can't be read is no stream.
    let refused = sender.get("/console/operations/live").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = reader.get("/console/operations/live?status=NONE").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_changes_all_the_time_ends_with_its_session() {
    let (service, key, secret) = start().await;
    let recipients: Vec<_> = (0..500)
        .map(|number| fcm(&format!("device-{number}")))
        .collect();
    let mut body = message(&recipients);
    body["pace"] = json!({"perMinute": 300});
    let id = service.client.send(&body).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let mut progress = browser
        .request(Method::GET, &format!("/console/operations/{id}/live"))
        .send()
        .await
        .unwrap();
    read_until(&mut progress, "of 500 settled").await;

    browser.post("/console/logout", &[]).await;
    let ending = async {
        let mut events = 0;
        while progress.chunk().await.unwrap().is_some() {
            events += 1;
        }
        events
    };
    let events = tokio::time::timeout(Duration::from_secs(12), ending).await;
    assert!(events.unwrap() > 1, "the page changed all the time");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_what_support_has() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let token = "dqWD7WEC83K41WHyufTS7:APA91bFoqJ2cZ~UNREGISTERED";
    let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &device).await;
    let user = registered["userId"].as_str().unwrap();
    let external = "update users set external_id = 'ann@example.com'";
    sqlx::query(external)
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let person = format!("/console/people/{user}");
    for wanted in [
        user,
        "ann%40example.com",
        "dqWD7WEC83K41WHyufTS7%3AAPA91bFoqJ2cZ~UNREGISTERED",
        "dqWD%E2%80%A6ERED",
        "dqWD...ERED",
    ] {
        let found = browser.get(&format!("/console/people?find={wanted}")).await;
        assert_eq!(found.location, person, "{wanted}: {}", found.text);
    }
    let none = browser.read("/console/people?find=nobody").await;
    assert!(none.contains("Nothing matches"));

    let id = service
        .client
        .send(&message(&[json!({"userId": user})]))
        .await;
    service.client.completed(&id).await;
    let operation = browser.get(&format!("/console/people?find={id}")).await;
    assert_eq!(operation.location, format!("/console/operations/{id}"));
    // The dead device is removed a moment after the attempt.
    let page = eventually("the dead device to be removed", async || {
        let page = browser.read(&person).await;
        page.contains("The app registers the device")
            .then_some(page)
    })
    .await;
    assert!(
        page.contains("UNREGISTERED"),
        "the provider's words: {page}"
    );
    assert!(page.contains("Token dead"), "{page}");

    // A token that was sent to without being registered.
    let direct = service
        .client
        .send(&message(&[fcm("a-token-of-nobody-at-all")]))
        .await;
    service.client.completed(&direct).await;
    let found = browser.get("/console/people?find=a-to...-all").await;
    assert!(
        found.location.starts_with("/console/notifications/"),
        "{}",
        found.text
    );
    let page = browser.read(&found.location).await;
    assert!(page.contains("Its provider accepted it") && page.contains("Boarding time"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_looked_after() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;

    let list = service.client.read("/Credentials").await;
    let credential = list["credentials"][0]["id"].as_str().unwrap();
    let tested = browser
        .post(&format!("/console/credentials/{credential}/test"), &[])
        .await;
    assert!(
        tested.text.contains("The provider accepts the Credential"),
        "{}",
        tested.text
    );

    let fields = [("role", "READ"), ("name", "reports")];
    let made = browser.post("/console/keys", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let new = made.text.split("<dd><code>").nth(1).unwrap();
    let new = new.split('<').next().unwrap();
    let new_secret = made.text.split("<dd><code>").nth(2).unwrap();
    let new_secret = new_secret.split('<').next().unwrap();
    Browser::log_in(&service.url, new, new_secret).await;
    let again = browser.read("/console/keys").await;
    assert!(
        again.contains(new) && !again.contains(new_secret),
        "it is shown once"
    );
    let revoked = browser
        .post(&format!("/console/keys/{new}/revoke"), &[])
        .await;
    assert_eq!(revoked.location, "/console/keys?done=revoke");
    let own = browser
        .post(&format!("/console/keys/{key}/revoke"), &[])
        .await;
    assert_eq!(own.status, StatusCode::CONFLICT);

    let audit = browser.read("/console/audit?action=key.delete").await;
    assert!(audit.contains(new) && audit.contains("CONSOLE") && !audit.contains("key.create"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curves_of_an_operation_with_many_small_batches_show_all_of_it() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let to: Vec<_> = (0..100).map(|number| fcm(&format!("d{number}"))).collect();
    let id = service.client.send(&message(&to)).await;
    service.client.completed(&id).await;

    // As a pace of one notification a second divides them.
    for statement in [
        "update batches set size = 1, sent = 1",
        "insert into batches (
             operation_id, number, account_id, first_position, size, rank, due_at, claims, queued, sent, updated_at
         )
         select operation_id, next, account_id, next, 1, rank, due_at, claims, 0, 1, updated_at
         from batches
         cross join generate_series(1, 99) as next",
    ] {
        let pool = &service.world.database.pool;
        sqlx::query(statement).execute(pool).await.unwrap();
    }

    let page = browser.read(&format!("/console/operations/{id}")).await;
    let (_, data) = page.split_once("data-curves=\"").unwrap();
    let (data, _) = data.split_once('"').unwrap();
    let data = data.replace("&quot;", "\"").replace("&#34;", "\"");
    let curves: serde_json::Value = serde_json::from_str(&data).unwrap();
    let accepted = curves["accepted"].as_array().unwrap().iter();
    let sum: f64 = accepted.map(|point| point.as_f64().unwrap()).sum();
    assert!((99.0..101.0).contains(&sum), "{curves}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_not_due_in_the_queue() {
    let (service, key, secret) = start().await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let mut body = message(&[fcm("later")]);
    let at = time::OffsetDateTime::now_utc() + time::Duration::DAY;
    body["schedule"] = json!({"sendAt": [
        at.format(&time::format_description::well_known::Rfc3339).unwrap()
    ]});
    let id = service.client.send(&body).await;
    let path = format!("/console/operations/{id}/pause");
    assert_eq!(browser.post(&path, &[]).await.status, StatusCode::SEE_OTHER);
    // Its time has come while it is paused.
    sqlx::query("update batches set due_at = now() - interval '1 minute'")
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let page = browser.read("/console/queue").await;
    for (tile, count) in [("Due now", 0), ("Scheduled or paused", 1)] {
        assert!(
            page.contains(&format!("{tile}</dt><dd>{count}</dd>")),
            "{page}"
        );
    }
    service.stop().await;
}
