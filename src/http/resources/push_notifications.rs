//! `GET /PushNotifications` and `/PushNotifications/{id}`: each recipient's notification, and its
//! status.

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
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{DateParams, ExternalIdParam, Query, RecipientFilter};
use crate::http::resources::masked_token::masked_recipient_token;
use crate::http::resources::operations::Schedule;
use crate::http::resources::waiting::{NotificationError, Reasons, WaitingFor};
use crate::http::tags::{filter_rule, parse_filter};
use crate::model::id::{CredentialId, OperationId, PushNotificationId, UserId};
use crate::model::message::{Badge, Message, Priority, Sound};
use crate::model::provider::Provider;
use crate::model::receipt::ReceiptTimes;
use crate::model::recipient;
use crate::model::status::PushNotificationStatus;
use crate::store::external_ids::{self, MAX_MERGED, RecordsOf};
use crate::store::notification_reasons::NotificationKey;
use crate::store::operation_options::{self, OperationOptions};
use crate::store::push_notifications::{self as store, PushNotificationFilter};
use crate::store::users::{self, MessageProfile};
use crate::template::{MessageTemplate, Variables, is_templated};

/// A notification without its content, as lists hold it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PushNotification {
    id: PushNotificationId,
    operation_id: OperationId,
    to: Recipient,
    from: Sender,
    status: PushNotificationStatus,
    created_at: Date,
    updated_at: Date,
    /// Of its Operation, as the next three (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    tags: Option<Value>,
    /// Present if it was scheduled (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    priority: Priority,
    /// In seconds (extension in lists).
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    /// Only of a QUEUED one that is not about to be sent (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Only of a FAILED one (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<NotificationError>,
}

/// The recipient of a notification.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Recipient {
    Device {
        /// Masked: only its ends are shown, because it is a secret.
        token: String,
        provider: Provider,
    },
    #[serde(rename_all = "camelCase")]
    User {
        /// Absent: no User had the external id when the send was accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// The account's own id of the User (extension). Absent: it has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
        /// Whether the User was erased from records (extension). Absent: it was not.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        erased: bool,
    },
}

impl Recipient {
    /// `caller` must be of the recipient's account, whose id is part of the token's seal.
    pub(crate) fn new(recipient: &recipient::Recipient, caller: Caller, keys: &MasterKeys) -> Self {
        match recipient {
            recipient::Recipient::Device {
                provider, token, ..
            } => Self::Device {
                token: masked_recipient_token(keys, caller.account_id, token),
                provider: *provider,
            },
            recipient::Recipient::User(user) => Self::User {
                user_id: user.user_id(),
                external_id: user.external_id.clone(),
                erased: user.is_erased(),
            },
        }
    }
}

/// Devices are sent to with one Credential, Users with those of an App.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Sender {
    #[serde(rename_all = "camelCase")]
    Credential { credential_id: CredentialId },
    #[serde(rename_all = "camelCase")]
    App { app_name: String },
}

/// A notification with its content, as the recipient gets it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FullPushNotification {
    #[serde(flatten)]
    notification: PushNotification,
    content: Map<String, Value>,
    /// The tag of the localization that `content` is in (extension). Absent: the content is that for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    sound: Option<Sound>,
    #[serde(flatten)]
    options: Map<String, Value>,
    #[serde(flatten)]
    receipts: Receipts,
}

/// When the app first reported each event (extension). Absent: it has not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceiptTimes)]
pub(crate) struct Receipts {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dismissed_at: Option<Date>,
}

