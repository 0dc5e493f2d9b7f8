//! `/PushNotifications/Webhooks`, an extension: where an account gets events. A webhook's
//! secret is shown once, when it is made.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::crypto::{encode_webhook_secret, generate_webhook_secret};
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::no_body::NoBody;
use crate::http::openapi::{
    ChangeErrors, CreateErrors, ReadErrors, WebhookChangeRequest, WebhookRequest,
};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::resources::webhook_fields::{ChangedFields, NewFields};
use crate::model::id::{AccountId, WebhookId};
use crate::model::webhook::{Envelope, EventType};
use crate::store::webhooks::{self as store, InsertError, NewWebhook, WebhookChange};
use crate::transport::origin_of;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    id: WebhookId,
    url: String,
    events: Vec<EventType>,
    app_name: Option<String>,
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    tags: Option<Value>,
    description: Option<String>,
    envelope: Envelope,
    status: WebhookStatus,
    /// Why it is disabled.
    disabled_reason: Option<String>,
    created_at: Date,
    updated_at: Date,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum WebhookStatus {
    Enabled,
    /// It gets no messages.
    Disabled,
}

/// A webhook with its secret, which is never shown again.
#[derive(Serialize, ToSchema)]
struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// `whsec_` and the key of its signatures in base64.
    secret: String,
}

#[derive(Serialize, ToSchema)]
struct WebhookList {
    webhooks: Vec<Webhook>,
    pagination: Pagination,
}

impl From<store::Webhook> for Webhook {
    fn from(webhook: store::Webhook) -> Self {
        let status = match webhook.disabled_reason {
            None => WebhookStatus::Enabled,
            Some(_) => WebhookStatus::Disabled,
        };

        Self {
            id: webhook.id,
            url: webhook.url,
            events: webhook.events,
            app_name: webhook.app_name,
            tags: webhook.tags,
            description: webhook.description,
            envelope: webhook.envelope,
            status,
            disabled_reason: webhook.disabled_reason,
            created_at: Date(webhook.created_at),
            updated_at: Date(webhook.updated_at),
        }
    }
}

/// A secret that was made now: sealed to be stored, and as it is shown.
struct NewSecret {
    sealed: Vec<u8>,
    shown: String,
}

impl NewSecret {
    fn make(state: &State, account_id: AccountId, id: WebhookId) -> Result<Self, ApiError> {
        let secret = generate_webhook_secret();

        Ok(Self {
            sealed: state.master_keys.seal_webhook_secret(
                account_id.as_uuid(),
                id.as_uuid(),
                &secret,
            )?,
            shown: encode_webhook_secret(&secret),
        })
    }
}

/// Stores a webhook (extension). Only this answer shows its secret; a repeat under the same
/// Idempotency-Key does not.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Webhooks",
    operation_id = "createWebhook",
    tag = "Webhooks",
    params(IdempotencyKeyParam),
    request_body = WebhookRequest,
    responses((status = 201, description = "Stored; a repeat under the same Idempotency-Key is answered without `secret`", body = WebhookWithSecret), CreateErrors),
)]
pub(crate) async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let account_id = body.caller.account_id;
    let fields = NewFields::read(&body.bytes, &state, account_id).await?;
    let id = WebhookId::generate();
    let secret = NewSecret::make(&state, account_id, id)?;

    // Set only if this request stores the webhook: for a repeat, the secret was made for nothing
    // and is not shown.
    let mut created: Option<(String, Webhook)> = None;
    let answer = Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            let new = NewWebhook {
                id,
                account_id,
                url: fields.url.as_str(),
                origin: &origin_of(&fields.url),
                events: &fields.events,
                app_name: fields.app_name.as_deref(),
                tags: fields.tags.as_ref(),
                description: fields.description.as_deref(),
                envelope: fields.envelope,
                secret: &secret.sealed,
            };
            let webhook = store::insert(connection, &new)
                .await
                .map_err(insert_error)?;
            let webhook = Webhook::from(webhook);

            // What is stored for a repeat is without the secret.
            let accepted = Accepted {
                body: json!(webhook),
                ..Accepted::resource(&request, &state, "Webhooks", id)
            };
            created = Some((accepted.location.clone(), webhook));
            Ok(accepted)
        })
        .await?;

    Ok(match created {
        Some((location, webhook)) => HttpResponse::Created()
            .insert_header((header::LOCATION, location))
            .json(WebhookWithSecret {
                webhook,
                secret: secret.shown,
            }),
        // A repeat is answered with a 202 otherwise.
        None => with_status(answer, StatusCode::CREATED),
    })
}

