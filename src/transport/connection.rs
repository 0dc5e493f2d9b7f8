//! One HTTP/2 connection: how many requests it can take, and one request over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use tokio::sync::Notify;

use crate::transport::budget::ConnectionBudget;

/// Most bytes of an answer's body that are kept. The providers' bodies are far smaller.
const MAX_BODY: usize = 64 * 1024;
/// Most requests at a time that Bellwire sends over one connection, whatever the peer allows.
const MAX_STREAMS: usize = 1000;
/// After this many requests in a row without an answer, a connection gets no more, though the peer may
/// still answer pings: another connection may reach a server that works.
const MAX_UNANSWERED: usize = 2;

/// An open connection.
///
/// The pool's list owns it, and so does each request's [`StreamPermit`]. Its task (see `driver`)
/// reads and writes the socket and shares only the [`ConnectionState`], so the task keeps no
/// connection open. The connection closes when the last owner is gone and its requests are answered,
/// or when the task ends because the peer closed it or answers no ping.
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    state: Arc<ConnectionState>,
}

/// How many requests a connection has and can take.
///
/// The connection, its task and its answers share it. Its numbers are atomics, because a permit is
/// returned without the pool's lock. They grow only under that lock, so two requests never take the
/// same stream.
pub(super) struct ConnectionState {
    in_flight: AtomicUsize,
    /// Requests at a time that the peer allows: its `SETTINGS_MAX_CONCURRENT_STREAMS`.
    stream_limit: AtomicUsize,
    /// Requests at a time that the peer has turned out to accept. It is below the limit after the
    /// peer refused some.
    accepted_limit: AtomicUsize,
    retired: AtomicBool,
    /// Whether only one request may be in flight, until one has been answered.
    awaits_first_answer: AtomicBool,
    /// Requests that got no answer in time since the last answer.
    unanswered: AtomicUsize,
    /// Whether a request went over the connection since its task last checked.
    used: AtomicBool,
    /// Wakes the task when a request got no answer in time.
    suspected: Notify,
    /// Wakes the task when the connection is idle and others wait to be opened.
    wanted: Notify,
    budget: Arc<ConnectionBudget>,
    /// Wakes requests that wait in the pool when there may be a free stream.
    stream_freed: Arc<Notify>,
}

impl Connection {
    pub(super) fn new(sender: SendRequest<Bytes>, state: Arc<ConnectionState>) -> Self {
        Self { sender, state }
    }

    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl ConnectionState {
    pub(super) fn new(
        stream_limit: usize,
        awaits_first_answer: bool,
        budget: Arc<ConnectionBudget>,
        stream_freed: Arc<Notify>,
    ) -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            stream_limit: AtomicUsize::new(stream_limit),
            accepted_limit: AtomicUsize::new(MAX_STREAMS),
            retired: AtomicBool::new(false),
            awaits_first_answer: AtomicBool::new(awaits_first_answer),
            unanswered: AtomicUsize::new(0),
            used: AtomicBool::new(true),
            suspected: Notify::new(),
            wanted: Notify::new(),
            budget,
            stream_freed,
        }
    }

    /// Whether further requests may go over the connection.
    pub(super) fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed)
    }

    /// Whether one more request may go over the connection now.
    pub(super) fn has_room(&self) -> bool {
        let accepted_limit = if self.awaits_first_answer() {
            1
        } else {
            self.accepted_limit.load(Ordering::Relaxed)
        };

        self.is_usable() && self.in_flight() < self.stream_limit().min(accepted_limit)
    }

    pub(super) fn stream_limit(&self) -> usize {
        self.stream_limit.load(Ordering::Relaxed)
    }

    pub(super) fn awaits_first_answer(&self) -> bool {
        self.awaits_first_answer.load(Ordering::Relaxed)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Has no further request sent over the connection. Those in flight go on.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Notes that the peer refused a request although its limit was kept. The connection gets fewer
    /// at a time until the peer answers again, and none if the refused one was alone.
    pub(super) fn refused(&self) {
        let others = self.in_flight().saturating_sub(1);
        self.accepted_limit.fetch_min(others, Ordering::Relaxed);

        if others == 0 {
            self.retire();
        }
    }

    /// Notes that a request got no answer in time. The task pings the peer at once, and after several
    /// of them in a row the connection gets no more requests.
    pub(super) fn timed_out(&self) {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_UNANSWERED {
            self.retire();
        }
        self.suspected.notify_one();
    }

    /// Has the task close the connection, if it is idle then too.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Returns when the connection is to be closed if it is idle.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub(super) fn budget(&self) -> &ConnectionBudget {
        &self.budget
    }

    /// Returns when a request got no answer in time.
    pub(super) async fn suspected(&self) {
        self.suspected.notified().await;
    }

    /// Whether a request went over the connection since the last call.
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Takes over the peer's present limit.
    pub(super) fn set_stream_limit(&self, limit: usize) {
        if self.stream_limit.swap(limit, Ordering::Relaxed) < limit {
            self.stream_freed.notify_waiters();
        }
    }

    fn answered(&self) {
        self.unanswered.store(0, Ordering::Relaxed);

        let one_more = |limit| (limit < MAX_STREAMS).then_some(limit + 1);
        let _ = self
            .accepted_limit
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);

        if self.awaits_first_answer() {
            self.awaits_first_answer.store(false, Ordering::Relaxed);
            // All waiters, because every stream that the peer allows is free now.
            self.stream_freed.notify_waiters();
        }
    }
}

