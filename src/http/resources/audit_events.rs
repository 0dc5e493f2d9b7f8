//! `GET /PushNotifications/AuditEvents` (extension): who changed what, for keys with the role FULL.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::query::{DateParams, Query};
use crate::model::id::{AuditEventId, lowest_id_at};
use crate::store::audit_events::{self as store, AuditEventFilter};

/// A change of the account's settings, or of what it sends.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEvent {
    id: AuditEventId,
    /// What was done, such as `credential.create`.
    action: String,
    /// The user name of the API key, or who else it was.
    actor: String,
    via: Via,
    /// Ids or names of what was changed.
    targets: Vec<String>,
    /// Where the request came from; null: from the command line.
    source_address: Option<String>,
    created_at: Date,
}

/// How a change was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Via {
    Api,
    Console,
    Cli,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEventList {
    audit_events: Vec<AuditEvent>,
    pagination: Pagination,
}

impl From<store::AuditEvent> for AuditEvent {
    fn from(event: store::AuditEvent) -> Self {
        Self {
            id: event.id,
            action: event.action,
            actor: event.actor,
            via: match event.via.as_str() {
                "CONSOLE" => Via::Console,
                "CLI" => Via::Cli,
                _ => Via::Api,
            },
            targets: event.targets,
            source_address: event.source_address,
            created_at: Date(event.at),
        }
    }
}

/// Changes of the account, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/AuditEvents",
    operation_id = "listAuditEvents",
    tag = "AuditEvents",
    params(
        ("action" = Option<String>, Query, description = "Only this action, such as credential.create"),
        ("actor" = Option<String>, Query, description = "Only changes by this actor"),
        ("target" = Option<String>, Query, description = "Only changes of the resource with this id or name"),
        DateParams,
        PageParams,
    ),
    responses((status = 200, description = "A page of changes", body = AuditEventList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    // An action that no change has would be answered with an empty list, as if nothing had
    // happened.
    let action = query.one_of("action", &audit::actions(), |action| action);
    let mut string = |name| query.filter(name, "a string", |string| Some(string.to_owned()));
    let actor = string("actor");
    let target = string("target");
    let from = query.start_of("startDate");
    let until = query.end_of("endDate");

    let page = Page::of(caller, "auditEvents", &mut query, &state.master_keys);
    query.check()?;

    // Newest first: the next page holds what is older than the last id.
    let after = page
        .after()
        .and_then(|id| id.parse::<AuditEventId>().ok())
        .map(AuditEventId::as_uuid);
    let filter = AuditEventFilter {
        actor: actor.as_deref(),
        action,
        target: target.as_deref(),
        from: from.map(lowest_id_at).unwrap_or_default(),
        until: [after, until.map(lowest_id_at)].into_iter().flatten().min(),
        limit: page.size(),
    };

    let turn = state.list_turns.next(caller.account_id).await?;
    let found = store::list(turn.pool, caller.account_id, &filter).await?;
    drop(turn);

    let next = found.next.map(|id| id.to_string());
    Ok(HttpResponse::Ok().json(AuditEventList {
        audit_events: found.records.into_iter().map(AuditEvent::from).collect(),
        pagination: page.pagination(next, &state.master_keys),
    }))
}
