//! Requests to Bellwire. One that fails in passing is repeated, and a change is repeated under its
//! `Idempotency-Key`, so that it happens once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::timeout;

use crate::client::api_error::{ApiError, Cause, ErrorResponse};
use crate::client::exit::{Failure, Result};
use crate::client::profile::Connection;
use crate::client::retry::{self, FailedAttempt};
use crate::client::screen::Screen;
use crate::transport::{Http1Client, Proxies, RequestError, Roots};

/// How long the head of an answer may take. The longest `wait` of the API is 60 s.
const HEAD_WITHIN: Duration = Duration::from_secs(90);
/// How long the body of an answer may take.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Longest answer that is read whole, in bytes: more than a page of 1,000 records.
const LONGEST: usize = 64 * 1024 * 1024;
/// Records of a page.
const PAGE: usize = 1_000;

/// Asks one Bellwire, with one key.
pub(super) struct Api {
    client: Http1Client,
    connection: Connection,
    screen: Arc<Screen>,
    /// Whether Bellwire has answered this process.
    has_answered: AtomicBool,
}

/// A request. Its body may have device tokens, which must stay out of logs.
#[derive(Clone)]
pub(super) struct Ask {
    method: Method,
    /// Below `/v1/PushNotifications`, with its query.
    path: String,
    body: Bytes,
    content_type: &'static str,
    accept: &'static str,
    idempotency_key: Option<String>,
}

impl Ask {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: Bytes::new(),
            content_type: "application/json",
            accept: "application/json",
            idempotency_key: None,
        }
    }

    /// A change, which is made once however often it is sent.
    pub(super) fn post(
        path: impl Into<String>,
        body: impl Into<Bytes>,
        key: impl Into<String>,
    ) -> Self {
        Self {
            method: Method::POST,
            body: body.into(),
            idempotency_key: Some(key.into()),
            ..Self::get(path)
        }
    }

    /// A change of some fields of a resource, which is made once however often it is sent.
    pub(super) fn patch(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::PATCH,
            ..Self::post(path, body, new_key())
        }
    }

    /// With a body of this type in place of JSON.
    pub(super) fn of_type(self, content_type: &'static str) -> Self {
        Self {
            content_type,
            ..self
        }
    }

    pub(super) fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

/// The attempts of one request.
struct Attempts {
    began: Instant,
    count: u32,
}

impl Attempts {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            count: 0,
        }
    }
}