fn with_status(mut answer: HttpResponse, status: StatusCode) -> HttpResponse {
    *answer.status_mut() = status;
    answer
}

fn insert_error(error: InsertError) -> ApiError {
    match error {
        InsertError::TooMany => ApiError::invalid_field("", error.to_string()),
        InsertError::Database(error) => error.into(),
    }
}

/// Webhooks, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Webhooks",
    operation_id = "listWebhooks",
    tag = "Webhooks",
    params(PageParams),
    responses((status = 200, description = "A page of webhooks", body = WebhookList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let page = Page::of(caller, "webhooks", &mut query, &state.master_keys);
    query.check()?;

    let after = page.after().and_then(|id| id.parse().ok());
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut webhooks = store::list(turn.pool, caller.account_id, after, page.limit()).await?;
    drop(turn);

    let pagination = page.cut(&mut webhooks, &state.master_keys, |webhook| {
        webhook.id.to_string()
    });

    Ok(HttpResponse::Ok().json(WebhookList {
        webhooks: webhooks.into_iter().map(Webhook::from).collect(),
        pagination,
    }))
}

/// One webhook (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Webhooks/{id}",
    operation_id = "fetchWebhook",
    tag = "Webhooks",
    params(("id" = WebhookId, Path)),
    responses((status = 200, description = "The webhook, without its secret", body = Webhook), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let webhook = store::fetch(&state.pool, caller.account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(Webhook::from(webhook)))
}

/// Changes a webhook (extension). An absent field stays as it is; `null` removes `appName`, `tags`
/// or `description`, and makes `envelope` `standard`.
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Webhooks/{id}",
    operation_id = "updateWebhook",
    tag = "Webhooks",
    params(("id" = WebhookId, Path)),
    request_body = WebhookChangeRequest,
    responses((status = 202, description = "Changed", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let id = path::id(&id)?;
    let account_id = body.caller.account_id;
    let fields = ChangedFields::read(&body.bytes, &state, account_id).await?;

    let origin = fields.url.as_ref().map(origin_of).unwrap_or_default();
    let change = WebhookChange {
        url: fields
            .url
            .as_ref()
            .map(|url| (url.as_str(), origin.as_str())),
        events: fields.events.as_deref(),
        app_name: fields.app_name.as_ref(),
        tags: fields.tags.as_ref(),
        description: fields.description.as_ref(),
        envelope: fields.envelope,
        is_enabled: fields.is_enabled,
    };

    audit::recorded(&request, &state, body.caller, async |connection| {
        if !store::update(connection, account_id, id, &change).await? {
            return Err(ApiError::not_found());
        }
        Ok(Accepted::resource(&request, &state, "Webhooks", id).respond())
    })
    .await
}

/// Deletes a webhook with its deliveries (extension).
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "Webhooks",
    params(("id" = WebhookId, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id(&id)?;

    audit::recorded(&request, &state, caller, async |connection| {
        if !store::delete(connection, caller.account_id, id).await? {
            return Err(ApiError::not_found());
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// Gives a webhook a new secret (extension). For 24 hours, requests to it also have a signature
/// with the previous secret. Only this answer shows the new secret; a repeat under the same
/// Idempotency-Key does not.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Webhooks/{id}/RotateSecret",
    operation_id = "rotateWebhookSecret",
    tag = "Webhooks",
    params(
        ("id" = WebhookId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 200, description = "The webhook with its new secret", body = WebhookWithSecret), ChangeErrors),
)]
pub(crate) async fn rotate_secret(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<WebhookId>(&id)?;
    let secret = NewSecret::make(&state, caller.account_id, id)?;

    // Set only if this request changes the secret, as when a webhook is created.
    let mut rotated: Option<(String, Webhook)> = None;
    let answer = Once::new(&request, &state, caller, b"")
        .run(async |connection| {
            let webhook = store::rotate_secret(connection, caller.account_id, id, &secret.sealed)
                .await?
                .ok_or_else(ApiError::not_found)?;
            let webhook = Webhook::from(webhook);

            let accepted = Accepted {
                body: json!(webhook),
                ..Accepted::resource(&request, &state, "Webhooks", id)
            };
            rotated = Some((accepted.location.clone(), webhook));
            Ok(accepted)
        })
        .await?;

    Ok(match rotated {
        Some((location, webhook)) => HttpResponse::Ok()
            .insert_header((header::LOCATION, location))
            .json(WebhookWithSecret {
                webhook,
                secret: secret.shown,
            }),
        None => with_status(answer, StatusCode::OK),
    })
}