impl From<ReceiptTimes> for Receipts {
    fn from(times: ReceiptTimes) -> Self {
        Self {
            delivered_at: times.delivered_at.map(Date),
            opened_at: times.opened_at.map(Date),
            dismissed_at: times.dismissed_at.map(Date),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PushNotificationList {
    push_notifications: Vec<PushNotification>,
    pagination: Pagination,
}

impl PushNotification {
    fn new(
        notification: store::PushNotification,
        options: OperationOptions,
        caller: Caller,
        keys: &MasterKeys,
    ) -> Self {
        Self {
            id: notification.id(),
            operation_id: notification.operation_id,
            to: Recipient::new(&notification.recipient, caller, keys),
            status: notification.shown_status(),
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
            tags: options.tags,
            schedule: options.send_at.map(Schedule::at),
            priority: options.priority,
            ttl: options.ttl,
            waiting_for: None,
            error: None,
        }
    }

    /// Adds what is on record about why it is not sent.
    fn with_reasons(mut self, key: NotificationKey, reasons: &Reasons) -> Self {
        match self.status {
            PushNotificationStatus::Queued => self.waiting_for = reasons.waiting_for(key),
            PushNotificationStatus::Failed => self.error = reasons.error(key),
            PushNotificationStatus::Canceled => self.error = reasons.withheld(key),
            PushNotificationStatus::Scheduled | PushNotificationStatus::Sent => {}
        }

        self
    }
}

/// The notification's key, if its status has a reason.
fn key_with_reason(notification: &store::PushNotification) -> Option<NotificationKey> {
    matches!(
        notification.shown_status(),
        PushNotificationStatus::Queued
            | PushNotificationStatus::Failed
            | PushNotificationStatus::Canceled
    )
    .then_some((notification.operation_id, notification.position))
}

/// The Operations of `notifications`, each once: those of one Operation follow each other.
fn operations_of(notifications: &[store::PushNotification]) -> Vec<OperationId> {
    let mut ids: Vec<OperationId> = notifications
        .iter()
        .map(|notification| notification.operation_id)
        .collect();

    ids.dedup();
    ids
}

impl FullPushNotification {
    fn new(notification: PushNotification, message: Message, receipts: ReceiptTimes) -> Self {
        let content = present([
            ("title", json!(message.title)),
            ("body", json!(message.body)),
            ("image", json!(message.image)),
            ("data", json!(message.data)),
        ]);

        let options = present([
            ("badge", json!(message.badge)),
            ("collapseKey", json!(message.collapse_key)),
            ("fcm", json!(message.fcm)),
            ("apn", json!(message.apn)),
            // `true` is what a request means that does not say it.
            (
                "templating",
                if message.plain {
                    json!(false)
                } else {
                    Value::Null
                },
            ),
        ]);

        Self {
            notification,
            content,
            language: None,
            sound: message.sound,
            options,
            receipts: receipts.into(),
        }
    }
}

/// The fields that have a value.
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
    operation_id = "fetchPushNotification",
    tag = "PushNotifications",
    params(("id" = PushNotificationId, Path)),
    responses((status = 200, description = "The notification", body = FullPushNotification), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let notification = full(&state, caller, path::id(&id)?).await?;

    Ok(HttpResponse::Ok().json(notification))
}

/// A notification with its content.
pub(super) async fn full(
    state: &State,
    caller: Caller,
    id: PushNotificationId,
) -> Result<FullPushNotification, ApiError> {
    let oldest = state.oldest_readable_id();
    let mut found = store::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let recipient = std::iter::once(&mut found.notification.recipient);
    external_ids::add(&state.pool, caller.account_id, recipient).await?;

    let (mut message, language) = as_received(state, caller, &found).await?;
    if let Some(badge) = found.badge {
        message.badge = Some(Badge::Number(badge));
    }

    let key = (found.notification.operation_id, found.notification.position);
    let keys: Vec<_> = key_with_reason(&found.notification).into_iter().collect();
    let reasons = Reasons::read(&state.pool, &keys).await?;
    let notification = PushNotification::new(
        found.notification,
        found.options,
        caller,
        &state.master_keys,
    )
    .with_reasons(key, &reasons);

    Ok(FullPushNotification {
        language,
        ..FullPushNotification::new(notification, message, found.receipts)
    })
}

/// The message in the recipient's language, with its templates rendered, or as it is if rendering fails,
/// and the tag of its localization, if it has one for the recipient. A User's language and variables are
/// those of now: they are read when the notification is sent, and not recorded.
async fn as_received(
    state: &State,
    caller: Caller,
    found: &store::FullPushNotification,
) -> Result<(Message, Option<String>), ApiError> {
    // A message that is the same for everyone needs no read of the User.
    let is_personal = is_templated(&found.message) || !found.message.localizations.is_empty();
    let profile = match &found.notification.recipient {
        recipient::Recipient::User(user) if is_personal => {
            let wanted = [(caller.account_id, user.id)];
            let profiles = users::message_profiles(&state.pool, &wanted).await?;
            profiles.into_iter().next().unwrap_or_default()
        }
        _ => MessageProfile::default(),
    };

    let tag = profile
        .language
        .as_deref()
        .and_then(|language| found.message.localization_for(language));
    let mut message = match tag {
        Some(tag) => found.message.in_language(tag),
        None => found.message.clone(),
    };
    let language = tag.map(str::to_owned);

    // The recipient got one text. The answer names its language, and hides the others.
    message.localizations.clear();
    if !is_templated(&message) {
        return Ok((message, language));
    }

    // Rendered as it was sent: a template with a date shows the date of the send.
    let variables = found.variables.clone();
    let now = found.starts_at;
    let render = move || {
        let template = MessageTemplate::parse(&message).ok().flatten();
        let variables = Variables {
            own: variables.as_ref(),
            defaults: profile.variables.as_ref(),
            now,
        };
        template
            .and_then(|template| template.render(variables).ok())
            .unwrap_or(message)
    };
    let message = state.work.run(caller.account_id, render).await?;
    Ok((message, language))
}

/// The ids under which notifications to a User are recorded.
pub(super) async fn user_ids(
    state: &State,
    caller: Caller,
    user: Option<&RecipientFilter>,
) -> Result<Option<Vec<UserId>>, ApiError> {
    let Some(user) = user else {
        return Ok(None);
    };

    let of = match user {
        RecipientFilter::User(id) => RecordsOf::User(*id),
        RecipientFilter::ExternalId(id) => RecordsOf::ExternalId(id),
    };
    let account_id = caller.account_id;
    let ids = external_ids::in_records(&state.pool, account_id, of, MAX_MERGED).await?;
    Ok(Some(ids))
}

/// Notifications: those of the newest Operation first; within an Operation, in the order of its
/// request. With a filter that few match, a page may be short or empty although others follow.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications",
    operation_id = "listPushNotifications",
    tag = "PushNotifications",
    params(
        ("operationId" = Option<OperationId>, Query),
        ("status" = Option<PushNotificationStatus>, Query),
        ("tags" = Option<String>, Query, description = "key_1:value;key_2:value"),
        ("user" = Option<UserId>, Query),
        ("userId" = Option<UserId>, Query, description = "The same as `user` (extension)"),
        ExternalIdParam,
        ("provider" = Option<Provider>, Query),
        ("delivered" = Option<bool>, Query, description = "Whether it has arrived on a device, as its app reports (extension)"),
        ("opened" = Option<bool>, Query, description = "Whether it was opened, as its app reports (extension)"),
        DateParams,
        PageParams,
    ),
    responses((status = 200, description = "A page of notifications", body = PushNotificationList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let operation_id = query.id("operationId", OperationId::PREFIX);
    let status = query.one_of(
        "status",
        &PushNotificationStatus::ALL,
        PushNotificationStatus::as_str,
    );
    let provider = query.one_of(
        "provider",
        &[Provider::Fcm, Provider::Apn],
        Provider::as_str,
    );
    let tags = query.filter("tags", &filter_rule(), parse_filter);
    let tags = tags.map(Value::Object);
    let is_delivered = query.boolean("delivered");
    let is_opened = query.boolean("opened");
    let user = query.recipient();
    let (from, until) = state.id_range(&mut query);

    let page = Page::of(caller, "pushNotifications", &mut query, &state.master_keys);
    query.check()?;

    // A User into whom others were merged is found under their ids too.
    let user_ids = user_ids(&state, caller, user.as_ref()).await?;
    let filter = PushNotificationFilter {
        operation_id,
        status,
        provider,
        is_delivered,
        is_opened,
        user_ids: user_ids.as_deref(),
        tags: tags.as_ref(),
        from,
        until,
        after: page.after().and_then(|id| id.parse().ok()),
        limit: page.size(),
    };

    let turn = state.list_turns.next(caller.account_id).await?;
    let mut found = store::list(turn.pool, caller.account_id, &filter).await?;
    let recipients = found.records.iter_mut().map(|found| &mut found.recipient);
    external_ids::add(turn.pool, caller.account_id, recipients).await?;
    let keys: Vec<_> = found.records.iter().filter_map(key_with_reason).collect();
    let reasons = Reasons::read(turn.pool, &keys).await?;
    let options = operation_options::fetch(turn.pool, &operations_of(&found.records)).await?;
    drop(turn);

    let push_notifications = found
        .records
        .into_iter()
        .filter_map(|notification| {
            let key = (notification.operation_id, notification.position);
            // Without them, its Operation was dropped meanwhile.
            let options = options.get(&notification.operation_id)?.clone();
            let shown = PushNotification::new(notification, options, caller, &state.master_keys);
            Some(shown.with_reasons(key, &reasons))
        })
        .collect();

    let next = found.next.map(|id| id.to_string());
    Ok(HttpResponse::Ok().json(PushNotificationList {
        push_notifications,
        pagination: page.pagination(next, &state.master_keys),
    }))
}
