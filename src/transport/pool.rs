//! The connection pool: which connection a request goes over, when another one is opened, and which
//! requests are sent again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::Notify;

use crate::transport::budget::ConnectionBudget;
use crate::transport::connection::{
    Connection, ConnectionState, ExchangeError, Received, StreamPermit,
};
use crate::transport::driver::{self, Idle};
use crate::transport::{Origin, Response, SendError, failure_reason};

/// How often a request is sent again after the peer certainly did not process it.
const MAX_RESENDS: usize = 5;
/// How many connections may turn out to be closing before a request is given up, beyond the number
/// that can be open at a time.
const EXTRA_STALE: usize = 5;

/// How long a new connection may take, TLS and HTTP/2 included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a pool waits before it connects again after it failed. The wait doubles with each
/// further failure, up to the longest.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(5);

/// How full connections are, in percent of the peer's stream limit, before another one is used.
const FULL_PERCENT: usize = 75;

/// Connections to one origin with one TLS identity.
///
/// A provider's client owns it; clones share its connections. It has no task of its own. A request
/// that finds no free stream waits for `stream_freed`, which is notified when a request ends, when a
/// connection was opened, failed to open or ended, and when a peer raises its limit. If one more
/// connection is needed, that request spawns the task that opens and drives it. Such a task holds
/// only a weak reference to the pool: when the last clone is dropped, the connections close, and
/// their tasks end.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    origin: Origin,
    tls: Arc<rustls::ClientConfig>,
    budget: Arc<ConnectionBudget>,
    state: Mutex<State>,
    stream_freed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    connections: Vec<Arc<Connection>>,
    is_connecting: bool,
    /// The failure to connect since the last success.
    failure: Option<ConnectFailure>,
}

struct ConnectFailure {
    reason: String,
    in_a_row: u32,
    again_at: Instant,
}

/// The end of one transmission of a request, of which [`Pool::send`] may make several.
enum Transmission {
    Answered(Response),
    /// The connection was closing. Nothing was sent.
    Stale(h2::Error),
    /// The peer certainly did not process the request. The reason is for people.
    Returned(String),
}

impl Pool {
    /// A pool without a connection. `budget` bounds its connections and those of all other pools
    /// together.
    pub fn new(
        origin: Origin,
        tls: Arc<rustls::ClientConfig>,
        budget: Arc<ConnectionBudget>,
    ) -> Self {
        Self(Arc::new(Shared {
            origin,
            tls,
            budget,
            state: Mutex::default(),
            stream_freed: Arc::default(),
        }))
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.0
            .lock()
            .connections
            .iter()
            .filter(|connection| connection.state().is_usable())
            .count()
    }

    /// Sends a request and waits for the complete answer. `request` makes the request's head, once
    /// for each time that it is sent. A request that the peer certainly did not process is sent
    /// again, because that can't cause a second notification.
    pub async fn send(
        &self,
        request: impl Fn() -> Request<()>,
        body: &Bytes,
    ) -> Result<Response, SendError> {
        let max_stale = self.0.origin.max_connections + EXTRA_STALE;
        let mut returned = 0;
        let mut stale = 0;

        loop {
            let error = match self.transmit(&request, body).await? {
                Transmission::Answered(response) => return Ok(response),
                Transmission::Stale(error) => {
                    stale += 1;
                    failure_reason::of_http2(&error)
                }
                Transmission::Returned(reason) => {
                    returned += 1;
                    reason
                }
            };

            if returned > MAX_RESENDS || stale > max_stale {
                return Err(SendError::NotSent(format!(
                    "the provider returned the request unprocessed {} times: {error}",
                    returned + stale
                )));
            }
        }
    }