/// A new `Idempotency-Key`.
pub(super) fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Api {
    pub(super) fn new(connection: Connection, screen: Arc<Screen>) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
        let proxies = Proxies::from_environment(|name| std::env::var(name).ok())
            .map_err(|error| Failure::usage(format!("HTTPS_PROXY {error}")))?;

        // A machine without any authorities can still speak plain HTTP.
        let is_tls = connection.url.starts_with("https:");
        let roots = if is_tls {
            Roots::load(None).map_err(|error| failed(&error))?
        } else {
            Roots::none()
        };
        let client = Http1Client::new(&roots).map_err(|error| failed(&error))?;

        Ok(Self {
            client: client.through(proxies),
            connection,
            screen,
            has_answered: AtomicBool::new(false),
        })
    }

    /// Gets a resource.
    pub(super) async fn get(&self, path: impl Into<String>) -> Result<Value> {
        self.json(&Ask::get(path)).await
    }

    /// Makes a change, and returns the answer; null if it has no body.
    pub(super) async fn post(
        &self,
        path: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Result<Value> {
        self.json(&Ask::post(path, body, new_key())).await
    }

    /// The answer to a request, which is JSON or empty.
    pub(super) async fn json(&self, ask: &Ask) -> Result<Value> {
        self.try_json(ask).await.map_err(ApiError::into_failure)
    }

    /// As [`Self::json`], with what the answer says about the request.
    pub(super) async fn try_json(&self, ask: &Ask) -> std::result::Result<Value, ApiError> {
        let mut attempts = Attempts::begin();
        let mut is_ambiguous = false;
        loop {
            let error = match self.json_once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };

            // The last attempt may find a closed port, and an earlier one may have been accepted.
            is_ambiguous |= error.is_ambiguous();
            self.pause_after(error, &mut attempts)
                .await
                .map_err(|error| error.or_ambiguous(is_ambiguous))?;
        }
    }

    /// Opens an answer that is read as it comes. It is asked for once.
    pub(super) async fn open_once(
        &self,
        ask: &Ask,
    ) -> std::result::Result<Response<Incoming>, ApiError> {
        let request = self.request(ask)?;

        let response = timeout(HEAD_WITHIN, self.client.send(request)).await;
        let response = response
            .map_err(|_| self.lost(format!("no answer within {} s", HEAD_WITHIN.as_secs())))?
            .map_err(|error| self.failed(error))?;
        if response.status().is_success() {
            // Only a success shows that this is Bellwire. Another program at a wrong address has
            // errors too.
            self.has_answered.store(true, Ordering::Relaxed);
            return Ok(response);
        }

        let status = response.status();
        let headers = response.headers().clone();
        // If the body breaks off, the status alone decides.
        let body = self.whole(response).await.unwrap_or_default();
        let response = ErrorResponse {
            status,
            headers: &headers,
            body: &body,
            url: &self.connection.url,
            source: &self.connection.source,
        };
        Err(response.error())
    }

    /// As [`Self::open_once`], and asks again while that may help.
    pub(super) async fn open(&self, ask: &Ask) -> Result<Response<Incoming>> {
        let mut attempts = Attempts::begin();
        loop {
            match self.open_once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self
                    .pause_after(error, &mut attempts)
                    .await
                    .map_err(ApiError::into_failure)?,
            }
        }
    }

    /// The text at another address, which gets no key.
    pub(super) async fn text_at(&self, url: &str) -> Result<String> {
        // One attempt: `top` reads the metrics again at its next update.
        let failed = |reason: &dyn std::fmt::Display| Failure::failed(format!("{url}: {reason}"));

        let request = Request::get(url)
            .body(Bytes::new())
            .map_err(|error| failed(&error))?;
        let response = timeout(HEAD_WITHIN, self.client.send(request))
            .await
            .map_err(|_| failed(&"no answer"))?
            .map_err(|error| failed(&error.reason()))?;
        let status = response.status();
        let body = self
            .whole(response)
            .await
            .map_err(|reason| failed(&reason))?;
        if !status.is_success() {
            return Err(failed(&format_args!("it answers {status}")));
        }

        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// A list, page by page. `name` is that of the list in an answer.
    pub(super) fn pages<'a>(&'a self, path: &str, query: &Query, name: &'static str) -> Pages<'a> {
        Pages {
            api: self,
            path: path.to_owned(),
            query: query.clone(),
            name,
            size: PAGE,
            token: None,
            is_over: false,
        }
    }

    async fn json_once(&self, ask: &Ask) -> std::result::Result<Value, ApiError> {
        let response = self.open_once(ask).await?;

        let body = self
            .whole(response)
            .await
            .map_err(|reason| self.lost(reason))?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        // Not repeated: the login page of a proxy is a 200 with HTML, and would come again.
        serde_json::from_slice(&body).map_err(|_| {
            refused(format!(
                "{} answers something that is not JSON: check the address, and the proxies in between",
                self.connection.url
            ))
        })
    }

    async fn whole(&self, response: Response<Incoming>) -> std::result::Result<Bytes, String> {
        let body = Limited::new(response.into_body(), LONGEST).collect();
        let body = timeout(BODY_WITHIN, body).await;

        match body {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(_)) => Err("the answer broke off".to_owned()),
            Err(_) => Err(format!(
                "the answer took longer than {} s",
                BODY_WITHIN.as_secs()
            )),
        }
    }

    /// Waits before the next attempt. Fails with `error` if there must be none.
    async fn pause_after(
        &self,
        error: ApiError,
        attempts: &mut Attempts,
    ) -> std::result::Result<(), ApiError> {
        attempts.count += 1;
        let ApiError::Temporary {
            reason,
            retry_after,
            cause,
            ..
        } = &error
        else {
            return Err(error);
        };

        // A wrong address looks like a Bellwire that restarts, until Bellwire has answered once.
        let is_known = *cause != Cause::Unreachable || self.has_answered.load(Ordering::Relaxed);
        let failed = FailedAttempt {
            elapsed: attempts.began.elapsed(),
            attempts: attempts.count,
            retry_after: *retry_after,
            give_up_after: match (*cause, is_known) {
                (Cause::Throttled, _) => retry::THROTTLED,
                (_, true) => retry::KNOWN,
                (_, false) => retry::UNKNOWN,
            },
        };
        let Some(wait) = failed.wait(rand::random()) else {
            return Err(error);
        };

        // Once for each request. An unknown address is given up after 3 s, with the same reason.
        if attempts.count == 1 && is_known {
            let seconds = failed.give_up_after.as_secs();
            self.screen
                .note(&format!("{reason}; trying again for up to {seconds} s"));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn request(&self, ask: &Ask) -> std::result::Result<Request<Bytes>, ApiError> {
        let address = format!("{}/v1/PushNotifications{}", self.connection.url, ask.path);
        let credentials = format!(
            "{}:{}",
            self.connection.key,
            self.connection.secret.expose_secret()
        );

        let mut request = Request::builder()
            .method(&ask.method)
            .uri(address)
            .header(
                header::AUTHORIZATION,
                format!("Basic {}", STANDARD.encode(credentials)),
            )
            .header(header::ACCEPT, ask.accept)
            .header(
                header::USER_AGENT,
                concat!("bellwire/", env!("CARGO_PKG_VERSION")),
            );
        if !ask.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, ask.content_type);
        }
        if let Some(key) = &ask.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }

        request
            // A reference to the same memory: a repeat copies no recipients.
            .body(ask.body.clone())
            .map_err(|error| refused(format!("the request is not valid: {error}")))
    }

    fn failed(&self, error: RequestError) -> ApiError {
        match error {
            RequestError::Address(_) => refused(error.to_string()),
            RequestError::Http(_) => self.lost(error.reason()),
            error => self.unreachable(error.reason(), false),
        }
    }

    /// The request was sent, and its answer did not come.
    fn lost(&self, reason: impl std::fmt::Display) -> ApiError {
        self.unreachable(reason, true)
    }

    fn unreachable(&self, reason: impl std::fmt::Display, is_ambiguous: bool) -> ApiError {
        ApiError::Temporary {
            reason: format!("{}: {reason}", self.connection.url),
            retry_after: None,
            cause: Cause::Unreachable,
            is_ambiguous,
        }
    }
}

