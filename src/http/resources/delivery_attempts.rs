//! `GET /PushNotifications/{id}/DeliveryAttempts` (ours): every try with a provider.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::model::id::{CredentialId, OperationId, PushNotificationId};
use crate::model::masked_token::masked;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::push_notifications::PushNotification;
use crate::store::{delivery_attempts as store, push_notifications};

/// The resource.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryAttempt {
    push_notification_id: PushNotificationId,
    operation_id: OperationId,
    /// 1-based.
    number: i16,
    provider: Provider,
    credential_id: CredentialId,
    token: String,
    /// `SENT`: the provider accepted it; `FAILED`: it did not.
    status: &'static str,
    /// What Bellwire made of the answer.
    outcome: String,
    http_status: Option<i16>,
    provider_message_id: Option<String>,
    error: Option<AttemptError>,
    duration_ms: i32,
    created_at: Date,
    updated_at: Date,
}

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
    /// `token`: the ends of the notification's own.
    fn new(notification: &PushNotification, token: &str, attempt: store::DeliveryAttempt) -> Self {
        let accepted = attempt.outcome == "ACCEPTED";
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
            token: attempt.masked_token.unwrap_or_else(|| token.to_owned()),
            status: if accepted { "SENT" } else { "FAILED" },
            outcome: attempt.outcome,
            http_status: attempt.http_status,
            provider_message_id: attempt.provider_message_id,
            error: (!accepted).then_some(error),
            duration_ms: attempt.duration_ms,
            created_at: Date(attempt.created_at),
            updated_at: Date(attempt.created_at + duration),
        }
    }
}

/// Ours. A notification's attempts, first to last.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/{id}/DeliveryAttempts",
    tag = "PushNotifications",
    params(
        ("id" = PushNotificationId, Path),
        ("pageSize" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Records of a page; 50 if absent"),
        ("pageToken" = Option<String>, Query, description = "`pagination.next` of the page before"),
    ),
    responses((status = 200, body = DeliveryAttemptList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let mut query = Query::of(&request)?;
    let page = Page::of(
        caller,
        &format!("deliveryAttempts {id}"),
        &mut query,
        &state.master_keys,
    );
    query.check()?;
    let found =
        push_notifications::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    let notification = found.ok_or_else(ApiError::not_found)?.notification;
    let after = page
        .after()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let (operation_id, position) = (notification.operation_id, notification.position);
    let mut attempts =
        store::list(&state.pool, operation_id, position, after, page.limit()).await?;
    let pagination = page.cut(&mut attempts, &state.master_keys, |attempt| {
        attempt.number.to_string()
    });
    let token = match &notification.recipient {
        Recipient::Device { token, .. } => state
            .master_keys
            .open_token(caller.account_id.as_uuid(), token),
        Recipient::User(_) => Ok(String::new()),
    };
    let token = masked(&token.unwrap_or_default());
    let shown = |attempt| DeliveryAttempt::new(&notification, &token, attempt);
    let delivery_attempts = attempts.into_iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(DeliveryAttemptList {
        delivery_attempts,
        pagination,
    }))
}