    async fn transmit(
        &self,
        request: &impl Fn() -> Request<()>,
        body: &Bytes,
    ) -> Result<Transmission, SendError> {
        let stream = self.acquire().await?;
        let connection = stream.connection();

        let mut received = Received::default();
        let exchange = stream.exchange(request(), body.clone(), &mut received);
        let cut_short = match tokio::time::timeout(self.0.origin.timeout, exchange).await {
            Ok(Ok(())) => None,
            Ok(Err(ExchangeError::Stale(error))) => {
                connection.retire();
                return Ok(Transmission::Stale(error));
            }
            Ok(Err(ExchangeError::Unprocessed(error))) => {
                connection.retire();
                return Ok(Transmission::Returned(failure_reason::of_http2(&error)));
            }
            Ok(Err(ExchangeError::Refused(error))) => {
                connection.refused();
                return Ok(Transmission::Returned(failure_reason::of_http2(&error)));
            }
            Ok(Err(ExchangeError::Malformed(error))) => {
                return Err(SendError::Malformed(failure_reason::of_http2(&error)));
            }
            Ok(Err(ExchangeError::Broken(error))) => Some(format!(
                "the answer did not arrive: {}",
                failure_reason::of_http2(&error)
            )),
            Err(_) => {
                // The dropped exchange has reset its stream, so the place is free again at the peer
                // too.
                connection.timed_out();
                let seconds = self.0.origin.timeout.as_secs_f32();
                Some(format!("no answer within {seconds} s"))
            }
        };

        let Some(head) = received.head else {
            let reason = cut_short.unwrap_or_default();
            return Err(SendError::Ambiguous(reason));
        };
        // The server does not serve this host: <https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20>.
        if head.status == StatusCode::MISDIRECTED_REQUEST {
            connection.retire();
            let reason = "the server answered that another server is responsible (421)".to_owned();
            return Ok(Transmission::Returned(reason));
        }

        Ok(Transmission::Answered(Response {
            status: head.status,
            headers: head.headers,
            body: received.body.into(),
            cut_short,
            connection: Arc::clone(connection),
        }))
    }

    /// A free stream on an open connection. If all are taken, another connection is opened if that
    /// is allowed, and this waits.
    async fn acquire(&self) -> Result<StreamPermit, SendError> {
        if let Some(stream) = self.try_acquire()? {
            return Ok(stream);
        }

        let waiting = async {
            loop {
                // Enabled before the search, so that a notification between the search and the wait is
                // not missed.
                let freed = self.0.stream_freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();

                if let Some(stream) = self.try_acquire()? {
                    return Ok(stream);
                }
                freed.await;
            }
        };

        // By then every request that holds a stream now has ended, and the connection that is being
        // opened is open or has failed.
        let longest = self.0.origin.timeout + CONNECT_TIMEOUT;
        tokio::time::timeout(longest, waiting)
            .await
            .unwrap_or_else(|_| {
                let seconds = longest.as_secs_f32();
                Err(SendError::NotSent(format!(
                    "no HTTP/2 stream was free within {seconds} s"
                )))
            })
    }

    fn try_acquire(&self) -> Result<Option<StreamPermit>, SendError> {
        let mut state = self.0.lock();
        state.drop_unusable();

        if let Some(connection) = state.connection_with_room() {
            return Ok(Some(StreamPermit::take(connection)));
        }

        // An origin that can't be reached is left alone for a while.
        if let Some(failure) = &state.failure
            && Instant::now() < failure.again_at
        {
            return if state.connections.is_empty() && !state.is_connecting {
                Err(SendError::NotSent(failure.reason.clone()))
            } else {
                Ok(None)
            };
        }

        // Connections are opened one after the other, and none while another is about to have room:
        // a burst should not open more than it needs.
        let is_room_coming = state.is_connecting
            || state
                .connections
                .iter()
                .any(|connection| connection.state().awaits_first_answer());
        if !is_room_coming && state.connections.len() < self.0.origin.max_connections.max(1) {
            state.is_connecting = true;
            let task = ConnectionTask {
                pool: Arc::downgrade(&self.0),
                origin: self.0.origin.clone(),
                tls: Arc::clone(&self.0.tls),
                budget: Arc::clone(&self.0.budget),
                stream_freed: Arc::clone(&self.0.stream_freed),
            };
            tokio::spawn(task.run());
        }

        Ok(None)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes an idle connection if the pool can do without it, and returns whether it did. The only one
    /// stays for longer: to keep it open is cheaper than to open another for the next request.
    fn close_if_idle(&self, connection: &Arc<ConnectionState>, idle: Idle) -> bool {
        let mut state = self.lock();

        let is_dispensable = match idle {
            Idle::Wanted => true,
            Idle::For(unused_for) => {
                state.connections.len() > 1 || unused_for >= self.origin.last_idle_after
            }
        };

        // Streams are taken only under the lock, so a connection without one stays without.
        let is_closed = is_dispensable && connection.in_flight() == 0;
        if is_closed {
            connection.retire();
            state.drop_unusable();
        }
        is_closed
    }
}

impl State {
    fn drop_unusable(&mut self) {
        self.connections
            .retain(|connection| connection.state().is_usable());
    }

