//! Bad input: the right status, an error that names the field, and nothing written.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, answer, apn, fcm, message};
use crate::support::service::{Service, World};

/// A User that does not exist.
const NOBODY: &str = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8";
const TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bF";

fn fields(error: &Value) -> Vec<&str> {
    error["errors"].as_array().map_or(Vec::new(), |errors| {
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect()
    })
}

/// A good send with one thing changed.
fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = message(&[fcm(TOKEN)]);
    change(&mut body);
    body
}

fn in_hours(hours: i64) -> String {
    (OffsetDateTime::now_utc() + Duration::hours(hours))
        .format(&Rfc3339)
        .unwrap()
}

async fn assert_nothing_written(service: &Service) {
    let written: i64 = sqlx::query_scalar("select (select count(*) from operations) + (select count(*) from push_notifications) + (select count(*) from batches)")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_send_is_refused_with_the_field_at_fault() {
    let service = Service::start().await;
    let long = "x".repeat(5000);
    let many: Vec<Value> = (0..10_001).map(|index| fcm(&format!("t{index}"))).collect();
    let cases: Vec<(&str, Value, &[&str])> = vec![
        (
            "unknown field",
            with(|body| body["titel"] = json!("x")),
            &["titel"],
        ),
        (
            "unknown nested field",
            with(|body| body["content"]["text"] = json!("x")),
            &["content.text"],
        ),
        (
            "wrong type",
            with(|body| body["content"]["title"] = json!(7)),
            &["content.title"],
        ),
        (
            "no recipients",
            with(|body| body["to"] = json!([])),
            &["to"],
        ),
        (
            "10,001 recipients",
            with(|body| body["to"] = json!(many)),
            &["to"],
        ),
        ("no to", with(|body| body["to"] = Value::Null), &["to"]),
        (
            "to is an object",
            with(|body| body["to"] = fcm(TOKEN)),
            &["to"],
        ),
        (
            "unknown provider",
            with(|body| body["to"][0]["provider"] = json!("GCM")),
            &["to[0].provider"],
        ),
        (
            "lower-case provider",
            with(|body| body["to"][0]["provider"] = json!("fcm")),
            &["to[0].provider"],
        ),
        (
            "no provider",
            with(|body| body["to"] = json!([{"token": "x"}])),
            &["to[0].provider"],
        ),
        (
            "no token",
            with(|body| body["to"] = json!([{"provider": "FCM"}])),
            &["to[0].token"],
        ),
        (
            "empty token",
            with(|body| body["to"][0]["token"] = json!("")),
            &["to[0].token"],
        ),
        (
            "token with a space",
            with(|body| body["to"][0]["token"] = json!("a b")),
            &["to[0].token"],
        ),
        (
            "token that is a path",
            with(|body| body["to"] = json!([apn("../x")])),
            &["to[0].token"],
        ),
        (
            "a user",
            with(|body| body["to"] = json!([{"userId": "x"}])),
            &["to[0].userId"],
        ),
        (
            "no content",
            with(|body| body["content"] = Value::Null),
            &["content"],
        ),
        (
            "empty content",
            with(|body| body["content"] = json!({})),
            &["content"],
        ),
        (
            "5 KB",
            with(|body| body["content"]["body"] = json!(long)),
            &["content"],
        ),
        (
            "priority",
            with(|body| body["priority"] = json!("URGENT")),
            &["priority"],
        ),
        ("ttl", with(|body| body["ttl"] = json!(-1)), &["ttl"]),
        ("badge", with(|body| body["badge"] = json!(1.5)), &["badge"]),
        (
            "data",
            with(|body| body["content"]["data"] = json!({"a": 1})),
            &["content.data.a"],
        ),
        (
            "reserved data",
            with(|body| body["content"]["data"] = json!({"from": "x"})),
            &["content.data.from"],
        ),
        (
            "image",
            with(|body| body["content"]["image"] = json!("no address")),
            &["content.image"],
        ),
        (
            "NUL",
            with(|body| body["content"]["title"] = json!("a\0b")),
            &["content.title"],
        ),
        (
            "override of the target",
            with(|body| body["fcm"] = json!({"topic": "x"})),
            &["fcm.topic"],
        ),
        (
            "tags",
            with(|body| body["tags"] = json!({"a b": "x"})),
            &["tags.a b"],
        ),
        (
            "schedule in the past",
            with(|body| body["schedule"] = json!({"sendAt": ["2020-01-01T00:00:00Z"]})),
            &["schedule.sendAt[0]"],
        ),
        (
            "schedule too far ahead",
            with(|body| body["schedule"] = json!({"sendAt": [in_hours(7 * 24 + 1)]})),
            &["schedule.sendAt[0]"],
        ),
        (
            "schedule at the end of the calendar",
            with(|body| {
                body["schedule"] = json!({"sendAt": ["9999-12-31T23:59:59Z"]});
                body["ttl"] = json!(60);
            }),
            &["schedule.sendAt[0]"],
        ),
        (
            "long token",
            with(|body| body["to"][0]["token"] = json!("t".repeat(4097))),
            &["to[0].token"],
        ),
        (
            "long ttl",
            with(|body| body["ttl"] = json!(2_419_201)),
            &["ttl"],
        ),
        (
            "long collapseKey",
            with(|body| body["collapseKey"] = json!("k".repeat(65))),
            &["collapseKey"],
        ),
        (
            "long tag",
            with(|body| body["tags"] = json!({"k": "v".repeat(257)})),
            &["tags.k"],
        ),
        (
            "too many templates",
            with(|body| {
                body["content"]["data"] = (0..65)
                    .map(|n| (format!("k{n:02}"), json!("{{ a }}")))
                    .collect();
            }),
            &["content.data.k64"],
        ),
        (
            "null recipient",
            with(|body| body["to"] = json!([null])),
            &["to[0]"],
        ),
        (
            "null token",
            with(|body| body["to"][0]["token"] = Value::Null),
            &["to[0].token"],
        ),
        (
            "null provider",
            with(|body| body["to"][0]["provider"] = Value::Null),
            &["to[0].provider"],
        ),
        (
            "null userId",
            with(|body| body["to"] = json!([{"userId": null}])),
            &["to[0].token", "to[0].provider"],
        ),
        (
            "null audience",
            with(|body| body["to"] = json!([{"audience": null}])),
            &["to[0].token", "to[0].provider"],
        ),
        (
            "null schedule",
            with(|body| body["schedule"] = json!({"sendAt": null})),
            &["schedule.sendAt"],
        ),
        (
            "null sender",
            with(|body| body["from"] = json!({"fcm": null, "appName": null})),
            &["from"],
        ),
        (
            "a wrong recipient before a wrong User",
            with(|body| body["to"] = json!([{"token": "x"}, {"userId": NOBODY}])),
            &["to[0].provider", "to[1].userId"],
        ),
        (
            "long App",
            with(|body| body["from"] = json!({"appName": "a".repeat(65)})),
            &["from.appName"],
        ),
        (
            "unknown App",
            with(|body| body["from"] = json!({"appName": "nope"})),
            &["from.appName"],
        ),
        (
            "malformed Credential",
            with(|body| body["from"] = json!({"fcm": "nope"})),
            &["from.fcm"],
        ),
        (
            "unknown Credential",
            with(|body| {
                body["from"] = json!({"fcm": "comms_credential_01h9krwprkeee8fzqspvwy6nq8"});
            }),
            &["from.fcm"],
        ),
        (
            "several at once",
            with(|body| {
                body["to"] = json!([{"token": 1, "provider": "FCM"}, fcm("ok"), {"token": "x", "provider": "X"}]);
                body["ttl"] = json!("long");
            }),
            &["to[0].token", "to[2].provider", "ttl"],
        ),
    ];

    for (case, body, expected) in cases {
        let (status, error) = service.client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{case}: {error}");
        assert_eq!(
            (&error["code"], &error["status"]),
            (&json!(400), &json!(400)),
            "{case}"
        );
        assert_eq!(fields(&error), expected, "{case}: {error}");
    }

    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_the_same_as_absent() {
    let service = Service::start().await;
    let device = json!({"token": TOKEN, "provider": "FCM", "userId": null, "audience": null, "variables": null});
    let absent = [
        "from",
        "priority",
        "sound",
        "schedule",
        "tags",
        "badge",
        "ttl",
        "collapseKey",
        "fcm",
        "apn",
    ];
    let mut body = message(&[device]);
    for field in absent {
        body[field] = Value::Null;
    }

    let id = service.client.send(&body).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1);

    for (path, body, field) in [
        (
            "/Credentials",
            json!({"appName": "a", "content": {}, "credentialType": null}),
            "credentialType",
        ),
        (
            "/Credentials",
            json!({"appName": null, "content": {}, "credentialType": "FCM"}),
            "appName",
        ),
        (
            "/Credentials",
            json!({"appName": "a", "content": null, "credentialType": "FCM"}),
            "content",
        ),
        (
            "/DeviceRegistrations",
            json!({"appName": "demo", "token": "t", "provider": null}),
            "provider",
        ),
        (
            "/DeviceRegistrations",
            json!({"appName": "demo", "token": null, "provider": "FCM"}),
            "token",
        ),
        (
            "/DeviceRegistrations",
            json!({"appName": null, "token": "t", "provider": "FCM"}),
            "appName",
        ),
    ] {
        let (status, error) = service.client.post(path, &body).await;
        let first = &error["errors"][0];
        assert_eq!(
            (status, &first["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{path} {body}: {error}"
        );
        assert!(
            first["message"].as_str().unwrap().contains("required"),
            "{error}"
        );
    }

    for path in [
        "/Apps/demo",
        &format!("/Credentials/{}", credential(&service).await),
    ] {
        let patch = service
            .client
            .request(Method::PATCH, path)
            .json(&json!({"isDefault": null}));
        let (status, error) = answer(patch.send().await.unwrap()).await;
        assert_eq!(
            (status, fields(&error)),
            (StatusCode::BAD_REQUEST, vec!["isDefault"]),
            "{path}"
        );
    }
    service.stop().await;
}

async fn credential(service: &Service) -> String {
    service.client.read("/Credentials").await["credentials"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_recipient_among_ten_thousand_is_named_and_nothing_is_sent() {
    let service = Service::start().await;
    let mut to: Vec<Value> = (0..10_000).map(|index| fcm(&format!("t{index}"))).collect();
    to[7_531]["token"] = json!("with a space");
    let (status, error) = service.client.post("", &message(&to)).await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["to[7531].token"])
    );

    to[7_531] = json!({"userId": NOBODY});
    let (status, error) = service.client.post("", &message(&to)).await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["to[7531].userId"])
    );
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_the_limit() {
    let service = Service::start().await;
    let long = |count: usize| json!("a".repeat(count));

    for (path, body, limit) in [
        (
            "/Credentials",
            json!({"appName": long(65), "credentialType": "FCM", "content": {}}),
            "64",
        ),
        (
            "/DeviceRegistrations",
            json!({"appName": long(65), "token": "t", "provider": "FCM"}),
            "64",
        ),
        (
            "/DeviceRegistrations",
            json!({"appName": "demo", "token": long(4097), "provider": "FCM"}),
            "4096",
        ),
        ("", with(|body| body["ttl"] = json!(2_419_201)), "2419200"),
        ("", with(|body| body["collapseKey"] = long(65)), "64"),
        (
            "",
            with(|body| body["tags"] = json!({"a": long(257)})),
            "256",
        ),
        (
            "",
            with(|body| body["tags"] = json!({"k".repeat(129): "a"})),
            "128",
        ),
        (
            "",
            with(|body| body["schedule"] = json!({"sendAt": [in_hours(169)]})),
            "168 hours",
        ),
    ] {
        let (status, error) = service.client.post(path, &body).await;
        let message = error["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(
            status == StatusCode::BAD_REQUEST && message.contains(limit),
            "{path}: {error}"
        );
    }

    let id = service
        .client
        .send(&with(|body| {
            body["schedule"] = json!({"sendAt": [in_hours(167)]});
        }))
        .await;
    assert_eq!(
        service.client.read(&format!("/Operations/{id}")).await["status"],
        "SCHEDULED"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_error_is_what_a_client_gets() {
    let service = Service::start().await;
    let body = with(|body| body["to"][0]["provider"] = json!("GCM"));
    let response = service
        .client
        .request(Method::POST, "")
        .json(&body)
        .send()
        .await
        .unwrap();
    let text = response.text().await.unwrap();
    assert!(
        include_str!("../../README.md").contains(&format!("```json\n{text}\n```")),
        "{text}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_gets_the_error_object() {
    let mut world = World::new().await;
    world.config.server.max_body_size = 100_000;
    let service = world.start().await;
    let post = || {
        service
            .client
            .request(Method::POST, "")
            .header("content-type", "application/json")
    };

    let twice = format!(
        "{{\"to\": [], \"content\": {{\"body\": \"a\", \"body\": \"b\"}}, \"more\": \"{TOKEN}\"}}"
    );
    let (status, error) = answer(post().body(twice).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = error["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("give each field once: 'body' is given twice at line 1"),
        "{message}"
    );

    let (status, error) = answer(post().body("{\"to\": [").send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        error["message"].as_str().unwrap().contains("line 1"),
        "{error}"
    );

    let (status, _) = answer(post().body("[]").send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);

    let refused = post().body("x".repeat(100_001)).send().await.unwrap();
    assert_eq!(
        refused.headers()["connection"],
        "close",
        "its body is not read, so no request can follow it"
    );
    let (status, error) = answer(refused).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!(413))
    );
    assert!(
        error["message"].as_str().unwrap().contains("100000"),
        "{error}"
    );

    let text = service
        .client
        .request(Method::POST, "")
        .header("content-type", "text/plain")
        .body("{}");
    let (status, error) = answer(text.send().await.unwrap()).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!(415))
    );

    let response = service
        .client
        .request(Method::PUT, "")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");

    let (status, error) = answer(response).await;
    assert_eq!(
        (status, &error["code"], &error["message"]),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            &json!(405),
            &json!("This path does not support the method 'PUT'. It supports GET, HEAD, POST")
        )
    );

    for path in [
        "/nothing/here",
        "/Operations/x",
        "/Operations/%ff",
        "/comms_pushnotification_x",
        "/Apps/nope",
        "/Credentials/x",
    ] {
        let (status, error) = service.client.get(path).await;
        assert_eq!(
            (status, &error["code"]),
            (StatusCode::NOT_FOUND, &json!(20404)),
            "{path}: {error}"
        );
    }

    let stranger = Client::new(&service.url, "SKdemo", "guessed");
    let response = stranger
        .request(Method::GET, "/Operations")
        .send()
        .await
        .unwrap();
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );

    let (status, error) = answer(response).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::UNAUTHORIZED, &json!(20003))
    );
    let wrong = error["message"].as_str().unwrap();
    assert!(
        wrong.contains("The secret is not that of this API key"),
        "{wrong}"
    );
    let nobody = Client::new(&service.url, "SKnobody", "guessed");
    let (status, error) = nobody.get("/Operations").await;
    let unknown = error["message"].as_str().unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        unknown.contains("No API key has this name") && !unknown.contains("SKnobody"),
        "{unknown}"
    );

    let url = format!("{}/v1/PushNotifications/Operations", service.url);
    let (status, error) = answer(reqwest::get(url).await.unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let none = error["message"].as_str().unwrap();
    assert!(none.contains("HTTP Basic"), "{none}");
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_names_the_resource_and_the_id() {
    let service = Service::start().await;
    let of = |prefix: &str| format!("{prefix}_01h9krwprkeee8fzqspvwy6nq8");
    let operation = of("comms_operation");
    let webhook = of("bellwire_webhook");
    let delivery = of("bellwire_webhook_delivery");

    for (path, noun, id) in [
        (format!("/Operations/{operation}"), "Operation", &operation),
        (
            format!("/Operations/{operation}/Errors"),
            "Operation",
            &operation,
        ),
        (
            format!("/Operations/{operation}/Results"),
            "Operation",
            &operation,
        ),
        (
            format!("/{}", of("comms_pushnotification")),
            "notification",
            &of("comms_pushnotification"),
        ),
        (
            format!("/Credentials/{}", of("comms_credential")),
            "Credential",
            &of("comms_credential"),
        ),
        (format!("/Users/{NOBODY}/Data"), "User", &NOBODY.to_owned()),
        (
            format!("/DeviceRegistrations/{}", of("comms_device_registration")),
            "device registration",
            &of("comms_device_registration"),
        ),
        (
            format!(
                "/DeviceRegistrations/Imports/{}",
                of("bellwire_device_import")
            ),
            "import",
            &of("bellwire_device_import"),
        ),
        (
            format!("/Templates/{}/Versions", of("bellwire_template")),
            "template",
            &of("bellwire_template"),
        ),
        (
            format!("/Webhooks/{webhook}/Deliveries/{delivery}"),
            "delivery",
            &delivery,
        ),
        ("/Webhooks/x".to_owned(), "webhook", &"x".to_owned()),
        ("/Apps/shop".to_owned(), "App", &"shop".to_owned()),
        ("/Keys/SKnone".to_owned(), "API key", &"SKnone".to_owned()),
    ] {
        let (status, error) = service.client.get(&path).await;
        let message = error["message"].as_str().unwrap();
        assert_eq!(
            (status, &error["code"]),
            (StatusCode::NOT_FOUND, &json!(20404)),
            "{path}: {error}"
        );
        assert!(
            message.contains(noun) && message.contains(&format!("'{id}'")),
            "{path}: {message}"
        );
    }

    let token = json!({"appName": "demo", "token": TOKEN, "provider": "FCM"});
    let (status, error) = service
        .client
        .post("/DeviceRegistrations/Remove", &token)
        .await;
    let message = error["message"].as_str().unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        message.contains("the App 'demo'") && !message.contains(TOKEN),
        "{message}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_query_parameter_is_named() {
    let service = Service::start().await;
    let cases = [
        ("/Operations?pageSize=0", "pageSize"),
        ("/Operations?pageSize=1001", "pageSize"),
        ("/Operations?pageToken=garbage", "pageToken"),
        ("/Operations?status=FAILED", "status"),
        ("/Operations?startDate=yesterday", "startDate"),
        ("?operationId=x", "operationId"),
        ("?provider=fcm", "provider"),
        ("?tags=x", "tags"),
        ("?tags=:x", "tags"),
        ("/Operations?tags=a:", "tags"),
        ("/Operations?tags=a:1;a:2", "tags"),
        ("/Operations?tags=a:1,b:2", "tags"),
        ("/Credentials?credentialType=GCM", "credentialType"),
        ("/Apps?isDefault=perhaps", "isDefault"),
        ("/Operations?endDate=9999-12-31", "endDate"),
        ("?endDate=9999-12-31T23:59:59Z", "endDate"),
        ("/Apps?startDate=9999-12-31T23:59:59-01:00", "startDate"),
        (
            "/Credentials?startDate=9999-12-31T23:59:59-01:00",
            "startDate",
        ),
        ("/Credentials?startDate=-4800-01-01", "startDate"),
        ("/Credentials?appName=No", "appName"),
        (
            &format!("/DeviceRegistrations?userId={NOBODY}&appName=No"),
            "appName",
        ),
    ];

    for (path, field) in cases {
        let (status, error) = service.client.get(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
        assert_eq!(fields(&error), [field], "{path}");
    }

    for (path, known) in [
        ("/Operations?unknown=1", "pageToken"),
        ("?userid=x", "userId"),
        ("/Apps/demo?pageSize=1", "there are none here"),
        ("/Users?unknown", "pageSize"),
        ("/Operations?status=COMPLETED&status=CANCELED", "twice"),
    ] {
        let (status, error) = service.client.get(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        let text = error["errors"][0]["message"].as_str().unwrap();
        assert!(text.contains(known), "{path}: {text}");
    }
    let (status, error) = service
        .client
        .post("?dryRun=true", &message(&[fcm(TOKEN)]))
        .await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["dryRun"])
    );
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_filtered_by_user_and_by_user_id() {
    let service = Service::start().await;
    let device = json!({"appName": "demo", "token": "t", "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &device).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let registration = service.client.read(&path).await;
    let user = registration["userId"].as_str().unwrap();
    let id = service
        .client
        .send(&message(&[json!({"userId": user})]))
        .await;
    service.client.send(&message(&[fcm(TOKEN)])).await;

    for query in [
        format!("user={user}"),
        format!("userId={user}"),
        format!("user={user}&userId={user}"),
    ] {
        let list = service.client.read(&format!("?{query}")).await;
        let list = list["pushNotifications"].as_array().unwrap();
        assert_eq!(list.len(), 1, "{query}");
        assert_eq!(list[0]["operationId"], id.as_str());
    }
    let (status, error) = service
        .client
        .get(&format!("?user={user}&userId={NOBODY}"))
        .await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["userId"])
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_however_it_is_declared_and_packed() {
    let service = Service::start().await;
    let text = message(&[fcm(TOKEN)]).to_string();
    let post = |content_type: &str, encoding: Option<&str>, body: Vec<u8>| {
        let request = service
            .client
            .request(Method::POST, "")
            .header("content-type", content_type)
            .body(body);
        let request = match encoding {
            Some(encoding) => request.header("content-encoding", encoding),
            None => request,
        };
        async move { request.send().await.unwrap().status() }
    };
    let packed = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };

    for content_type in [
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/vnd.api+json; a=b",
    ] {
        let status = post(content_type, None, text.clone().into_bytes()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{content_type}");
    }
    let marked = format!("\u{feff}{text}").into_bytes();
    let json = "application/json";
    assert_eq!(post(json, None, marked).await, StatusCode::ACCEPTED);
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let status = post(json, Some(encoding), packed(text.as_bytes())).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{encoding}");
    }

    let plain = text.clone().into_bytes();
    let status = post(json, Some("br"), plain.clone()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let status = post("application/jsonp", None, plain.clone()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let status = post(json, Some("gzip"), plain).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // A few kilobytes that would be a gigabyte.
    let bomb = packed(&vec![b' '; 100 << 20]);
    let status = post(json, Some("gzip"), bomb).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_credential_is_named_at_its_first_recipient() {
    let service = Service::start().await;
    let (account_id, key, secret) = service.world.account("other").await;
    let other = Client::new(&service.url, &key, &secret);
    let (status, error) = other.post("", &message(&[fcm(TOKEN)])).await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["from"]),
        "no App at all"
    );

    let fcm_type = bellwire::model::provider::CredentialType::Fcm;
    let content = service.world.simulator.fcm_credential();
    service
        .world
        .credential(account_id, fcm_type, &content)
        .await;
    let (status, error) = other.post("", &message(&[fcm(TOKEN), apn("aa")])).await;
    assert_eq!(
        (status, fields(&error)),
        (StatusCode::BAD_REQUEST, vec!["to[1].provider"])
    );
    assert_nothing_written(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_very_many_values_is_refused_before_it_takes_memory() {
    let service = Service::start().await;
    let (status, body) = service
        .client
        .post("", &json!({"badge": vec![json!({}); 300_000]}))
        .await;
    assert_eq!(status, 400);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("more than 300000 JSON values"),
        "{body}"
    );

    let commas = json!({"to": [fcm("a-device")], "content": {"title": "t", "body": "b", "data": {"list": "[{,".repeat(500)}}});
    assert_eq!(
        service.client.post("", &commas).await.0,
        202,
        "texts are not counted"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_without_a_body_refuses_fields_and_takes_an_empty_one() {
    let service = Service::start().await;
    let client = &service.client;
    let call = async |path: &str, content_type: &str, body: &'static str| {
        let request = client
            .request(Method::POST, path)
            .header("Content-Type", content_type)
            .body(body);
        answer(request.send().await.unwrap()).await
    };

    for path in [
        "/Operations/x/Cancel",
        "/Operations/x/Pause",
        "/Operations/x/Resume",
        "/x/Cancel",
        "/Credentials/x/Test",
        "/Webhooks/x/RotateSecret",
        "/Webhooks/x/Test",
        "/Webhooks/x/Deliveries/y/Resend",
    ] {
        for (content_type, body) in [
            ("application/json", r#"{"reason": "x"}"#),
            ("application/x-www-form-urlencoded", r#"{"reason": "x"}"#),
            ("application/x-www-form-urlencoded", "reason=x"),
        ] {
            let (status, error) = call(path, content_type, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {error}");
            assert_eq!(fields(&error), ["reason"], "{path} {body}: {error}");
        }

        for (content_type, body) in [
            ("application/json", "{}"),
            ("application/json", "null"),
            ("application/x-www-form-urlencoded", "{}"),
            ("application/x-www-form-urlencoded", ""),
        ] {
            let (status, error) = call(path, content_type, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path} {body}: {error}");
        }
        let (status, error) = call(path, "text/plain", "please").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_is_no_body_in_any_encoding() {
    let service = Service::start().await;
    let client = &service.client;
    // A stream is chunked: the head does not tell that it is empty.
    let call = async |path: &str, encoding: &str, body: &'static str| {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
        let request = client
            .request(Method::POST, path)
            .header("Content-Type", "application/json")
            .header("Content-Encoding", encoding)
            .body(reqwest::Body::wrap_stream(chunks));
        answer(request.send().await.unwrap()).await
    };

    for path in [
        "/Operations/x/Pause",
        "/Operations/x/Resend",
        "/Keys/SKx/Rotate",
    ] {
        for encoding in ["gzip", "br"] {
            let (status, error) = call(path, encoding, "").await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path} {encoding}: {error}");
        }
        let (status, error) = call(path, "gzip", "{}").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
    }
    let (status, error) = call("/Operations/x/Resend", "br", "{}").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{error}");
    let (status, error) = call("", "gzip", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("the body is empty"),
        "{error}"
    );

    for body in ["null", " \n"] {
        let request = client
            .request(Method::POST, "/Keys/SKx/Rotate")
            .header("Content-Type", "text/plain")
            .body(body);
        let (status, error) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body:?}: {error}");
    }
    service.stop().await;
}
