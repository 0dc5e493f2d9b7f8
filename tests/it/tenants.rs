//! Two accounts: nothing of one is visible to the other.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::client::{Client, fcm, message};
use crate::support::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_is_as_good_as_none() {
    let service = Service::start().await;
    let operation = service.client.send(&message(&[fcm("device~UNREGISTERED")])).await;
    service.client.completed(&operation).await;
    let notifications = service.client.read("").await;
    let notification = notifications["pushNotifications"][0]["id"].as_str().unwrap().to_owned();
    let credentials = service.client.read("/Credentials").await;
    let credential = credentials["credentials"][0]["id"].as_str().unwrap().to_owned();

    let body = json!({"appName": "demo", "token": "theirs", "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &body).await;
    let registration = registered["resourceId"].as_str().unwrap().to_owned();
    let registered = service.client.read(&format!("/DeviceRegistrations/{registration}")).await;
    let user = registered["userId"].as_str().unwrap().to_owned();

    let (_, key, secret) = service.world.account("stranger").await;
    let stranger = Client::new(&service.url, &key, &secret);
    let paths = [
        format!("/Operations/{operation}"),
        format!("/Operations/{operation}/Errors"),
        format!("/{notification}"),
        format!("/{notification}/DeliveryAttempts"),
        format!("/Credentials/{credential}"),
        "/Apps/demo".to_owned(),
        format!("/DeviceRegistrations/{registration}"),
        format!("/Users/{user}"),
    ];
    for path in &paths {
        assert_eq!(service.client.get(path).await.0, StatusCode::OK, "{path}");
        assert_eq!(stranger.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for (path, key) in [
        ("/Operations".to_owned(), "operations"),
        (String::new(), "pushNotifications"),
        (format!("?operationId={operation}"), "pushNotifications"),
        ("/Credentials".to_owned(), "credentials"),
        ("/Apps".to_owned(), "apps"),
        ("/Users".to_owned(), "users"),
        (format!("/DeviceRegistrations?userId={user}"), "deviceRegistrations"),
        (format!("?user={user}"), "pushNotifications"),
    ] {
        assert_eq!(stranger.read(&path).await[key], json!([]), "{path}");
    }
    for path in [format!("/Operations/{operation}/Cancel"), format!("/{notification}/Cancel")] {
        assert_eq!(stranger.post(&path, &json!({})).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let mine = json!({"appName": "demo", "token": "theirs", "provider": "FCM"});
    assert_eq!(stranger.post("/DeviceRegistrations", &mine).await.0, StatusCode::BAD_REQUEST, "no App of theirs");
    let mut body = message(&[json!({"userId": user})]);
    let (status, error) = stranger.post("", &body).await;
    assert_eq!((status, error.to_string().contains(&user)), (StatusCode::BAD_REQUEST, false));
    for path in [format!("/DeviceRegistrations/{registration}"), format!("/Users/{user}")] {
        let answer = stranger.request(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let patch = stranger.request(Method::PATCH, "/Apps/demo").json(&json!({"isDefault": true}));
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let path = format!("/Credentials/{credential}");
    let patch = stranger.request(Method::PATCH, &path).json(&json!({"isDefault": true}));
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(stranger.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    body = message(&[fcm("device")]);
    body["from"] = json!({"fcm": credential});
    assert_eq!(stranger.post("", &body).await.0, StatusCode::BAD_REQUEST);

    let page = service.client.read("/Operations?pageSize=1").await;
    let token = page["pagination"]["self"].as_str().unwrap();
    let (status, error) = stranger.get(&format!("/Operations?pageToken={token}")).await;
    assert_eq!((status, &error["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("pageToken")));
    assert_eq!(service.client.get(&path).await.0, StatusCode::OK, "nothing was deleted");
    service.stop().await;
}
