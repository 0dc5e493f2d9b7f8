//! Credentials: how they do, when they end, and a test.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::format::{self, Timestamp};
use crate::console::operations::Pagination;
use crate::console::page::{self, Frame, PageError, View, may_post, path_part, query_value};

/// From then on, the end of a certificate is a warning.
const SOON: Duration = Duration::days(30);

#[derive(Debug, Deserialize)]
struct CredentialList {
    credentials: Vec<Credential>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: String,
    credential_type: String,
    is_default: bool,
    app_name: String,
    #[serde(default)]
    details: Map<String, Value>,
    certificate_expires_at: Option<Timestamp>,
    status: String,
    last_error: Option<String>,
    last_error_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl Credential {
    fn status_shown(&self) -> String {
        format::status(&self.status)
    }

    /// Its public facts, in words.
    fn facts(&self) -> String {
        let facts = self.details.iter().filter_map(|(name, value)| {
            let text = value.as_str()?;
            Some(format!("{} {text}", words(name)))
        });

        facts.collect::<Vec<_>>().join(" · ")
    }

    fn ends_soon(&self) -> bool {
        self.certificate_expires_at
            .is_some_and(|end| end.0 < OffsetDateTime::now_utc() + SOON)
    }
}

/// `projectId` as `project id`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }

    text
}

#[derive(Template)]
#[template(path = "console/credentials.html")]
struct CredentialsPage {
    frame: Frame,
    credentials: Vec<Credential>,
    may_test: bool,
    tested: Option<Tested>,
    next: String,
}

/// What a provider said of a Credential.
struct Tested {
    id: String,
    is_working: bool,
    status: String,
    error: String,
}

pub(super) async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    let token = query_value(&request, "pageToken").unwrap_or_default();

    show(&caller, &token, None).await
}

async fn show(
    caller: &Caller,
    token: &str,
    tested: Option<Tested>,
) -> Result<HttpResponse, PageError> {
    let path = format!("/Credentials?pageSize=50&pageToken={}", path_part(token));
    let list: CredentialList = caller.api.get(&path).await?;

    let page = CredentialsPage {
        frame: Frame::new(caller, View::Credentials, "Credentials"),
        credentials: list.credentials,
        may_test: may_post(caller, "/Credentials/{id}/Test"),
        tested,
        next: list.pagination.next.map_or_else(String::new, |token| {
            format!("/console/credentials?pageToken={}", path_part(&token))
        }),
    };
    page::html(StatusCode::OK, &page)
}

/// Asks the provider, and shows the list with its answer.
pub(super) async fn test(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let path = format!("/Credentials/{}/Test", path_part(&id));
    let answer = form.caller.api.change(&Method::POST, &path, None).await?;

    let status = answer["status"].as_str().unwrap_or_default();
    let tested = Tested {
        id: id.into_inner(),
        is_working: status == "WORKING",
        status: format::status(status),
        error: answer["error"].as_str().unwrap_or_default().to_owned(),
    };
    show(&form.caller, "", Some(tested)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_described_in_words() {
        assert_eq!(words("projectId"), "project id");
        assert_eq!(words("topic"), "topic");
    }
}
