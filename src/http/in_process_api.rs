//! The API as the console calls it, within the process: the same routes and handlers, so the same
//! roles, limits and bounds hold, for a person who is logged in.

use actix_http::{Payload, Request};
use actix_web::body::{self, BoxBody};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, dev};
use bytes::Bytes;
use futures_util::stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::VERSION;
use crate::http::auth::LoggedIn;
use crate::http::failure_log;
use crate::http::server::Application;

/// Headers of the browser's request that the API reads.
const PASSED_ON: [HeaderName; 4] = [
    header::HOST,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Marks requests of the console, for the audit log.
pub(super) struct ByConsole;

/// The API of this thread.
#[derive(Clone)]
pub(crate) struct InProcessApi(Application);

/// The API, called for a person who is logged in.
#[derive(Clone)]
pub(crate) struct CallerApi {
    api: InProcessApi,
    logged_in: LoggedIn,
    headers: Vec<(HeaderName, HeaderValue)>,
    peer: Option<std::net::SocketAddr>,
}

/// The API's error: its status and its message, which is for people.
#[derive(Debug, Clone)]
pub(crate) struct CallError {
    pub status: StatusCode,
    pub message: String,
    /// What is wrong, field by field.
    pub problems: Vec<(String, String)>,
}

impl InProcessApi {
    pub(super) fn new(application: Application) -> Self {
        Self(application)
    }

    /// The API for `logged_in`, who made `request`.
    pub(crate) fn of(&self, logged_in: LoggedIn, request: &HttpRequest) -> CallerApi {
        let headers = PASSED_ON
            .into_iter()
            .filter_map(|name| Some((name.clone(), request.headers().get(&name)?.clone())))
            .collect();

        CallerApi {
            api: self.clone(),
            logged_in,
            headers,
            peer: request.peer_addr(),
        }
    }
}

impl CallerApi {
    /// The same, for answers of this media type.
    pub(crate) fn accepting(&self, media_type: &'static str) -> Self {
        let mut api = self.clone();
        api.headers
            .push((header::ACCEPT, HeaderValue::from_static(media_type)));

        api
    }

    /// `GET` of `path` below `/v1/PushNotifications`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        let response = self.call(&Method::GET, path, None).await?;
        let bytes = read(response).await?;

        serde_json::from_slice(&bytes).map_err(|error| CallError::internal(&error))
    }

    /// A change. The answer is empty if the API has none.
    pub(crate) async fn change(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let response = self.call(method, path, body).await?;
        let bytes = read(response).await?;

        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| CallError::internal(&error))
    }

    /// The answer as it is, if it is a success.
    pub(crate) async fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<HttpResponse, CallError> {
        let request = self.request(method, path, body)?;
        let Application(answer) = &self.api.0;
        let response = answer(request).await;

        if response.status().is_success() {
            return Ok(response);
        }
        Err(CallError::of(response).await)
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request, CallError> {
        let bytes = body.map(|body| Bytes::from(body.to_string()));
        let length = bytes.as_ref().map(Bytes::len);
        let payload: dev::Payload = match bytes {
            None => Payload::None,
            Some(bytes) => Payload::Stream {
                payload: Box::pin(stream::iter([Ok::<_, PayloadError>(bytes)])),
            },
        };
        let mut request = Request::with_payload(payload);
        let head = request.head_mut();

        head.method = method.clone();
        head.uri = format!("{VERSION}/PushNotifications{path}")
            .parse::<Uri>()
            // The path has ids from the console's own addresses, which a person may have edited.
            .map_err(|_| CallError::not_found())?;
        head.peer_addr = self.peer;
        for (name, value) in &self.headers {
            head.headers.insert(name.clone(), value.clone());
        }
        // The API refuses a body without a type. With its length, a body can wait for room in the
        // budget.
        if let Some(length) = length {
            let json = HeaderValue::from_static("application/json");
            head.headers.insert(header::CONTENT_TYPE, json);
            let length = HeaderValue::from(length);
            head.headers.insert(header::CONTENT_LENGTH, length);
        }

        request.extensions_mut().insert(self.logged_in.clone());
        request.extensions_mut().insert(ByConsole);
        Ok(request)
    }
}

impl CallError {
    fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: "Not Found".to_owned(),
            problems: Vec::new(),
        }
    }

    pub(crate) fn internal(error: &serde_json::Error) -> Self {
        if failure_log::is_to_be_logged() {
            tracing::error!(%error, "the console can't read an answer of the API");
        }
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "The answer can't be shown. The log has the reason".to_owned(),
            problems: Vec::new(),
        }
    }

    async fn of(response: HttpResponse) -> Self {
        let status = response.status();
        let bytes = read(response).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();

        let problems = body["errors"].as_array().map(|problems| {
            let problem = |problem: &Value| (text(&problem["field"]), text(&problem["message"]));
            problems.iter().map(problem).collect()
        });
        Self {
            status,
            message: text(&body["message"]),
            problems: problems.unwrap_or_default(),
        }
    }
}

async fn read(response: HttpResponse<BoxBody>) -> Result<Bytes, CallError> {
    body::to_bytes(response.into_body())
        .await
        .map_err(|error| CallError {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: error.to_string(),
            problems: Vec::new(),
        })
}
