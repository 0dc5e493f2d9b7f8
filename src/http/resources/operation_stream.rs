//! `GET /PushNotifications/Operations/{id}/Stream`, an extension: an Operation's progress as
//! server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::http::auth::{self, Caller};
use crate::http::error::ApiError;
use crate::http::event_stream::{self, HEARTBEAT_COMMENT, StreamTimes};
use crate::http::failure_log;
use crate::http::openapi::ReadErrors;
use crate::http::operation_watch::{OperationWatcher, has_ended};
use crate::http::resources::operations::Operation;
use crate::http::{State, path};
use crate::model::id::OperationId;
use crate::store::operation_read::{self, OperationStats};

/// An Operation's progress as it changes (extension): an event `stats` with the Operation at each
/// change, and `end` when it is settled. A comment comes every 15 s.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}/Stream",
    operation_id = "streamOperation",
    tag = "Operations",
    params(("id" = OperationId, Path)),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"), ReadErrors),
)]
pub(crate) async fn stream(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    // Before it is watched, so that an unknown Operation is a 404 and not a stream without events.
    let id = find(&state, caller, &id).await?;

    let progress = Progress {
        watcher: state.operation_watches.watch(caller.account_id, id)?,
        request,
        state,
        times: StreamTimes::begin(),
        last_data: String::new(),
        is_over: false,
    };

    Ok(event_stream::answer().streaming(events(progress)))
}

/// The headers of [`stream`].
pub(crate) async fn head(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    find(&state, caller, &id).await?;

    // Its length is not known, so there is no `Content-Length`.
    Ok(event_stream::answer().streaming(stream::empty::<Result<Bytes, Infallible>>()))
}

/// The id of an Operation of the caller.
async fn find(state: &State, caller: Caller, id: &str) -> Result<OperationId, ApiError> {
    let id = path::id::<OperationId>(id)?;
    let oldest = state.oldest_readable_id();

    if operation_read::exists(&state.pool, caller.account_id, id, oldest).await? {
        Ok(id)
    } else {
        Err(ApiError::not_found())
    }
}

struct Progress {
    /// It has the key, which may end while the stream is open.
    request: HttpRequest,
    state: web::Data<State>,
    watcher: OperationWatcher,
    times: StreamTimes,
    /// The Operation as it was sent last.
    last_data: String,
    is_over: bool,
}

fn events(progress: Progress) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(progress, |mut progress| async move {
        let event = progress.next().await?;
        Some((Ok(Bytes::from(event)), progress))
    })
}

impl Progress {
    /// The next piece of the stream; `None`: it is over.
    async fn next(&mut self) -> Option<String> {
        while !self.is_over {
            if self.times.are_over(&self.state.readiness) {
                return None;
            }
            if self.times.begins_check() && !self.is_caller_known().await {
                return None;
            }

            let latest = self.watcher.latest();
            if let Some(operation) = latest {
                let has_ended = has_ended(&operation);
                let data =
                    serde_json::to_string(&Operation::from(OperationStats::clone(&operation)))
                        .unwrap_or_default();
                // Also if nothing has changed since: a client that connects late gets the end at
                // once.
                if has_ended {
                    self.is_over = true;
                    return Some(self.event("end", data));
                }
                // A wait ends after a second without a change too, and then the same value is seen
                // again.
                if data != self.last_data {
                    return Some(self.event("stats", data));
                }
            }

            if self.times.is_heartbeat_due() {
                self.times.note_sent();
                return Some(HEARTBEAT_COMMENT.to_owned());
            }
            // The reader ends only with the Operation, whose end was seen above, or with its record.
            if !self.watcher.wait_for_change().await {
                return None;
            }
        }

        None
    }

    async fn is_caller_known(&self) -> bool {
        failure_log::repeated(auth::is_still_known(&self.state, &self.request)).await
    }

    fn event(&mut self, name: &str, data: String) -> String {
        let event = format!("event: {name}\ndata: {data}\n\n");
        self.times.note_sent();
        self.last_data = data;

        event
    }
}
