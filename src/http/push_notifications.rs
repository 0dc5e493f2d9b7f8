//! `GET /PushNotifications` and `/PushNotifications/{id}`: what became of each recipient's notification.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::{ApiError, Problem};
use crate::http::pagination::{Page, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::token::masked;
use crate::id::{CredentialId, OperationId, PushNotificationId};
use crate::provider::{Message, Provider};
use crate::store::push_notifications::{self as store, PushNotificationFilter};

const STATUSES: [&str; 5] = ["SCHEDULED", "QUEUED", "SENT", "FAILED", "CANCELED"];

/// The resource without its content, as lists hold it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PushNotification {
    id: PushNotificationId,
    operation_id: OperationId,
    to: Recipient,
    from: Sender,
    status: &'static str,
    created_at: Date,
    updated_at: Date,
}

/// Whom a notification is for. The token is a secret, so only its ends are shown.
#[derive(Serialize)]
pub struct Recipient {
    token: String,
    provider: Provider,
}

impl Recipient {
    /// The device with `token`.
    pub fn new(token: &str, provider: Provider) -> Self {
        Self { token: masked(token), provider }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sender {
    credential_id: CredentialId,
}

/// The resource with what its recipient gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FullPushNotification {
    #[serde(flatten)]
    notification: PushNotification,
    content: Map<String, Value>,
    priority: crate::provider::Priority,
    sound: Option<String>,
    #[serde(flatten)]
    options: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PushNotificationList {
    push_notifications: Vec<PushNotification>,
    pagination: Pagination,
}

impl From<store::PushNotification> for PushNotification {
    fn from(notification: store::PushNotification) -> Self {
        Self {
            id: notification.id(),
            operation_id: notification.operation_id,
            to: Recipient::new(&notification.token, notification.provider),
            from: Sender { credential_id: notification.credential_id },
            status: notification.status_name(),
            created_at: Date(notification.created_at),
            updated_at: Date(notification.updated_at),
        }
    }
}

impl FullPushNotification {
    fn new(notification: store::PushNotification, message: Message) -> Self {
        let content = present([
            ("title", json!(message.title)),
            ("body", json!(message.body)),
            ("image", json!(message.image)),
            ("data", json!(message.data)),
        ]);
        let options = present([
            ("badge", json!(message.badge)),
            ("ttl", json!(message.ttl)),
            ("collapseKey", json!(message.collapse_key)),
            ("fcm", json!(message.fcm)),
            ("apn", json!(message.apn)),
        ]);
        Self { notification: notification.into(), content, priority: message.priority, sound: message.sound, options }
    }
}

fn present<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One notification with its content.
pub async fn fetch(state: web::Data<State>, caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let found = store::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    let (notification, message) = found.ok_or_else(ApiError::not_found)?;
    Ok(HttpResponse::Ok().json(FullPushNotification::new(notification, message)))
}

/// Notifications: those of the newest Operation first, in request order within one.
pub async fn list(request: HttpRequest, state: web::Data<State>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let operation_id = query.id("operationId", OperationId::PREFIX);
    let status = query.filter("status", &format!("one of {}", STATUSES.join(", ")), |text| {
        STATUSES.iter().find(|status| **status == text).copied()
    });
    let provider = query.filter("provider", "APN or FCM", |text| match text {
        "APN" => Some(Provider::Apn),
        "FCM" => Some(Provider::Fcm),
        _ => None,
    });
    let tags = query.filter("tags", "of the form key:value;key:value", tags);
    if query.text("user").is_some() {
        query.problem(Problem::new("user", "can't be filtered by: recipients are tokens"));
    }
    let (from, until) = state.id_range(&mut query);
    let page = Page::of(caller, "pushNotifications", &mut query, &state.master_keys);
    query.check()?;
    let filter = PushNotificationFilter {
        operation_id,
        status,
        provider,
        tags,
        from,
        until,
        after: page.after().and_then(|id| id.parse().ok()),
        limit: page.limit(),
    };
    let mut notifications = store::list(&state.pool, caller.account_id, &filter).await?;
    let pagination = page.cut(&mut notifications, &state.master_keys, |notification| notification.id().to_string());
    let push_notifications = notifications.into_iter().map(PushNotification::from).collect();
    Ok(HttpResponse::Ok().json(PushNotificationList { push_notifications, pagination }))
}

/// `key_1:value;key_2:value;`, as an object.
fn tags(text: &str) -> Option<Value> {
    let pairs = text.split(';').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once(':')?;
        Some((key.to_owned(), Value::from(value)))
    });
    pairs.collect::<Option<Map<_, _>>>().filter(|tags| !tags.is_empty()).map(Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pairs() {
        assert_eq!(tags("a:1;b:2;"), Some(json!({"a": "1", "b": "2"})));
        assert_eq!(tags("a:1"), Some(json!({"a": "1"})));
        assert_eq!(tags("a"), None);
        assert_eq!(tags(";"), None);
    }
}
