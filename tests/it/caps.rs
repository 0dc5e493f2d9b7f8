//! The cap of an account: how many pushes each User gets within a rolling time.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, answer, assert_adds_up, fcm, message};
use crate::support::eventually;
use crate::support::service::Service;

async fn put(client: &Client, body: &Value) -> (StatusCode, Value) {
    let request = client.request(Method::PUT, "/Account").json(body);
    answer(request.send().await.unwrap()).await
}

async fn register(client: &Client, token: &str) -> Value {
    let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
    let (status, registered) = client.post("/DeviceRegistrations", &device).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{registered}");
    json!({"userId": registered["userId"]})
}

/// Sends and returns the stats at the end.
async fn stats_of(client: &Client, body: &Value) -> Value {
    let id = client.send(body).await;
    client.completed(&id).await["stats"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_is_set_shown_and_taken_away() {
    let service = Service::start().await;
    let client = &service.client;
    assert_eq!(client.read("/Account").await["cap"], Value::Null);

    let cap = json!({"cap": {"max": 3, "per": "24h"}});
    let (status, account) = put(client, &cap).await;
    assert_eq!((status, &account["cap"]), (StatusCode::OK, &cap["cap"]));
    assert_eq!(client.read("/Account").await["cap"], cap["cap"]);

    for (bad, field) in [
        (json!({}), "cap"),
        (json!({"cap": {"max": 0, "per": "24h"}}), "cap.max"),
        (json!({"cap": {"max": 1, "per": "soon"}}), "cap.per"),
    ] {
        let (status, error) = put(client, &bad).await;
        assert_eq!(
            (status, &error["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{bad}"
        );
    }

    assert_eq!(put(client, &json!({"cap": null})).await.0, StatusCode::OK);
    assert_eq!(client.read("/Account").await["cap"], Value::Null);

    let mut wrong = message(&[fcm("device")]);
    wrong["cap"] = json!("ignore");
    let (status, error) = client.post("", &wrong).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("cap"))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_over_the_cap_are_withheld_and_count_as_canceled() {
    let service = Service::start().await;
    let client = &service.client;
    let [user, other] = [
        register(client, "one").await,
        register(client, "other").await,
    ];
    put(client, &json!({"cap": {"max": 2, "per": "24h"}})).await;

    // Two of the three that one Operation has for the User.
    let to = [
        user.clone(),
        user.clone(),
        user.clone(),
        other,
        fcm("direct"),
    ];
    let id = client.send(&message(&to)).await;
    let operation = client.completed(&id).await;
    assert_adds_up(&operation["stats"]);
    assert_eq!(
        (&operation["stats"]["sent"], &operation["stats"]["canceled"]),
        (&json!(4), &json!(1))
    );
    let list = client
        .read(&format!("?operationId={id}&status=CANCELED"))
        .await;
    let withheld = &list["pushNotifications"][0];
    assert_eq!(withheld["to"], user);
    assert_eq!(withheld["error"]["code"], "CAPPED");
    let text = withheld["error"]["message"].as_str().unwrap();
    assert!(text.contains("2 pushes within 24h"), "{text}");
    let one = client
        .read(&format!("/{}", withheld["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&one["status"], &one["error"]["code"]),
        (&json!("CANCELED"), &json!("CAPPED"))
    );
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"], json!([]));

    // All of an Operation: no client has canceled it.
    let stats = stats_of(client, &message(std::slice::from_ref(&user))).await;
    assert_eq!((&stats["canceled"], &stats["sent"]), (&json!(1), &json!(0)));

    // A one-time code.
    let mut code = message(std::slice::from_ref(&user));
    code["cap"] = json!("IGNORE");
    assert_eq!(stats_of(client, &code).await["sent"], 1);

    // As if a day had passed: what was counted is too old, and two more go.
    sqlx::query(
        "update user_pushes set pushes = (
             select coalesce(jsonb_agg(push || jsonb_build_object('at', (push ->> 'at')::bigint - 86400)), '[]')
             from jsonb_array_elements(pushes) as push
         )",
    )
    .execute(&service.world.database.pool)
    .await
    .unwrap();
    let stats = stats_of(
        client,
        &message(&[user.clone(), user.clone(), user.clone()]),
    )
    .await;
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(2), &json!(1)));

    put(client, &json!({"cap": null})).await;
    assert_eq!(stats_of(client, &message(&[user])).await["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_nothing_does_not_count() {
    let service = Service::start().await;
    let client = &service.client;
    let user = register(client, "device~INVALID_ARGUMENT").await;
    put(client, &json!({"cap": {"max": 1, "per": 3600}})).await;

    for _ in 0..3 {
        let stats = stats_of(client, &message(std::slice::from_ref(&user))).await;
        assert_eq!(
            (&stats["failed"], &stats["canceled"]),
            (&json!(1), &json!(0)),
            "{stats}"
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_for_audiences_and_ends_with_the_user() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(1_200).await;
    put(client, &json!({"cap": {"max": 1, "per": "1d"}})).await;

    let body = message(&[json!({"audience": {}})]);
    assert_eq!(stats_of(client, &body).await["sent"], 1_200);
    let stats = stats_of(client, &body).await;
    assert_eq!(
        (&stats["sent"], &stats["canceled"]),
        (&json!(0), &json!(1_200))
    );

    let pool = &service.world.database.pool;
    let counted = async || -> i64 {
        sqlx::query_scalar("select count(*) from user_pushes")
            .fetch_one(pool)
            .await
            .unwrap()
    };
    assert_eq!(counted().await, 1_200);
    let users = client.read("/Users?pageSize=1").await;
    let path = format!("/Users/{}", users["users"][0]["id"].as_str().unwrap());
    client.request(Method::DELETE, &path).send().await.unwrap();
    eventually("the User's pushes to be gone", async || {
        (counted().await == 1_199).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_one_cap_under_all_ids() {
    let service = Service::start().await;
    let client = &service.client;
    put(client, &json!({"cap": {"max": 1, "per": "24h"}})).await;

    // Accepted before any User had the external id.
    let at = OffsetDateTime::now_utc() + Duration::seconds(2);
    let mut later = message(&[json!({"externalId": "late"})]);
    later["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    let later = client.send(&later).await;
    let mut device = fcm("phone");
    device["appName"] = json!("demo");
    device["externalId"] = json!("late");
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let late = json!({"userId": registered["userId"]});

    // The merged User's id goes on to work.
    let [old, new] = [register(client, "old").await, register(client, "new").await];
    let path = format!("/Users/{}/Merge", old["userId"].as_str().unwrap());
    let into = json!({"into": new["userId"]});
    assert_eq!(client.post(&path, &into).await.0, StatusCode::ACCEPTED);

    let stats = stats_of(client, &message(&[late, new])).await;
    assert_eq!(stats["sent"], 2, "{stats}");

    let stats = stats_of(client, &message(&[old])).await;
    assert_eq!(stats["canceled"], 1, "{stats}");
    let stats = client.completed(&later).await["stats"].clone();
    assert_eq!(
        (&stats["sent"], &stats["canceled"]),
        (&json!(0), &json!(1)),
        "{stats}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_counts_for_the_person_under_the_ids_of_all_merged_users() {
    let service = Service::start().await;
    let client = &service.client;
    let first = register(client, "a").await;
    let second = register(client, "b").await;
    put(client, &json!({"cap": {"max": 2, "per": "24h"}})).await;
    for user in [&first, &second] {
        assert_eq!(
            stats_of(client, &message(std::slice::from_ref(user))).await["sent"],
            1
        );
    }

    // Each has got one.
    let path = format!("/Users/{}/Merge", first["userId"].as_str().unwrap());
    let (status, merged) = client.post(&path, &json!({"into": second["userId"]})).await;
    assert!(status.is_success(), "{merged}");
    let stats = stats_of(client, &message(std::slice::from_ref(&second))).await;
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(0), &json!(1)));

    // Another one, under either id.
    put(client, &json!({"cap": {"max": 3, "per": "24h"}})).await;
    let stats = stats_of(client, &message(&[first.clone(), second.clone()])).await;
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(1), &json!(1)));
    let stats = stats_of(client, &message(&[first])).await;
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(0), &json!(1)));
    service.stop().await;
}
