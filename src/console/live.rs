//! What pages show live, as server-sent events.
//!
//! However many pages show the same, a thread of the server reads it once a second or less, renders
//! it once, and sends it to each of them when it has changed.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, rt};
use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::console::caller::Caller;
use crate::console::page::PageError;
use crate::http::event_stream::{self, HEARTBEAT_COMMENT, StreamTimes};
use crate::http::failure_log;
use crate::http::shared_reads::{ReadParams, SharedReads, Watcher, read_while_watched};

/// A live part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    pub html: String,
    /// Whether it will not change any more.
    pub is_last: bool,
}

/// The live parts of this thread. The data of a page stay on its thread.
#[derive(Clone, Default)]
pub(super) struct LiveViews(SharedReads<String, Fragment>);

/// What a live part shows.
pub(super) struct Watched<R> {
    /// Its name, which is the same for everyone of an account who sees the same.
    pub name: String,
    /// How often it is read.
    pub every: Duration,
    /// Reads and renders it. `None`: it is gone.
    pub read: R,
}

impl LiveViews {
    /// Those of the thread that answers `request`.
    pub(super) fn of(request: &HttpRequest) -> Result<&Self, PageError> {
        request
            .app_data::<Self>()
            .ok_or_else(|| PageError::internal("a page without its live views"))
    }

    /// A stream of what is watched, which answers `request`. Beyond the limit of streams the answer is empty, and
    /// the page is not live.
    pub(super) fn stream<R>(
        &self,
        request: &HttpRequest,
        caller: Caller,
        watched: Watched<R>,
    ) -> HttpResponse
    where
        R: AsyncFnMut() -> Result<Option<Fragment>, PageError> + 'static,
    {
        // The answer to a HEAD has no body, so nothing is read for it, and it takes no stream from
        // a page.
        if request.method() == Method::HEAD {
            let nothing = stream::empty::<Result<Bytes, Infallible>>();
            return event_stream::answer().streaming(nothing);
        }

        let Watched { name, every, read } = watched;
        let watcher = self.0.watch(caller.who.account_id, name, |sender| {
            let params = ReadParams {
                interval: every,
                is_last: |fragment: &Fragment| fragment.is_last,
                read,
            };
            rt::spawn(read_while_watched(sender, params));
        });
        // Not an error: the page shows what it was rendered with, and can be loaded again.
        let Some(watcher) = watcher else {
            return HttpResponse::NoContent().finish();
        };

        let page_stream = PageStream {
            caller,
            watcher,
            times: StreamTimes::begin(),
            last: String::new(),
            is_over: false,
        };
        event_stream::answer().streaming(events(page_stream))
    }
}

/// One page's stream.
struct PageStream {
    caller: Caller,
    watcher: Watcher<String, Fragment>,
    times: StreamTimes,
    /// The part as it was sent last.
    last: String,
    is_over: bool,
}

fn events(page_stream: PageStream) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(page_stream, |mut page_stream| async move {
        let event = page_stream.next().await?;
        Some((Ok(Bytes::from(event)), page_stream))
    })
}

impl PageStream {
    /// The next piece of the stream; `None`: it is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.is_over || self.times.are_over(&self.caller.state.readiness) {
                return None;
            }
            if self.times.begins_check() && !failure_log::repeated(self.caller.is_valid()).await {
                return None;
            }

            if let Some(fragment) = self.watcher.latest() {
                if fragment.is_last {
                    // The page closes its stream at `end`. Otherwise the browser would connect
                    // again and again.
                    self.is_over = true;
                    let event = event(&fragment.html);
                    return Some(format!("{event}event: end\ndata: end\n\n"));
                }
                // `latest` returns the value after each wait, changed or not.
                if fragment.html != self.last {
                    self.times.note_sent();
                    let event = event(&fragment.html);
                    self.last = fragment.html;
                    return Some(event);
                }
            }

            if self.times.is_heartbeat_due() {
                self.times.note_sent();
                return Some(HEARTBEAT_COMMENT.to_owned());
            }
            if !self.watcher.wait_for_change().await {
                return None;
            }
        }
    }
}

/// A message without a name, which replaces the live part of the page.
fn event(html: &str) -> String {
    let mut event = String::with_capacity(html.len() + 64);
    // For the browser, a carriage return would end a line too.
    for line in html.replace('\r', "").lines() {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');

    event
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::watch;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::util::SubscriberInitExt;

    use super::*;

    /// Counts what is logged.
    struct Logged(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> Layer<S> for Logged {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            if *event.metadata().level() == tracing::Level::ERROR {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    #[actix_web::test]
    async fn reads_that_fail_again_and_again_are_logged_once() {
        let logged = Arc::new(AtomicUsize::new(0));
        let _logging = tracing_subscriber::registry()
            .with(Logged(Arc::clone(&logged)))
            .set_default();
        let (sender, receiver) = watch::channel(None);
        let mut receiver = Some(receiver);

        let mut reads = 0;
        let params = ReadParams {
            interval: Duration::from_millis(1),
            is_last: |(): &()| false,
            read: async move || {
                reads += 1;
                if reads == 5 {
                    receiver.take();
                }
                Err(PageError::from(sqlx::Error::PoolTimedOut))
            },
        };
        read_while_watched(Arc::new(sender), params).await;
        assert!(logged.load(Ordering::Relaxed) <= 1);

        // A page that a person opens logs each failure.
        let before = logged.load(Ordering::Relaxed);
        let _ = PageError::from(sqlx::Error::PoolTimedOut);
        assert_eq!(logged.load(Ordering::Relaxed), before + 1);
    }

    #[test]
    fn an_event_is_one_message_whatever_lines_it_has() {
        assert_eq!(
            event("<p>\n\nevent: x</p>"),
            "data: <p>\ndata: \ndata: event: x</p>\n\n"
        );
        assert_eq!(event("a\rdata: b\r\nc"), "data: adata: b\ndata: c\n\n");
    }
}
