//! `/PushNotifications/Webhooks/{id}/Deliveries`, an extension: the messages to a webhook, with each
//! attempt to deliver them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::no_body::NoBody;
use crate::http::openapi::{ChangeErrors, ReadErrors};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::model::id::{AccountId, WebhookDeliveryId, WebhookId};
use crate::model::webhook::{DeliveryContent, EventType, TEST_EVENT};
use crate::store::events::{self, NewDelivery};
use crate::store::webhook_deliveries::{self as store, DeliveryFilter, Resent};
use crate::store::webhooks;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookDelivery {
    /// The header `webhook-id` of its requests.
    id: WebhookDeliveryId,
    webhook_id: WebhookId,
    #[schema(value_type = DeliveryEvent)]
    event: String,
    /// Where it is sent: the webhook's URL, or the `callbackUrl` of its Operation.
    url: String,
    status: DeliveryStatus,
    /// When it is tried again at the earliest.
    next_attempt_at: Option<Date>,
    /// The last 20, first to last.
    attempts: Vec<WebhookAttempt>,
    created_at: Date,
    updated_at: Date,
}

/// The event that a message reports, or `webhook.test`.
enum DeliveryEvent {}

impl DeliveryEvent {
    fn names() -> Vec<&'static str> {
        let events = EventType::ALL.map(EventType::as_str);

        events.into_iter().chain([TEST_EVENT]).collect()
    }
}

impl PartialSchema for DeliveryEvent {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of an event, or `webhook.test`"))
            .enum_values(Some(Self::names()))
            .into()
    }
}

impl ToSchema for DeliveryEvent {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum DeliveryStatus {
    /// To be sent, or to be tried again.
    Pending,
    /// The receiver answered with a 2xx.
    Delivered,
    /// Given up.
    Failed,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookAttempt {
    /// 1 for the first attempt.
    number: i16,
    /// The receiver's answer; `null`: there was none.
    http_status: Option<i16>,
    /// Why it failed; `null`: it did not.
    error: Option<String>,
    /// The beginning of the answer's body.
    answer: Option<String>,
    duration_ms: i32,
    created_at: Date,
}

#[derive(Serialize, ToSchema)]
struct WebhookDeliveryList {
    deliveries: Vec<WebhookDelivery>,
    pagination: Pagination,
}

impl DeliveryStatus {
    const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
        }
    }

    fn of_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            // A newer release beside this one may store a status that is not known here.
            .unwrap_or(Self::Pending)
    }
}

impl From<store::Delivery> for WebhookDelivery {
    fn from(delivery: store::Delivery) -> Self {
        let attempts = delivery.attempts.into_iter();

        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event: delivery.event,
            url: delivery.url,
            status: DeliveryStatus::of_name(&delivery.status),
            next_attempt_at: delivery.next_attempt_at.map(Date),
            attempts: attempts
                .map(|attempt| WebhookAttempt {
                    number: attempt.number,
                    http_status: attempt.http_status,
                    error: attempt.error,
                    answer: attempt.answer,
                    duration_ms: attempt.duration_ms,
                    created_at: Date(attempt.created_at),
                })
                .collect(),
            created_at: Date(delivery.created_at),
            updated_at: Date(delivery.updated_at),
        }
    }
}

