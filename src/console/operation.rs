//! One Operation, which fills up live, and what can be done about it.

use std::time::{Duration, Instant};

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::curves::{self, Curves, Span};
use crate::console::format;
use crate::console::format::Timestamp;
use crate::console::live::{Fragment, LiveViews, Watched};
use crate::console::operations::{Operation, Pagination};
use crate::console::page::{self, Frame, PageError, View, may_post, path_part, query_value};
use crate::store::operation_titles::{self, Wording};

/// How often a running Operation is read while its page is open.
const EVERY: Duration = Duration::from_secs(1);
/// How often its curves are.
const CURVES_EVERY: Duration = Duration::from_secs(3);
/// Errors that the page lists.
const ERRORS_SHOWN: usize = 20;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorTotals {
    error_totals: Vec<ErrorTotal>,
    is_complete: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct ErrorTotal {
    code: String,
    count: i64,
}

#[derive(Debug, Deserialize)]
struct ErrorList {
    errors: Vec<OperationError>,
    pagination: Pagination,
}

/// A recipient that got nothing, and why.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperationError {
    code: String,
    message: Option<String>,
    push_notification_id: String,
    position: i64,
    to: Recipient,
    attempts: i64,
    created_at: Timestamp,
}

/// A recipient, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recipient {
    #[serde(default)]
    pub token: Option<String>,
    #[serde(default)]
    pub provider: Option<String>,
    #[serde(default)]
    pub user_id: Option<String>,
}

impl Recipient {
    pub(super) fn shown(&self) -> String {
        match (&self.user_id, &self.token, &self.provider) {
            (Some(user_id), ..) => user_id.clone(),
            (None, Some(token), Some(provider)) => format!("{provider} {token}"),
            (None, token, _) => token.clone().unwrap_or_default(),
        }
    }
}

/// A bar of the errors by code.
struct ErrorBar {
    code: String,
    count: i64,
    /// Thousandths of the longest bar.
    width: i64,
    is_chosen: bool,
}

impl ErrorBar {
    fn code_in_address(&self) -> String {
        path_part(&self.code)
    }
}

#[derive(Template)]
#[template(path = "console/operation.html")]
struct OperationPage {
    frame: Frame,
    id: String,
    name: String,
    body: String,
    live: String,
    progress: Progress,
    errors: Vec<OperationError>,
    /// The code that the list of errors is of; empty: all.
    code: String,
    next_errors: String,
}

/// The part that changes.
#[derive(Template)]
#[template(path = "console/operation_progress.html")]
struct Progress {
    operation: Operation,
    bars: Vec<ErrorBar>,
    are_totals_complete: bool,
    curves: Curves,
    /// What the person may do with it now.
    actions: Vec<&'static str>,
}

impl Progress {
    fn may(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }
}

/// What of an Operation is not read each time.
#[derive(Default)]
struct Earlier {
    failed: i64,
    totals: Option<ErrorTotals>,
    curves: Option<(Instant, Curves)>,
}

pub(super) async fn show(
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let code = query_value(&request, "code").unwrap_or_default();
    let progress = read(&caller, &id, &code, &mut Earlier::default()).await?;
    let wording = wording(&caller, &progress.operation).await?;
    let token = query_value(&request, "pageToken");
    let list = errors(&caller, &progress.operation, &code, token.as_deref()).await?;

    let id = progress.operation.id.clone();
    let name = [&wording.title, &wording.body]
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty());
    let name = name.map_or("Message without text", String::as_str);

    let page = OperationPage {
        frame: Frame::new(&caller, View::Operations, name).with_notice(&request),
        live: if progress.operation.is_running() {
            format!("/console/operations/{id}/live?code={}", path_part(&code))
        } else {
            String::new()
        },
        name: name.to_owned(),
        // Without a title, the body is the heading already.
        body: wording.title.as_ref().and(wording.body).unwrap_or_default(),
        progress,
        errors: list.errors,
        next_errors: list.pagination.next.map_or_else(String::new, |token| {
            format!(
                "/console/operations/{id}?code={}&pageToken={}#errors",
                path_part(&code),
                path_part(&token)
            )
        }),
        code,
        id,
    };
    page::html(StatusCode::OK, &page)
}