/// A repeat would not help.
fn refused(message: String) -> ApiError {
    ApiError::Permanent {
        failure: Failure::failed(message),
        status: None,
        problems: Vec::new(),
    }
}

/// A list that is read page by page.
pub(super) struct Pages<'a> {
    api: &'a Api,
    path: String,
    query: Query,
    name: &'static str,
    size: usize,
    token: Option<String>,
    is_over: bool,
}

impl Pages<'_> {
    /// At most this many records of a page.
    pub(super) fn of(mut self, size: usize) -> Self {
        // `--all` asks for as many as there are, and the API takes 1 to 1,000.
        self.size = size.clamp(1, PAGE);
        self
    }

    /// Up to `most` records of the list.
    pub(super) async fn first(mut self, most: usize) -> Result<Vec<Value>> {
        let mut records = Vec::new();
        while records.len() < most
            && let Some(page) = self.next().await?
        {
            records.extend(page);
        }

        records.truncate(most);
        Ok(records)
    }

    /// The next page, which may be empty; `None`: there is no other.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Value>>> {
        if self.is_over {
            return Ok(None);
        }

        // With all filters on each page, because Bellwire binds the token of a page to them.
        let mut query = self.query.clone();
        query.add("pageSize", &self.size.to_string());
        if let Some(token) = &self.token {
            query.add("pageToken", token);
        }
        let mut page = self.api.get(format!("{}{query}", self.path)).await?;

        // Only null ends a list.
        self.token = page["pagination"]["next"].as_str().map(str::to_owned);
        self.is_over = self.token.is_none();
        match page[self.name].take() {
            Value::Array(records) => Ok(Some(records)),
            _ => Err(Failure::failed(format!(
                "the answer has no {}: check the address, and the proxies in between",
                self.name
            ))),
        }
    }
}

/// The parameters of a request, which begin with a `?` when they are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub(super) fn add(&mut self, name: &'static str, value: &str) {
        self.0.push((name, value.to_owned()));
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }

        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&self.0);
        write!(formatter, "?{}", encoded.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded() {
        let mut query = Query::default();
        assert_eq!(query.to_string(), "");

        query.add("tags", "tier:gold;lang:et");
        query.add("pageToken", "a b&c");
        assert_eq!(
            query.to_string(),
            "?tags=tier%3Agold%3Blang%3Aet&pageToken=a+b%26c"
        );
    }
}
