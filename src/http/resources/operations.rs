//! `GET /PushNotifications/Operations` and `/Operations/{id}`: the progress of Operations.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::operation_watch::has_ended;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::problem::Problem;
use crate::http::query::{DateParams, Query};
use crate::http::resources::waiting::{self, WaitingFor};
use crate::http::tags::{filter_rule, parse_filter};
use crate::http::validation::quoted_string;
use crate::model::id::OperationId;
use crate::model::local_time::{Day, IfPassed, LocalSchedule};
use crate::model::message::Priority;
use crate::model::status::OperationStatus;
use crate::store::operation_read::{self, OperationFilter, OperationStats};
use crate::store::pool::Pool;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    id: OperationId,
    status: OperationStatus,
    stats: Stats,
    /// Whether nothing of it is sent until it is resumed (extension).
    paused: bool,
    /// `REQUESTED`, or `GUARD` if it paused by itself (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_reason: Option<String>,
    /// How fast it is sent, if not as fast as it goes (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pace: Option<Pace>,
    /// The Operation whose failed notifications this one sends again (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    resend_of: Option<OperationId>,
    created_at: Date,
    updated_at: Date,
    /// As in the request (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    tags: Option<Value>,
    /// As in the request; absent: the default App of that moment (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    from: Option<Value>,
    /// (extension)
    priority: Priority,
    /// In seconds (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    /// Present if the Operation was scheduled (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    /// What its first unsettled notification waits for, if that is not about to be sent. A list looks at
    /// a bounded number of notifications to say so (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
}

/// How fast an Operation is sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Pace {
    /// Notifications in a minute.
    per_minute: i32,
}

/// When an Operation is sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    /// A local time has no zone. Absent: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<[String; 1]>,
    /// By the recipients' clocks (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<ShownWindow>,
    /// What becomes of a local time that had passed (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    if_passed: Option<IfPassed>,
}

/// When recipients may get messages, by their clocks.
#[derive(Serialize, ToSchema)]
struct ShownWindow {
    from: String,
    until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<Vec<Day>>,
}

impl Schedule {
    /// `None`: the Operation was sent at once.
    fn of(send_at: Option<OffsetDateTime>, local: Option<LocalSchedule>) -> Option<Self> {
        if send_at.is_none() && local.is_none() {
            return None;
        }

        let local = local.unwrap_or_default();
        // The local time as the request gave it: with local times, `send_at` is the time at which
        // the first zone begins.
        let shown = match local.send_at {
            Some(local) => Some(local.to_string()),
            None => send_at.map(|at| Date(at).to_string()),
        };
        Some(Self {
            send_at: shown.map(|at| [at]),
            if_passed: local.send_at.map(|_| local.if_passed),
            window: local.window.map(|window| ShownWindow {
                from: window.from.to_string(),
                until: window.until.to_string(),
                days: window.days,
            }),
        })
    }
}

impl Schedule {
    pub(super) fn at(send_at: OffsetDateTime) -> Self {
        Self {
            send_at: Some([Date(send_at).to_string()]),
            window: None,
            if_passed: None,
        }
    }
}

/// How many of the Operation's notifications are in each state. At every moment,
/// `total = scheduled + queued + sent + failed + canceled + unaddressable`.
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
    /// Of all, how many have arrived on a device, as its app reports (extension).
    delivered: i64,
    /// Of all, how many were opened, as the app reports (extension).
    opened: i64,
}

#[derive(Serialize, ToSchema)]
struct OperationList {
    operations: Vec<Operation>,
    pagination: Pagination,
}

impl From<OperationStats> for Operation {
    fn from(operation: OperationStats) -> Self {
        let scheduled = operation.scheduled();
        let queued = operation.queued - scheduled;

        // What is settled can't be paused.
        let status = operation.status();
        let is_over = matches!(
            status,
            OperationStatus::Completed | OperationStatus::Canceled
        );
        let paused_reason = operation.paused_reason.filter(|_| !is_over);

        Self {
            id: operation.id,
            status,
            paused: paused_reason.is_some(),
            paused_reason,
            pace: operation
                .pace_per_minute
                .map(|per_minute| Pace { per_minute }),
            stats: Stats {
                total: operation.recipients,
                recipients: operation.recipients,
                unaddressable: operation.unaddressable,
                scheduled,
                queued,
                sent: operation.sent,
                failed: operation.failed,
                canceled: operation.canceled,
                delivered: operation.delivered,
                opened: operation.opened,
            },
            resend_of: operation.resend_of,
            created_at: Date(operation.created_at),
            updated_at: Date(operation.updated_at),
            from: operation.sender,
            tags: operation.tags,
            priority: operation.priority.0,
            ttl: operation.ttl,
            schedule: Schedule::of(
                operation.send_at,
                operation.local_schedule.map(|local| local.0),
            ),
            waiting_for: None,
        }
    }
}

impl Operation {
    fn new(operation: OperationStats, waiting_for: &HashMap<OperationId, WaitingFor>) -> Self {
        Self {
            waiting_for: waiting_for.get(&operation.id).cloned(),
            ..operation.into()
        }
    }
}

/// Longest `wait`, in seconds.
pub(in crate::http) const MAX_WAIT: u64 = 60;