/// Messages to a webhook, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Webhooks/{id}/Deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "Webhooks",
    params(
        ("id" = WebhookId, Path),
        ("status" = Option<DeliveryStatus>, Query),
        ("event" = Option<DeliveryEvent>, Query),
        PageParams,
    ),
    responses((status = 200, description = "A page of messages", body = WebhookDeliveryList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let webhook_id = path::id::<WebhookId>(&id)?;
    // An unknown webhook is a 404 and not an empty list.
    ensure_webhook(&state, caller.account_id, webhook_id).await?;

    let mut query = Query::of(&request)?;
    let status = query.one_of("status", &DeliveryStatus::ALL, DeliveryStatus::as_str);
    let event = query.one_of("event", &DeliveryEvent::names(), |event| event);
    let list = format!("deliveries {webhook_id}");
    let page = Page::of(caller, &list, &mut query, &state.master_keys);
    query.check()?;

    let after = page
        .after()
        .and_then(|id| id.parse::<WebhookDeliveryId>().ok());
    let filter = DeliveryFilter {
        account_id: caller.account_id,
        webhook_id,
        id: None,
        status: status.map(DeliveryStatus::as_str),
        event,
        from: state.oldest_readable_id(),
        until: after.map(WebhookDeliveryId::as_uuid),
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut deliveries = store::list(turn.pool, &filter).await?;
    drop(turn);

    let pagination = page.cut(&mut deliveries, &state.master_keys, |delivery| {
        delivery.id.to_string()
    });

    Ok(HttpResponse::Ok().json(WebhookDeliveryList {
        deliveries: deliveries.into_iter().map(WebhookDelivery::from).collect(),
        pagination,
    }))
}

/// One message to a webhook (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Webhooks/{id}/Deliveries/{deliveryId}",
    operation_id = "fetchWebhookDelivery",
    tag = "Webhooks",
    params(
        ("id" = WebhookId, Path),
        ("deliveryId" = WebhookDeliveryId, Path),
    ),
    responses((status = 200, description = "The message with its attempts", body = WebhookDelivery), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (webhook_id, id) = ids.into_inner();
    let filter = DeliveryFilter {
        account_id: caller.account_id,
        webhook_id: path::id(&webhook_id)?,
        id: Some(path::id(&id)?),
        status: None,
        event: None,
        from: state.oldest_readable_id(),
        until: None,
        limit: 1,
    };
    let delivery = store::list(&state.pool, &filter)
        .await?
        .pop()
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(WebhookDelivery::from(delivery)))
}

/// Sends a test message to a webhook (extension). Its event is `webhook.test`.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Webhooks/{id}/Test",
    operation_id = "testWebhook",
    tag = "Webhooks",
    params(
        ("id" = WebhookId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "The message will be sent: `resourceId` is its id", body = AcceptedResource), ChangeErrors),
)]
pub(crate) async fn test(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let webhook_id = path::id::<WebhookId>(&id)?;
    ensure_enabled(&state, caller.account_id, webhook_id).await?;

    let id = WebhookDeliveryId::generate();
    Once::new(&request, &state, caller, b"")
        .run(async |connection| {
            let delivery = NewDelivery {
                id,
                account_id: caller.account_id,
                webhook_id,
                event: TEST_EVENT.to_owned(),
                operation_id: None,
                callback_url: None,
                content: DeliveryContent::Test,
            };
            events::insert_deliveries(connection, &[delivery]).await?;

            Ok(Accepted::resource(
                &request,
                &state,
                &collection(webhook_id),
                id,
            ))
        })
        .await
}

/// Sends a message again, whether it was delivered or not (extension). It has the same
/// `webhook-id`.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Webhooks/{id}/Deliveries/{deliveryId}/Resend",
    operation_id = "resendWebhookDelivery",
    tag = "Webhooks",
    params(
        ("id" = WebhookId, Path),
        ("deliveryId" = WebhookDeliveryId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "The message will be sent", body = AcceptedResource), ChangeErrors),
)]
pub(crate) async fn resend(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (webhook_id, id) = ids.into_inner();
    let webhook_id = path::id::<WebhookId>(&webhook_id)?;
    let id = path::id::<WebhookDeliveryId>(&id)?;
    ensure_enabled(&state, caller.account_id, webhook_id).await?;

    Once::new(&request, &state, caller, b"")
        .run(async |connection| {
            match store::resend(connection, caller.account_id, webhook_id, id).await? {
                Resent::Due => Ok(Accepted::resource(
                    &request,
                    &state,
                    &collection(webhook_id),
                    id,
                )),
                // To make it due now would take its claim away, and the attempt in flight would not
                // be recorded.
                Resent::InFlight => Err(ApiError::conflict(
                    "This message is being sent now. Check its attempts before you send it again",
                )),
                Resent::NotFound => Err(ApiError::not_found()),
            }
        })
        .await
}

/// The part of a message's address before its id.
fn collection(webhook_id: WebhookId) -> String {
    format!("Webhooks/{webhook_id}/Deliveries")
}

async fn ensure_webhook(
    state: &State,
    account_id: AccountId,
    id: WebhookId,
) -> Result<webhooks::Webhook, ApiError> {
    webhooks::fetch(&state.pool, account_id, id)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// A 409 for a disabled webhook: nothing would be sent to it.
async fn ensure_enabled(
    state: &State,
    account_id: AccountId,
    id: WebhookId,
) -> Result<(), ApiError> {
    let webhook = ensure_webhook(state, account_id, id).await?;

    match webhook.disabled_reason {
        None => Ok(()),
        Some(reason) => Err(ApiError::conflict(format!(
            "This webhook is disabled ({reason}). Enable it first: PATCH it with status ENABLED"
        ))),
    }
}