/// The right to send one request over a connection. Its drop frees the stream and wakes a request
/// that waits for one.
pub(super) struct StreamPermit(Arc<Connection>);

/// The part of an answer that has arrived.
#[derive(Default)]
pub(super) struct Received {
    /// Status and headers.
    pub head: Option<http::response::Parts>,
    /// The body so far, at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

pub(super) enum ExchangeError {
    /// The connection takes no further requests. Nothing was sent.
    Stale(h2::Error),
    /// The peer certainly did not process the request, and will process no other on this connection.
    Unprocessed(h2::Error),
    /// The peer certainly did not process the request, but may accept others on this connection.
    Refused(h2::Error),
    /// The peer takes this request for malformed, and may accept others on this connection.
    Malformed(h2::Error),
    /// The peer may have processed the request.
    Broken(h2::Error),
}

impl StreamPermit {
    /// Takes a stream of `connection`. The caller holds the pool's lock, so that no other request
    /// takes the same one.
    pub(super) fn take(connection: &Arc<Connection>) -> Self {
        connection.state.in_flight.fetch_add(1, Ordering::SeqCst);
        connection.state.used.store(true, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }

    pub(super) fn connection(&self) -> &Arc<ConnectionState> {
        &self.0.state
    }

    /// Sends one request and reads the answer into `received`, which has a part of the answer if
    /// this fails or is dropped halfway.
    pub(super) async fn exchange(
        &self,
        request: Request<()>,
        body: Bytes,
        received: &mut Received,
    ) -> Result<(), ExchangeError> {
        let (response, mut sending) = self
            .0
            .sender
            .clone()
            .send_request(request, false)
            .map_err(ExchangeError::Stale)?;

        // It fails if the peer has just reset the stream. The response says why.
        let _ = sending.send_data(body, true);

        let (parts, mut incoming) = response.await.map_err(classify)?.into_parts();
        self.0.state.answered();
        received.head = Some(parts);

        while let Some(chunk) = incoming.data().await {
            let chunk = chunk.map_err(ExchangeError::Broken)?;
            // Also for bytes that are not kept: otherwise the window of the whole connection would
            // run out.
            let _ = incoming.flow_control().release_capacity(chunk.len());

            let kept = chunk.len().min(MAX_BODY - received.body.len());
            received.body.extend_from_slice(&chunk[..kept]);
        }
        Ok(())
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let state = &self.0.state;
        // SeqCst, as for the count of waiters: either this drop sees the waiter, or the waiter sees
        // the idle connection.
        let was_last = state.in_flight.fetch_sub(1, Ordering::SeqCst) == 1;
        state.stream_freed.notify_one();

        if was_last && state.budget.has_waiters() {
            state.want();
        }
    }
}

/// Whether the peer may have processed the request of a failed stream. It did not if the stream is
/// above the last one that a GOAWAY names (<https://www.rfc-editor.org/rfc/rfc9113#section-6.8>), or
/// was refused (<https://www.rfc-editor.org/rfc/rfc9113#section-8.7>), or the peer found the request
/// malformed (<https://www.rfc-editor.org/rfc/rfc9113#section-8.1.1>). h2 fails only those above with
/// the GOAWAY; the others go on, or end with the connection.
fn classify(error: h2::Error) -> ExchangeError {
    let is_go_away = error.is_go_away() && error.is_remote();
    let reset_by_peer = error
        .reason()
        .filter(|_| error.is_reset() && error.is_remote());

    if is_go_away {
        ExchangeError::Unprocessed(error)
    } else if reset_by_peer == Some(Reason::REFUSED_STREAM) {
        ExchangeError::Refused(error)
    } else if reset_by_peer == Some(Reason::PROTOCOL_ERROR) {
        ExchangeError::Malformed(error)
    } else {
        ExchangeError::Broken(error)
    }
}
