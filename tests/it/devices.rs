//! One device: its token in any form, its tags, and how it is removed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, apn, fcm, message};
use crate::support::eventually;
use crate::support::service::{Device, Service, World};

const TOKEN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";
const CAPITALS: &str = "740F4707BEBCF74F9B7C25D48E3358945F6AA01DA5DDB387462C7EAF61BB78AD";
const MIXED: &str = "740F4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78AD";
const DESCRIBED: &str = "<740f4707 bebcf74f 9b7c25d4 8e335894 5f6aa01d a5ddb387 462c7eaf 61bb78ad>";

/// Registers a device in the App `demo`. Returns the whole answer.
async fn register(client: &Client, device: &Value, options: Value) -> Value {
    let mut body = device.clone();
    body["appName"] = json!("demo");
    if let Value::Object(options) = options {
        for (name, value) in options {
            body[name] = value;
        }
    }

    let (status, answer) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer
}

/// The devices of a User.
async fn devices(client: &Client, user: &Value) -> Vec<Value> {
    let user = user.as_str().unwrap();
    let list = client
        .read(&format!("/DeviceRegistrations?userId={user}"))
        .await;

    list["deviceRegistrations"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|registration| registration["devices"].as_array().unwrap().clone())
        .collect()
}

async fn request(client: &Client, method: Method, path: &str, body: &Value) -> StatusCode {
    let request = client.request(method, path).json(body);
    answer(request.send().await.unwrap()).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_capitals_is_the_same_device() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, &apn(TOKEN), json!({})).await;
    let second = register(client, &fcm("of-the-second"), json!({})).await;

    let taken = register(client, &apn(CAPITALS), json!({"userId": second["userId"]})).await;
    assert_eq!(taken["userId"], second["userId"]);
    assert_eq!(devices(client, &first["userId"]).await.len(), 0);
    assert_eq!(devices(client, &second["userId"]).await.len(), 2);

    for same in [TOKEN, CAPITALS, MIXED, DESCRIBED] {
        let again = register(client, &apn(same), json!({})).await;
        assert_eq!(again["userId"], second["userId"], "{same}");
        assert_eq!(again["deviceId"], taken["deviceId"], "{same}");
    }
    assert_eq!(devices(client, &second["userId"]).await.len(), 2);

    // A recipient's token is sent in the same form.
    let id = client
        .send(&message(&[apn(CAPITALS), apn(DESCRIBED), apn(MIXED)]))
        .await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 3);
    assert_eq!(service.arrived().await["tokens"], 1);

    for junk in [
        "utJXX2Tr9wN_tYOwYd8rFA6mYUMBFqdz9n6k3v5EpFAukXD89hGq",
        "abc",
        "null",
        "0x12",
        "<>",
    ] {
        let (status, error) = client.post("", &message(&[apn(junk)])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{junk}");
        assert_eq!(error["errors"][0]["field"], "to[0].token", "{junk}");

        let body = json!({"appName": "demo", "token": junk, "provider": "APN"});
        let (status, error) = client.post("/DeviceRegistrations", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{junk}");
        assert_eq!(error["errors"][0]["field"], "token", "{junk}");
    }
    service.stop().await;
}

/// What an older release has stored is not marked as normalised.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_older_release_get_their_form() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let older = |token: &str| {
        vec![Device {
            provider: "APN",
            token: token.to_owned(),
            tags: None,
        }]
    };
    let registered = world
        .register_users(&[
            older(CAPITALS),
            older(TOKEN),
            older("AB01"),
            older("cd02"),
            older("utJXX2Tr9wN_tYOw"),
        ])
        .await;
    sqlx::query("update devices set registered_at = now() - interval '1 day' where id = $1")
        .bind(registered[1])
        .execute(&world.database.pool)
        .await
        .unwrap();

    // The service normalizes what it finds when it starts.
    let service = world.start_for(&key, &secret).await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let left: Vec<uuid::Uuid> = eventually("every token to be checked", async || {
        let rows: Vec<(uuid::Uuid, bool)> = sqlx::query_as("select id, is_normalized from devices")
            .fetch_all(pool)
            .await
            .unwrap();
        let are_checked = rows.iter().all(|(_, is_normalized)| *is_normalized);
        are_checked.then(|| rows.into_iter().map(|(id, _)| id).collect())
    })
    .await;

    // Of the two with the same token, the one stays that was registered later.
    assert!(left.contains(&registered[0]) && !left.contains(&registered[1]));
    assert_eq!(left.len(), 4);

    // Until the next pass, a look-up finds both forms.
    service.world.register_users(&[older("EF03")]).await;
    let found = register(client, &apn("ef03"), json!({"tags": {"a": "b"}})).await;
    let tagged = devices(client, &found["userId"]).await;
    assert_eq!((tagged.len(), &tagged[0]["tags"]), (1, &json!({"a": "b"})));

    let user: uuid::Uuid = sqlx::query_scalar(
        "select user_id from device_registrations join devices on registration_id = device_registrations.id
         where devices.id = $1",
    )
    .bind(registered[2])
    .fetch_one(pool)
    .await
    .unwrap();
    let again = register(client, &apn("ab01"), json!({})).await;
    let of_user = bellwire::model::id::UserId::from(user).to_string();
    assert_eq!(again["userId"], json!(of_user));

    let id = client.send(&message(&[json!({"userId": of_user})])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    assert!(service.world.messages().await.contains_key("ab01"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_is_changed_and_removed() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, &fcm("phone"), json!({"tags": {"tier": "gold"}})).await;
    let user = first["userId"].clone();
    let second = register(client, &fcm("tablet"), json!({"userId": user})).await;
    assert_eq!(first["resourceId"], second["resourceId"]);

    let registration = format!(
        "/DeviceRegistrations/{}",
        first["resourceId"].as_str().unwrap()
    );
    let path = |device: &Value| {
        format!(
            "{registration}/Devices/{}",
            device["deviceId"].as_str().unwrap()
        )
    };
    let listed = client.read(&registration).await["devices"].clone();
    assert_eq!(listed[0]["deviceId"], first["deviceId"]);

    // Absent tags leave those that are there, an empty object removes them.
    register(client, &fcm("phone"), json!({"userId": user})).await;
    assert_eq!(
        devices(client, &user).await[0]["tags"],
        json!({"tier": "gold"})
    );
    let tags = json!({"tags": {"tier": "free", "lang": "et"}});
    assert_eq!(
        request(client, Method::PATCH, &path(&second), &tags).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(devices(client, &user).await[1]["tags"], tags["tags"]);
    register(client, &fcm("phone"), json!({"tags": {}})).await;
    assert_eq!(devices(client, &user).await[0]["tags"], json!({}));

    for (body, status) in [
        (json!({}), StatusCode::BAD_REQUEST),
        (json!({"tags": {"a b": "c"}}), StatusCode::BAD_REQUEST),
        (json!({"tags": {}, "token": "x"}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            request(client, Method::PATCH, &path(&second), &body).await,
            status,
            "{body}"
        );
    }

    // A token that its provider renewed: the device stays what it is.
    let renewed = register(
        client,
        &fcm("tablet-renewed"),
        json!({"replaces": "tablet"}),
    )
    .await;
    assert_eq!(
        (&renewed["userId"], &renewed["deviceId"]),
        (&user, &second["deviceId"])
    );
    let both = devices(client, &user).await;
    assert_eq!((both.len(), &both[1]["tags"]), (2, &tags["tags"]));
    let id = client.send(&message(&[json!({"userId": user})])).await;
    client.completed(&id).await;
    let arrived = service.world.messages().await;
    assert!(arrived.contains_key("tablet-renewed") && !arrived.contains_key("tablet"));
    let none = json!({"tags": null});
    assert_eq!(
        request(client, Method::PATCH, &path(&second), &none).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(devices(client, &user).await[1]["tags"], json!({}));

    // By its id, and by its token.
    let other = register(client, &fcm("other"), json!({})).await;
    let foreign = format!(
        "{registration}/Devices/{}",
        other["deviceId"].as_str().unwrap()
    );
    for (path, status) in [
        (foreign.as_str(), StatusCode::NOT_FOUND),
        (&*path(&first), StatusCode::NO_CONTENT),
        (&*path(&first), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(
            request(client, Method::DELETE, path, &Value::Null).await,
            status,
            "{path}"
        );
    }
    assert_eq!(devices(client, &user).await.len(), 1);

    let remove = |token: &str| json!({"appName": "demo", "provider": "FCM", "token": token});
    for (token, status) in [
        ("tablet", StatusCode::NOT_FOUND),
        ("tablet-renewed", StatusCode::NO_CONTENT),
        ("tablet-renewed", StatusCode::NOT_FOUND),
    ] {
        let (actual, _) = client
            .post("/DeviceRegistrations/Remove", &remove(token))
            .await;
        assert_eq!(actual, status, "{token}");
    }
    assert_eq!(
        client.get(&registration).await.0,
        StatusCode::NOT_FOUND,
        "a registration goes with its last device"
    );

    for _ in 0..2 {
        let (status, _) = client
            .post_once("/DeviceRegistrations/Remove", "logout-1", &remove("other"))
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_of_a_device_chooses_its_credential() {
    let service = Service::start().await;
    let client = &service.client;
    let with = |token: &str, environment: &str| {
        let mut device = apn(token);
        device["environment"] = json!(environment);
        device
    };

    let (status, error) = client.post("", &message(&[with("aa01", "SANDBOX")])).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to[0].environment")),
        "there is no Credential of the sandbox yet"
    );

    let sandbox = json!({"appName": "demo", "credentialType": "APN_SANDBOX",
        "content": service.world.simulator.apn_credential()});
    let (status, sandbox) = client.post("/Credentials", &sandbox).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{sandbox}");
    let sandbox = sandbox["resourceId"].clone();
    let credentials = client.read("/Credentials").await;
    let production = credentials["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .find(|credential| credential["credentialType"] == "APN")
        .unwrap()["id"]
        .clone();

    let to = [
        with("aa01", "SANDBOX"),
        with("aa02", "PRODUCTION"),
        apn("aa03"),
    ];
    let (_, preview) = client.post("/Preview", &message(&to)).await;
    let used =
        |position: usize| preview["previews"][position]["requests"][0]["credentialId"].clone();
    assert_eq!(
        [used(0), used(1), used(2)],
        [sandbox.clone(), production.clone(), production.clone()]
    );

    // The same for the devices of a User, which keep what they once said.
    let first = register(client, &apn("bb01"), json!({"environment": "SANDBOX"})).await;
    let user = first["userId"].clone();
    register(
        client,
        &apn("bb02"),
        json!({"environment": "PRODUCTION", "userId": user}),
    )
    .await;
    register(client, &apn("bb01"), json!({})).await;
    assert_eq!(devices(client, &user).await[0]["environment"], "SANDBOX");

    let id = client.send(&message(&[json!({"userId": user})])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    let list = client.read(&format!("?operationId={id}")).await;
    let path = format!(
        "/{}/DeliveryAttempts",
        list["pushNotifications"][0]["id"].as_str().unwrap()
    );
    let attempts = client.read(&path).await;
    let mut used: Vec<Value> = attempts["deliveryAttempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["credentialId"].clone())
        .collect();
    let mut expected = vec![sandbox.clone(), production.clone()];
    used.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(used, expected);

    for (body, field) in [
        (
            json!({"appName": "demo", "token": "t", "provider": "FCM", "environment": "SANDBOX"}),
            "environment",
        ),
        (
            json!({"appName": "demo", "token": "aa", "provider": "APN", "environment": "sandbox"}),
            "environment",
        ),
        (
            json!({"appName": "demo", "token": "aa", "provider": "APN", "kind": "CALL"}),
            "kind",
        ),
    ] {
        let (status, error) = client.post("/DeviceRegistrations", &body).await;
        assert_eq!(
            (status, &error["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}"
        );
    }

    let mut named = message(&[with("aa01", "PRODUCTION")]);
    named["from"] = json!({ "apn": sandbox });
    let (status, error) = client.post("", &named).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to[0].environment"))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_to_tokens_for_calls_and_all_else_to_the_others() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, &apn("cc01"), json!({"kind": "ALERT"})).await;
    let user = first["userId"].clone();
    register(
        client,
        &apn("cc02"),
        json!({"kind": "VOIP", "userId": user}),
    )
    .await;
    assert_eq!(devices(client, &user).await[1]["kind"], "VOIP");

    let to = [json!({"userId": user})];
    let id = client.send(&message(&to)).await;
    client.completed(&id).await;
    let arrived = service.world.messages().await;
    assert!(arrived.contains_key("cc01") && !arrived.contains_key("cc02"));

    let call = json!({"to": to, "content": {},
        "apn": {"headers": {"apns-push-type": "voip"}, "payload": {"caller": "Ann"}}});
    let (_, preview) = client.post("/Preview", &call).await;
    assert_eq!(
        preview["previews"][0]["requests"].as_array().unwrap().len(),
        1
    );
    let id = client.send(&call).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    let arrived = service.world.messages().await;
    assert_eq!(
        (&arrived["cc01"]["count"], &arrived["cc02"]["count"]),
        (&json!(1), &json!(1))
    );
    service.stop().await;
}