/// Reads `wait`: how long to wait for the Operation's end, as `30s` or `30`.
fn wait(query: &mut Query) -> Option<Duration> {
    let text = query.string("wait")?;
    let seconds = text.strip_suffix('s').unwrap_or(&text).parse().ok();

    let wait = seconds.filter(|seconds| *seconds <= MAX_WAIT);
    if wait.is_none() {
        let message = format!(
            "must be 0s to {MAX_WAIT}s, such as 30s; got {}",
            quoted_string(&text)
        );
        query.problem(Problem::new("wait", message));
    }

    wait.map(Duration::from_secs)
}

/// One Operation.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}",
    operation_id = "fetchOperation",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        ("wait" = Option<String>, Query, description = "How long the request waits for the end of the Operation, such as 30s (extension)"),
    ),
    responses((status = 200, description = "The Operation", body = Operation), ReadErrors),
)]
pub(crate) async fn fetch(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    let mut query = Query::of(&request)?;
    let wait = wait(&mut query);
    query.check()?;

    let oldest = state.oldest_readable_id();
    let operation = operation_read::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let operation = match wait {
        Some(wait) if !has_ended(&operation) => end_of(&state, caller, operation, wait).await?,
        // An Operation that has ended takes no place among the watchers, whose number is limited.
        _ => operation,
    };

    let waiting_for = waiting_for(&state.pool, std::slice::from_ref(&operation)).await?;
    Ok(HttpResponse::Ok().json(Operation::new(operation, &waiting_for)))
}

/// What those of `operations` wait for whose notifications are due.
async fn waiting_for(
    pool: &Pool,
    operations: &[OperationStats],
) -> sqlx::Result<HashMap<OperationId, WaitingFor>> {
    // What is scheduled waits for its time, which `schedule` shows. What is paused waits for
    // nothing else, so none of its notifications are examined.
    let (paused, running): (Vec<_>, Vec<_>) = operations
        .iter()
        .filter(|operation| operation.queued > 0 && !operation.is_scheduled)
        .partition(|operation| operation.paused_at.is_some());
    let due: Vec<OperationId> = running.iter().map(|operation| operation.id).collect();

    let mut waiting_for = waiting::of_operations(pool, &due).await?;
    waiting_for.extend(paused.iter().filter_map(|operation| {
        let paused_at = operation.paused_at?;
        Some((operation.id, WaitingFor::a_resume(paused_at)))
    }));
    Ok(waiting_for)
}

/// Waits for the end of an Operation. Returns it as it was seen last.
async fn end_of(
    state: &State,
    caller: Caller,
    operation: OperationStats,
    wait: Duration,
) -> Result<OperationStats, ApiError> {
    let mut watcher = state
        .operation_watches
        .watch(caller.account_id, operation.id)?;
    let mut last = operation;

    let seeing = async {
        // A shutdown does not wait for the rest of the time: the client asks another process again.
        while !has_ended(&last) && !state.readiness.is_draining() {
            // The reader has ended: its last value was seen, or the record is gone.
            if !watcher.wait_for_change().await {
                return;
            }
            if let Some(operation) = watcher.latest() {
                last = OperationStats::clone(&operation);
            }
        }
    };
    // What was seen by then is the answer.
    let _ = timeout(wait, seeing).await;

    Ok(last)
}

/// Operations, newest first. With a filter that few match, a page may be short or empty although others
/// follow.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations",
    operation_id = "listOperations",
    tag = "Operations",
    params(
        ("status" = Option<OperationStatus>, Query),
        ("tags" = Option<String>, Query, description = "key_1:value;key_2:value (extension)"),
        ("scheduledAfter" = Option<String>, Query, description = "Scheduled at or after this time: 2024-04-20 or 2024-04-20T14:45:00Z (extension)"),
        ("scheduledBefore" = Option<String>, Query, description = "Scheduled at or before this time; a date includes the whole day (extension)"),
        DateParams,
        PageParams,
    ),
    responses((status = 200, description = "A page of Operations", body = OperationList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let status = query.one_of("status", &OperationStatus::ALL, OperationStatus::as_str);
    let tags = query.filter("tags", &filter_rule(), parse_filter);
    let scheduled_after = query.start_of("scheduledAfter");
    let scheduled_before = query.end_of("scheduledBefore");
    let (from, until) = state.id_range(&mut query);

    let page = Page::of(caller, "operations", &mut query, &state.master_keys);
    query.check()?;

    // Newest first: the next page holds what is older than the last id.
    let after = page
        .after()
        .and_then(|id| id.parse::<OperationId>().ok())
        .map(OperationId::as_uuid);
    let filter = OperationFilter {
        status,
        tags,
        scheduled_after,
        scheduled_before,
        from,
        until: [after, until].into_iter().flatten().min(),
        limit: page.size(),
    };

    let turn = state.list_turns.next(caller.account_id).await?;
    let found = operation_read::list(turn.pool, caller.account_id, &filter).await?;
    let waiting_for = waiting_for(turn.pool, &found.records).await?;
    drop(turn);

    let next = found.next.map(|id| id.to_string());
    let pagination = page.pagination(next, &state.master_keys);
    let operations = found
        .records
        .into_iter()
        .map(|operation| Operation::new(operation, &waiting_for))
        .collect();
    Ok(HttpResponse::Ok().json(OperationList {
        operations,
        pagination,
    }))
}
