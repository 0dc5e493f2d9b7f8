//! The list of Operations, live.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use crate::console::caller::Caller;
use crate::console::format::{self, Segment, Timestamp};
use crate::console::live::{Fragment, LiveViews, Watched};
use crate::console::page::{self, Frame, PageError, View, query_value, with_query};
use crate::http::State;
use crate::http::in_process_api::CallError;
use crate::model::id::{AccountId, OperationId};
use crate::model::status::OperationStatus;
use crate::store::operation_titles::{self, Wording};

const PAGE_SIZE: &str = "25";
/// How often the list is read while its page is open.
const EVERY: Duration = Duration::from_secs(2);
/// The filters, which are those of the API.
const FILTERS: [&str; 4] = ["status", "tags", "startDate", "endDate"];

/// An Operation, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub id: String,
    pub status: String,
    pub stats: Stats,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub priority: String,
    #[serde(default)]
    pub ttl: Option<i64>,
    #[serde(default)]
    pub resend_of: Option<String>,
    #[serde(default)]
    pub schedule: Option<Schedule>,
    #[serde(default)]
    pub waiting_for: Option<WaitingFor>,
    #[serde(default)]
    pub paused: bool,
    #[serde(default)]
    pub paused_reason: Option<String>,
    #[serde(default)]
    pub pace: Option<Pace>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pace {
    /// Notifications in a minute.
    pub per_minute: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    #[serde(default)]
    pub send_at: Vec<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitingFor {
    pub reason: String,
    #[serde(default)]
    pub since: Option<Timestamp>,
    #[serde(default)]
    pub next_try: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Stats {
    pub total: i64,
    pub unaddressable: i64,
    pub scheduled: i64,
    pub queued: i64,
    pub sent: i64,
    pub failed: i64,
    pub canceled: i64,
    #[serde(default)]
    pub delivered: i64,
    #[serde(default)]
    pub opened: i64,
}

impl Stats {
    pub(super) fn settled(&self) -> i64 {
        self.total - self.queued - self.scheduled
    }

    /// Failed for whatever reason.
    pub(super) fn all_failed(&self) -> i64 {
        self.failed + self.unaddressable
    }

    pub(super) fn bar(&self) -> Vec<Segment> {
        let parts = [
            ("sent", self.sent),
            ("failed", self.all_failed()),
            ("canceled", self.canceled),
        ];

        format::segments(&parts, self.total)
    }

    /// The bar in words.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{} of {} settled: {} sent, {} failed, {} canceled",
            format::number(self.settled()),
            format::number(self.total),
            format::number(self.sent),
            format::number(self.all_failed()),
            format::number(self.canceled)
        )
    }

    pub(super) fn percent(&self) -> String {
        format::percent(self.settled(), self.total)
    }
}

impl Operation {
    pub(super) fn is_running(&self) -> bool {
        !matches!(self.status.as_str(), "COMPLETED" | "CANCELED")
    }

    pub(super) fn status_shown(&self) -> String {
        match (self.paused, self.paused_by_guard()) {
            (true, true) => "Paused by its guard".to_owned(),
            (true, false) => "Paused".to_owned(),
            (false, _) => format::status(&self.status),
        }
    }

    /// Its status as a class of the stylesheet.
    pub(super) fn kind(&self) -> String {
        if self.paused {
            return "paused".to_owned();
        }

        self.status.to_lowercase()
    }

    /// Whether it paused by itself, because too much failed.
    pub(super) fn paused_by_guard(&self) -> bool {
        self.paused_reason.as_deref() == Some("GUARD")
    }

    pub(super) fn parsed_id(&self) -> Option<OperationId> {
        self.id.parse().ok()
    }

    /// When its first notification goes.
    pub(super) fn starts_at(&self) -> Timestamp {
        let planned = self.schedule.as_ref();
        let planned = planned.and_then(|schedule| schedule.send_at.first());

        planned.copied().unwrap_or(self.created_at)
    }
}

#[derive(Debug, Deserialize)]
struct OperationList {
    operations: Vec<Operation>,
    pagination: Pagination,
}

/// `pagination` of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pagination {
    pub next: Option<String>,
}

/// A line of the list.
struct Row {
    operation: Operation,
    wording: Wording,
}

impl Row {
    fn name(&self) -> &str {
        let texts = [&self.wording.title, &self.wording.body];
        let text = texts.into_iter().flatten().find(|text| !text.is_empty());

        text.map_or("Message without text", String::as_str)
    }
}

#[derive(Template)]
#[template(path = "console/operations.html")]
struct OperationsPage {
    frame: Frame,
    statuses: Vec<Choice>,
    tags: String,
    start_date: String,
    end_date: String,
    is_filtered: bool,
    problems: Vec<(String, String)>,
    rows: Rows,
    /// Where the list comes from as it changes; empty: it is not the newest page.
    live: String,
    next: String,
    first: String,
}

