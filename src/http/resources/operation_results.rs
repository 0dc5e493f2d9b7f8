//! `GET /PushNotifications/Operations/{id}/Results`, an extension: the outcome of every recipient, as
//! a stream of lines.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::csv;
use crate::http::date::Date;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::line_format::{Line, LineFormat};
use crate::http::line_stream::{LinePages, line_stream};
use crate::http::openapi::ReadErrors;
use crate::http::path;
use crate::http::resources::push_notifications::Recipient;
use crate::model::id::{OperationId, PushNotificationId};
use crate::model::status::PushNotificationStatus;
use crate::store::external_ids;
use crate::store::operation_read::{self, OperationStats};
use crate::store::operation_results as store;

/// Results that one statement reads.
const PAGE: i64 = 2_000;

/// The outcome of one recipient: a line of the stream. In CSV, `to` is the columns `provider`,
/// `token`, `userId` and `externalId`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OperationResult {
    id: PushNotificationId,
    /// The recipient's index in `to` of the request, from 0.
    position: i32,
    to: Recipient,
    status: PushNotificationStatus,
    attempts: i16,
    /// The last error: the provider's code, or Bellwire's. `null` if there was none.
    code: Option<String>,
    message: Option<String>,
    updated_at: Date,
    /// When the app first reported each event; `null`: it has not.
    delivered_at: Option<Date>,
    opened_at: Option<Date>,
    dismissed_at: Option<Date>,
}

const COLUMNS: [&str; 14] = [
    "position",
    "id",
    "provider",
    "token",
    "userId",
    "externalId",
    "status",
    "code",
    "message",
    "attempts",
    "updatedAt",
    "deliveredAt",
    "openedAt",
    "dismissedAt",
];

impl Line for OperationResult {
    const COLUMNS: &'static [&'static str] = &COLUMNS;

    fn push_csv(&self, text: &mut String) {
        let [provider, token] = match &self.to {
            Recipient::Device { token, provider } => [provider.as_str(), token.as_str()],
            Recipient::User { .. } => ["", ""],
        };
        let (user_id, external_id) = match &self.to {
            Recipient::Device { .. } => (None, None),
            Recipient::User {
                user_id,
                external_id,
                ..
            } => (user_id.map(|id| id.to_string()), external_id.as_deref()),
        };

        csv::push_line(
            text,
            [
                self.position.to_string().as_str(),
                self.id.to_string().as_str(),
                provider,
                token,
                user_id.as_deref().unwrap_or_default(),
                external_id.unwrap_or_default(),
                self.status.as_str(),
                self.code.as_deref().unwrap_or_default(),
                self.message.as_deref().unwrap_or_default(),
                self.attempts.to_string().as_str(),
                self.updated_at.to_string().as_str(),
                date_cell(self.delivered_at).as_str(),
                date_cell(self.opened_at).as_str(),
                date_cell(self.dismissed_at).as_str(),
            ],
        );
    }
}

/// A cell with a date, empty without one.
fn date_cell(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// The rest of a stream.
struct Export {
    state: web::Data<State>,
    lines: Lines,
    operation_id: OperationId,
    /// The last position that was read; -1: none.
    after: i32,
    is_over: bool,
}

/// How a stream's results are written.
#[derive(Clone)]
struct Lines {
    caller: Caller,
    keys: MasterKeys,
    format: LineFormat,
    is_scheduled: bool,
    created_at: OffsetDateTime,
}

impl LinePages for Export {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.is_over {
            return Ok(None);
        }

        // A turn for each page and not for the whole: a slow client would keep other lists of its
        // account out.
        let turn = self
            .state
            .list_turns
            .next(self.lines.caller.account_id)
            .await?;
        let mut results = store::page(turn.pool, self.operation_id, self.after, PAGE).await?;
        let recipients = results.iter_mut().map(|result| &mut result.recipient);
        external_ids::add(turn.pool, self.lines.caller.account_id, recipients).await?;
        drop(turn);
        // Only a short page is known to be the last. After a full one, the next may be empty.
        self.is_over = (results.len() as i64) < PAGE;
        if let Some(last) = results.last() {
            self.after = last.position;
        }

        // Decrypting tokens and writing lines would hold up what others ask of this thread.
        let lines = self.lines.clone();
        let account_id = lines.caller.account_id;
        let text = self
            .state
            .work
            .run(account_id, move || lines.of(results))
            .await?;

        text.map(|text| Some(text.into()))
            .map_err(ApiError::internal)
    }
}

impl Lines {
    fn of(&self, results: Vec<store::OperationResult>) -> serde_json::Result<String> {
        let mut text = String::new();
        for result in results {
            self.format.push(&self.to_api(result), &mut text)?;
        }

        Ok(text)
    }

    fn to_api(&self, result: store::OperationResult) -> OperationResult {
        OperationResult {
            id: result.id(),
            position: result.position,
            to: Recipient::new(&result.recipient, self.caller, &self.keys),
            status: result
                .status
                .public_status(result.is_later.unwrap_or(self.is_scheduled)),
            attempts: result.attempts,
            code: result.code,
            message: result.message,
            updated_at: Date(result.updated_at.unwrap_or(self.created_at)),
            delivered_at: result.receipts.delivered_at.map(Date),
            opened_at: result.receipts.opened_at.map(Date),
            dismissed_at: result.receipts.dismissed_at.map(Date),
        }
    }
}

/// The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if `Accept` asks
/// for `text/csv` (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}/Results",
    operation_id = "exportOperationResults",
    tag = "Operations",
    params(("id" = OperationId, Path)),
    responses(
        (status = 200, description = "A line for each recipient", content(
            (OperationResult = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 406, description = "`Accept` allows neither format", body = ErrorBody),
        ReadErrors,
    ),
)]
pub(crate) async fn export(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    let format = LineFormat::of(&request)?;

    let oldest = state.oldest_readable_id();
    let operation: OperationStats =
        operation_read::fetch(&state.pool, caller.account_id, id, oldest)
            .await?
            .ok_or_else(ApiError::not_found)?;

    let lines = Lines {
        caller,
        keys: state.master_keys.clone(),
        format,
        is_scheduled: operation.is_scheduled,
        // Shown as `updatedAt` of a result that has not changed since then.
        created_at: operation.created_at,
    };
    let mut export = Export {
        state,
        lines,
        operation_id: id,
        after: -1,
        is_over: false,
    };

    // Before the first byte: an export that breaks off has given data away too.
    audit::note(&request, &export.state, caller).await?;

    // Read before the answer begins, so that a database that is away is a 503.
    let first = export.next().await?;
    let head = format.head::<OperationResult>();

    Ok(format
        .attachment(&id.to_string())
        .streaming(line_stream(head, first, export)))
}
