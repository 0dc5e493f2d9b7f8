//! The service's callers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A caller with a key.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    address: SocketAddr,
    key: String,
    secret: String,
    authorization: String,
}

/// A session of the console.
pub struct Visitor {
    client: reqwest::Client,
    address: SocketAddr,
    cookie: String,
}

impl Visitor {
    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).header("cookie", &self.cookie)
    }

    /// Reads a page to its end.
    pub async fn read(&self, path: &str) -> anyhow::Result<()> {
        let answer = self.get(path).send().await?;
        anyhow::ensure!(answer.status() == 200, "{path}: {}", answer.status());
        answer.bytes().await?;

        Ok(())
    }

    /// Reads a live page until it ends or is aborted.
    pub fn watch(&self, path: &str) -> JoinHandle<()> {
        let request = self.get(path);
        tokio::spawn(async move {
            if let Ok(mut answer) = request.send().await {
                while let Ok(Some(_)) = answer.chunk().await {}
            }
        })
    }
}

impl Api {
    /// For the service at `address`.
    pub fn new(address: SocketAddr, key: &str, secret: &str) -> Self {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{key}:{secret}"));
        Self {
            client: reqwest::Client::new(),
            address,
            key: key.to_owned(),
            secret: secret.to_owned(),
            authorization: format!("Basic {basic}"),
        }
    }

    /// The service's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("http://{}/v1/PushNotifications{path}", self.address);
        let mut request = self
            .client
            .request(method, url)
            .header("authorization", &self.authorization);

        if let Some(body) = body {
            request = request.json(body);
        }

        let response: Response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;

        if !status.is_success() {
            bail!("{path}: {status}: {text}");
        }
        serde_json::from_str(&text).context("not JSON")
    }

    /// `GET`, below the service's root.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// `POST`, below the service's root.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PATCH`, below the service's root.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`, below the service's root; the answer is empty.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("http://{}/v1/PushNotifications{path}", self.address);
        let request = self.client.delete(url);
        let response = request.header("authorization", &self.authorization);

        response.send().await?.error_for_status()?;
        Ok(())
    }

    /// Logs in to the console.
    pub async fn log_in(&self) -> anyhow::Result<Visitor> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let answer = client
            .post(format!("http://{}/console/login", self.address))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("key={}&secret={}", self.key, self.secret))
            .send()
            .await?;
        let cookie = answer
            .headers()
            .get("set-cookie")
            .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
            .context("the login was refused")?
            .to_owned();

        Ok(Visitor {
            client,
            address: self.address,
            cookie,
        })
    }

    /// The answer to a `GET` that is read bit by bit.
    pub async fn stream(&self, path: &str, accept: &str) -> anyhow::Result<Response> {
        let url = format!("http://{}/v1/PushNotifications{path}", self.address);
        let request = self.client.get(url).header("accept", accept);
        let response = request.header("authorization", &self.authorization);

        Ok(response.send().await?.error_for_status()?)
    }

    /// Imports a file of devices as CSV. Returns the import.
    pub async fn import(&self, file: String) -> anyhow::Result<Value> {
        let url = format!(
            "http://{}/v1/PushNotifications/DeviceRegistrations/Import",
            self.address
        );
        let response = self
            .client
            .post(url)
            .header("authorization", &self.authorization)
            .header("content-type", "text/csv")
            .body(file)
            .send()
            .await?;

        serde_json::from_str(&response.text().await?).context("not JSON")
    }

    /// Sends, and returns the Operation's id.
    pub async fn send(&self, body: &Value) -> anyhow::Result<String> {
        let answer = self.post("", body).await?;
        Ok(answer["operationId"]
            .as_str()
            .context("no operationId")?
            .to_owned())
    }

    /// Waits until all of these Operations are completed; every recipient must have been sent to.
    pub async fn completed(&self, operations: &[String], every: Duration) -> anyhow::Result<()> {
        for id in operations {
            loop {
                let operation = self.get(&format!("/Operations/{id}")).await?;
                if operation["status"] == "COMPLETED" {
                    let stats = &operation["stats"];
                    anyhow::ensure!(
                        stats["sent"] == stats["total"],
                        "not all were sent: {stats}"
                    );
                    break;
                }

                tokio::time::sleep(every).await;
            }
        }

        Ok(())
    }

    /// A `POST` as bytes, for a caller that costs next to nothing.
    pub fn post_bytes(&self, body: &Value) -> Vec<u8> {
        self.bytes("POST", "", &body.to_string())
    }

    /// A `GET` as bytes.
    pub fn get_bytes(&self, path: &str) -> Vec<u8> {
        self.bytes("GET", path, "")
    }

    fn bytes(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let address = self.address;
        let authorization = &self.authorization;
        let length = body.len();
        format!(
            "{method} /v1/PushNotifications{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A `POST` of receipts as bytes.
    pub fn receipt_bytes(&self, body: &Value) -> Vec<u8> {
        let address = self.address;
        let body = body.to_string();
        let length = body.len();
        format!(
            "POST /v1/Receipts HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A connection that stays open.
    pub async fn connect(&self) -> anyhow::Result<KeptConnection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(KeptConnection {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }
}

/// An HTTP/1.1 connection that takes one request after another.
pub struct KeptConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl KeptConnection {
    /// Sends a request and reads the whole answer, which must be a success.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();

        let (head, length) = loop {
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the connection was closed"
            );

            if let Some(head) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break (head + 4, content_length(&self.buffer[..head])?);
            }
        };

        while self.buffer.len() < head + length {
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the connection was closed"
            );
        }

        anyhow::ensure!(
            self.buffer.starts_with(b"HTTP/1.1 2"),
            "refused: {}",
            String::from_utf8_lossy(&self.buffer[..head + length])
        );

        Ok(())
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    Ok(value.context("no content-length")?.trim().parse()?)
}

/// A send of the same text to `recipients`.
pub fn message(recipients: &[Value]) -> Value {
    json!({
        "to": recipients,
        "content": {"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"},
        "priority": "HIGH", "sound": "ring",
    })
}

/// Devices that no other call of this has returned for the same `name`.
pub fn devices(provider: &str, name: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({"token": token(provider, name, number), "provider": provider}))
        .collect()
}

/// A token as long as the provider's own.
pub fn token(provider: &str, name: &str, number: usize) -> String {
    let hash = bellwire::crypto::hash_token(&format!("{name} {number}"));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();

    // The simulator takes four digits at the beginning for the answer that the token wants.
    if provider == "APN" {
        format!("a{}", &hex[1..])
    } else {
        format!("{}:APA91b{hex}{hex}", &hex[..22])
    }
}
