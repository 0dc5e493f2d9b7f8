//! Requests over HTTP/2 to one origin, through as many connections as the load asks for.
//!
//! A generic client keeps one HTTP/2 connection to an origin, and the providers allow only so many
//! requests at a time on one (FCM about 100, APNs about 1000, and one until its first answer). This
//! pool is built on `h2`, which is what hyper itself speaks HTTP/2 with, because hyper shows
//! neither the peer's stream limit nor which requests a GOAWAY left unprocessed, and both decide
//! here: the first when to open another connection, the second whether a request may be repeated
//! without risking a second notification.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tokio::sync::Notify;

mod connection;
mod tls;

pub use tls::{Identity, Roots, TlsError};

use connection::{Connection, ExchangeError, Received, Status, Stream};

/// How often a request is sent again that the peer certainly did not process.
const RESENDS: usize = 5;
/// How many connections more than there can be at a time may turn out to be going away before a
/// request is given up.
const STALE: usize = 5;
/// How long a new connection may take, TLS and HTTP/2 included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An origin that could not be reached is left alone for this long, and twice as long each further
/// time, up to the longest.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(250);
const CONNECT_AGAIN_AFTER_LONGEST: Duration = Duration::from_secs(5);

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
    /// A connection without a request for this long is closed if there are others, else pinged.
    pub idle_after: Duration,
}

/// A complete answer.
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; of a success it may be cut short.
    pub body: Bytes,
    connection: Arc<Status>,
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

/// Connections to one origin with one TLS identity. Cheap to clone; they close when the last clone
/// is gone.
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
    connecting: bool,
    failure: Option<Failure>,
}

/// How full connections are, in percent of what the peer allows, before another one is used.
const FULL_PERCENT: usize = 75;

/// That the origin could not be reached.
struct Failure {
    reason: String,
    in_a_row: u32,
    again_at: Instant,
}

impl Pool {
    /// A pool without a connection yet.
    pub fn new(origin: Origin, tls: Arc<rustls::ClientConfig>) -> Self {
        Self(Arc::new(Shared {
            origin,
            tls,
            state: Mutex::default(),
            changed: Arc::default(),
        }))
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.0
            .lock()
            .connections
            .iter()
            .filter(|connection| connection.status().is_usable())
            .count()
    }

    /// Sends what `request` makes and `body`, and waits for the whole answer. `request` is called
    /// once for every try.
    pub async fn send(
        &self,
        request: impl Fn() -> Request<()>,
        body: &Bytes,
    ) -> Result<Response, SendError> {
        let mut given_back = String::new();
        let (mut sent, mut stale) = (0, 0);
        while sent <= RESENDS && stale <= self.0.origin.max_connections + STALE {
            let stream = self.acquire().await?;
            let mut received = Received::default();
            let exchange = stream.exchange(request(), body.clone(), &mut received);
            let cut_short = match tokio::time::timeout(self.0.origin.timeout, exchange).await {
                Ok(Ok(())) => None,
                Ok(Err(ExchangeError::Stale(error))) => {
                    stream.status().retire();
                    given_back = error.to_string();
                    stale += 1;
                    continue;
                }
                Ok(Err(ExchangeError::Unprocessed(error))) => {
                    stream.status().retire();
                    given_back = error.to_string();
                    sent += 1;
                    continue;
                }
                Ok(Err(ExchangeError::Refused(error))) => {
                    stream.status().take_fewer();
                    given_back = error.to_string();
                    sent += 1;
                    continue;
                }
                Ok(Err(ExchangeError::Broken(error))) => {
                    Some(format!("the connection broke before the answer: {error}"))
                }
                Err(_) => {
                    stream.status().suspect();
                    Some(format!(
                        "no answer within {} s",
                        self.0.origin.timeout.as_secs_f32()
                    ))
                }
            };
            // A success is one whatever becomes of its body; any other answer can't be judged
            // without.
            return match (received.head, cut_short) {
                (Some(head), cut_short) if cut_short.is_none() || head.status.is_success() => {
                    Ok(Response {
                        status: head.status,
                        headers: head.headers,
                        body: received.body.into(),
                        connection: Arc::clone(stream.status()),
                    })
                }
                (_, cut_short) => Err(SendError::Ambiguous(cut_short.unwrap_or_default())),
            };
        }
        Err(SendError::NotSent(format!(
            "given back unprocessed {} times: {given_back}",
            sent + stale
        )))
    }