/// The Operation as it changes.
pub(super) async fn live(
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let code = query_value(&request, "code").unwrap_or_default();
    // An Operation that is not theirs is a 404 here, and not a stream.
    read(&caller, &id, &code, &mut Earlier::default()).await?;

    // The first person who watches reads for all others with the same name, so the name holds all
    // that the result depends on. The account is a part of the registry's key.
    let reader = caller.clone();
    let mut earlier = Earlier::default();
    let watched = Watched {
        // What is shown depends on the role.
        name: format!("{id} {code} {}", caller.who.role.as_str()),
        every: EVERY,
        read: async move || {
            let progress = read(&reader, &id, &code, &mut earlier).await?;
            Ok(Some(Fragment {
                html: page::render(&progress)?,
                is_last: !progress.operation.is_running(),
            }))
        },
    };
    Ok(LiveViews::of(&request)?.stream(&request, caller, watched))
}

async fn read(
    caller: &Caller,
    id: &str,
    code: &str,
    earlier: &mut Earlier,
) -> Result<Progress, PageError> {
    let path = format!("/Operations/{}", path_part(id));
    let operation: Operation = caller.api.get(&path).await?;

    let failed = operation.stats.all_failed();
    let totals = match earlier.totals.clone() {
        // The totals change only with the number of failures, so a read without new ones needs no
        // query for them.
        Some(totals) if earlier.failed == failed => totals,
        _ if failed == 0 => ErrorTotals {
            error_totals: Vec::new(),
            is_complete: true,
        },
        _ => caller.api.get(&format!("{path}/ErrorTotals")).await?,
    };
    earlier.failed = failed;
    earlier.totals = Some(totals.clone());
    let curves = curves_of(caller, &operation, earlier).await?;

    Ok(Progress {
        bars: error_bars(&totals.error_totals, code),
        are_totals_complete: totals.is_complete,
        curves,
        actions: actions(caller, &operation),
        operation,
    })
}

/// What the person may do with an Operation now.
fn actions(caller: &Caller, operation: &Operation) -> Vec<&'static str> {
    let is_running = operation.is_running();
    let has_failed = operation.stats.all_failed() > 0;
    let may_change = caller.may(&Method::PATCH, "/v1/PushNotifications/Operations/{id}");
    let all = [
        (
            "cancel",
            is_running && may_post(caller, "/Operations/{id}/Cancel"),
        ),
        (
            "pause",
            is_running && may_post(caller, "/Operations/{id}/Pause"),
        ),
        ("pace", is_running && may_change),
        (
            "resend",
            !is_running && has_failed && may_post(caller, "/Operations/{id}/Resend"),
        ),
    ];

    let allowed = all.into_iter().filter(|(_, is_allowed)| *is_allowed);
    allowed.map(|(action, _)| action).collect()
}

/// The curves, which are read anew now and then, and at the end.
async fn curves_of(
    caller: &Caller,
    operation: &Operation,
    earlier: &mut Earlier,
) -> Result<Curves, PageError> {
    if let Some((at, curves)) = &earlier.curves
        && at.elapsed() < CURVES_EVERY
        && operation.is_running()
    {
        return Ok(curves.clone());
    }
    let Some(operation_id) = operation.parsed_id() else {
        return Ok(Curves::default());
    };

    let span = Span {
        operation_id,
        from: operation.starts_at().0,
        until: operation.updated_at.0,
    };
    let curves = curves::read(&caller.state, &span).await?;
    earlier.curves = Some((Instant::now(), curves.clone()));
    Ok(curves)
}

/// A bar for each code, the longest first.
fn error_bars(totals: &[ErrorTotal], code: &str) -> Vec<ErrorBar> {
    let most = totals.iter().map(|total| total.count).max().unwrap_or(1);

    totals
        .iter()
        .map(|total| ErrorBar {
            code: total.code.clone(),
            count: total.count,
            // At least 8, so that the rarest error can be seen.
            width: (total.count * 1_000 / most.max(1)).max(8),
            is_chosen: total.code == code,
        })
        .collect()
}

