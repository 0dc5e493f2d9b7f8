//! Requests over HTTP/2 to one origin, through as many connections as the load asks for.
//!
//! A generic client keeps one HTTP/2 connection to an origin, and the providers allow only so many requests at a time on
//! one (FCM about 100, APNs about 1000, and one until its first answer). This pool is built on `h2`, which is what hyper
//! itself speaks HTTP/2 with, because hyper shows neither the peer's stream limit nor which requests a GOAWAY left
//! unprocessed, and both decide here: the first when to open another connection, the second whether a request may be
//! repeated without risking a second notification.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tokio::sync::Notify;

mod connection;
mod tls;

pub use tls::{Identity, Roots, TlsError};

use connection::{Connection, ExchangeError, Stream};

/// How often a request is sent again that the peer certainly did not process.
const RESENDS: u32 = 5;
/// How long a new connection may take, TLS and HTTP/2 included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An origin that could not be reached is left alone for this long.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a pool connects to, and how.
#[derive(Clone)]
pub struct Origin {
    /// The host name, which its certificate must carry.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Most connections at a time; at least 1.
    pub max_connections: usize,
    /// Whether a new connection carries one request only until it has been answered, as APNs asks.
    pub first_stream_alone: bool,
}

/// A complete answer.
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    connection: Arc<Connection>,
}

impl Response {
    /// No further request goes over the connection that brought this.
    pub fn retire_connection(&self) {
        self.connection.retire();
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer certainly did not process the request.
    #[error("{0}")]
    NotSent(String),
    /// The request was handed over; whether it was processed is unknown.
    #[error("{0}")]
    Ambiguous(String),
}

/// Connections to one origin with one TLS identity. Cheap to clone; they close when the last clone is gone.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    origin: Origin,
    tls: Arc<rustls::ClientConfig>,
    state: Mutex<State>,
    /// Rung when a request may find a free stream, or has waited for one in vain.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    connections: Vec<Arc<Connection>>,
    connecting: usize,
    failure: Option<(Instant, String)>,
}

impl Pool {
    /// A pool without a connection yet.
    pub fn new(origin: Origin, tls: Arc<rustls::ClientConfig>) -> Self {
        Self(Arc::new(Shared { origin, tls, state: Mutex::default(), changed: Arc::default() }))
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.0.lock().connections.len()
    }

    /// Sends what `request` makes and `body`, and waits for the whole answer. `request` is called once for every try.
    pub async fn send(&self, request: impl Fn() -> Request<()>, body: &Bytes) -> Result<Response, SendError> {
        let mut given_back = String::new();
        for _ in 0..=RESENDS {
            let mut stream = self.acquire().await?;
            let exchange = stream.exchange(request(), body.clone());
            match tokio::time::timeout(self.0.origin.timeout, exchange).await {
                Ok(Ok((head, body))) => {
                    let (parts, ()) = head.into_parts();
                    let connection = stream.connection();
                    return Ok(Response { status: parts.status, headers: parts.headers, body, connection });
                }
                Ok(Err(ExchangeError::Unprocessed(error))) => {
                    stream.connection().retire();
                    given_back = error.to_string();
                }
                Ok(Err(ExchangeError::Refused(error))) => {
                    stream.connection().take_fewer();
                    given_back = error.to_string();
                }
                Ok(Err(ExchangeError::Broken(error))) => {
                    return Err(SendError::Ambiguous(format!("the connection broke before the answer: {error}")));
                }
                Err(_) => {
                    stream.connection().suspect();
                    let seconds = self.0.origin.timeout.as_secs_f32();
                    return Err(SendError::Ambiguous(format!("no answer within {seconds} s")));
                }
            }
        }
        Err(SendError::NotSent(format!("given back unprocessed {RESENDS} times and more: {given_back}")))
    }

    /// A free stream on an open connection; opens one where all are taken and another is allowed.
    async fn acquire(&self) -> Result<Stream, SendError> {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(stream) = self.try_acquire()? {
                return Ok(stream);
            }
            changed.await;
        }
    }

    fn try_acquire(&self) -> Result<Option<Stream>, SendError> {
        let mut state = self.0.lock();
        state.connections.retain(|connection| connection.is_usable());
        let least_busy = state.connections.iter().filter(|connection| connection.has_room());
        if let Some(connection) = least_busy.min_by_key(|connection| connection.in_use()) {
            return Ok(Some(Stream::take(connection)));
        }
        if let Some((at, reason)) = &state.failure
            && at.elapsed() < CONNECT_AGAIN_AFTER
        {
            let nothing_to_wait_for = state.connections.is_empty() && state.connecting == 0;
            return if nothing_to_wait_for { Err(SendError::NotSent(reason.clone())) } else { Ok(None) };
        }
        // One at a time: a burst should not open more than it turns out to need.
        if state.connecting == 0 && state.connections.len() < self.0.origin.max_connections {
            state.connecting += 1;
            let pool = Arc::downgrade(&self.0);
            let changed = Arc::clone(&self.0.changed);
            tokio::spawn(open(pool, self.0.origin.clone(), Arc::clone(&self.0.tls), changed));
        }
        Ok(None)
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection for the pool and looks after it until it ends.
async fn open(pool: Weak<Shared>, origin: Origin, tls: Arc<rustls::ClientConfig>, changed: Arc<Notify>) {
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, connection::open(&origin, tls, Arc::clone(&changed))).await;
    let Some(shared) = pool.upgrade() else { return };
    let result = opened.unwrap_or_else(|_| Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())));
    let task = {
        let mut state = shared.lock();
        state.connecting -= 1;
        match result {
            Ok((connection, task)) => {
                state.failure = None;
                state.connections.push(connection);
                Some(task)
            }
            Err(reason) => {
                tracing::debug!(host = origin.host, reason, "connection failed");
                state.failure = Some((Instant::now(), format!("{}:{}: {reason}", origin.host, origin.port)));
                None
            }
        }
    };
    drop(shared);
    changed.notify_waiters();
    if let Some(task) = task {
        task.run().await;
    }
    // Those who wait for one of its streams must look for another.
    if let Some(shared) = pool.upgrade() {
        shared.lock().connections.retain(|connection| connection.is_usable());
    }
    changed.notify_waiters();
}
