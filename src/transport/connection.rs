//! One HTTP/2 connection: its handshake, its streams, and the task that drives it and notices when
//! it is dead or idle.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, Reason};
use http::Request;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::Origin;

const PONG_WITHIN: Duration = Duration::from_secs(5);
/// What is kept of an answer's body. The providers' are far smaller.
const MAX_BODY: usize = 64 * 1024;
/// Requests at a time that this side would ever send on one connection, whatever the peer allows.
const MAX_STREAMS: usize = 1000;

/// An open connection. It closes when the last reference is gone and its requests are done.
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    status: Arc<Status>,
}

/// How a connection stands; shared with its task, which must not keep it open.
pub(super) struct Status {
    in_use: AtomicUsize,
    /// Requests at a time that the peer allows.
    allowed: AtomicUsize,
    /// Requests at a time that it has turned out to take; less than allowed after it refused some.
    taken: AtomicUsize,
    retired: AtomicBool,
    /// Only one request may be under way until one has been answered.
    alone: AtomicBool,
    /// Whether a request went over it since its task last looked.
    used: AtomicBool,
    /// Rung when a request got no answer in time.
    suspected: Notify,
    /// Rung for the pool when a stream is free.
    changed: Arc<Notify>,
}

impl Connection {
    /// How it stands.
    pub(super) fn status(&self) -> &Arc<Status> {
        &self.status
    }
}

impl Status {
    /// Whether further requests may go over it.
    pub(super) fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed)
    }

    /// Whether one more request may go over it now.
    pub(super) fn has_room(&self) -> bool {
        let taken = if self.is_alone() {
            1
        } else {
            self.taken.load(Ordering::Relaxed)
        };
        self.is_usable() && self.in_use() < self.allowed.load(Ordering::Relaxed).min(taken)
    }

    /// Requests at a time that the peer allows.
    pub(super) fn allowed(&self) -> usize {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Whether it carries one request only, until that is answered.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// Requests under way.
    pub(super) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    /// No further request goes over it; those under way go on.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// The peer refused a request although its limit was kept: it gets fewer at a time until it
    /// answers again, and none if it refuses a single one.
    pub(super) fn take_fewer(&self) {
        let others = self.in_use().saturating_sub(1);
        self.taken.fetch_min(others, Ordering::Relaxed);
        if others == 0 {
            self.retire();
        }
    }

    /// Has it pinged at once: a request over it got no answer in time.
    pub(super) fn suspect(&self) {
        self.suspected.notify_one();
    }

    fn answered(&self) {
        let one_more = |taken| (taken < MAX_STREAMS).then_some(taken + 1);
        let _ = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if self.is_alone() {
            self.alone.store(false, Ordering::Relaxed);
            // Not one stream is free now but all that the peer allows.
            self.changed.notify_waiters();
        }
    }

    fn allow(&self, streams: usize) {
        if self.allowed.swap(streams, Ordering::Relaxed) < streams {
            self.changed.notify_waiters();
        }
    }
}

/// The right to send one request over a connection.
pub(super) struct Stream(Arc<Connection>);

/// What has arrived of an answer.
#[derive(Default)]
pub(super) struct Received {
    /// Status and headers.
    pub head: Option<http::response::Parts>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
}

/// How an exchange failed.
pub(super) enum ExchangeError {
    /// The connection takes no further requests.
    Stale(h2::Error),
    /// The peer certainly did not process it, and will process no other on this connection.
    Unprocessed(h2::Error),
    /// The peer certainly did not process it; it may take others.
    Refused(h2::Error),
    /// The peer may have processed it.
    Broken(h2::Error),
}

impl Stream {
    /// Takes a stream. The caller holds the pool's lock, so that nobody takes the same one.
    pub(super) fn take(connection: &Arc<Connection>) -> Self {
        connection.status.in_use.fetch_add(1, Ordering::Relaxed);
        connection.status.used.store(true, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }

    /// How its connection stands.
    pub(super) fn status(&self) -> &Arc<Status> {
        &self.0.status
    }

    /// Sends one request and reads the whole answer into `received`.
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
        // A stream that the peer has just reset takes no data; why it was reset comes in place of
        // the response.
        let _ = sending.send_data(body, true);
        let (parts, mut incoming) = response.await.map_err(classify)?.into_parts();
        self.0.status.answered();
        received.head = Some(parts);
        while let Some(chunk) = incoming.data().await {
            let chunk = chunk.map_err(ExchangeError::Broken)?;
            let _ = incoming.flow_control().release_capacity(chunk.len());
            received
                .body
                .extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - received.body.len())]);
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.status.in_use.fetch_sub(1, Ordering::Relaxed);
        self.0.status.changed.notify_one();
    }
}

