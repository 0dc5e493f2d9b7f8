//! A receiver of webhooks on a real socket. Each test sets its behaviour.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::eventually;

/// How requests are answered.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With this status.
    Status(u16),
    /// With this status and header line.
    Header(u16, String),
    /// The first ones with this status, the others with 200.
    FirstWith(u16, usize),
    /// The first one with 503 and `Retry-After: 600`, the others half a second later with 500.
    FirstBusy,
    /// Never.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// With 200, after this time.
    Slow(Duration),
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// Ends when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let behaviour = Arc::new(Mutex::new(Behaviour::Status(200)));

        let accepting = tokio::spawn({
            let received = Arc::clone(&received);
            let behaviour = Arc::clone(&behaviour);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let serving = serve(stream, Arc::clone(&received), Arc::clone(&behaviour));
                    tokio::spawn(serving);
                }
            }
        });

        Self {
            address,
            received,
            behaviour,
            accepting,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until `count` requests have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests to the webhook"), async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }

    /// Waits for a message of this event, and returns the first.
    pub async fn wait_for_event(&self, event: &str) -> Received {
        eventually(event, async || {
            let received = self.received();
            received
                .into_iter()
                .find(|message| message.json()["type"] == event)
        })
        .await
    }

    /// The notifications that messages of this event reported, by id, each as it was reported last.
    pub fn notifications(&self, event: &str) -> HashMap<String, Value> {
        let mut reported = HashMap::new();
        for message in self.received() {
            let body = message.json();
            if body["type"] != event {
                continue;
            }
            for part in body["data"].as_array().unwrap() {
                for notification in part["notifications"].as_array().unwrap() {
                    let id = notification["id"].as_str().unwrap().to_owned();
                    reported.insert(id, notification.clone());
                }
            }
        }
        reported
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Whether one of its signatures was made with `secret`, as Standard Webhooks describes.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = format!(
            "{}.{}.{}",
            self.id(),
            self.headers["webhook-timestamp"],
            self.body
        );

        self.headers["webhook-signature"]
            .split(' ')
            .any(|signature| {
                let bytes = signature
                    .strip_prefix("v1,")
                    .and_then(|text| STANDARD.decode(text).ok());
                bytes.is_some_and(|bytes| hmac::verify(&key, signed.as_bytes(), &bytes).is_ok())
            })
    }
}

async fn serve(
    mut stream: TcpStream,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let number = {
        let mut received = received.lock().unwrap();
        received.push(request);
        received.len()
    };

    let behaviour = behaviour.lock().unwrap().clone();
    let (status, header) = match behaviour {
        Behaviour::Status(status) => (status, String::new()),
        Behaviour::Header(status, header) => (status, format!("{header}\r\n")),
        Behaviour::FirstWith(status, count) if number <= count => (status, String::new()),
        Behaviour::FirstWith(..) => (200, String::new()),
        Behaviour::FirstBusy if number == 1 => (503, "Retry-After: 600\r\n".to_owned()),
        Behaviour::FirstBusy => {
            tokio::time::sleep(Duration::from_millis(500)).await;
            (500, String::new())
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Close => return,
        Behaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            (200, String::new())
        }
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\n{header}Content-Length: 8\r\nConnection: close\r\n\r\nanswered"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes) {
            return Some(request);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The request, if all of it is there.
fn parse(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;

    (body.len() >= length).then(|| Received {
        path,
        headers,
        body: body.to_owned(),
    })
}
