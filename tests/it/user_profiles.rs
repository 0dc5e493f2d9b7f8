//! What an account says about its Users: their external ids, language, time zone, variables and opt-outs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, fcm};
use crate::support::service::Service;

/// Registers `token` in the App `demo` with more fields.
async fn register(client: &Client, token: &str, fields: Value) -> (StatusCode, Value) {
    let mut body = fcm(token);
    body["appName"] = json!("demo");
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            body[name] = value;
        }
    }

    client.post("/DeviceRegistrations", &body).await
}

async fn registered(client: &Client, token: &str, fields: Value) -> Value {
    let (status, answer) = register(client, token, fields).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");

    answer["userId"].clone()
}

async fn put(client: &Client, user: &Value, body: &Value) -> (StatusCode, Value) {
    let path = format!("/Users/{}", user.as_str().unwrap());

    answer(
        client
            .request(Method::PUT, &path)
            .json(body)
            .send()
            .await
            .unwrap(),
    )
    .await
}

async fn user(client: &Client, id: &Value) -> Value {
    client
        .read(&format!("/Users/{}", id.as_str().unwrap()))
        .await
}

/// The Users with an external id.
async fn with_external_id(client: &Client, external_id: &str) -> Vec<Value> {
    let list = client
        .read(&format!("/Users?externalId={external_id}"))
        .await;

    list["users"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_field_by_field() {
    let service = Service::start().await;
    let client = &service.client;
    let id = registered(client, "phone", json!({})).await;

    let new = user(client, &id).await;
    for (field, expected) in [
        ("externalId", json!(null)),
        ("language", json!(null)),
        ("timezone", json!(null)),
        ("variables", json!({})),
        ("optedOut", json!(false)),
        ("optedOutTags", json!([])),
    ] {
        assert_eq!(new[field], expected, "{field}");
    }

    let profile = json!({"externalId": "customer 7", "language": "PT-br", "timezone": "europe/berlin",
        "variables": {"name": "Zoë", "plan": {"tier": 2}}, "optedOut": true, "optedOutTags": ["news", "kind:offer"]});
    let (status, response) = put(client, &id, &profile).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{response}");
    assert_eq!(response["resourceId"], id);

    let changed = user(client, &id).await;
    assert_eq!(changed["externalId"], "customer 7");
    assert_eq!(changed["language"], "pt-BR");
    assert_eq!(changed["timezone"], "Europe/Berlin");
    assert_eq!(changed["variables"], profile["variables"]);
    assert_eq!(changed["optedOut"], true);
    assert_eq!(changed["optedOutTags"], profile["optedOutTags"]);

    // What is absent stays, and null clears.
    let change = json!({"language": "en", "timezone": null, "variables": null, "optedOut": null});
    assert_eq!(put(client, &id, &change).await.0, StatusCode::ACCEPTED);
    let changed = user(client, &id).await;
    assert_eq!(changed["externalId"], "customer 7");
    assert_eq!(changed["language"], "en");
    assert_eq!(changed["timezone"], json!(null));
    assert_eq!(changed["variables"], json!({}));
    assert_eq!(changed["optedOut"], false);
    assert_eq!(changed["optedOutTags"], profile["optedOutTags"]);

    let found = with_external_id(client, "customer%207").await;
    assert_eq!(found, [changed]);
    assert!(with_external_id(client, "customer").await.is_empty());

    let nobody = json!("comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8");
    assert_eq!(
        put(client, &nobody, &json!({"language": "en"})).await.0,
        StatusCode::NOT_FOUND
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_profile_is_refused_and_changes_nothing() {
    let service = Service::start().await;
    let client = &service.client;
    let id = registered(client, "phone", json!({"externalId": "first"})).await;

    let deep = json!({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}});
    for (body, field) in [
        (json!({"externalId": ""}), "externalId"),
        (json!({"externalId": "x".repeat(129)}), "externalId"),
        (json!({"externalId": "a\u{0}b"}), "externalId"),
        (json!({"externalId": 7}), "externalId"),
        (json!({"language": "en_US"}), "language"),
        (json!({"timezone": "Berlin"}), "timezone"),
        (json!({"variables": {"a": "x".repeat(5000)}}), "variables"),
        (json!({"variables": deep}), "variables"),
        (json!({"variables": {"a": "\u{0}"}}), "variables"),
        (json!({"optedOut": "yes"}), "optedOut"),
        (json!({"optedOutTags": ["a b"]}), "optedOutTags[0]"),
        (json!({"optedOutTags": vec!["a"; 51]}), "optedOutTags"),
        (json!({"nickname": "Zoë"}), "nickname"),
    ] {
        let (status, error) = put(client, &id, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(error["errors"][0]["field"], field, "{body}");

        let (status, error) = register(client, "other", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(error["errors"][0]["field"], field, "{body}");
    }

    assert_eq!(user(client, &id).await["externalId"], "first");
    let (status, error) = client.get("/Users?externalId=a%0Ab").await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("externalId"))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_finds_or_makes_the_user_with_the_external_id() {
    let service = Service::start().await;
    let client = &service.client;

    let profile = json!({"externalId": "zoe", "language": "de", "timezone": "UTC", "variables": {"name": "Zoë"},
        "optedOut": false, "optedOutTags": ["news"]});
    let zoe = registered(client, "phone", profile).await;
    let response = user(client, &zoe).await;
    assert_eq!(
        (
            &response["externalId"],
            &response["language"],
            &response["variables"]
        ),
        (&json!("zoe"), &json!("de"), &json!({"name": "Zoë"}))
    );

    // Another device; `null` changes nothing.
    let second = json!({"externalId": "zoe", "language": null, "variables": null});
    assert_eq!(registered(client, "tablet", second).await, zoe);
    assert_eq!(user(client, &zoe).await["language"], "de");

    let path = format!("/DeviceRegistrations?userId={}", zoe.as_str().unwrap());
    let registrations = client.read(&path).await;
    let registration = &registrations["deviceRegistrations"][0];
    assert_eq!(registration["externalId"], "zoe");
    assert_eq!(registration["devices"].as_array().unwrap().len(), 2);
    let id = registration["id"].as_str().unwrap();
    let registration = client.read(&format!("/DeviceRegistrations/{id}")).await;
    assert_eq!(registration["externalId"], "zoe");

    // A User without an external id who has the token gets it: somebody has logged in.
    let anonymous = registered(client, "watch", json!({})).await;
    assert_ne!(anonymous, zoe);
    let known = registered(client, "watch", json!({"externalId": "max"})).await;
    assert_eq!(known, anonymous);

    // A User with another one keeps it: somebody else uses the device now.
    let third = registered(client, "watch", json!({"externalId": "ida"})).await;
    assert_ne!(third, anonymous);
    assert_eq!(user(client, &anonymous).await["externalId"], "max");
    assert_eq!(
        registered(client, "watch", json!({"externalId": "zoe"})).await,
        zoe
    );

    // Without one, the device stays where it is.
    assert_eq!(registered(client, "watch", json!({})).await, zoe);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_is_of_one_user_of_an_account() {
    let service = Service::start().await;
    let client = &service.client;
    let first = registered(client, "phone", json!({"externalId": "zoe"})).await;
    let second = registered(client, "tablet", json!({"externalId": "max"})).await;

    let (status, error) = put(
        client,
        &second,
        &json!({"externalId": "zoe", "language": "de"}),
    )
    .await;
    assert_eq!(status, StatusCode::CONFLICT);
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("externalId") && message.contains(first.as_str().unwrap()),
        "{message}"
    );
    assert_eq!(user(client, &second).await["language"], json!(null));

    let named = json!({"userId": second, "externalId": "zoe"});
    assert_eq!(
        register(client, "watch", named).await.0,
        StatusCode::CONFLICT
    );

    // Its own again is no conflict, and what is given up is free.
    let again = json!({"externalId": "max"});
    assert_eq!(put(client, &second, &again).await.0, StatusCode::ACCEPTED);
    let cleared = json!({"externalId": null});
    assert_eq!(put(client, &first, &cleared).await.0, StatusCode::ACCEPTED);
    let taken = json!({"externalId": "zoe"});
    assert_eq!(put(client, &second, &taken).await.0, StatusCode::ACCEPTED);

    // Another account has ids of its own.
    let (_, key, secret) = service.world.neighbour("other").await;
    let other = Client::new(&service.url, &key, &secret);
    assert!(with_external_id(&other, "zoe").await.is_empty());
    let theirs = registered(&other, "phone", json!({"externalId": "zoe"})).await;
    assert_ne!(theirs, second);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_with_the_same_new_id_at_once_make_one_user() {
    let service = Service::start().await;
    let client = &service.client;

    for round in 0..5 {
        let external_id = format!("customer-{round}");
        let devices = (0..12).map(|index| {
            let external_id = external_id.clone();
            async move {
                let token = format!("device-{round}-{index}");
                registered(client, &token, json!({"externalId": external_id})).await
            }
        });
        let users = futures_util::future::join_all(devices).await;

        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
        assert_eq!(with_external_id(client, &external_id).await.len(), 1);
    }
    service.stop().await;
}
