//! `GET /PushNotifications/Operations/{id}/Stream`, an extension: an Operation's progress as
//! server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::{Instant, timeout};

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::operation_watch::{Watching, has_ended};
use crate::http::resources::operations::Operation;
use crate::http::{Readiness, State, path};
use crate::model::id::OperationId;
use crate::store::operation_read::{self, OperationStats};

/// How long a stream may be silent, so that no proxy takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the process is shutting down.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stream lasts at most. A client connects again by itself.
const LONGEST: Duration = Duration::from_secs(60 * 60);

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
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = find(&state, caller, &id).await?;

    let progress = Progress {
        watching: state.operation_watches.watch(caller.account_id, id)?,
        readiness: state.readiness.clone(),
        began: Instant::now(),
        last_sent: Instant::now(),
        last_data: String::new(),
        is_over: false,
    };

    Ok(answer().streaming(events(progress)))
}

/// The headers of [`stream`].
pub(crate) async fn head(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    find(&state, caller, &id).await?;

    // Its length is not known, so none is told.
    Ok(answer().streaming(stream::empty::<Result<Bytes, Infallible>>()))
}

fn answer() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();

    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Asks nginx not to collect the stream.
        .insert_header(("X-Accel-Buffering", "no"));
    answer
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
    watching: Watching,
    readiness: Readiness,
    began: Instant,
    last_sent: Instant,
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
            if self.readiness.is_draining() || self.began.elapsed() > LONGEST {
                return None;
            }

            let seen = self.watching.seen.borrow_and_update().clone();
            if let Some(operation) = seen {
                let has_ended = has_ended(&operation);
                let data =
                    serde_json::to_string(&Operation::from(OperationStats::clone(&operation)))
                        .unwrap_or_default();
                if has_ended {
                    self.is_over = true;
                    return Some(self.event("end", data));
                }
                if data != self.last_data {
                    return Some(self.event("stats", data));
                }
            }

            if self.last_sent.elapsed() >= HEARTBEAT {
                self.last_sent = Instant::now();
                return Some(": heartbeat\n\n".to_owned());
            }
            // The reader ends only with the Operation, whose end was seen above, or with its record.
            if let Ok(Err(_)) = timeout(LOOK_EVERY, self.watching.seen.changed()).await
                && !self.watching.seen.has_changed().unwrap_or(false)
            {
                return None;
            }
        }

        None
    }

    fn event(&mut self, name: &str, data: String) -> String {
        let event = format!("event: {name}\ndata: {data}\n\n");
        self.last_sent = Instant::now();
        self.last_data = data;

        event
    }
}
