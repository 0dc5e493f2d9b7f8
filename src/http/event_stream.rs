//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>): the headers
//! and the times of every stream of them.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder};
use tokio::time::Instant;

use crate::http::Readiness;

/// How long a stream may be silent, so that no proxy takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A comment, which clients ignore.
pub(crate) const HEARTBEAT_COMMENT: &str = ": heartbeat\n\n";
/// How often a stream checks that its caller may still see it. It costs a query or two.
const CALLER_CHECKED_EVERY: Duration = Duration::from_secs(5);
/// How long a stream lasts at most. A client connects again by itself.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The answer whose body is a stream.
pub(crate) fn answer() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();

    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Asks nginx not to collect the stream.
        .insert_header(("X-Accel-Buffering", "no"));
    answer
}

pub(crate) struct StreamTimes {
    began: Instant,
    last_sent: Instant,
    /// When the caller was checked last.
    checked_at: Instant,
}

impl StreamTimes {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();

        Self {
            began: now,
            last_sent: now,
            checked_at: now,
        }
    }

    /// Whether the stream must end now.
    pub(crate) fn are_over(&self, readiness: &Readiness) -> bool {
        // An open stream would hold up the shutdown. Its client connects again, to another process.
        readiness.is_draining() || self.began.elapsed() > LONGEST
    }

    /// Whether to check the caller now: a key or a session may end while its stream is open. Asked before
    /// each event, because a stream that changes all the time is never silent.
    pub(crate) fn begins_check(&mut self) -> bool {
        let is_due = self.checked_at.elapsed() >= CALLER_CHECKED_EVERY;
        if is_due {
            self.checked_at = Instant::now();
        }

        is_due
    }

    pub(crate) fn note_sent(&mut self) {
        self.last_sent = Instant::now();
    }

    pub(crate) fn is_heartbeat_due(&self) -> bool {
        self.last_sent.elapsed() >= HEARTBEAT
    }
}
