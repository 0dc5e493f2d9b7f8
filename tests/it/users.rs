//! Users: how they are registered, how each of their devices is sent to, and how dead tokens go.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::eventually;
use crate::support::service::Service;

/// Registers a device, for a new User if `user` is `None`. Returns the User's id.
async fn register(client: &Client, user: Option<&str>, device: &Value) -> String {
    let mut body = device.clone();
    body["appName"] = json!("demo");
    body["userId"] = json!(user);
    let (status, answer) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");

    let id = answer["resourceId"].as_str().unwrap();
    assert!(
        answer["resourceLocation"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/DeviceRegistrations/{id}"))
    );

    client.read(&format!("/DeviceRegistrations/{id}")).await["userId"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn devices(client: &Client, user: &str) -> usize {
    let list = client
        .read(&format!("/DeviceRegistrations?userId={user}"))
        .await;
    list["deviceRegistrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["devices"].as_array().unwrap().len())
        .sum()
}

fn to_user(user: &str) -> Value {
    json!({"userId": user})
}

async fn delete(client: &Client, path: &str) -> StatusCode {
    client
        .request(Method::DELETE, path)
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_notification_to_a_user_goes_to_every_device() {
    let service = Service::start().await;
    let client = &service.client;
    let user = register(client, None, &fcm("phone-1")).await;
    assert_eq!(register(client, Some(&user), &apn("ab01")).await, user);

    let id = client
        .send(&message(&[to_user(&user), fcm("direct")]))
        .await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["total"], &stats["sent"]), (&json!(2), &json!(2)));
    assert_eq!(service.arrived().await["tokens"], 3);

    let list = client.read(&format!("?operationId={id}")).await;
    let notification = &list["pushNotifications"][0];
    assert_eq!(
        (&notification["to"], &notification["from"]),
        (&to_user(&user), &json!({"appName": "demo"}))
    );

    let path = format!("/{}/DeliveryAttempts", notification["id"].as_str().unwrap());
    let attempts = client.read(&path).await;
    let mut providers: Vec<_> = attempts["deliveryAttempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["provider"].clone())
        .collect();
    providers.sort_by_key(ToString::to_string);
    assert_eq!(providers, ["APN", "FCM"]);

    let of_user = client.read(&format!("?user={user}")).await;
    assert_eq!(of_user["pushNotifications"].as_array().unwrap().len(), 1);

    let by_apn = client
        .read(&format!("?operationId={id}&provider=APN"))
        .await;
    assert_eq!(by_apn["pushNotifications"].as_array().unwrap().len(), 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_accepting_device_is_enough_and_none_is_a_failure() {
    let service = Service::start().await;
    let client = &service.client;
    let half = register(client, None, &fcm("good")).await;
    register(client, Some(&half), &fcm("a~UNREGISTERED")).await;
    let dead = register(client, None, &fcm("b~UNREGISTERED")).await;
    let id = client
        .send(&message(&[to_user(&half), to_user(&dead)]))
        .await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(1), &json!(1)));

    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(
        (&errors["errors"][0]["code"], &errors["errors"][0]["to"]),
        (&json!("UNREGISTERED"), &to_user(&dead))
    );

    eventually("the dead tokens to be removed", async || {
        (devices(client, &half).await == 1 && devices(client, &dead).await == 0).then_some(())
    })
    .await;

    let id = client
        .send(&message(&[to_user(&half), to_user(&dead)]))
        .await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["sent"], &stats["unaddressable"], &stats["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );

    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["code"], "UNADDRESSABLE");

    let notification = errors["errors"][0]["pushNotificationId"].as_str().unwrap();
    assert_eq!(
        client.read(&format!("/{notification}")).await["status"],
        "FAILED"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_devices_that_need_it_are_tried_again() {
    let service = Service::start().await;
    let client = &service.client;
    let user = register(client, None, &fcm("steady")).await;
    register(client, Some(&user), &fcm("x~UNAVAILABLE-2")).await;
    let id = client.send(&message(&[to_user(&user)])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    let list = client.read(&format!("?operationId={id}")).await;
    let path = format!(
        "/{}/DeliveryAttempts",
        list["pushNotifications"][0]["id"].as_str().unwrap()
    );
    let attempts = client.read(&path).await["deliveryAttempts"]
        .as_array()
        .unwrap()
        .clone();
    let outcomes: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == "ACCEPTED")
            .count(),
        2,
        "{outcomes:?}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_dead_tokens_removes_none() {
    let service = Service::start().await;
    let client = &service.client;
    let mut users = Vec::new();
    for number in 0..12 {
        users.push(register(client, None, &fcm(&format!("{number}~UNREGISTERED"))).await);
    }

    let last = register(client, None, &fcm("alone~UNREGISTERED")).await;
    let burst: Vec<Value> = users.iter().map(|user| to_user(user)).collect();
    let paused = service.metric("bellwire_mass_invalidations_total").await;
    client.completed(&client.send(&message(&burst)).await).await;
    client
        .completed(&client.send(&message(&[to_user(&last)])).await)
        .await;
    eventually("the single one to be removed", async || {
        (devices(client, &last).await == 0).then_some(())
    })
    .await;

    for user in &users {
        assert_eq!(devices(client, user).await, 1);
    }

    assert!(
        service.metric("bellwire_mass_invalidations_total").await > paused,
        "an alarm"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_the_user_of_its_last_registration() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, None, &fcm("shared")).await;
    assert_eq!(register(client, Some(&first), &fcm("shared")).await, first);
    assert_eq!(
        devices(client, &first).await,
        1,
        "the same device again changes nothing"
    );

    assert_eq!(
        register(client, None, &fcm("shared")).await,
        first,
        "who has the token keeps it"
    );

    let second = register(client, None, &fcm("of-the-second")).await;
    assert_eq!(
        register(client, Some(&second), &fcm("shared")).await,
        second
    );
    assert_eq!(
        (
            devices(client, &first).await,
            devices(client, &second).await
        ),
        (0, 2)
    );
    assert_eq!(
        delete(client, &format!("/Users/{second}")).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        delete(client, &format!("/Users/{second}")).await,
        StatusCode::NOT_FOUND
    );

    let users = client.read("/Users").await;
    assert_eq!(
        (
            users["users"].as_array().unwrap().len(),
            &users["users"][0]["id"]
        ),
        (1, &json!(first))
    );
    assert_eq!(users["users"][0]["deletedAt"], Value::Null);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_device_updates_its_registration_and_its_user() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let user = register(client, None, &fcm("stays")).await;
    register(client, Some(&user), &fcm("changes-hands")).await;
    register(client, Some(&user), &fcm("dies~UNREGISTERED")).await;
    let age = async || {
        for table in ["users", "device_registrations"] {
            let age = format!("update {table} set updated_at = now() - interval '1 day'");
            sqlx::query(sqlx::AssertSqlSafe(age))
                .execute(pool)
                .await
                .unwrap();
        }
    };
    let is_fresh = async || {
        let fresh = "select users.updated_at > now() - interval '1 hour'
                         and device_registrations.updated_at > now() - interval '1 hour'
                     from users join device_registrations on user_id = users.id
                     order by users.id limit 1";
        sqlx::query_scalar::<_, bool>(fresh)
            .fetch_one(pool)
            .await
            .unwrap()
    };
    let other = register(client, None, &fcm("of-another")).await;
    age().await;
    register(client, Some(&other), &fcm("changes-hands")).await;
    assert!(is_fresh().await && devices(client, &user).await == 2);

    age().await;
    assert!(!is_fresh().await);

    client
        .completed(&client.send(&message(&[to_user(&user)])).await)
        .await;
    eventually("the dead token to be removed", async || {
        (devices(client, &user).await == 1).then_some(())
    })
    .await;

    assert!(is_fresh().await);

    // Without its registration, the User alone is left to change.
    let list = client
        .read(&format!("/DeviceRegistrations?userId={user}"))
        .await;
    let registration = list["deviceRegistrations"][0]["id"].as_str().unwrap();
    age().await;
    let path = format!("/DeviceRegistrations/{registration}");
    assert_eq!(delete(client, &path).await, StatusCode::NO_CONTENT);
    let is_fresh: bool = sqlx::query_scalar(
        "select updated_at > now() - interval '1 hour' from users order by id limit 1",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(is_fresh);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_many_requests_register_at_once_end_with_one_owner_each() {
    let service = Service::start().await;
    let client = &service.client;
    let users = [
        register(client, None, &fcm("first")).await,
        register(client, None, &fcm("second")).await,
    ];
    let changes = (0..200).map(|number: usize| {
        let body = json!({"userId": users[number % 2], "appName": "demo", "token": format!("shared-{}", number % 3),
            "provider": "FCM"});
        async move { client.post("/DeviceRegistrations", &body).await.0 }
    });
    let statuses = futures_util::future::join_all(changes).await;
    assert!(
        statuses
            .iter()
            .all(|status| *status == StatusCode::ACCEPTED),
        "{statuses:?}"
    );
    assert_eq!(
        devices(client, &users[0]).await + devices(client, &users[1]).await,
        5
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_holds_fifty_devices_and_no_more() {
    let service = Service::start().await;
    let client = &service.client;
    let user = register(client, None, &fcm("device-0")).await;

    for number in 1..50 {
        register(client, Some(&user), &fcm(&format!("device-{number}"))).await;
    }

    let body = json!({"userId": user, "appName": "demo", "token": "device-50", "provider": "FCM"});
    let (status, error) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("userId"))
    );
    assert_eq!(devices(client, &user).await, 50);

    register(client, Some(&user), &fcm("device-7")).await;
    let list = client
        .read(&format!("/DeviceRegistrations?userId={user}&appName=demo"))
        .await;
    let id = list["deviceRegistrations"][0]["id"].as_str().unwrap();
    assert!(
        !list.to_string().contains("device-7\""),
        "tokens are masked"
    );
    assert_eq!(
        delete(client, &format!("/DeviceRegistrations/{id}")).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        client.get(&format!("/DeviceRegistrations/{id}")).await.0,
        StatusCode::NOT_FOUND
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_registrations_name_the_field() {
    let service = Service::start().await;
    let unknown = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8";
    let good = json!({"appName": "demo", "token": "t", "provider": "FCM"});

    for (field, value) in [
        ("appName", json!("nothing")),
        ("appName", Value::Null),
        ("token", json!("a\u{7}b")),
        ("token", json!("")),
        ("provider", json!("fcm")),
        ("userId", json!("me")),
        ("userId", json!(unknown)),
        ("tags", json!({"a b": "c"})),
        ("extra", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, error) = service.client.post("/DeviceRegistrations", &body).await;
        let named = error["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(
            status == StatusCode::BAD_REQUEST && named.starts_with(field),
            "{field}: {error}"
        );
    }

    let (status, error) = service.client.get("/DeviceRegistrations").await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("userId"))
    );

    let (status, error) = service
        .client
        .post("", &message(&[fcm("a"), to_user(unknown)]))
        .await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to[1].userId"))
    );
    assert_eq!(
        service.client.read("/Operations").await["operations"],
        json!([])
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_app_becomes_the_default() {
    let service = Service::start().await;
    let mut body = json!({"appName": "other", "credentialType": "FCM"});
    body["content"] = service.world.simulator.fcm_credential();
    assert_eq!(
        service.client.post("/Credentials", &body).await.0,
        StatusCode::ACCEPTED
    );

    let patch = |name: &str, body: Value| {
        service
            .client
            .request(Method::PATCH, &format!("/Apps/{name}"))
            .json(&body)
    };
    let answer = patch("other", json!({"isDefault": true}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(
        service.client.read("/Apps?isDefault=true").await["apps"][0]["name"],
        "other"
    );
    assert_eq!(service.client.read("/Apps/demo").await["isDefault"], false);
    assert_eq!(
        patch("none", json!({"isDefault": true}))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        patch("demo", json!({"isDefault": false}))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::BAD_REQUEST
    );
    service.stop().await;
}