/// RFC 9113 sections 6.8 and 8.7: a stream above the last one that a GOAWAY names, or refused, was
/// not processed. h2 fails only those with the GOAWAY; the others end with the connection.
fn classify(error: h2::Error) -> ExchangeError {
    if error.is_go_away() && error.is_remote() {
        ExchangeError::Unprocessed(error)
    } else if error.is_reset()
        && error.is_remote()
        && error.reason() == Some(Reason::REFUSED_STREAM)
    {
        ExchangeError::Refused(error)
    } else {
        ExchangeError::Broken(error)
    }
}

type Driver = h2::client::Connection<TlsStream<TcpStream>, Bytes>;

/// What drives a connection; it lives as long as this runs.
pub(super) struct Task {
    driver: Driver,
    status: Arc<Status>,
}

/// Resolves the host anew, connects, shakes hands, and learns how many requests at a time the peer
/// allows.
pub(super) async fn open(
    origin: &Origin,
    tls: Arc<rustls::ClientConfig>,
    changed: Arc<Notify>,
) -> Result<(Arc<Connection>, Task), String> {
    let host = origin.host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "its name is not a host name".to_owned())?;
    let tcp = TcpStream::connect((host, origin.port))
        .await
        .map_err(|error| error.to_string())?;
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(tls)
        .connect(name, tcp)
        .await
        .map_err(|error| format!("TLS: {error}"))?;
    if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("it does not speak HTTP/2".to_owned());
    }
    let (sender, mut driver) = Builder::new()
        .enable_push(false)
        .initial_max_send_streams(0)
        .initial_window_size(1 << 20)
        .initial_connection_window_size(16 << 20)
        .handshake(tls)
        .await
        .map_err(|error| format!("HTTP/2: {error}"))?;
    let allowed = first_settings(&mut driver)
        .await
        .map_err(|reason| format!("HTTP/2: {reason}"))?;
    let status = Arc::new(Status {
        in_use: AtomicUsize::new(0),
        allowed: AtomicUsize::new(allowed),
        taken: AtomicUsize::new(MAX_STREAMS),
        retired: AtomicBool::new(false),
        alone: AtomicBool::new(origin.first_stream_alone),
        used: AtomicBool::new(true),
        suspected: Notify::new(),
        changed,
    });
    let connection = Arc::new(Connection {
        sender,
        status: Arc::clone(&status),
    });
    Ok((connection, Task { driver, status }))
}

/// Waits for the peer's SETTINGS. Requests sent before would wait inside h2 where the peer allows
/// fewer, unseen by the pool; and a peer that refuses our certificate says so here, with nothing
/// handed over yet.
async fn first_settings(driver: &mut Driver) -> Result<usize, String> {
    poll_fn(|context| match Pin::new(&mut *driver).poll(context) {
        Poll::Ready(Ok(())) => Poll::Ready(Err("the peer closed the connection".to_owned())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(error.to_string())),
        Poll::Pending => match driver.max_concurrent_send_streams() {
            0 => Poll::Pending,
            allowed => Poll::Ready(Ok(allowed)),
        },
    })
    .await
}

/// Why a connection's task stops looking after it.
enum End {
    /// It did not answer a ping.
    Dead,
    /// The pool has let it go.
    Idle,
}

impl Task {
    /// Drives the connection until the peer closes it, it breaks, it does not answer a ping, or
    /// nobody needs it any more. After every `idle_after` without a request, `let_go` is asked
    /// whether the pool does without it; else it is pinged, so that a half-open one is found before
    /// it is needed and no firewall forgets it.
    pub(super) async fn run(mut self, idle_after: Duration, let_go: impl Fn(&Arc<Status>) -> bool) {
        let ping_pong = self.driver.ping_pong();
        let Self { mut driver, status } = self;
        let mut driven = std::pin::pin!(poll_fn(|context| {
            let done = Pin::new(&mut driver).poll(context);
            status.allow(driver.max_concurrent_send_streams());
            done
        }));
        let watch = async {
            match ping_pong {
                Some(ping_pong) => until_dead_or_idle(ping_pong, &status, idle_after, let_go).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = &mut driven => {}
            end = watch => match end {
                End::Dead => tracing::debug!("connection dropped: no answer to a ping"),
                End::Idle => {
                    // It says goodbye and ends.
                    let _ = driven.await;
                }
            },
        }
        status.retire();
    }
}

async fn until_dead_or_idle(
    mut ping_pong: PingPong,
    status: &Arc<Status>,
    idle_after: Duration,
    let_go: impl Fn(&Arc<Status>) -> bool,
) -> End {
    loop {
        let suspected = tokio::time::timeout(idle_after, status.suspected.notified())
            .await
            .is_ok();
        let used = status.used.swap(false, Ordering::Relaxed);
        if !suspected && !used && let_go(status) {
            return End::Idle;
        }
        match tokio::time::timeout(PONG_WITHIN, ping_pong.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return End::Dead,
        }
    }
}
