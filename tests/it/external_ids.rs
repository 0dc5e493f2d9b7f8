//! Recipients that are named by an account's own ids, and Users who have opted out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, fcm, message};
use crate::support::service::{Service, World};
use crate::webhooks::receiver::Receiver;

/// Registers a device for the User with an external id. Returns the User's id.
async fn register(client: &Client, token: &str, external_id: &str, fields: Value) -> String {
    let mut body = fcm(token);
    body["appName"] = json!("demo");
    body["externalId"] = json!(external_id);
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            body[name] = value;
        }
    }

    let (status, answer) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["userId"].as_str().unwrap().to_owned()
}

fn to(external_id: &str) -> Value {
    json!({"externalId": external_id})
}

async fn put(client: &Client, user: &str, body: Value) {
    let request = client.request(Method::PUT, &format!("/Users/{user}"));
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
}

/// The notifications of a list, each as `to` and its Operation.
async fn listed(client: &Client, filter: &str) -> Vec<Value> {
    let list = client.read(&format!("?{filter}")).await;

    list["pushNotifications"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_reached_by_its_external_id_and_an_unknown_one_is_unaddressable() {
    let service = Service::start().await;
    let client = &service.client;
    let zoe = register(client, "phone", "zoe@example.com", json!({})).await;
    register(client, "tablet", "zoe@example.com", json!({})).await;

    let body = message(&[to("zoe@example.com"), to("nobody"), fcm("direct")]);
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["total"], &stats["sent"], &stats["unaddressable"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(service.arrived().await["tokens"], 3);

    // Lists.
    let of_operation = listed(client, &format!("operationId={id}")).await;
    let known = json!({"userId": zoe, "externalId": "zoe@example.com"});
    assert_eq!(of_operation[0]["to"], known);
    assert_eq!(of_operation[1]["to"], to("nobody"));
    assert_eq!(of_operation[1]["status"], "FAILED");
    assert_eq!(of_operation[1]["error"]["code"], "UNADDRESSABLE");
    let notification = of_operation[1]["id"].as_str().unwrap();
    assert_eq!(
        client.read(&format!("/{notification}")).await["to"],
        to("nobody")
    );

    for (filter, expected) in [
        ("externalId=zoe@example.com".to_owned(), &of_operation[0]),
        ("externalId=nobody".to_owned(), &of_operation[1]),
        (format!("user={zoe}"), &of_operation[0]),
    ] {
        let found = listed(client, &filter).await;
        assert_eq!(found.len(), 1, "{filter}: {found:?}");
        assert_eq!(found[0]["id"], expected["id"], "{filter}");
    }
    assert!(listed(client, "externalId=other").await.is_empty());

    // Errors.
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["to"], to("nobody"));
    for (filter, count) in [("nobody", 1), ("zoe@example.com", 0)] {
        let path = format!("/Operations/{id}/Errors?externalId={filter}");
        let errors = client.read(&path).await;
        assert_eq!(
            errors["errors"].as_array().unwrap().len(),
            count,
            "{filter}"
        );
    }
    let path = format!("?user={zoe}&externalId=nobody");
    let (status, error) = client.get(&path).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("externalId"))
    );

    // Results.
    let path = format!("/Operations/{id}/Results");
    let text = client.request(Method::GET, &path).send().await.unwrap();
    let text = text.text().await.unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((&lines[0]["to"], &lines[1]["to"]), (&known, &to("nobody")));

    let request = client
        .request(Method::GET, &path)
        .header("accept", "text/csv");
    let csv = request.send().await.unwrap().text().await.unwrap();
    let csv: Vec<&str> = csv.lines().collect();
    assert!(csv[0].starts_with("position,id,provider,token,userId,externalId,status,"));
    assert!(
        csv[1].contains(&format!(",,,{zoe},zoe@example.com,SENT,")),
        "{}",
        csv[1]
    );
    assert!(
        csv[2].contains(",,,,nobody,FAILED,UNADDRESSABLE,"),
        "{}",
        csv[2]
    );

    // A User who is sent to by its own id has its external id in answers as well.
    let id = client.send(&message(&[json!({"userId": zoe})])).await;
    assert_eq!(
        listed(client, &format!("operationId={id}")).await[0]["to"],
        known
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_looked_up_again_when_its_time_comes() {
    let service = Service::start().await;
    let client = &service.client;

    let at = OffsetDateTime::now_utc() + Duration::seconds(2);
    let mut body = message(&[to("late"), to("never")]);
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let id = client.send(&body).await;
    let user = register(client, "phone", "late", json!({})).await;

    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["sent"], &stats["unaddressable"]),
        (&json!(1), &json!(1))
    );
    for filter in ["externalId=late".to_owned(), format!("userId={user}")] {
        let found = listed(client, &filter).await;
        assert_eq!(found.len(), 1, "{filter}");
        assert_eq!(found[0]["to"]["externalId"], "late");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_external_id_is_refused() {
    let service = Service::start().await;
    let client = &service.client;

    for (recipient, field) in [
        (to(""), "to[0].externalId"),
        (to(&"x".repeat(129)), "to[0].externalId"),
        (json!({"externalId": 7}), "to[0].externalId"),
        (json!({"externalId": "a", "token": "t"}), "to[0].token"),
        (
            json!({"externalId": "a", "userId": "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8"}),
            "to[0].userId",
        ),
    ] {
        let (status, error) = client
            .post("", &message(std::slice::from_ref(&recipient)))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{recipient}");
        let fields: Vec<_> = error["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["field"])
            .collect();
        assert!(
            fields.contains(&&json!(field)) || fields.contains(&&json!("to[0].externalId")),
            "{recipient}: {error}"
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_get_external_ids() {
    let mut world = World::new().await;
    world.config.webhooks.allow_private = true;
    let service = world.start().await;
    let client = &service.client;
    let receiver = Receiver::start().await;
    let hook = json!({"url": receiver.url("/hook"),
        "events": ["notification.sent", "notification.failed", "device.removed"]});
    assert_eq!(client.post("/Webhooks", &hook).await.0, StatusCode::CREATED);

    let zoe = register(client, "phone", "zoe", json!({})).await;
    let ida = register(client, "dead~UNREGISTERED", "ida", json!({})).await;
    let body = message(&[to("zoe"), to("nobody"), json!({"userId": ida})]);
    client.completed(&client.send(&body).await).await;

    receiver.wait_for_event("notification.sent").await;
    let removed = receiver.wait_for_event("device.removed").await;
    assert_eq!(removed.json()["data"][0]["externalId"], "ida");
    receiver.wait_for_event("notification.failed").await;
    let reported = receiver.notifications("notification.sent");
    let tos: Vec<&Value> = reported.values().map(|reported| &reported["to"]).collect();
    assert_eq!(tos, [&json!({"userId": zoe, "externalId": "zoe"})]);
    let reported = receiver.notifications("notification.failed");
    let mut tos: Vec<String> = reported
        .values()
        .map(|reported| reported["to"].to_string())
        .collect();
    tos.sort();
    let mut expected = [
        to("nobody").to_string(),
        json!({"userId": ida, "externalId": "ida"}).to_string(),
    ];
    expected.sort();
    assert_eq!(tos, expected);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_has_opted_out_gets_nothing() {
    let service = Service::start().await;
    let client = &service.client;
    let zoe = register(client, "phone", "zoe", json!({"optedOut": true})).await;
    register(client, "tablet", "ida", json!({})).await;

    // By the User's id, by the external id, and in an audience.
    for (recipients, sent, opted_out) in [
        (vec![json!({"userId": zoe})], 0, 1),
        (vec![to("zoe"), to("ida")], 1, 1),
        (vec![json!({"audience": {}})], 1, 1),
    ] {
        let body = message(&recipients);
        let id = client.send(&body).await;
        let stats = client.completed(&id).await["stats"].clone();
        assert_eq!(
            (&stats["sent"], &stats["unaddressable"], &stats["failed"]),
            (&json!(sent), &json!(opted_out), &json!(0)),
            "{body}"
        );

        let errors = client.read(&format!("/Operations/{id}/Errors")).await;
        let error = &errors["errors"][0];
        assert_eq!(error["code"], "OPTED_OUT", "{body}");
        assert_eq!(error["to"]["userId"], json!(zoe), "{body}");
        assert_eq!(error["attempts"], 0);
    }
    let messages = service.world.messages().await;
    assert!(messages.contains_key("tablet") && !messages.contains_key("phone"));

    // A dry run says so too.
    let mut body = message(&[to("zoe")]);
    body["validateOnly"] = json!(true);
    let (status, response) = client.post("", &body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(response.to_string().contains("OPTED_OUT"), "{response}");

    // In again.
    put(client, &zoe, json!({"optedOut": false})).await;
    let id = client.send(&message(&[to("zoe")])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_opts_out_of_operations_by_their_tags() {
    let service = Service::start().await;
    let client = &service.client;
    let opted_out = json!({"optedOutTags": ["newsletter", "kind:offer"]});
    let zoe = register(client, "phone", "zoe", opted_out).await;

    for (tags, recipient, is_sent) in [
        (json!(null), to("zoe"), true),
        (json!({"kind": "order"}), to("zoe"), true),
        (json!({"kind": "offer"}), to("zoe"), false),
        (
            json!({"kind": "offer", "x": "y"}),
            json!({"userId": zoe}),
            false,
        ),
        (
            json!({"newsletter": "june"}),
            json!({"audience": {}}),
            false,
        ),
        (json!({"offer": "kind"}), json!({"audience": {}}), true),
    ] {
        let mut body = message(&[recipient]);
        body["tags"] = tags;
        let id = client.send(&body).await;
        let stats = client.completed(&id).await["stats"].clone();
        let expected = if is_sent { "sent" } else { "unaddressable" };
        assert_eq!(stats[expected], 1, "{body}: {stats}");

        if !is_sent {
            let errors = client.read(&format!("/Operations/{id}/Errors")).await;
            assert_eq!(errors["errors"][0]["code"], "OPTED_OUT", "{body}");
        }
    }
    service.stop().await;
}
