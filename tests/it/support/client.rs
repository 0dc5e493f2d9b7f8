//! A client of the API.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::eventually;

/// A client of one account.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
    secret: String,
}

impl Client {
    pub fn new(url: &str, key: &str, secret: &str) -> Self {
        let base = format!("{url}/v1/PushNotifications");
        Self {
            http: reqwest::Client::new(),
            base,
            key: key.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// The service's address.
    pub fn url(&self) -> &str {
        self.base.split_once("/v1/").unwrap().0
    }

    /// A request to `path` below `/v1/PushNotifications`.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .basic_auth(&self.key, Some(&self.secret))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(
            self.request(Method::POST, path)
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Posts under an Idempotency-Key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .request(Method::POST, path)
            .header("Idempotency-Key", key)
            .json(body);
        answer(request.send().await.unwrap()).await
    }

    /// Reads a resource that must exist.
    pub async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Sends a message that must be accepted. Returns the Operation's id.
    pub async fn send(&self, body: &Value) -> String {
        let (status, answer) = self.post("", body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["operationId"].as_str().unwrap().to_owned()
    }

    /// Waits until an Operation is COMPLETED, and returns it.
    pub async fn completed(&self, id: &str) -> Value {
        eventually("the Operation to complete", async || {
            let operation = self.read(&format!("/Operations/{id}")).await;
            assert_adds_up(&operation["stats"]);
            (operation["status"] == "COMPLETED").then_some(operation)
        })
        .await
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str, key: &str, page_size: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut token = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self
                .read(&format!(
                    "{path}{separator}pageSize={page_size}&pageToken={token}"
                ))
                .await;
            items.extend(page[key].as_array().unwrap().iter().cloned());
            match page["pagination"]["next"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => return items,
            }
        }
    }
}

pub async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

/// Asserts that the stats of an Operation add up, as they must at every moment.
pub fn assert_adds_up(stats: &Value) {
    let of = |name: &str| stats[name].as_i64().unwrap();
    let parts = [
        "scheduled",
        "queued",
        "sent",
        "failed",
        "canceled",
        "unaddressable",
    ];
    assert_eq!(
        of("total"),
        parts.iter().map(|name| of(name)).sum::<i64>(),
        "{stats}"
    );
}

/// A recipient.
pub fn fcm(token: &str) -> Value {
    json!({"token": token, "provider": "FCM"})
}

/// A recipient.
pub fn apn(token: &str) -> Value {
    json!({"token": token, "provider": "APN"})
}

/// A send of a short message.
pub fn message(to: &[Value]) -> Value {
    json!({"to": to, "content": {"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"}})
}
