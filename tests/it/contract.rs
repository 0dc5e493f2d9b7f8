//! The documented examples of the resources around a send: names and forms, exactly.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::forms::forms;
use crate::support::service::Service;

const TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bFexample";
const DATE: &str = "[date]";

fn pagination() -> Value {
    json!({"next": null, "self": "[page token]"})
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_users_apps_and_credentials_have_the_documented_forms() {
    let service = Service::start().await;
    let client = &service.client;
    let credential = json!({"credentialType": "FCM", "appName": "limonade_app", "isDefault": true,
        "content": service.world.simulator.fcm_credential()});
    let (status, changed) = client.post("/Credentials", &credential).await;
    let location = "[v1/PushNotifications/Credentials/comms_credential_ID]";
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(forms(&changed), json!({"resourceId": "[comms_credential_ID]", "resourceLocation": location}));
    let path = format!("/Credentials/{}", changed["resourceId"].as_str().unwrap());
    let stored = json!({"id": "[comms_credential_ID]", "credentialType": "FCM", "isDefault": true,
        "appName": "limonade_app", "createdAt": DATE, "updatedAt": DATE});
    assert_eq!(forms(&client.read(&path).await), stored);
    let list = forms(&client.read("/Credentials?appName=limonade_app").await);
    assert_eq!(list, json!({"credentials": [stored], "pagination": pagination()}));

    let app = json!({"name": "limonade_app", "isDefault": false, "createdAt": DATE, "updatedAt": DATE,
        "defaultCredentials": [{"id": "[comms_credential_ID]", "credentialType": "FCM"}]});
    assert_eq!(forms(&client.read("/Apps/limonade_app").await), app);
    let patch = client.request(Method::PATCH, "/Apps/limonade_app").json(&json!({"isDefault": true}));
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(client.read("/Apps?isDefault=true").await["apps"][0]["name"], "limonade_app");

    let register = json!({"appName": "limonade_app", "token": TOKEN, "provider": "FCM"});
    let (status, changed) = client.post("/DeviceRegistrations", &register).await;
    let location = "[v1/PushNotifications/DeviceRegistrations/comms_device_registration_ID]";
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(forms(&changed), json!({"resourceId": "[comms_device_registration_ID]", "resourceLocation": location}));
    let path = format!("/DeviceRegistrations/{}", changed["resourceId"].as_str().unwrap());
    let read = client.read(&path).await;
    // The token is masked, and the dates are ours.
    let registration = json!({"id": "[comms_device_registration_ID]", "appName": "limonade_app",
        "userId": "[comms_pushnotificationuser_ID]", "devices": [{"token": "dqWD…mple", "provider": "FCM"}],
        "related": [], "createdAt": DATE, "updatedAt": DATE});
    assert_eq!(forms(&read), registration);
    let user = read["userId"].as_str().unwrap();
    let list = forms(&client.read(&format!("/DeviceRegistrations?userId={user}")).await);
    assert_eq!(list, json!({"deviceRegistrations": [registration], "pagination": pagination()}));

    let expected =
        json!({"id": "[comms_pushnotificationuser_ID]", "createdAt": DATE, "updatedAt": DATE, "deletedAt": null});
    assert_eq!(forms(&client.read(&format!("/Users/{user}")).await), expected);
    assert_eq!(forms(&client.read("/Users").await), json!({"users": [expected], "pagination": pagination()}));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_at_one_more_than_is_documented() {
    let service = Service::start().await;
    let content = service.world.simulator.fcm_credential();
    let create = async |app: &str| {
        let body = json!({"credentialType": "FCM", "appName": app, "content": content});
        let (status, answer) = service.client.post("/Credentials", &body).await;
        (status, answer["errors"][0]["field"].clone())
    };
    // `demo` has two already.
    for number in 2..10 {
        assert_eq!(create("demo").await.0, StatusCode::ACCEPTED, "Credential {number}");
    }
    assert_eq!(create("demo").await, (StatusCode::BAD_REQUEST, json!("appName")));
    for number in 1..10 {
        assert_eq!(create(&format!("app_{number}")).await.0, StatusCode::ACCEPTED, "App {number}");
    }
    assert_eq!(create("app_10").await, (StatusCode::BAD_REQUEST, json!("appName")));
    let tags: Value =
        (0..11).map(|number| (format!("key-{number}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let body = json!({"to": [{"token": "a", "provider": "FCM"}], "content": {"title": "x"}, "tags": tags});
    assert_eq!(service.client.post("", &body).await.1["errors"][0]["field"], "tags");
    service.stop().await;
}
