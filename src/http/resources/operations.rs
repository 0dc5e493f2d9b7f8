//! `GET /PushNotifications/Operations` and `/Operations/{id}`: how far Operations have come.

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
use crate::model::id::OperationId;
use crate::store::operation_read::{self, OperationFilter, OperationStats, OperationStatus};

/// The resource.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Operation {
    id: OperationId,
    status: &'static str,
    stats: Stats,
    created_at: Date,
    updated_at: Date,
}

/// `total = scheduled + queued + sent + failed + canceled + unaddressable`, at every moment.
#[derive(Serialize, ToSchema)]
struct Stats {
    total: i64,
    recipients: i64,
    unaddressable: i64,
    scheduled: i64,
    queued: i64,
    sent: i64,
    failed: i64,
    canceled: i64,
}

#[derive(Serialize, ToSchema)]
struct OperationList {
    operations: Vec<Operation>,
    pagination: Pagination,
}

impl From<OperationStats> for Operation {
    fn from(operation: OperationStats) -> Self {
        let (scheduled, queued) = if operation.is_scheduled {
            (operation.queued, 0)
        } else {
            (0, operation.queued)
        };
        Self {
            id: operation.id,
            status: operation.status().as_str(),
            stats: Stats {
                total: operation.recipients,
                recipients: operation.recipients,
                unaddressable: operation.unaddressable,
                scheduled,
                queued,
                sent: operation.sent,
                failed: operation.failed,
                canceled: operation.canceled,
            },
            created_at: Date(operation.created_at),
            updated_at: Date(operation.updated_at),
        }
    }
}

/// One Operation.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
    ),
    responses((status = 200, body = Operation), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    let operation =
        operation_read::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    let operation = operation.ok_or_else(ApiError::not_found)?;
    Ok(HttpResponse::Ok().json(Operation::from(operation)))
}

/// Operations, newest first.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations",
    tag = "Operations",
    params(
        ("status" = Option<String>, Query, description = "SCHEDULED, PROCESSING, COMPLETED or CANCELED"),
        ("startDate" = Option<String>, Query, description = "Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z"),
        ("endDate" = Option<String>, Query, description = "Created no later; a day counts whole"),
        ("pageSize" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Records of a page; 50 if absent"),
        ("pageToken" = Option<String>, Query, description = "`pagination.next` of the page before"),
    ),
    responses((status = 200, body = OperationList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let names = OperationStatus::ALL.map(|(name, _)| name).join(", ");
    let status = query.filter("status", &format!("one of {names}"), |text| {
        OperationStatus::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, status)| *status)
    });
    let (from, until) = state.id_range(&mut query);
    let page = Page::of(caller, "operations", &mut query, &state.master_keys);
    query.check()?;
    let after = page
        .after()
        .and_then(|id| id.parse::<OperationId>().ok())
        .map(OperationId::as_uuid);
    let filter = OperationFilter {
        status,
        from,
        until: [after, until].into_iter().flatten().min(),
        limit: page.limit(),
    };
    let mut operations = operation_read::list(&state.pool, caller.account_id, &filter).await?;
    let pagination = page.cut(&mut operations, &state.master_keys, |operation| {
        operation.id.to_string()
    });
    let operations = operations.into_iter().map(Operation::from).collect();
    Ok(HttpResponse::Ok().json(OperationList {
        operations,
        pagination,
    }))
}
