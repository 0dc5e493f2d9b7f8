//! Connections as other people's clients and proxies use them, and as attackers do, over raw
//! sockets.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode, Version};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::{Client, answer, fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World};

/// More than any connection of a test may last that is to be closed.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(service.app.addresses[0]).await.unwrap()
}

/// Waits until the server has closed a connection, and returns what it sent before.
async fn closed(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    // A reset is an end as well.
    let _ = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("the connection is not closed");

    String::from_utf8_lossy(&received).into_owned()
}

struct RawAnswer {
    head: String,
    body: Vec<u8>,
}

impl RawAnswer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Writes a request, and reads its answer. `has_body` is false for `HEAD`.
async fn exchange(stream: &mut TcpStream, request: &str, has_body: bool) -> RawAnswer {
    stream.write_all(request.as_bytes()).await.unwrap();

    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the connection was closed"));
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);

    let mut body = vec![0; if has_body { length } else { 0 }];
    stream.read_exact(&mut body).await.unwrap();
    RawAnswer { head, body }
}

/// The head of a request of the account `demo`, without its last line.
fn head(caller: &(String, String), line: &str) -> String {
    let authorization = STANDARD.encode(format!("{}:{}", caller.0, caller.1));

    format!("{line} HTTP/1.1\r\nHost: push.example\r\nAuthorization: Basic {authorization}\r\n")
}

