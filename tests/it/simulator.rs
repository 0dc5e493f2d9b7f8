//! The simulator checks requests as the real providers do, and answers like them.

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bellwire::dev::simulator::{Options, Simulator};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::client::{apn, fcm};
use crate::support::service::World;

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

/// A simulator, with the files that it writes for other programs.
async fn with_files() -> (Simulator, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        directory: Some(directory.path().to_owned()),
        ..Options::default()
    };
    let simulator = Simulator::start(options).await.unwrap();
    simulator.write_files(directory.path()).unwrap();
    (simulator, directory)
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap()
}

/// Seconds, with a fraction.
fn now() -> f64 {
    (OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

/// An access token, got as Google's own clients do: for Google's audience, with the wider scope.
async fn access_token(client: &Client, simulator: &Simulator, directory: &Path) -> String {
    let account: Value = serde_json::from_str(&read(directory, "service-account.json")).unwrap();
    assert_eq!(account["type"], "service_account");
    assert_eq!(account["token_uri"], simulator.token_uri);

    let key = account["private_key"].as_str().unwrap();
    let claims = json!({
        "iss": account["client_email"],
        "scope": "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now() - 0.5,
        "exp": now() + 3599.0,
    });
    let assertion = jsonwebtoken::encode(
        &Header::new(Algorithm::RS256),
        &claims,
        &EncodingKey::from_rsa_pem(key.as_bytes()).unwrap(),
    )
    .unwrap();

    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let answer = client
        .post(&simulator.token_uri)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("grant_type={grant}&assertion={assertion}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// A provider token of the demo key, as `PyJWT` makes it from a float.
fn provider_token(directory: &Path) -> String {
    let key = read(directory, "AuthKey_DEMOKEY001.p8");
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("DEMOKEY001".to_owned());
    let claims = json!({"iss": "DEMOTEAM01", "iat": now() - 0.25});

    let key = EncodingKey::from_ec_pem(key.as_bytes()).unwrap();
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

fn trusting(simulator: &Simulator) -> reqwest::ClientBuilder {
    let authority = reqwest::Certificate::from_pem(simulator.ca_pem.as_bytes()).unwrap();
    Client::builder().tls_certs_only([authority])
}

async fn arrived(simulator: &Simulator, token: &str) -> Value {
    let url = format!("{}/messages", simulator.control_url);
    let messages: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    messages[token].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fcm_takes_what_googles_own_clients_send() {
    let (simulator, directory) = with_files().await;

    let clients = [
        trusting(&simulator).http1_only().build().unwrap(),
        trusting(&simulator).build().unwrap(),
    ];
    for (number, client) in clients.iter().enumerate() {
        let token = access_token(client, &simulator, directory.path()).await;
        let device = format!("d{number}");
        let message = json!({"validate_only": null, "message": {"token": device, "topic": null,
            "android": {"collapse_key": "c", "notification": {"channel_id": "x"}}}});
        let send = format!(
            "{}/v1/projects/bellwire-demo/messages:send",
            simulator.fcm_url
        );

        let answer = client
            .post(send)
            .header("authorization", format!("bearer {token}"))
            .header("x-client", "test")
            .json(&message)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);

        let arrived = arrived(&simulator, &device).await;
        assert_eq!(arrived["payload"]["android"]["collapseKey"], "c");
        assert_eq!(
            arrived["payload"]["android"]["notification"]["channelId"],
            "x"
        );
        assert_eq!(arrived["headers"]["x-client"], "test");
        assert!(arrived["headers"].get("authorization").is_none());
    }
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fcm_takes_topics_and_conditions_and_refuses_an_empty_token() {
    let (simulator, directory) = with_files().await;
    let client = trusting(&simulator).build().unwrap();
    let token = access_token(&client, &simulator, directory.path()).await;
    let send = async |message: Value| {
        let url = format!(
            "{}/v1/projects/bellwire-demo/messages:send",
            simulator.fcm_url
        );
        let request = client.post(url).bearer_auth(&token);
        let answer = request.json(&json!({ "message": message })).send().await;
        answer.unwrap().status().as_u16()
    };

    assert_eq!(send(json!({"topic": "news"})).await, 200);
    assert_eq!(arrived(&simulator, "topic:news").await["accepted"], 1);
    assert_eq!(send(json!({"condition": "'a' in topics"})).await, 200);
    assert_eq!(send(json!({"topic": "two words"})).await, 400);
    assert_eq!(send(json!({"token": ""})).await, 400);
    assert_eq!(send(json!({"token": "t", "topic": "news"})).await, 400);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apns_allows_one_stream_until_a_token_was_accepted() {
    let (simulator, directory) = with_files().await;
    let roots = bellwire::transport::Roots::load(Some(&directory.path().join("ca.pem"))).unwrap();
    let config = roots.client_config(None).unwrap();
    let address = simulator.apns_url.trim_start_matches("https://");
    let tcp = TcpStream::connect(address).await.unwrap();
    let tls = TlsConnector::from(Arc::clone(&config))
        .connect("localhost".try_into().unwrap(), tcp)
        .await
        .unwrap();
    let (sender, mut connection) = h2::client::Builder::new()
        .initial_max_send_streams(0)
        .handshake::<_, bytes::Bytes>(tls)
        .await
        .unwrap();

    // Until the limit is this one.
    let mut limited_to = async |limit: usize| {
        poll_fn(|context| {
            assert!(Pin::new(&mut connection).poll(context).is_pending());
            if connection.max_concurrent_send_streams() == limit {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    };
    limited_to(1).await;

    let mut sender = sender;
    let request = http::Request::post(format!("{}/3/device/aabb", simulator.apns_url))
        .header(
            "authorization",
            format!("Bearer {}", provider_token(directory.path())),
        )
        .header("apns-topic", "com.example.demo")
        .body(())
        .unwrap();
    let (response, mut body) = sender.send_request(request, false).unwrap();
    body.send_data(r#"{"aps":{}}"#.into(), true).unwrap();
    limited_to(1000).await;

    let driving = tokio::spawn(connection);
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let id = response.headers()["apns-id"].to_str().unwrap();
    let id: uuid::Uuid = id.parse().unwrap();
    assert_eq!(id.get_version_num(), 4);
    driving.abort();
    simulator.stop().await;
}

/// Node begins 100 streams before it has read any SETTINGS, and does not repeat what is refused.
#[tokio::test(flavor = "multi_thread")]
async fn apns_takes_streams_that_began_before_the_limit_was_known() {
    let (simulator, directory) = with_files().await;
    let roots = bellwire::transport::Roots::load(Some(&directory.path().join("ca.pem"))).unwrap();
    let config = roots.client_config(None).unwrap();
    let address = simulator.apns_url.trim_start_matches("https://");
    let tcp = TcpStream::connect(address).await.unwrap();
    let tls = TlsConnector::from(Arc::clone(&config))
        .connect("localhost".try_into().unwrap(), tcp)
        .await
        .unwrap();
    let (mut sender, connection) = h2::client::Builder::new()
        .initial_max_send_streams(100)
        .handshake::<_, bytes::Bytes>(tls)
        .await
        .unwrap();

    let authorization = format!("bearer {}", provider_token(directory.path()));
    let mut responses = Vec::new();
    for number in 0..100 {
        let request = http::Request::post(format!("{}/3/device/{number:04}", simulator.apns_url))
            .header("authorization", &authorization)
            .header("apns-topic", "com.example.demo")
            .body(())
            .unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        body.send_data(r#"{"aps":{}}"#.into(), true).unwrap();
        responses.push(response);
    }

    // Only now are SETTINGS read.
    let driving = tokio::spawn(connection);
    for response in responses {
        response.await.unwrap();
    }
    driving.abort();
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apns_allows_more_bytes_for_voip() {
    let (simulator, directory) = with_files().await;
    let client = client(&simulator);
    let push = async |push_type: &str, topic: &str, bytes: usize| {
        let body = json!({"aps": {}, "x": "x".repeat(bytes - r#"{"aps":{},"x":""}"#.len())});
        let answer = client
            .post(format!("{}/3/device/aabb", simulator.apns_url))
            .header(
                "authorization",
                format!("bearer {}", provider_token(directory.path())),
            )
            .header("apns-push-type", push_type)
            .header("apns-topic", topic)
            .body(body.to_string())
            .send()
            .await;
        answer.unwrap().status().as_u16()
    };

    assert_eq!(push("voip", "com.example.demo.voip", 5120).await, 200);
    assert_eq!(push("voip", "com.example.demo.voip", 5121).await, 413);
    assert_eq!(push("alert", "com.example.demo", 4096).await, 200);
    assert_eq!(push("alert", "com.example.demo", 4097).await, 413);
    simulator.stop().await;
}

/// The messages of senders of other services, through Bellwire.
#[tokio::test(flavor = "multi_thread")]
async fn overrides_meet_the_providers_own_rules() {
    let service = World::new().await.start().await;
    let outcome = async |body: Value| {
        let (status, answer) = service.client.post("", &body).await;
        if status != StatusCode::ACCEPTED {
            return status.to_string();
        }
        let id = answer["operationId"].as_str().unwrap();
        let stats = service.client.completed(id).await["stats"].clone();
        if stats["sent"] == 1 { "sent" } else { "failed" }.to_owned()
    };

    let snake_case = json!({"to": [fcm("a")], "content": {"title": "T"},
        "fcm": {"android": {"notification": {"channel_id": "c", "click_action": "A"}}}});
    assert_eq!(outcome(snake_case).await, "sent");

    let voip = json!({"to": [apn("aabb")], "content": {},
        "apn": {"headers": {"apns-push-type": "voip"}, "payload": {"x": "x".repeat(5000)}}});
    assert_eq!(outcome(voip).await, "sent");

    // FCM refuses it, or Bellwire does already.
    let reserved = json!({"to": [fcm("b")], "content": {"title": "T"},
        "fcm": {"android": {"data": {"from": "x"}}}});
    assert_ne!(outcome(reserved).await, "sent");
    service.stop().await;
}

#[test]
fn help_names_the_tokens_that_ask_for_errors() {
    for command in ["dev", "simulate", "simulator"] {
        let help = std::process::Command::new(env!("CARGO_BIN_EXE_bellwire"))
            .args([command, "--help"])
            .output()
            .unwrap();
        let help = String::from_utf8(help.stdout).unwrap();

        for token in ["~UNREGISTERED", "~CODE-2", "0410", "050302"] {
            assert!(help.contains(token), "{token}: {help}");
        }
    }
}
