//! A caller's trace continues in spans, which are exported by OTLP, and in the logs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use nix::sys::signal::Signal;
use reqwest::Method;

use crate::support::client::{Client, fcm, message};
use crate::support::process::Process;
use crate::support::service::World;

/// A server that takes one request after another. Returns its address, and the path and body of
/// each request.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut path = String::new();
            let mut length = 0;
            for line in reader
                .by_ref()
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
            {
                if let Some(rest) = line.strip_prefix("POST ") {
                    rest.split(' ').next().unwrap().clone_into(&mut path);
                } else if let Some(value) =
                    line.to_ascii_lowercase().strip_prefix("content-length:")
                {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // Before the answer: the service waits for that before it ends.
            if sender.send((path, body)).is_err() {
                return;
            }
            let _ = (&stream)
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, receiver)
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_continues_in_spans_and_logs() {
    let (endpoint, spans) = collector();
    let world = World::new().await;
    let caller = world.demo().await;
    let environment = [
        ("BELLWIRE__TRACES__ENDPOINT", endpoint),
        // No other request is traced, so every span is of the caller's trace.
        ("BELLWIRE__TRACES__RATIO", "0.0".to_owned()),
        ("BELLWIRE__LOG__FORMAT", "json".to_owned()),
        ("BELLWIRE__LOG__LEVEL", "bellwire=debug".to_owned()),
    ];
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = "b7ad6b7169203331";
    let send = client
        .request(Method::POST, "")
        .json(&message(&[fcm("a-device")]));
    let send = send
        .header("traceparent", format!("00-{trace}-{parent}-01"))
        .header("X-Request-Id", "caller-7");
    assert_eq!(send.send().await.unwrap().status(), 202);

    client
        .request(Method::GET, "/Apps")
        .header("traceparent", "not-one")
        .send()
        .await
        .unwrap();
    // Who has no valid key does not decide what is traced.
    let strangers_trace = "1af7651916cd43dd8448eb211c80319c";
    let stranger = Client::new(client.url(), &caller.0, "guessed");
    stranger
        .request(Method::GET, "/Apps")
        .header("traceparent", format!("00-{strangers_trace}-{parent}-01"))
        .send()
        .await
        .unwrap();
    process.logged(trace).await;
    let line = process
        .log()
        .lines()
        .find(|line| line.contains(trace))
        .unwrap()
        .to_owned();
    assert!(line.contains("caller-7"), "{line}");

    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await.code(), Some(0));

    // The process exports all spans before it ends.
    let sent: Vec<(String, Vec<u8>)> = spans.try_iter().collect();
    assert!(!sent.is_empty(), "no span was sent");

    let bytes = |id: &str| {
        (0..id.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap())
            .collect()
    };
    let trace: Vec<u8> = bytes(trace);
    let parent: Vec<u8> = bytes(parent);

    for (path, body) in &sent {
        assert_eq!(path, "/v1/traces");
        for part in [
            &trace[..],
            &parent,
            b"bellwire",
            b"/v1/PushNotifications",
            b"caller-7",
        ] {
            assert!(contains(body, part), "{}", String::from_utf8_lossy(part));
        }
        assert!(
            !contains(body, b"/Apps"),
            "a request without a trace, or without a key"
        );
        assert!(!contains(body, b"a-device"), "a token is a secret");
    }
    world.simulator.stop().await;
}