    /// The connection for the next request; `None` if none has room.
    ///
    /// Only as many connections are used as the load needs at [`FULL_PERCENT`] each, the oldest
    /// first. Spread over all, each answer would come in a packet and a TLS record of its own, and
    /// no connection would fall idle and close. Of those few the least busy is taken, so that one
    /// that hangs draws no more than its share. If those few have no room, the others are tried.
    fn connection_with_room(&self) -> Option<&Arc<Connection>> {
        let in_flight: usize = self
            .connections
            .iter()
            .map(|connection| connection.state().in_flight())
            .sum();
        let stream_limit = self
            .connections
            .iter()
            .map(|connection| connection.state().stream_limit())
            .max()?;

        let when_full = (stream_limit.saturating_mul(FULL_PERCENT) / 100).max(1);
        let needed = in_flight / when_full + 1;

        let (few, others) = self
            .connections
            .split_at(needed.min(self.connections.len()));
        least_busy(few).or_else(|| least_busy(others))
    }

    fn connect_failed(&mut self, reason: String) {
        let in_a_row = self
            .failure
            .as_ref()
            .map_or(0, |failure| failure.in_a_row)
            .saturating_add(1);
        let wait = RECONNECT_AFTER
            .saturating_mul(1 << (in_a_row - 1).min(10))
            .min(RECONNECT_AFTER_MAX);

        // Jitter, so that the lanes of one provider don't all connect at the same time.
        let wait = wait.mul_f64(1.0 + rand::random::<f64>() / 2.0);
        self.failure = Some(ConnectFailure {
            reason,
            in_a_row,
            again_at: Instant::now() + wait,
        });
    }
}

fn least_busy(connections: &[Arc<Connection>]) -> Option<&Arc<Connection>> {
    connections
        .iter()
        .filter(|connection| connection.state().has_room())
        .min_by_key(|connection| connection.state().in_flight())
}

/// What a task needs to open a connection for the pool and to drive it.
struct ConnectionTask {
    /// Weak: the task must not keep the pool alive while it drives the connection.
    pool: Weak<Shared>,
    origin: Origin,
    tls: Arc<rustls::ClientConfig>,
    budget: Arc<ConnectionBudget>,
    stream_freed: Arc<Notify>,
}

impl ConnectionTask {
    /// Runs until the connection ends.
    async fn run(self) {
        let Self {
            pool,
            origin,
            tls,
            budget,
            stream_freed,
        } = self;

        // Held as long as the connection's socket is open.
        // `is_connecting` stays set meanwhile, so the pool waits for one place at a time.
        let _place = budget.place().await;

        let connecting = driver::connect(&origin, tls, budget, Arc::clone(&stream_freed));
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| {
                let seconds = CONNECT_TIMEOUT.as_secs();
                Err(format!("no connection within {seconds} s"))
            });

        // The last clone of the pool is gone: nothing needs the connection, and it closes here.
        let Some(shared) = pool.upgrade() else { return };
        let driver = {
            let mut state = shared.lock();
            state.is_connecting = false;
            match connected {
                Ok((connection, driver)) => {
                    state.failure = None;
                    state.connections.push(connection);
                    Some(driver)
                }
                Err(reason) => {
                    tracing::debug!(host = origin.host, reason, "can't connect to a provider");
                    state.connect_failed(format!("{}:{}: {reason}", origin.host, origin.port));
                    None
                }
            }
        };
        // The task must not keep the pool alive while it drives the connection.
        drop(shared);
        stream_freed.notify_waiters();

        if let Some(driver) = driver {
            let close_if_idle = |connection: &Arc<ConnectionState>, idle: Idle| {
                pool.upgrade()
                    .is_none_or(|shared| shared.close_if_idle(connection, idle))
            };
            driver.run(origin.idle_after, close_if_idle).await;
        }

        if let Some(shared) = pool.upgrade() {
            shared.lock().drop_unusable();
        }
        // Requests that wait for one of its streams must look for another.
        stream_freed.notify_waiters();
    }
}
