//! The documented examples of the resources around a send: names and forms, exactly.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::forms::forms;
use crate::support::service::Service;

const TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bFexample";
const DATE: &str = "[date]";

/// What a Credential has beside the documented fields.
const CREDENTIAL_EXTENSIONS: [&str; 6] = [
    "details",
    "certificateExpiresAt",
    "status",
    "lastError",
    "lastErrorAt",
    "lastUsedAt",
];

/// A Credential's documented fields. All extensions must be there.
fn documented(mut credential: Value) -> Value {
    let fields = credential.as_object_mut().unwrap();
    for name in CREDENTIAL_EXTENSIONS {
        assert!(fields.remove(name).is_some(), "{name}");
    }

    credential
}

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
    assert_eq!(
        forms(&changed),
        json!({"resourceId": "[comms_credential_ID]", "resourceLocation": location})
    );

    let path = format!("/Credentials/{}", changed["resourceId"].as_str().unwrap());
    let stored = json!({"id": "[comms_credential_ID]", "credentialType": "FCM", "isDefault": true,
        "appName": "limonade_app", "createdAt": DATE, "updatedAt": DATE});
    assert_eq!(documented(forms(&client.read(&path).await)), stored);

    let mut list = forms(&client.read("/Credentials?appName=limonade_app").await);
    list["credentials"][0] = documented(list["credentials"][0].take());
    assert_eq!(
        list,
        json!({"credentials": [stored], "pagination": pagination()})
    );

    let app = json!({"name": "limonade_app", "isDefault": false, "createdAt": DATE, "updatedAt": DATE,
        "defaultCredentials": [{"id": "[comms_credential_ID]", "credentialType": "FCM"}]});
    assert_eq!(forms(&client.read("/Apps/limonade_app").await), app);

    for path in ["/Apps/limonade_app", &path] {
        let patch = client
            .request(Method::PATCH, path)
            .json(&json!({"isDefault": true}));
        let response = patch.send().await.unwrap();
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(
            location.ends_with(&format!("/v1/PushNotifications{path}")),
            "{location}"
        );
        let (status, changed) = answer(response).await;
        let id = path.rsplit('/').next().unwrap();
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(
            changed,
            json!({"resourceId": id, "resourceLocation": location})
        );
    }

    assert_eq!(
        client.read("/Apps?isDefault=true").await["apps"][0]["name"],
        "limonade_app"
    );

    let register = json!({"appName": "limonade_app", "token": TOKEN, "provider": "FCM"});
    let request = client
        .request(Method::POST, "/DeviceRegistrations")
        .json(&register);
    let response = request.send().await.unwrap();
    let header = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, changed) = answer(response).await;
    assert_eq!(changed["resourceLocation"], header);

    let location = "[v1/PushNotifications/DeviceRegistrations/comms_device_registration_ID]";
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(
        forms(&changed),
        json!({"resourceId": "[comms_device_registration_ID]", "resourceLocation": location,
            "userId": "[comms_pushnotificationuser_ID]", "deviceId": "[bellwire_device_ID]"})
    );

    let path = format!(
        "/DeviceRegistrations/{}",
        changed["resourceId"].as_str().unwrap()
    );
    let read = client.read(&path).await;

    // The token is masked, and the dates are Bellwire's.
    let registration = json!({"id": "[comms_device_registration_ID]", "appName": "limonade_app",
        "userId": "[comms_pushnotificationuser_ID]", "devices": [{"deviceId": "[bellwire_device_ID]", "token": "dqWD…mple", "provider": "FCM"}],
        "related": [], "createdAt": DATE, "updatedAt": DATE});
    assert_eq!(forms(&read), registration);

    let user = read["userId"].as_str().unwrap();
    let list = forms(
        &client
            .read(&format!("/DeviceRegistrations?userId={user}"))
            .await,
    );
    assert_eq!(
        list,
        json!({"deviceRegistrations": [registration], "pagination": pagination()})
    );

    // The profile is Bellwire's.
    let expected = json!({"id": "[comms_pushnotificationuser_ID]", "createdAt": DATE, "updatedAt": DATE, "deletedAt": null,
        "externalId": null, "language": null, "timezone": null, "variables": {}, "optedOut": false, "optedOutTags": []});
    assert_eq!(
        forms(&client.read(&format!("/Users/{user}")).await),
        expected
    );
    assert_eq!(
        forms(&client.read("/Users").await),
        json!({"users": [expected], "pagination": pagination()})
    );
    service.stop().await;
}

