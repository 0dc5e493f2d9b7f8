//! `GET /PushNotifications/{id}/DeliveryAttempts`, an extension: every request to a provider.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::resources::masked_token::masked_recipient_token;
use crate::model::id::{CredentialId, OperationId, PushNotificationId};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::delivery_attempts::{self as store, DeliveryAttemptFilter};
use crate::store::push_notifications;
use crate::store::push_notifications::PushNotification;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryAttempt {
    push_notification_id: PushNotificationId,
    operation_id: OperationId,
    /// 1 for the first attempt.
    number: i16,
    provider: Provider,
    credential_id: CredentialId,
    /// Masked: only its ends are shown.
    token: String,
    status: AttemptStatus,
    /// How Bellwire classified the provider's answer: `ACCEPTED`, `TOKEN_DEAD` and others.
    outcome: String,
    http_status: Option<i16>,
    provider_message_id: Option<String>,
    error: Option<AttemptError>,
    duration_ms: i32,
    created_at: Date,
    updated_at: Date,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum AttemptStatus {
    /// The provider accepted the notification.
    Sent,
    /// It did not.
    Failed,
}

/// The provider's error.
#[derive(Serialize, ToSchema)]
struct AttemptError {
    code: Option<String>,
    message: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryAttemptList {
    delivery_attempts: Vec<DeliveryAttempt>,
    pagination: Pagination,
}

impl DeliveryAttempt {
    /// `masked_token` is the notification's, for an attempt that has none of its own: only attempts
    /// for a User's devices do.
    pub(super) fn new(
        notification: &PushNotification,
        masked_token: &str,
        attempt: store::DeliveryAttempt,
    ) -> Self {
        let is_accepted = attempt.is_accepted();
        let status = if is_accepted {
            AttemptStatus::Sent
        } else {
            AttemptStatus::Failed
        };
        let error = AttemptError {
            code: attempt.provider_code,
            message: attempt.provider_message,
        };
        let duration = time::Duration::milliseconds(attempt.duration_ms.into());

        Self {
            push_notification_id: notification.id(),
            operation_id: notification.operation_id,
            number: attempt.number,
            provider: attempt.provider,
            credential_id: attempt.credential_id,
            token: attempt
                .masked_token
                .unwrap_or_else(|| masked_token.to_owned()),
            status,
            outcome: attempt.outcome,
            http_status: attempt.http_status,
            provider_message_id: attempt.provider_message_id,
            error: (!is_accepted).then_some(error),
            duration_ms: attempt.duration_ms,
            created_at: Date(attempt.created_at),
            // An attempt changes once, when its answer arrives.
            updated_at: Date(attempt.created_at + duration),
        }
    }
}

/// A notification's delivery attempts, first to last (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/{id}/DeliveryAttempts",
    operation_id = "listDeliveryAttempts",
    tag = "PushNotifications",
    params(
        ("id" = PushNotificationId, Path),
        PageParams,
    ),
    responses((status = 200, description = "A page of attempts", body = DeliveryAttemptList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;

    let mut query = Query::of(&request)?;
    let list = format!("deliveryAttempts {id}");
    let page = Page::of(caller, &list, &mut query, &state.master_keys);
    query.check()?;

    let oldest = state.oldest_readable_id();
    // Also the check that the notification is the caller's: the list goes by its key alone.
    let notification = push_notifications::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?
        .notification;

    let after = page
        .after()
        .and_then(|number| number.parse().ok())
        // Attempts are numbered from 1.
        .unwrap_or(0);
    let filter = DeliveryAttemptFilter {
        operation_id: notification.operation_id,
        position: notification.position,
        after,
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut attempts = store::list(turn.pool, &filter).await?;
    drop(turn);

    let pagination = page.cut(&mut attempts, &state.master_keys, |attempt| {
        attempt.number.to_string()
    });

    let masked_token = match &notification.recipient {
        Recipient::Device { token, .. } => {
            masked_recipient_token(&state.master_keys, caller.account_id, token)
        }
        // Each attempt for a User has the token of its own device.
        Recipient::User(_) => String::new(),
    };
    let delivery_attempts = attempts
        .into_iter()
        .map(|attempt| DeliveryAttempt::new(&notification, &masked_token, attempt))
        .collect();

    Ok(HttpResponse::Ok().json(DeliveryAttemptList {
        delivery_attempts,
        pagination,
    }))
}
