//! Merging Users: the devices, the profile and the records of both are one User's.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, fcm, message};
use crate::support::service::{Device, Service};

async fn register(client: &Client, token: &str, fields: Value) -> String {
    let mut body = fcm(token);
    body["appName"] = json!("demo");
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            body[name] = value;
        }
    }

    let (status, answer) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["userId"].as_str().unwrap().to_owned()
}

async fn merge(client: &Client, user: &str, into: &str) -> (StatusCode, Value) {
    let path = format!("/Users/{user}/Merge");
    client.post(&path, &json!({"into": into})).await
}

async fn merged(client: &Client, user: &str, into: &str) -> String {
    let (status, answer) = merge(client, user, into).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["resourceId"].as_str().unwrap().to_owned()
}

async fn devices(client: &Client, user: &str) -> usize {
    let path = format!("/DeviceRegistrations?userId={user}");
    let list = client.read(&path).await;

    list["deviceRegistrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["devices"].as_array().unwrap().len())
        .sum()
}

async fn count(client: &Client, filter: &str) -> usize {
    let list = client.read(&format!("?{filter}")).await;
    list["pushNotifications"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_profile_and_records_are_the_others() {
    let service = Service::start().await;
    let client = &service.client;
    let old = register(
        client,
        "phone",
        json!({"externalId": "anonymous-1", "language": "de", "timezone": "Europe/Berlin",
            "optedOutTags": ["news"]}),
    )
    .await;
    let new = register(
        client,
        "tablet",
        json!({"externalId": "zoe", "language": "en", "variables": {"name": "Zoë"}, "optedOutTags": ["offers"]}),
    )
    .await;

    let sent = client.send(&message(&[json!({"userId": old})])).await;
    client.completed(&sent).await;
    let at = OffsetDateTime::now_utc() + Duration::seconds(3);
    let mut body = message(&[json!({"userId": old})]);
    body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let scheduled = client.send(&body).await;

    assert_eq!(merged(client, &old, &new).await, new);
    assert_eq!(devices(client, &new).await, 2);
    assert_eq!(
        client.get(&format!("/Users/{old}")).await.0,
        StatusCode::NOT_FOUND
    );
    let user = client.read(&format!("/Users/{new}")).await;
    assert_eq!(user["externalId"], "zoe");
    assert_eq!(user["language"], "en");
    assert_eq!(user["timezone"], "Europe/Berlin");
    assert_eq!(user["variables"], json!({"name": "Zoë"}));
    assert_eq!(user["optedOutTags"], json!(["offers", "news"]));

    // What was sent to the old one is found as the new one's, and still as its own.
    for filter in [
        format!("user={new}"),
        format!("user={old}"),
        "externalId=zoe".to_owned(),
        "externalId=anonymous-1".to_owned(),
    ] {
        assert_eq!(count(client, &filter).await, 2, "{filter}");
    }

    // What is still to be sent goes to the devices of both, and so does a new send by the old id.
    assert_eq!(client.completed(&scheduled).await["stats"]["sent"], 1);
    let messages = service.world.messages().await;
    assert!(messages.contains_key("phone") && messages.contains_key("tablet"));
    let id = client.send(&message(&[json!({"userId": old})])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    // An app that knows the old id registers for the new one.
    assert_eq!(register(client, "watch", json!({"userId": old})).await, new);
    assert_eq!(devices(client, &new).await, 3);

    // Again, and the other way round, changes nothing.
    assert_eq!(merged(client, &old, &new).await, new);
    assert_eq!(merged(client, &new, &old).await, new);
    assert_eq!(devices(client, &new).await, 3);

    // The external id that was given up is free.
    let other = register(client, "other", json!({"externalId": "anonymous-1"})).await;
    assert_ne!(other, new);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_an_external_id_gets_the_others_and_a_chain_has_one_end() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, "a", json!({"externalId": "zoe"})).await;
    let second = register(client, "b", json!({"optedOut": true})).await;
    let third = register(client, "c", json!({})).await;

    merged(client, &first, &second).await;
    let user = client.read(&format!("/Users/{second}")).await;
    assert_eq!(
        (&user["externalId"], &user["optedOut"]),
        (&json!("zoe"), &json!(true))
    );
    assert_eq!(merged(client, &second, &third).await, third);
    assert_eq!(merged(client, &first, &third).await, third);

    assert_eq!(devices(client, &third).await, 3);
    let found = client.read("/Users?externalId=zoe").await;
    assert_eq!(found["users"][0]["id"], json!(third));
    assert_eq!(register(client, "d", json!({"userId": first})).await, third);
    assert_eq!(
        register(client, "e", json!({"externalId": "zoe"})).await,
        third
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_not_possible_changes_nothing() {
    let service = Service::start().await;
    let client = &service.client;
    let user = register(client, "phone", json!({})).await;
    let nobody = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8";

    for (body, field) in [
        (json!({}), "into"),
        (json!({"into": user}), "into"),
        (json!({"into": "zoe"}), "into"),
        (json!({"into": nobody}), "into"),
        (json!({"into": nobody, "from": "x"}), "from"),
    ] {
        let (status, error) = client.post(&format!("/Users/{user}/Merge"), &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(error["errors"][0]["field"], field, "{body}");
    }
    let (status, _) = merge(client, nobody, &user).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let many = |prefix: &str| -> Vec<Device> {
        (0..30)
            .map(|number| Device {
                provider: "FCM",
                token: format!("{prefix}-{number}"),
                tags: None,
            })
            .collect()
    };
    service.world.register_users(&[many("a"), many("b")]).await;
    let known = user;
    let users: Vec<String> = client
        .all("/Users", "users", 10)
        .await
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .filter(|user| *user != known)
        .collect();
    let (status, error) = merge(client, &users[0], &users[1]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        error["message"].as_str().unwrap().contains("50 devices"),
        "{error}"
    );
    for user in &users {
        assert_eq!(devices(client, user).await, 30);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_and_registrations_at_once_leave_one_user_with_every_device() {
    let service = Service::start().await;
    let client = &service.client;

    for round in 0..5 {
        let users = join_all((0..4).map(|index| async move {
            register(client, &format!("device-{round}-{index}"), json!({})).await
        }))
        .await;

        // A ring, both ways, while each device is registered again.
        let merges = join_all((0..4).flat_map(|index| {
            let here = users[index].clone();
            let next = users[(index + 1) % 4].clone();
            [[here.clone(), next.clone()], [next, here]]
                .map(|[user, into]| async move { merged(client, &user, &into).await })
        }));
        let registrations = join_all((0..4).map(|index| async move {
            register(client, &format!("device-{round}-{index}"), json!({})).await
        }));
        join(merges, registrations).await;

        let left = merged(client, &users[0], &users[1]).await;
        assert_eq!(devices(client, &left).await, 4);
        let again: BTreeSet<String> = join_all((0..4).map(|index| async move {
            register(client, &format!("device-{round}-{index}"), json!({})).await
        }))
        .await
        .into_iter()
        .collect();
        assert_eq!(again, BTreeSet::from([left]));
    }
    service.stop().await;
}
