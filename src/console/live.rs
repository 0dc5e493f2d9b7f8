//! What pages show live, as server-sent events.
//!
//! However many pages show the same, a thread of the server reads it once a second or less, renders
//! it once, and sends it to each of them when it has changed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, rt};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::console::page::PageError;
use crate::console::visit::Visit;
use crate::http::failure_log;

/// Most pages that one thread of the server keeps live, of all accounts and of one.
const MAX_LIVE: usize = 1_000;
const MAX_OF_ACCOUNT: usize = 200;
/// How long a stream may be silent, so that no proxy takes it for dead. The session is looked up as
/// often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the process is shutting down.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stream lasts at most. A page connects again by itself.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A live part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    pub html: String,
    /// Whether it will not change any more.
    pub is_last: bool,
}

type Seen = Option<Fragment>;

/// The live parts of this thread.
#[derive(Clone, Default)]
pub(super) struct LiveViews(Rc<RefCell<HashMap<String, LiveView>>>);

struct LiveView {
    account: String,
    sender: Weak<watch::Sender<Seen>>,
}

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

    /// A stream of what is watched. Beyond the limit of streams the answer is empty, and the page is not live.
    pub(super) fn stream<R>(&self, visit: Visit, watched: Watched<R>) -> HttpResponse
    where
        R: AsyncFnMut() -> Result<Option<Fragment>, PageError> + 'static,
    {
        let account = visit.who.account_id.to_string();
        let name = format!("{account} {}", watched.name);
        let Some(receiver) = self.watch(&account, name, watched) else {
            return HttpResponse::NoContent().finish();
        };

        let reading = Reading {
            visit,
            receiver,
            began: Instant::now(),
            last_sent: Instant::now(),
            last: String::new(),
            is_over: false,
        };
        HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            // Asks nginx not to collect the stream.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(events(reading))
    }

    fn watch<R>(
        &self,
        account: &str,
        name: String,
        watched: Watched<R>,
    ) -> Option<watch::Receiver<Seen>>
    where
        R: AsyncFnMut() -> Result<Option<Fragment>, PageError> + 'static,
    {
        let mut views = self.0.borrow_mut();
        views.retain(|_, view| view.sender.strong_count() > 0);

        let watching = |view: &LiveView| {
            let sender = view.sender.upgrade();
            sender.map_or(0, |sender| sender.receiver_count())
        };
        let all: usize = views.values().map(watching).sum();
        let of_account = views.values().filter(|view| view.account == account);
        let of_account: usize = of_account.map(watching).sum();
        if all >= MAX_LIVE || of_account >= MAX_OF_ACCOUNT {
            return None;
        }

        if let Some(sender) = views.get(&name).and_then(|view| view.sender.upgrade()) {
            return Some(sender.subscribe());
        }

        let (sender, receiver) = watch::channel(None);
        let sender = Rc::new(sender);
        let view = LiveView {
            account: account.to_owned(),
            sender: Rc::downgrade(&sender),
        };
        views.insert(name, view);
        rt::spawn(read(sender, watched.every, watched.read));

        Some(receiver)
    }
}

/// Reads what is watched, until it stops changing or no page watches it.
async fn read<R>(sender: Rc<watch::Sender<Seen>>, every: Duration, mut look: R)
where
    R: AsyncFnMut() -> Result<Option<Fragment>, PageError>,
{
    loop {
        // Its failures are logged once, and not once a second.
        match failure_log::repeated(look()).await {
            Ok(Some(fragment)) => {
                let is_last = fragment.is_last;
                sender.send_if_modified(|seen| {
                    let is_new = seen.as_ref() != Some(&fragment);
                    if is_new {
                        *seen = Some(fragment);
                    }
                    is_new
                });
                if is_last {
                    return;
                }
            }
            Ok(None) => return,
            // The next look may find Postgres again.
            Err(_) => {}
        }

        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = sender.closed() => return,
        }
    }
}

/// One page's stream.
struct Reading {
    visit: Visit,
    receiver: watch::Receiver<Seen>,
    began: Instant,
    last_sent: Instant,
    last: String,
    is_over: bool,
}

fn events(reading: Reading) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(reading, |mut reading| async move {
        let event = reading.next().await?;
        Some((Ok(Bytes::from(event)), reading))
    })
}

impl Reading {
    /// The next piece of the stream; `None`: it is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.is_over
                || self.visit.state.readiness.is_draining()
                || self.began.elapsed() > LONGEST
            {
                return None;
            }

            let seen = self.receiver.borrow_and_update().clone();
            if let Some(fragment) = seen {
                if fragment.is_last {
                    self.is_over = true;
                    let event = event(&fragment.html);
                    return Some(format!("{event}event: end\ndata: end\n\n"));
                }
                if fragment.html != self.last {
                    self.last_sent = Instant::now();
                    self.last.clone_from(&fragment.html);
                    return Some(event(&fragment.html));
                }
            }

            if self.last_sent.elapsed() >= HEARTBEAT {
                self.last_sent = Instant::now();
                if !failure_log::repeated(self.visit.is_valid()).await {
                    return None;
                }
                return Some(": heartbeat\n\n".to_owned());
            }
            if let Ok(Err(_)) = timeout(LOOK_EVERY, self.receiver.changed()).await
                && !self.receiver.has_changed().unwrap_or(false)
            {
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
    async fn looks_that_fail_again_and_again_are_logged_once() {
        let logged = Arc::new(AtomicUsize::new(0));
        let _logging = tracing_subscriber::registry()
            .with(Logged(Arc::clone(&logged)))
            .set_default();
        let (sender, receiver) = watch::channel(None);
        let mut receiver = Some(receiver);

        let mut looks = 0;
        let look = async move || {
            looks += 1;
            if looks == 5 {
                receiver.take();
            }
            Err(PageError::from(sqlx::Error::PoolTimedOut))
        };
        read(Rc::new(sender), Duration::from_millis(1), look).await;
        assert!(logged.load(Ordering::Relaxed) <= 1);

        // A page that someone opens is another matter.
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