/// The documented example of a send, but for the Credentials' ids and the APNs token: that of the
/// documents is not hexadecimal.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_send_goes_out_with_the_credentials_that_it_names() {
    let service = Service::start().await;
    let client = &service.client;
    let credentials = client.read("/Credentials").await;
    let of = |credential_type: &str| {
        let all = credentials["credentials"].as_array().unwrap();
        all.iter()
            .find(|credential| credential["credentialType"] == credential_type)
            .unwrap()["id"]
            .clone()
    };
    let id = client
        .send(&json!({
            "to": [{"token": "dqWD7WEC83K41WHyufTS7:APA91bF...", "provider": "FCM"},
                {"token": "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad", "provider": "APN"}],
            "content": {"title": "Boarding time @ TLL",
                "body": "Dear customer, you have 1 hour until boarding time at the Tallinn airport"},
            "from": {"fcm": of("FCM"), "apn": of("APN")},
            "priority": "HIGH", "sound": "ring"
        }))
        .await;
    let stats = client.completed(&id).await["stats"].clone();

    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(2), &json!(0)));

    let list = client.read(&format!("?operationId={id}")).await;

    for (notification, credential) in list["pushNotifications"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["FCM", "APN"])
    {
        assert_eq!(
            notification["from"],
            json!({"credentialId": of(credential)})
        );
        let path = format!("/{}", notification["id"].as_str().unwrap());
        let notification = client.read(&path).await;
        assert_eq!(
            (&notification["priority"], &notification["sound"]),
            (&json!("HIGH"), &json!("ring"))
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_an_operation_has_its_whole_form() {
    let service = Service::start().await;
    let client = &service.client;
    let token = "dqWD7WEC83K41WHyufTS7:APA91bF~UNREGISTERED";
    let id = client
        .send(&json!({"to": [{"token": token, "provider": "FCM"}], "content": {"title": "x"}}))
        .await;
    client.completed(&id).await;
    let mut list = client.read(&format!("/Operations/{id}/Errors")).await;
    assert!(
        !list["errors"][0]["message"]
            .take()
            .as_str()
            .unwrap()
            .is_empty()
    );

    let error = json!({"code": "UNREGISTERED", "message": null, "pushNotificationId": "[comms_pushnotification_ID]",
        "position": 0, "to": {"token": "dqWD…ERED", "provider": "FCM"}, "attempts": 1, "createdAt": DATE});
    assert_eq!(
        forms(&list),
        json!({"errors": [error], "pagination": pagination()})
    );

    let other = client
        .read(&format!("/Operations/{id}/Errors?code=OTHER"))
        .await;
    assert_eq!(other["errors"], json!([]));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_by_dates_and_defaults() {
    let service = Service::start().await;
    let client = &service.client;
    let credential = json!({"credentialType": "FCM", "appName": "second",
        "content": service.world.simulator.fcm_credential()});
    assert_eq!(
        client.post("/Credentials", &credential).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        client.post("/Credentials", &credential).await.0,
        StatusCode::ACCEPTED
    );

    client
        .send(&json!({"to": [{"token": "a", "provider": "FCM"}], "content": {"title": "x"}}))
        .await;
    let count =
        async |path: &str, key: &str| client.read(path).await[key].as_array().unwrap().len();

    for (path, key, all) in [
        ("", "pushNotifications", 1),
        ("/Apps", "apps", 2),
        ("/Credentials", "credentials", 4),
    ] {
        for (dates, expected) in [
            ("startDate=2020-01-01&endDate=9998-12-31", all),
            ("startDate=9998-12-31", 0),
            ("endDate=2020-01-01", 0),
            ("endDate=2020-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(
                count(&format!("{path}?{dates}"), key).await,
                expected,
                "{path}?{dates}"
            );
        }
    }

    for (query, expected) in [
        ("isDefault=true", 3),
        ("isDefault=false", 1),
        ("isDefault=true&appName=second", 1),
    ] {
        assert_eq!(
            count(&format!("/Credentials?{query}"), "credentials").await,
            expected,
            "{query}"
        );
    }
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
        assert_eq!(
            create("demo").await.0,
            StatusCode::ACCEPTED,
            "Credential {number}"
        );
    }

    assert_eq!(
        create("demo").await,
        (StatusCode::BAD_REQUEST, json!("appName"))
    );

    for number in 1..10 {
        assert_eq!(
            create(&format!("app_{number}")).await.0,
            StatusCode::ACCEPTED,
            "App {number}"
        );
    }

    assert_eq!(
        create("app_10").await,
        (StatusCode::BAD_REQUEST, json!("appName"))
    );

    let tags: Value = (0..11)
        .map(|number| (format!("key-{number}"), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body =
        json!({"to": [{"token": "a", "provider": "FCM"}], "content": {"title": "x"}, "tags": tags});
    assert_eq!(
        service.client.post("", &body).await.1["errors"][0]["field"],
        "tags"
    );
    service.stop().await;
}