/// The part that changes.
#[derive(Template)]
#[template(path = "console/operation_rows.html")]
struct Rows {
    rows: Vec<Row>,
    has_more: bool,
}

/// An option of a list of options.
pub(super) struct Choice {
    pub value: &'static str,
    pub name: String,
    pub is_chosen: bool,
}

pub(super) async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    let page_token = query_value(&request, "pageToken");
    let found = read(&caller, &api_path(&request, page_token.as_deref())).await;
    let (rows, next, problems) = match found {
        Ok((rows, next)) => (rows, next, Vec::new()),
        // A filter that the API refuses is the person's to mend.
        Err(ReadError::Call(error)) if error.status == StatusCode::BAD_REQUEST => {
            (Rows::none(), None, error.problems)
        }
        Err(error) => return Err(error.into()),
    };

    let text = |name| query_value(&request, name).unwrap_or_default();
    let filter = with_query(&request, "", &FILTERS);
    // The stream shows the newest page only. With a refused filter, each of its reads would fail.
    let is_newest = page_token.is_none() && problems.is_empty();
    let page = OperationsPage {
        frame: Frame::new(&caller, View::Operations, "Operations"),
        statuses: statuses(&text("status")),
        tags: text("tags"),
        start_date: text("startDate"),
        end_date: text("endDate"),
        is_filtered: !filter.is_empty(),
        problems,
        rows,
        live: if is_newest {
            format!("/console/operations/live{filter}")
        } else {
            String::new()
        },
        next: next.map_or_else(String::new, |token| page_address(&filter, &token)),
        first: if page_token.is_some() {
            format!("/console/operations{filter}")
        } else {
            String::new()
        },
    };
    page::html(StatusCode::OK, &page)
}

/// The newest page of the list, as it changes.
pub(super) async fn live(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    let path = api_path(&request, None);
    let views = LiveViews::of(&request)?;
    // A filter that the API refuses, or a role that may not list Operations, is an error here: each
    // read of the stream would fail. Any other failure may be over at the next read.
    if let Err(ReadError::Call(error)) = read(&caller, &path).await
        && matches!(
            error.status,
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN
        )
    {
        return Err(error.into());
    }

    let reader = caller.clone();
    let watched = Watched {
        // The rows are the same for every role that may list Operations.
        name: path.clone(),
        every: EVERY,
        read: async move || {
            let (rows, _) = read(&reader, &path).await?;
            Ok(Some(Fragment {
                html: page::render(&rows)?,
                is_last: false,
            }))
        },
    };

    Ok(views.stream(&request, caller, watched))
}

fn statuses(chosen: &str) -> Vec<Choice> {
    let choice = |status: OperationStatus| Choice {
        value: status.as_str(),
        name: format::status(status.as_str()),
        is_chosen: status.as_str() == chosen,
    };

    OperationStatus::ALL.into_iter().map(choice).collect()
}

/// The list of the API, with the filters of the page.
fn api_path(request: &HttpRequest, page_token: Option<&str>) -> String {
    let path = with_query(request, "/Operations", &FILTERS);
    let separator = if path.contains('?') { '&' } else { '?' };
    let token = page_token.map_or_else(String::new, |token| {
        format!("&pageToken={}", page::path_part(token))
    });

    format!("{path}{separator}pageSize={PAGE_SIZE}{token}")
}

fn page_address(filter: &str, token: &str) -> String {
    let separator = if filter.is_empty() { '?' } else { '&' };

    format!(
        "/console/operations{filter}{separator}pageToken={}",
        page::path_part(token)
    )
}

/// Why the list can't be shown.
enum ReadError {
    Call(CallError),
    Page(PageError),
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<ReadError> for PageError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Call(error) => error.into(),
            ReadError::Page(error) => error,
        }
    }
}

async fn read(caller: &Caller, path: &str) -> Result<(Rows, Option<String>), ReadError> {
    let list: OperationList = caller.api.get(path).await?;
    // The API's list holds no texts of messages. One query reads those of the page.
    let wordings = wordings(&caller.state, caller.who.account_id, &list.operations)
        .await
        .map_err(|error| ReadError::Page(error.into()))?;

    let rows = list.operations.into_iter().map(|operation| {
        let wording = operation.parsed_id().and_then(|id| wordings.get(&id));
        Row {
            wording: wording.cloned().unwrap_or_default(),
            operation,
        }
    });
    let rows = Rows {
        rows: rows.collect(),
        has_more: list.pagination.next.is_some(),
    };
    Ok((rows, list.pagination.next))
}

async fn wordings(
    state: &State,
    account_id: AccountId,
    operations: &[Operation],
) -> sqlx::Result<HashMap<OperationId, Wording>> {
    let ids: Vec<OperationId> = operations.iter().filter_map(Operation::parsed_id).collect();

    operation_titles::fetch(&state.pool, account_id, &ids).await
}

impl Rows {
    fn none() -> Self {
        Self {
            rows: Vec::new(),
            has_more: false,
        }
    }
}