async fn errors(
    caller: &Caller,
    operation: &Operation,
    code: &str,
    token: Option<&str>,
) -> Result<ErrorList, PageError> {
    if operation.stats.all_failed() == 0 {
        return Ok(ErrorList {
            errors: Vec::new(),
            pagination: Pagination { next: None },
        });
    }

    let path = format!(
        "/Operations/{}/Errors?pageSize={ERRORS_SHOWN}&code={}&pageToken={}",
        path_part(&operation.id),
        path_part(code),
        path_part(token.unwrap_or_default())
    );
    Ok(caller.api.get(&path).await?)
}

async fn wording(caller: &Caller, operation: &Operation) -> Result<Wording, PageError> {
    let Some(id) = operation.parsed_id() else {
        return Ok(Wording::default());
    };

    let account_id = caller.who.account_id;
    let mut found = operation_titles::fetch(&caller.state.pool, account_id, &[id]).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

/// The outcome of each recipient, as a file.
pub(super) async fn results(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let path = format!("/Operations/{}/Results", path_part(&id));
    // The API streams NDJSON without this header. Its answer is passed on page by page, so that it
    // needs the memory of one page.
    let api = caller.api.accepting("text/csv");

    Ok(api.call(&Method::GET, &path, None).await?)
}

pub(super) async fn cancel(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = path_part(&id);
    let path = format!("/Operations/{id}/Cancel");
    form.caller.api.change(&Method::POST, &path, None).await?;

    Ok(page::redirect(&format!(
        "/console/operations/{id}?done=cancel"
    )))
}

pub(super) async fn pause(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    change(&form, &id, "Pause").await
}

pub(super) async fn resume(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    change(&form, &id, "Resume").await
}

async fn change(form: &SubmittedForm, id: &str, verb: &str) -> Result<HttpResponse, PageError> {
    let id = path_part(id);
    let path = format!("/Operations/{id}/{verb}");
    form.caller.api.change(&Method::POST, &path, None).await?;

    // A redirect, so that a reload of the page does not repeat the change.
    let done = verb.to_lowercase();
    Ok(page::redirect(&format!(
        "/console/operations/{id}?done={done}"
    )))
}

/// Gives an Operation another pace.
pub(super) async fn pace(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = path_part(&id);
    let per_minute: u32 = form.fields.text("perMinute").parse().map_err(|_| {
        PageError::refused("The pace must be a number of notifications per minute.")
    })?;
    let body = json!({"pace": {"perMinute": per_minute}});
    form.caller
        .api
        .change(&Method::PATCH, &format!("/Operations/{id}"), Some(&body))
        .await?;

    Ok(page::redirect(&format!(
        "/console/operations/{id}?done=pace"
    )))
}

/// Sends the failed notifications again: those with the chosen codes, else those that are worth it.
pub(super) async fn resend(
    form: SubmittedForm,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    // Without codes, the API leaves out permanent failures.
    let codes: Vec<&str> = form.fields.texts("code").collect();
    let body = if codes.is_empty() {
        json!({})
    } else {
        json!({"codes": codes})
    };

    let path = format!("/Operations/{}/Resend", path_part(&id));
    let answer = form
        .caller
        .api
        .change(&Method::POST, &path, Some(&body))
        .await?;
    let new = answer["operationId"].as_str().unwrap_or_default();
    Ok(page::redirect(&format!(
        "/console/operations/{}?done=resend",
        path_part(new)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_error_still_has_a_bar() {
        let total = |code: &str, count| ErrorTotal {
            code: code.to_owned(),
            count,
        };
        let bars = error_bars(&[total("A", 100_000), total("B", 1)], "B");

        assert_eq!(bars[0].width, 1_000);
        assert!(bars[1].width > 0 && bars[1].is_chosen);
        assert!(error_bars(&[], "").is_empty());
    }
}
