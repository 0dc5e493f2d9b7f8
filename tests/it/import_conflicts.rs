//! What an import meets: external ids that pass from one User to another within the file, and changes of
//! its devices at the same time.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, fcm};
use crate::support::eventually;
use crate::support::service::Service;

async fn import(client: &Client, rows: &[Value]) -> Value {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let request = client
        .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
        .header("content-type", "application/x-ndjson")
        .body(lines.join("\n"));
    let (status, import) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{import}");
    import
}

async fn register(client: &Client, token: &str, external_id: &str) -> Value {
    let mut body = fcm(token);
    body["appName"] = json!("demo");
    body["externalId"] = json!(external_id);
    let (status, registered) = client.post("/DeviceRegistrations", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{registered}");
    registered
}

/// The id of the User with an external id.
async fn user(client: &Client, external_id: &str) -> Value {
    let list = client
        .read(&format!("/Users?externalId={external_id}"))
        .await;
    list["users"][0]["id"].clone()
}

/// Returns once a session of the database waits for a lock.
async fn someone_waits(service: &Service) {
    eventually("a session to wait for a lock", async || {
        let waits: bool = sqlx::query_scalar(
            "select exists (
                 select from pg_locks join pg_stat_activity using (pid)
                 where not pg_locks.granted and pg_stat_activity.datname = current_database()
             )",
        )
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_passes_from_one_user_to_another_within_a_file() {
    let service = Service::start().await;
    let client = &service.client;
    let zoe = register(client, "a", "zoe").await["userId"].clone();
    let max = register(client, "b", "max").await["userId"].clone();

    // To a User who is new.
    let rows = [
        json!({"token": "a", "provider": "FCM", "userId": zoe, "externalId": "zoe-2"}),
        json!({"token": "c", "provider": "FCM", "externalId": "zoe"}),
    ];
    let response = import(client, &rows).await;
    assert_eq!(response["status"], "COMPLETED", "{response}");
    assert_eq!(
        (&response["created"], &response["updated"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(user(client, "zoe-2").await, zoe);
    let new = user(client, "zoe").await;
    assert!(new.is_string() && new != zoe);

    // Two Users exchange theirs, in either order of their ids.
    for (first, second) in [(&zoe, &max), (&max, &zoe)] {
        let path = |user: &Value| format!("/Users/{}", user.as_str().unwrap());
        let of_first = client.read(&path(first)).await["externalId"].clone();
        let of_second = client.read(&path(second)).await["externalId"].clone();
        let rows = [
            json!({"token": "x", "provider": "FCM", "userId": first, "externalId": "between"}),
            json!({"token": "y", "provider": "FCM", "userId": second, "externalId": of_first}),
            json!({"token": "x", "provider": "FCM", "userId": first, "externalId": of_second}),
        ];
        let response = import(client, &rows).await;
        assert_eq!(
            (&response["status"], &response["failed"]),
            (&json!("COMPLETED"), &json!(0)),
            "{response}"
        );
        assert_eq!(client.read(&path(first)).await["externalId"], of_second);
        assert_eq!(client.read(&path(second)).await["externalId"], of_first);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_removed_while_an_import_moves_it_is_registered_by_the_import() {
    let service = Service::start().await;
    let client = &service.client;
    register(client, "a", "zoe").await;

    // As dead tokens are removed: without the lock that keeps other changes out of an import.
    let mut removal = service.world.database.pool.begin().await.unwrap();
    sqlx::query("delete from devices")
        .execute(&mut *removal)
        .await
        .unwrap();
    let rows = [json!({"token": "a", "provider": "FCM", "externalId": "max"})];
    let (response, ()) = tokio::join!(import(client, &rows), async {
        someone_waits(&service).await;
        removal.commit().await.unwrap();
    });

    assert_eq!(
        (&response["status"], &response["created"]),
        (&json!("COMPLETED"), &json!(1)),
        "{response}"
    );
    let max = user(client, "max").await;
    let path = format!("/DeviceRegistrations?userId={}", max.as_str().unwrap());
    let list = client.read(&path).await;
    let devices = list["deviceRegistrations"][0]["devices"].as_array();
    assert_eq!(devices.map(Vec::len), Some(1), "{list}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_device_wait_for_an_import() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    let change = async |method: Method, path: &str| {
        let body = json!({"tags": {"kind": "phone"}});
        let request = client.request(method, path).json(&body);
        answer(request.send().await.unwrap()).await.0
    };

    for (method, is_registration, expected) in [
        (Method::PATCH, false, StatusCode::ACCEPTED),
        (Method::DELETE, false, StatusCode::NO_CONTENT),
        (Method::DELETE, true, StatusCode::NO_CONTENT),
    ] {
        let registered = register(client, "a", "zoe").await;
        let mut path = format!(
            "/DeviceRegistrations/{}",
            registered["resourceId"].as_str().unwrap()
        );
        if !is_registration {
            path += "/Devices/";
            path += registered["deviceId"].as_str().unwrap();
        }

        let mut import = pool.begin().await.unwrap();
        sqlx::query(
            "select pg_advisory_xact_lock(hashtextextended(account_id::text, 2)) from devices",
        )
        .execute(&mut *import)
        .await
        .unwrap();
        let (status, ()) = tokio::join!(change(method.clone(), &path), async {
            someone_waits(&service).await;
            import.commit().await.unwrap();
        });
        assert_eq!(status, expected, "{method} {path}");
    }
    service.stop().await;
}