/// A service, and the key and secret of its account `demo`.
async fn started(world: World) -> (Service, (String, String)) {
    let caller = world.demo().await;
    let service = world.start_for(&caller.0, &caller.1).await;
    (service, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_to_upgrade_is_ignored_and_the_connection_kept() {
    let (service, caller) = started(World::new().await).await;
    let body = message(&[fcm("a-device")]).to_string();

    for offer in [
        // Java's HttpClient.
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: keep-alive, upgrade\r\nUpgrade: TLS/1.0, something/2\r\n",
        "Upgrade: h2c\r\n",
    ] {
        let mut stream = connect(&service).await;
        for _ in 0..3 {
            let head = head(&caller, "POST /v1/PushNotifications");
            let length = body.len();
            let request = format!(
                "{head}{offer}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let answer = exchange(&mut stream, &request, true).await;

            assert_eq!(answer.status(), 202, "{offer}: {}", answer.head);
            assert!(!answer.head.contains("connection:"), "{}", answer.head);
            assert!(!answer.head.contains("upgrade"), "{}", answer.head);
        }
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_badly_chunked_is_refused_in_words_for_people() {
    let (service, caller) = started(World::new().await).await;
    let mut stream = connect(&service).await;

    let head = head(&caller, "POST /v1/PushNotifications");
    let request =
        format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    let answer = exchange(&mut stream, &request, true).await;

    assert_eq!(answer.status(), 400, "{}", answer.head);
    let body = String::from_utf8(answer.body).unwrap();
    assert!(body.contains("is not chunked as HTTP/1.1 has it"), "{body}");
    assert!(!body.contains("hyper"), "{body}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_wherever_get_is() {
    let (service, caller) = started(World::new().await).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    // So that both answers are about the same state.
    service.client.completed(&id).await;
    let mut stream = connect(&service).await;

    for path in [
        "/v1/PushNotifications",
        "/v1/PushNotifications/Operations",
        "/v1/PushNotifications/Apps/demo",
        "/openapi.json",
        "/docs/",
        "/docs/swagger-ui.css",
    ] {
        let get = head(&caller, &format!("GET {path}"));
        let get = exchange(&mut stream, &format!("{get}\r\n"), true).await;
        let head = head(&caller, &format!("HEAD {path}"));
        let head = exchange(&mut stream, &format!("{head}\r\n"), false).await;

        assert_eq!((get.status(), head.status()), (200, 200), "{path}");
        assert!(!get.body.is_empty());
        let length = format!("content-length: {}", get.body.len());
        assert!(head.head.contains(&length), "{path}: {}", head.head);
    }

    // A stream has no length.
    let path = format!("/v1/PushNotifications/Operations/{id}/Stream");
    let request = head(&caller, &format!("HEAD {path}"));
    let answer = exchange(&mut stream, &format!("{request}\r\n"), false).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.head.contains("text/event-stream"), "{}", answer.head);
    let unknown = head(&caller, &format!("HEAD {path}x"));
    let answer = exchange(&mut stream, &format!("{unknown}\r\n"), false).await;
    assert_eq!(answer.status(), 404);

    let metrics = format!("http://{}/metrics", service.app.metrics_addresses[0]);
    let answer = reqwest::Client::new().head(metrics).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    // A health check ends its connection.
    for path in ["/healthz", "/readyz"] {
        let mut stream = connect(&service).await;
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = exchange(&mut stream, &request, false).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(closed(stream).await, "");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_to_clients_that_begin_with_it() {
    let (service, caller) = started(World::new().await).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();

    let url = format!("{}/v1/PushNotifications", service.url);
    let sends = (0..200).map(|number| {
        client
            .post(&url)
            .basic_auth(&caller.0, Some(&caller.1))
            .json(&message(&[fcm(&format!("device-{number}"))]))
            .send()
    });
    for answer in futures_util::future::join_all(sends).await {
        let answer = answer.unwrap();
        assert_eq!(answer.version(), Version::HTTP_2);
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&url), "{location}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_holds_its_connection_for_a_while_only() {
    let mut world = World::new().await;
    world.config.server.head_timeout = Duration::from_millis(500);
    world.config.server.keep_alive = Duration::from_secs(2);
    let (service, caller) = started(world).await;

    let silent = connect(&service).await;
    let mut half = connect(&service).await;
    half.write_all(b"POST /v1/PushNotifications HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    // The second head of a connection has no more time than the first.
    let mut second = connect(&service).await;
    let get = head(&caller, "GET /v1/PushNotifications/Apps");
    exchange(&mut second, &format!("{get}\r\n"), true).await;
    second.write_all(get.as_bytes()).await.unwrap();
    // One that asks for nothing more is closed as well.
    let mut idle = connect(&service).await;
    exchange(&mut idle, &format!("{get}\r\n"), true).await;

    for stream in [silent, half, second, idle] {
        assert_eq!(closed(stream).await, "");
    }
    assert_eq!(service.client.get("/Apps").await.0, StatusCode::OK);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answer_is_disconnected() {
    let mut world = World::new().await;
    world.config.server.write_timeout = Duration::from_millis(500);
    let (service, _) = started(world).await;

    // Far more than fits into the buffers of the sockets.
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(16);
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&service).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }

    for mut stream in streams {
        let is_closed = async || {
            // A write to a connection that was reset fails.
            stream.write_all(b"GET").await.err()
        };
        eventually("the connection to be reset", is_closed).await;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_has_a_part_of_the_connections_and_health_checks_have_room() {
    let mut world = World::new().await;
    world.config.server.max_connections = 4;
    world.config.server.max_connections_per_source = 0;
    let (service, _) = started(world).await;
    let url = service.url.clone();

    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(&service).await;
        stream.write_all(b"GET /v1").await.unwrap();
        held.push(stream);
    }

    eventually("the limit to be reached", async || {
        let refused = reqwest::get(format!("{url}/openapi.json")).await.is_err();
        refused.then_some(())
    })
    .await;
    for path in ["/healthz", "/readyz"] {
        let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    drop(held);
    eventually("room for others", async || {
        let answer = reqwest::get(format!("{url}/openapi.json")).await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_wait_for_room_within_the_share_of_their_account() {
    let mut world = World::new().await;
    world.config.server.max_body_size = 1 << 20;
    world.config.limits.body_bytes_per_account = 2 << 20;
    world.config.limits.body_bytes = 3 << 20;
    let (service, caller) = started(world).await;
    let (account_id, key, secret) = service.world.account("other").await;
    let content = service.world.simulator.fcm_credential();
    let kind = bellwire::model::provider::CredentialType::Fcm;
    service.world.credential(account_id, kind, &content).await;
    let other = Client::new(&service.url, &key, &secret);

    // Two bodies of the greatest size that never arrive.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&service).await;
        let head = head(&caller, "POST /v1/PushNotifications");
        let request = format!(
            "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
            1 << 20
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }

    let refused = eventually("the share to be used up", async || {
        let request = service
            .client
            .request(Method::POST, "")
            .json(&message(&[fcm("a")]));
        let answer = request.send().await.unwrap();
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    let (_, error) = answer(refused).await;
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("limits.body_bytes_per_account"), "{error}");

    // Another account has a share of its own.
    let (status, error) = other.post("", &message(&[fcm("a")])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");

    // One that waits gets the room of one that leaves.
    let waiting = tokio::spawn({
        let client = service.client.clone();
        async move { client.post("", &message(&[fcm("a")])).await.0 }
    });
    drop(held);
    assert_eq!(waiting.await.unwrap(), StatusCode::ACCEPTED);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_refused_unread_gets_its_answer() {
    let mut world = World::new().await;
    world.config.server.max_body_size = 100_000;
    let (service, caller) = started(world).await;

    let mut stream = connect(&service).await;
    let head = head(&caller, "POST /v1/PushNotifications");
    let request = format!(
        "{head}Content-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{}",
        "x".repeat(4_000_000)
    );
    let answer = exchange(&mut stream, &request, true).await;

    assert_eq!(answer.status(), 413, "{}", answer.head);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let (service, _) = started(World::new().await).await;

    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let mut stream = connect(&service).await;
        let request = format!("GET /openapi.json HTTP/1.1\r\n{hosts}\r\n");
        let answer = exchange(&mut stream, &request, true).await;
        assert_eq!(answer.status(), 400, "{hosts}");
    }
    service.stop().await;
}

/// A client of Java's standard library, which offers `Upgrade: h2c` with every request.
const JAVA: &str = r#"
import java.net.URI;
import java.net.http.*;
import java.util.Base64;

public class Sends {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        String key = Base64.getEncoder().encodeToString(arguments[1].getBytes());
        String body = "{\"to\": [{\"token\": \"java\", \"provider\": \"FCM\"}], \"content\": {\"body\": \"b\"}}";
        int accepted = 0;
        for (int number = 0; number < 500; number++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Authorization", "Basic " + key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
            if (client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode() == 202) accepted++;
        }
        System.out.println("accepted " + accepted);
    }
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn javas_client_loses_no_request() {
    let has_java = tokio::process::Command::new("javac")
        .arg("-version")
        .output()
        .await
        .is_ok_and(|output| output.status.success());
    if !has_java {
        return;
    }
    let (service, caller) = started(World::new().await).await;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("Sends.java");
    std::fs::write(&source, JAVA).unwrap();

    let output = tokio::process::Command::new("java")
        .arg(&source)
        .arg(format!("{}/v1/PushNotifications", service.url))
        .arg(format!("{}:{}", caller.0, caller.1))
        .output()
        .await
        .unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.trim(), "accepted 500", "{errors}");
    let stored: i64 = sqlx::query_scalar("select count(*) from operations")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert_eq!(stored, 500);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_headers_against_misuse() {
    let (service, caller) = started(World::new().await).await;
    let api = "/v1/PushNotifications";
    let send = message(&[fcm("a-device")]);
    let mut validation = send.clone();
    validation["validateOnly"] = json!(true);

    for (method, path, body, status) in [
        (Method::GET, "/v1/PushNotifications/Apps", None, 200),
        (Method::POST, api, Some(validation), 200),
        (Method::POST, api, Some(send), 202),
        (Method::POST, api, Some(json!({"to": 1})), 400),
        (Method::GET, "/v1/PushNotifications/Apps/none", None, 404),
        (Method::GET, "/nothing", None, 404),
        (Method::DELETE, api, None, 405),
        (Method::GET, "/openapi.json", None, 200),
        (Method::GET, "/healthz", None, 200),
        (Method::GET, "/readyz", None, 200),
    ] {
        let mut request = reqwest::Client::new()
            .request(method.clone(), format!("{}{path}", service.url))
            .basic_auth(&caller.0, Some(&caller.1));
        if let Some(body) = body {
            request = request.json(&body);
        }

        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(answer.headers()[name], value, "{method} {path}: {name}");
        }
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
    }

    for path in ["/docs/", "/console/login"] {
        let page = reqwest::get(format!("{}{path}", service.url)).await;
        let headers = page.unwrap().headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
    }

    // A request that no route sees.
    let mut stream = connect(&service).await;
    let refused = exchange(&mut stream, "GET /nothing HTTP/1.1\r\n\r\n", true).await;
    assert_eq!(refused.status(), 400);
    let expected = "x-content-type-options: nosniff";
    assert!(refused.head.contains(expected), "{}", refused.head);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_can_be_left_out() {
    let mut world = World::new().await;
    world.config.server.docs = false;
    let (service, _) = started(world).await;

    for path in ["/openapi.json", "/docs/", "/docs"] {
        let answer = reqwest::get(format!("{}{path}", service.url))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(service.client.get("/Apps").await.0, StatusCode::OK);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_404_of_a_near_miss_names_the_right_path() {
    let (service, _) = started(World::new().await).await;

    for (path, hint) in [
        ("/", "The API is at /v1/PushNotifications"),
        (
            "/v1/PushNotifications/",
            "Did you mean /v1/PushNotifications?",
        ),
        (
            "/PushNotifications/Apps",
            "Did you mean /v1/PushNotifications/Apps?",
        ),
        (
            "/v1/PushNotifications/Operations/",
            "Did you mean /v1/PushNotifications/Operations?",
        ),
    ] {
        let url = format!("{}{path}", service.url);
        let (status, error) = answer(reqwest::get(url).await.unwrap()).await;
        assert_eq!(
            (status, &error["code"]),
            (StatusCode::NOT_FOUND, &json!(20404))
        );
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(hint), "{path}: {text}");
    }
    service.stop().await;
}
