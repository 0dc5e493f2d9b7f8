//! API keys: who has one, and how to make, replace and revoke one.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::format::{self, Timestamp};
use crate::console::operations::Pagination;
use crate::console::page::{self, Frame, PageError, View, path_part, query_value};

#[derive(Debug, Deserialize)]
struct KeyList {
    keys: Vec<Key>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    key: String,
    role: String,
    status: String,
    name: Option<String>,
    note: Option<String>,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl Key {
    fn status_shown(&self) -> String {
        format::status(&self.status)
    }

    fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }
}

/// A key that was just made, with its secret.
struct NewKey {
    key: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<Key>,
    /// The key of this session, which can't revoke itself.
    own: String,
    made: Option<NewKey>,
    next: String,
}

impl KeysPage {
    fn is_own(&self, key: &Key) -> bool {
        key.key == self.own
    }
}

pub(super) async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    let token = query_value(&request, "pageToken").unwrap_or_default();

    show(&caller, &token, None, Some(&request)).await
}

async fn show(
    caller: &Caller,
    token: &str,
    made: Option<NewKey>,
    request: Option<&HttpRequest>,
) -> Result<HttpResponse, PageError> {
    let list: KeyList = caller
        .api
        .get(&format!("/Keys?pageSize=50&pageToken={}", path_part(token)))
        .await?;

    let frame = Frame::new(caller, View::Keys, "Keys");
    let page = KeysPage {
        frame: match request {
            Some(request) => frame.with_notice(request),
            None => frame,
        },
        keys: list.keys,
        own: caller.who.actor.clone(),
        made,
        next: list.pagination.next.map_or_else(String::new, |token| {
            format!("/console/keys?pageToken={}", path_part(&token))
        }),
    };
    page::html(StatusCode::OK, &page)
}

/// Makes a key. Its secret is on the answer's page alone.
pub(super) async fn create(form: SubmittedForm) -> Result<HttpResponse, PageError> {
    let mut body = json!({"role": form.fields.text("role")});
    for name in ["name", "note"] {
        if let Some(text) = form.fields.given(name) {
            body[name] = json!(text);
        }
    }

    made(&form.caller, "/Keys", &body).await
}

/// Makes a key in place of another.
pub(super) async fn rotate(
    form: SubmittedForm,
    key: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let path = format!("/Keys/{}/Rotate", path_part(&key));

    made(&form.caller, &path, &json!({})).await
}

async fn made(caller: &Caller, path: &str, body: &Value) -> Result<HttpResponse, PageError> {
    let made = caller.api.change(&Method::POST, path, Some(body)).await?;
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    let new = NewKey {
        key: text("key"),
        secret: text("secret"),
    };

    // Not a redirect, as after other changes: the secret would have to be kept for the next
    // request, or be in its address.
    show(caller, "", Some(new), None).await
}

pub(super) async fn revoke(
    form: SubmittedForm,
    key: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let path = format!("/Keys/{}", path_part(&key));
    form.caller.api.change(&Method::DELETE, &path, None).await?;

    Ok(page::redirect("/console/keys?done=revoke"))
}
