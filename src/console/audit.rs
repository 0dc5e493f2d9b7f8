//! The audit log: who changed what.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use crate::console::caller::Caller;
use crate::console::format::Timestamp;
use crate::console::operations::Pagination;
use crate::console::page::{self, Frame, PageError, View, path_part, query_value, with_query};

const FILTERS: [&str; 5] = ["action", "actor", "target", "startDate", "endDate"];
const PAGE_SIZE: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuditEventList {
    audit_events: Vec<AuditEvent>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuditEvent {
    action: String,
    actor: String,
    via: String,
    targets: Vec<String>,
    source_address: Option<String>,
    created_at: Timestamp,
}

/// A filter with its name and what is in it.
struct Filter {
    name: &'static str,
    label: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    frame: Frame,
    filters: Vec<Filter>,
    events: Vec<AuditEvent>,
    next: String,
}

pub(super) async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    // Only known filters are passed on, because the API refuses a parameter that it does not know.
    let path = with_query(&request, "/AuditEvents", &FILTERS);
    let separator = if path.contains('?') { '&' } else { '?' };
    let token = query_value(&request, "pageToken").unwrap_or_default();
    let list: AuditEventList = caller
        .api
        .get(&format!(
            "{path}{separator}pageSize={PAGE_SIZE}&pageToken={}",
            path_part(&token)
        ))
        .await?;

    let labels = ["Action", "By", "Target", "From", "To"];
    let filters = FILTERS.into_iter().zip(labels).map(|(name, label)| Filter {
        name,
        label,
        value: query_value(&request, name).unwrap_or_default(),
    });
    let here = with_query(&request, "/console/audit", &FILTERS);
    let page = AuditPage {
        frame: Frame::new(&caller, View::Audit, "Audit log"),
        filters: filters.collect(),
        events: list.audit_events,
        next: list.pagination.next.map_or_else(String::new, |token| {
            let separator = if here.contains('?') { '&' } else { '?' };
            format!("{here}{separator}pageToken={}", path_part(&token))
        }),
    };
    page::html(StatusCode::OK, &page)
}
