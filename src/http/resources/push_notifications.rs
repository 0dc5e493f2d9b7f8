//! `GET /PushNotifications` and `/PushNotifications/{id}`: what became of each recipient's
//! notification.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::model::id::{CredentialId, OperationId, PushNotificationId, UserId};
use crate::model::masked_token::masked;
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::model::recipient;
use crate::store::push_notifications::{self as store, PushNotificationFilter};
use crate::template::MessageTemplate;

const STATUSES: [&str; 5] = ["SCHEDULED", "QUEUED", "SENT", "FAILED", "CANCELED"];

/// The resource without its content, as lists hold it.
#[derive(Serialize, ToSchema)]
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
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Recipient {
    /// A device.
    Device {
        /// Its ends.
        token: String,
        /// Which provider reaches it.
        provider: Provider,
    },
    /// A User.
    #[serde(rename_all = "camelCase")]
    User {
        /// Which one.
        user_id: UserId,
    },
}

impl Recipient {
    /// As shown to the account that it is of.
    pub(crate) fn new(recipient: &recipient::Recipient, caller: Caller, keys: &MasterKeys) -> Self {
        match recipient {
            recipient::Recipient::Device {
                provider, token, ..
            } => {
                let token = keys
                    .open_token(caller.account_id.as_uuid(), token)
                    .unwrap_or_default();
                Self::Device {
                    token: masked(&token),
                    provider: *provider,
                }
            }
            recipient::Recipient::User(user_id) => Self::User { user_id: *user_id },
        }
    }
}

/// What it is sent with: a device by one Credential, a User by those of an App.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Sender {
    #[serde(rename_all = "camelCase")]
    Credential { credential_id: CredentialId },
    #[serde(rename_all = "camelCase")]
    App { app_name: String },
}

/// The resource with what its recipient gets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FullPushNotification {
    #[serde(flatten)]
    notification: PushNotification,
    content: Map<String, Value>,
    priority: crate::model::message::Priority,
    sound: Option<String>,
    #[serde(flatten)]
    options: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PushNotificationList {
    push_notifications: Vec<PushNotification>,
    pagination: Pagination,
}

impl PushNotification {
    fn new(notification: store::PushNotification, caller: Caller, keys: &MasterKeys) -> Self {
        Self {
            id: notification.id(),
            operation_id: notification.operation_id,
            to: Recipient::new(&notification.recipient, caller, keys),
            status: notification.status_name(),
            from: match notification.recipient {
                recipient::Recipient::Device { credential_id, .. } => {
                    Sender::Credential { credential_id }
                }
                recipient::Recipient::User(_) => Sender::App {
                    app_name: notification.app_name.unwrap_or_default(),
                },
            },
            created_at: Date(notification.created_at),
            updated_at: Date(notification.updated_at),
        }
    }
}

impl FullPushNotification {
    fn new(notification: PushNotification, message: Message) -> Self {
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
        Self {
            notification,
            content,
            priority: message.priority,
            sound: message.sound,
            options,
        }
    }
}

fn present<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// One notification with its content.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/{id}",
    tag = "PushNotifications",
    params(
        ("id" = PushNotificationId, Path),
    ),
    responses((status = 200, body = FullPushNotification), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let found = store::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    let found = found.ok_or_else(ApiError::not_found)?;
    let message = as_received(found.message, found.variables.as_ref());
    let notification = PushNotification::new(found.notification, caller, &state.master_keys);
    Ok(HttpResponse::Ok().json(FullPushNotification::new(notification, message)))
}

/// The message with its templates filled in; as it is where they can't be.
fn as_received(message: Message, variables: Option<&Value>) -> Message {
    let template = MessageTemplate::parse(&message).ok().flatten();
    template
        .and_then(|template| template.render(variables).ok())
        .unwrap_or(message)
}

/// Notifications: those of the newest Operation first, in request order within one.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications",
    tag = "PushNotifications",
    params(
        ("operationId" = Option<OperationId>, Query),
        ("status" = Option<String>, Query, description = "SCHEDULED, QUEUED, SENT, FAILED or CANCELED"),
        ("tags" = Option<String>, Query, description = "key_1:value;key_2:value"),
        ("user" = Option<UserId>, Query),
        ("provider" = Option<Provider>, Query),
        ("startDate" = Option<String>, Query, description = "Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z"),
        ("endDate" = Option<String>, Query, description = "Created no later; a day counts whole"),
        ("pageSize" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Records of a page; 50 if absent"),
        ("pageToken" = Option<String>, Query, description = "`pagination.next` of the page before"),
    ),
    responses((status = 200, body = PushNotificationList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let operation_id = query.id("operationId", OperationId::PREFIX);
    let status = query.filter(
        "status",
        &format!("one of {}", STATUSES.join(", ")),
        |text| STATUSES.iter().find(|status| **status == text).copied(),
    );
    let provider = query.filter("provider", "APN or FCM", |text| match text {
        "APN" => Some(Provider::Apn),
        "FCM" => Some(Provider::Fcm),
        _ => None,
    });
    let tags = query.filter("tags", "of the form key:value;key:value", tags);
    let user_id = query.id::<UserId>("user", UserId::PREFIX);
    let (from, until) = state.id_range(&mut query);
    let page = Page::of(caller, "pushNotifications", &mut query, &state.master_keys);
    query.check()?;
    let filter = PushNotificationFilter {
        operation_id,
        status,
        provider,
        user_id,
        tags,
        from,
        until,
        after: page.after().and_then(|id| id.parse().ok()),
        limit: page.limit(),
    };
    let mut notifications = store::list(&state.pool, caller.account_id, &filter).await?;
    let pagination = page.cut(&mut notifications, &state.master_keys, |notification| {
        notification.id().to_string()
    });
    let push_notifications = notifications.into_iter();
    let push_notifications = push_notifications
        .map(|notification| PushNotification::new(notification, caller, &state.master_keys))
        .collect();
    Ok(HttpResponse::Ok().json(PushNotificationList {
        push_notifications,
        pagination,
    }))
}

/// `key_1:value;key_2:value;`, as an object.
fn tags(text: &str) -> Option<Value> {
    let pairs = text.split(';').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once(':')?;
        Some((key.to_owned(), Value::from(value)))
    });
    pairs
        .collect::<Option<Map<_, _>>>()
        .filter(|tags| !tags.is_empty())
        .map(Value::Object)
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
