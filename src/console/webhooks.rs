//! Webhooks with their messages. Buttons send a message again, or test a webhook.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::format::{self, Timestamp};
use crate::console::operations::Pagination;
use crate::console::page::{self, Frame, PageError, View, may_post, path_part, query_value};

#[derive(Debug, Deserialize)]
struct WebhookList {
    webhooks: Vec<Webhook>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    id: String,
    url: String,
    events: Vec<String>,
    app_name: Option<String>,
    description: Option<String>,
    status: String,
    disabled_reason: Option<String>,
    created_at: Timestamp,
}

impl Webhook {
    fn status_shown(&self) -> String {
        format::status(&self.status)
    }
}

#[derive(Debug, Deserialize)]
struct DeliveryList {
    deliveries: Vec<Delivery>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    event: String,
    status: String,
    next_attempt_at: Option<Timestamp>,
    attempts: Vec<Attempt>,
    created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    number: i64,
    http_status: Option<i64>,
    error: Option<String>,
    answer: Option<String>,
    duration_ms: i64,
    created_at: Timestamp,
}

impl Delivery {
    fn status_shown(&self) -> String {
        format::status(&self.status)
    }
}

#[derive(Template)]
#[template(path = "console/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    webhooks: Vec<Webhook>,
}

#[derive(Template)]
#[template(path = "console/webhook.html")]
struct WebhookPage {
    frame: Frame,
    webhook: Webhook,
    deliveries: Vec<Delivery>,
    may_change: bool,
    next: String,
}

pub(super) async fn list(caller: Caller) -> Result<HttpResponse, PageError> {
    // An account has at most 10 webhooks, so there are no pages.
    let list: WebhookList = caller.api.get("/Webhooks").await?;

    let page = WebhooksPage {
        frame: Frame::new(&caller, View::Webhooks, "Webhooks"),
        webhooks: list.webhooks,
    };
    page::html(StatusCode::OK, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = path_part(&id);
    let webhook: Webhook = caller.api.get(&format!("/Webhooks/{id}")).await?;
    let token = query_value(&request, "pageToken").unwrap_or_default();
    let path = format!(
        "/Webhooks/{id}/Deliveries?pageSize=25&pageToken={}",
        path_part(&token)
    );
    let list: DeliveryList = caller.api.get(&path).await?;

    let page = WebhookPage {
        frame: Frame::new(&caller, View::Webhooks, "Webhook").with_notice(&request),
        webhook,
        deliveries: list.deliveries,
        may_change: may_post(&caller, "/Webhooks/{id}/Test"),
        next: list.pagination.next.map_or_else(String::new, |token| {
            format!("/console/webhooks/{id}?pageToken={}", path_part(&token))
        }),
    };
    page::html(StatusCode::OK, &page)
}

pub(super) async fn test(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = path_part(&id);
    let path = format!("/Webhooks/{id}/Test");
    form.caller.api.change(&Method::POST, &path, None).await?;

    Ok(page::redirect(&format!("/console/webhooks/{id}?done=hook")))
}

pub(super) async fn resend(
    form: SubmittedForm,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (id, delivery) = ids.into_inner();
    let id = path_part(&id);
    let path = format!("/Webhooks/{id}/Deliveries/{}/Resend", path_part(&delivery));
    form.caller.api.change(&Method::POST, &path, None).await?;

    Ok(page::redirect(&format!("/console/webhooks/{id}?done=hook")))
}