    /// A free stream on an open connection; opens one where all are taken and another is allowed.
    async fn acquire(&self) -> Result<Stream, SendError> {
        if let Some(stream) = self.try_acquire()? {
            return Ok(stream);
        }
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(stream) = self.try_acquire()? {
                    return Ok(stream);
                }
                changed.await;
            }
        };
        // By then whatever held the streams has been given up, and a connection has been opened or
        // not.
        let longest = self.0.origin.timeout + CONNECT_TIMEOUT;
        let none_free = |_| {
            Err(SendError::NotSent(format!(
                "no stream was free within {} s",
                longest.as_secs_f32()
            )))
        };
        tokio::time::timeout(longest, waiting)
            .await
            .unwrap_or_else(none_free)
    }

    fn try_acquire(&self) -> Result<Option<Stream>, SendError> {
        let mut state = self.0.lock();
        state
            .connections
            .retain(|connection| connection.status().is_usable());
        if let Some(connection) = state.least_busy() {
            return Ok(Some(Stream::take(connection)));
        }
        if let Some(failure) = state
            .failure
            .as_ref()
            .filter(|failure| Instant::now() < failure.again_at)
        {
            let nothing_to_wait_for = state.connections.is_empty() && !state.connecting;
            return if nothing_to_wait_for {
                Err(SendError::NotSent(failure.reason.clone()))
            } else {
                Ok(None)
            };
        }
        // One at a time, and none while another is about to have room: a burst should not open more
        // than it needs.
        let room_to_come = state.connecting
            || state
                .connections
                .iter()
                .any(|connection| connection.status().is_alone());
        if !room_to_come && state.connections.len() < self.0.origin.max_connections.max(1) {
            state.connecting = true;
            let pool = Arc::downgrade(&self.0);
            let changed = Arc::clone(&self.0.changed);
            tokio::spawn(open(
                pool,
                self.0.origin.clone(),
                Arc::clone(&self.0.tls),
                changed,
            ));
        }
        Ok(None)
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an idle connection go, unless it is the only one: to keep that open is cheaper than to
    /// open it anew.
    fn let_go(&self, idle: &Arc<Status>) -> bool {
        let mut state = self.lock();
        // Under the lock nobody takes a stream, so one that is unused stays so.
        let goes = state.connections.len() > 1 && idle.in_use() == 0;
        if goes {
            idle.retire();
            state
                .connections
                .retain(|connection| connection.status().is_usable());
        }
        goes
    }
}

impl State {
    /// The connection for the next request: of as few as will do, the oldest, so that the others
    /// fall idle and what goes over one goes together, the least busy, so that one that hangs does
    /// not draw all requests to itself. If those have no room, any that has.
    fn least_busy(&self) -> Option<&Arc<Connection>> {
        let under_way: usize = self
            .connections
            .iter()
            .map(|connection| connection.status().in_use())
            .sum();
        let most = self
            .connections
            .iter()
            .map(|connection| connection.status().allowed())
            .max()?;
        let enough = under_way / (most.saturating_mul(FULL_PERCENT) / 100).max(1) + 1;
        let (few, others) = self
            .connections
            .split_at(enough.min(self.connections.len()));
        let of = |some: &'_ [Arc<Connection>]| {
            let with_room = some
                .iter()
                .enumerate()
                .filter(|(_, connection)| connection.status().has_room());
            with_room
                .min_by_key(|(_, connection)| connection.status().in_use())
                .map(|(index, _)| index)
        };
        of(few)
            .map(|index| &few[index])
            .or_else(|| of(others).map(|index| &others[index]))
    }

    fn failed(&mut self, reason: String) {
        let in_a_row = self
            .failure
            .as_ref()
            .map_or(0, |failure| failure.in_a_row)
            .saturating_add(1);
        let wait = CONNECT_AGAIN_AFTER
            .saturating_mul(1 << (in_a_row - 1).min(10))
            .min(CONNECT_AGAIN_AFTER_LONGEST);
        let again_at = Instant::now() + wait.mul_f64(1.0 + rand::random::<f64>() / 2.0);
        self.failure = Some(Failure {
            reason,
            in_a_row,
            again_at,
        });
    }
}

/// Opens a connection for the pool and looks after it until it ends.
async fn open(
    pool: Weak<Shared>,
    origin: Origin,
    tls: Arc<rustls::ClientConfig>,
    changed: Arc<Notify>,
) {
    let opened = tokio::time::timeout(
        CONNECT_TIMEOUT,
        connection::open(&origin, tls, Arc::clone(&changed)),
    )
    .await;
    let Some(shared) = pool.upgrade() else { return };
    let result = opened.unwrap_or_else(|_| {
        Err(format!(
            "no connection within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))
    });
    let task = {
        let mut state = shared.lock();
        state.connecting = false;
        match result {
            Ok((connection, task)) => {
                state.failure = None;
                state.connections.push(connection);
                Some(task)
            }
            Err(reason) => {
                tracing::debug!(host = origin.host, reason, "connection failed");
                state.failed(format!("{}:{}: {reason}", origin.host, origin.port));
                None
            }
        }
    };
    drop(shared);
    changed.notify_waiters();
    if let Some(task) = task {
        let let_go = |idle: &Arc<Status>| pool.upgrade().is_none_or(|shared| shared.let_go(idle));
        task.run(origin.idle_after, let_go).await;
    }
    if let Some(shared) = pool.upgrade() {
        shared
            .lock()
            .connections
            .retain(|connection| connection.status().is_usable());
    }
    // Those who wait for one of its streams must look for another.
    changed.notify_waiters();
}
