//! One notification: what became of it, attempt by attempt, and what to do about it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::advice::{self, Attempted, Known};
use crate::console::caller::Caller;
use crate::console::format::{self, Timestamp};
use crate::console::operation::Recipient;
use crate::console::operations::WaitingFor;
use crate::console::page::{self, Frame, PageError, View, path_part};

/// A notification, as lists hold it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    pub id: String,
    pub operation_id: String,
    pub to: Recipient,
    pub status: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default)]
    pub waiting_for: Option<WaitingFor>,
    #[serde(default)]
    pub error: Option<NotificationError>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct NotificationError {
    pub code: String,
    #[serde(default)]
    pub message: Option<String>,
}

/// A notification with its content.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    #[serde(flatten)]
    notification: Notification,
    #[serde(default)]
    content: Map<String, Value>,
    #[serde(default)]
    delivered_at: Option<Timestamp>,
    #[serde(default)]
    opened_at: Option<Timestamp>,
    #[serde(default)]
    dismissed_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttemptList {
    delivery_attempts: Vec<Attempt>,
}

/// A request to a provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub number: i64,
    pub provider: String,
    pub token: String,
    pub outcome: String,
    pub http_status: Option<i64>,
    pub provider_message_id: Option<String>,
    pub error: Option<AttemptError>,
    pub duration_ms: i64,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AttemptError {
    pub code: Option<String>,
    pub message: Option<String>,
}

impl Attempt {
    pub(super) fn outcome_shown(&self) -> String {
        format::status(&self.outcome)
    }

    pub(super) fn advice(&self) -> &'static str {
        advice::on_attempt(&self.attempted())
    }

    fn attempted(&self) -> Attempted<'_> {
        let error = self.error.as_ref();

        Attempted {
            outcome: &self.outcome,
            code: error.and_then(|error| error.code.as_deref()),
            message: error.and_then(|error| error.message.as_deref()),
        }
    }

    /// The colour of its point.
    pub(super) fn kind(&self) -> &'static str {
        match self.outcome.as_str() {
            "ACCEPTED" => "sent",
            "THROTTLED" | "UNAVAILABLE" | "AMBIGUOUS" => "warn",
            _ => "failed",
        }
    }
}

impl Notification {
    pub(super) fn status_shown(&self) -> String {
        format::status(&self.status)
    }

    /// What became of it.
    pub(super) fn verdict(&self, attempts: &[Attempt]) -> &'static str {
        advice::verdict(&self.known(attempts))
    }

    /// What to do about it.
    pub(super) fn advice(&self, attempts: &[Attempt]) -> &'static str {
        advice::what_to_do(&self.known(attempts))
    }

    fn known<'a>(&'a self, attempts: &'a [Attempt]) -> Known<'a> {
        Known {
            status: &self.status,
            code: self.error.as_ref().map(|error| error.code.as_str()),
            last: attempts.last().map(Attempt::attempted),
            is_waiting: self.waiting_for.is_some(),
        }
    }
}

#[derive(Template)]
#[template(path = "console/notification.html")]
struct NotificationPage {
    frame: Frame,
    notification: Notification,
    title: String,
    body: String,
    content: String,
    attempts: Vec<Attempt>,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    dismissed_at: Option<Timestamp>,
}

pub(super) async fn show(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let path = format!("/{}", path_part(&id));
    let whole: Whole = caller.api.get(&path).await?;
    let attempts = attempts(&caller, &whole.notification.id).await?;

    let text = |name: &str| {
        let text = whole.content.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let page = NotificationPage {
        frame: Frame::new(&caller, View::People, "Notification"),
        title: text("title"),
        body: text("body"),
        content: serde_json::to_string_pretty(&whole.content).unwrap_or_default(),
        attempts,
        delivered_at: whole.delivered_at,
        opened_at: whole.opened_at,
        dismissed_at: whole.dismissed_at,
        notification: whole.notification,
    };
    page::html(StatusCode::OK, &page)
}

/// The first attempts of a notification; few have more.
pub(super) async fn attempts(caller: &Caller, id: &str) -> Result<Vec<Attempt>, PageError> {
    let path = format!("/{}/DeliveryAttempts?pageSize=100", path_part(id));
    let list: AttemptList = caller.api.get(&path).await?;

    Ok(list.delivery_attempts)
}
