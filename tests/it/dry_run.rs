//! Dry runs show what a send would do. No device gets anything, and nothing is stored.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::service::Service;

async fn validate(client: &Client, mut body: Value) -> Value {
    body["validateOnly"] = json!(true);
    let (status, answer) = client.post("", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

async fn assert_nothing_happened(service: &Service) {
    assert_eq!(
        service.client.read("/Operations").await["operations"],
        json!([])
    );
    assert_eq!(service.arrived().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_asks_fcm_and_stores_nothing() {
    let service = Service::start().await;
    let good = validate(&service.client, message(&[fcm("a"), apn("ab01")])).await;
    assert_eq!(good, json!({"valid": true, "asked": 1, "errors": []}));

    let mut body = message(&[fcm("a"), fcm("b~UNREGISTERED"), fcm("c")]);
    body["content"]["title"] = json!("Hi {{ name }}");
    body["to"][0]["variables"] = json!({"name": "Ann"});
    body["to"][1]["variables"] = json!({"name": "Bob"});
    let answer = validate(&service.client, body.clone()).await;
    assert_eq!(
        (&answer["valid"], &answer["asked"]),
        (&json!(false), &json!(2))
    );

    let found: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (&error["position"], &error["code"]))
        .collect();
    assert_eq!(
        found,
        [
            (&json!(1), &json!("UNREGISTERED")),
            (&json!(2), &json!("INVALID_TEMPLATE"))
        ]
    );

    body["validateOnly"] = json!(true);
    body["to"][0]["provider"] = json!("SMS");
    assert_eq!(
        service.client.post("", &body).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_nothing_happened(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_tells_a_credential_that_its_provider_refuses() {
    let service = Service::start().await;
    let client = &service.client;
    let wrong = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut content = service.world.simulator.apn_credential();
    content["privateKey"] = Value::String(wrong.serialize_pem());
    let credential =
        json!({"credentialType": "APN", "appName": "demo", "isDefault": true, "content": content});
    assert_eq!(
        client.post("/Credentials", &credential).await.0,
        StatusCode::ACCEPTED
    );

    let to = [fcm("a"), apn("ab01"), apn("ab02")];
    let answer = validate(client, message(&to)).await;
    assert_eq!(answer["valid"], false);
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "reported once: {answer}");
    assert_eq!(errors[0]["position"], 1);
    assert_eq!(errors[0]["code"], "CREDENTIAL_REFUSED");
    let text = errors[0]["message"].as_str().unwrap();
    assert!(text.contains("InvalidProviderToken"), "{text}");

    // An audience has no position.
    let answer = validate(client, message(&[json!({"audience": {}})])).await;
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{answer}");
    assert_eq!(errors[0]["code"], "CREDENTIAL_REFUSED");
    assert!(errors[0].get("position").is_none());

    assert_nothing_happened(&service).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fcm_is_asked_about_the_first_hundred_devices() {
    let service = Service::start().await;
    let mut to: Vec<Value> = (0..300).map(|index| fcm(&format!("d{index}"))).collect();
    to[99] = fcm("last~UNREGISTERED");
    to[100] = fcm("unasked~UNREGISTERED");
    to.insert(0, apn("ab01"));

    for device in &mut to {
        device["variables"] = json!({"name": "Ann"});
    }

    let mut body = message(&to);
    body["content"]["title"] = json!("Hi {{ name }}");
    let answer = validate(&service.client, body).await;
    assert_eq!(
        (&answer["asked"], answer["errors"].as_array().unwrap().len()),
        (&json!(100), 1),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["position"], 100);
    service.stop().await;
}

/// Recipients are loaded in parts: what is found in a later part has the position in the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_send_is_validated_to_its_last_recipient() {
    let service = Service::start().await;
    let mut to = vec![fcm("a"); 450];
    for position in [199, 200, 399, 449] {
        to[position] = json!({"externalId": "nobody"});
    }

    let answer = validate(&service.client, message(&to)).await;
    let positions: Vec<&Value> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["position"])
        .collect();
    assert_eq!(positions, [199, 200, 399, 449], "{answer}");
    assert_eq!(answer["asked"], 100);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_token_cannot_be_decrypted_is_reported() {
    let service = Service::start().await;
    let register = json!({"appName": "demo", "token": "registered", "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &register).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = service.client.read(&path).await["userId"].clone();
    let spoil = "update devices set token = set_byte(token, length(token) - 1, 255 - get_byte(token, length(token) - 1))";
    sqlx::query(spoil)
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    let body = message(&[json!({"userId": user})]);
    let codes = |errors: &Value| {
        errors
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["code"].clone())
            .collect::<Vec<_>>()
    };
    let (_, answer) = service.client.post("/Preview", &body).await;
    assert_eq!(
        codes(&answer["previews"][0]["errors"]),
        ["TOKEN_UNREADABLE"]
    );
    assert_eq!(
        codes(&validate(&service.client, body).await["errors"]),
        ["TOKEN_UNREADABLE"]
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_the_requests_without_their_secrets() {
    let service = Service::start().await;
    let register =
        json!({"appName": "demo", "token": "registered-token-of-a-device", "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &register).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = service.client.read(&path).await["userId"].clone();
    let to = [
        fcm("token-of-a-certain-device"),
        apn("0a1b2c3d4e5f60718293"),
        json!({"userId": user}),
    ];
    let (status, answer) = service.client.post("/Preview", &message(&to)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    let request = |position: usize| answer["previews"][position]["requests"][0].clone();
    let fcm_request = request(0);
    assert!(
        fcm_request["url"]
            .as_str()
            .unwrap()
            .ends_with("/messages:send"),
        "{fcm_request}"
    );
    assert_eq!(fcm_request["headers"]["authorization"], "Bearer …");
    assert_eq!(fcm_request["body"]["message"]["token"], "toke…vice");
    assert_eq!(
        fcm_request["body"]["message"]["notification"]["title"],
        "Boarding time @ TLL"
    );

    let apn_request = request(1);
    assert!(
        apn_request["url"]
            .as_str()
            .unwrap()
            .ends_with("/3/device/0a1b…8293"),
        "{apn_request}"
    );
    assert_eq!(apn_request["headers"]["apns-push-type"], "alert");
    assert_eq!(
        apn_request["body"]["aps"]["alert"]["title"],
        "Boarding time @ TLL"
    );
    assert_eq!(request(2)["body"]["message"]["token"], "regi…vice");

    let (status, error) = service
        .client
        .post("/Preview", &message(&[json!({"audience": {}})]))
        .await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to"))
    );
    assert_nothing_happened(&service).await;
    service.stop().await;
}
