//! The simulator checks requests as the real providers do, and answers like them.

use bellwire::dev::simulator::{Options, Simulator};
use reqwest::Client;
use serde_json::{Value, json};

fn client(simulator: &Simulator) -> Client {
    let authority = reqwest::Certificate::from_pem(simulator.ca_pem.as_bytes()).unwrap();
    Client::builder()
        .tls_certs_only([authority])
        .http2_prior_knowledge()
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_valid_credentials_are_refused() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let client = client(&simulator);
    let send = format!(
        "{}/v1/projects/bellwire-demo/messages:send",
        simulator.fcm_url
    );
    let response = client
        .post(&send)
        .bearer_auth("guessed")
        .json(&json!({"message": {}}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);

    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["status"], "UNAUTHENTICATED");

    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c";
    let response = client
        .post(&simulator.token_uri)
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.json::<Value>().await.unwrap()["error"],
        "invalid_grant"
    );

    let device = format!("{}/3/device/aabb", simulator.apns_url);
    let response = client
        .post(&device)
        .header("apns-topic", "com.example.demo")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.headers().contains_key("apns-id"));
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({"reason": "MissingProviderToken"})
    );

    let response = client
        .post(&device)
        .header("authorization", "bearer a.b.c")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({"reason": "InvalidProviderToken"})
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_keys_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options {
        directory: Some(directory.path().to_owned()),
        ..Options::default()
    };
    let first = Simulator::start(options()).await.unwrap();
    let authority = first.ca_pem.clone();
    let credential = first.apn_credential();
    first.stop().await;
    let second = Simulator::start(options()).await.unwrap();
    assert_eq!(
        (&second.ca_pem, &second.apn_credential()),
        (&authority, &credential)
    );
    second.stop().await;
}
