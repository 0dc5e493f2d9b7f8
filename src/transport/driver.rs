//! The task of a connection: it connects, reads and writes the socket, and notices when the
//! connection is dead or idle.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::Builder;
use h2::{Ping, PingPong};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::budget::ConnectionBudget;
use crate::transport::connection::{Connection, ConnectionState};
use crate::transport::{Origin, dial, failure_reason};

/// How long a connection must be idle before it makes way for another. Its pool may have a request for
/// it.
const BEFORE_CLOSING: Duration = Duration::from_millis(20);
/// How long a peer may take to answer a ping.
const PONG_WITHIN: Duration = Duration::from_secs(5);

/// How many bytes a peer may send before Bellwire has read them, on a stream and on a connection.
/// Both are far above what answers need, so flow control never delays one.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

type H2Connection = h2::client::Connection<TlsStream<TcpStream>, Bytes>;

/// Reads and writes the socket of a connection. The connection works as long as [`Self::run`] does.
pub(super) struct Driver {
    h2: H2Connection,
    state: Arc<ConnectionState>,
}

/// Connects to `origin`: resolves its name anew, because providers change their addresses, shakes
/// hands, and learns how many requests at a time the peer allows. The error is a reason for people.
pub(super) async fn connect(
    origin: &Origin,
    tls: Arc<rustls::ClientConfig>,
    budget: Arc<ConnectionBudget>,
    stream_freed: Arc<Notify>,
) -> Result<(Arc<Connection>, Driver), String> {
    // A URI has brackets around an IPv6 address, a certificate has not.
    let host = origin.host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "the host name is not valid".to_owned())?;

    let tcp = match &origin.proxy {
        Some(proxy) => proxy.connect(host, origin.port).await?,
        None => dial::connect(host, origin.port).await?,
    };

    let tls = TlsConnector::from(tls)
        .connect(name, tcp)
        .await
        .map_err(|error| failure_reason::of_io(&error))?;
    // Such a server would answer in HTTP/1.1, which h2 can't tell from a broken frame.
    if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(failure_reason::NO_HTTP2.to_owned());
    }

    // No stream before the peer's SETTINGS have come: see `first_stream_limit`.
    let (sender, mut h2) = Builder::new()
        .enable_push(false)
        .initial_max_send_streams(0)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(tls)
        .await
        .map_err(|error| failure_reason::of_http2(&error))?;
    let stream_limit = first_stream_limit(&mut h2).await?;

    let state = ConnectionState::new(
        stream_limit,
        origin.first_stream_alone,
        Arc::clone(&budget),
        stream_freed,
    );
    let state = Arc::new(state);
    budget.note_open(&state);

    let connection = Connection::new(sender, Arc::clone(&state));
    Ok((Arc::new(connection), Driver { h2, state }))
}

/// Waits for the peer's SETTINGS, and returns the stream limit that they set.
///
/// A request that is sent before could wait inside h2, unseen by the pool, if the peer allows fewer.
/// Besides, a peer that refuses the client certificate says so here, before a request is sent.
async fn first_stream_limit(h2: &mut H2Connection) -> Result<usize, String> {
    poll_fn(|context| match Pin::new(&mut *h2).poll(context) {
        Poll::Ready(Ok(())) => Poll::Ready(Err("the server closed the connection".to_owned())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(failure_reason::of_http2(&error))),
        Poll::Pending => match h2.max_concurrent_send_streams() {
            0 => Poll::Pending,
            limit => Poll::Ready(Ok(limit)),
        },
    })
    .await
}

/// Why the pool is asked to let a connection go.
#[derive(Clone, Copy)]
pub(super) enum Idle {
    /// It was not used for this long.
    For(Duration),
    /// Another connection waits to be opened.
    Wanted,
}

/// Why a driver stops watching its connection.
enum WatchEnd {
    /// The peer did not answer a ping.
    Dead,
    /// The pool has closed the connection.
    Closed,
}

impl Driver {
    /// Drives the connection until the peer closes it, it breaks, the peer does not answer a ping,
    /// or the pool has closed it and its requests are answered.
    ///
    /// After every `idle_after` without a request, `close_if_idle` closes the connection if the pool can do
    /// without it. If not, the peer is pinged, so that a dead connection is found before it is
    /// needed, and no firewall forgets a live one. It is also called when the connection is idle while
    /// others wait to be opened.
    pub(super) async fn run(
        mut self,
        idle_after: Duration,
        close_if_idle: impl Fn(&Arc<ConnectionState>, Idle) -> bool,
    ) {
        let ping_pong = self.h2.ping_pong();
        let Self { mut h2, state } = self;

        let mut driven = std::pin::pin!(poll_fn(|context| {
            let done = Pin::new(&mut h2).poll(context);
            // The peer may have changed its limit with the frames that were just read.
            state.set_stream_limit(h2.max_concurrent_send_streams());
            done
        }));
        let watch = async {
            match ping_pong {
                Some(ping_pong) => watch(ping_pong, &state, idle_after, close_if_idle).await,
                None => std::future::pending().await,
            }
        };

        tokio::select! {
            _ = &mut driven => {}
            end = watch => match end {
                WatchEnd::Dead => tracing::debug!("connection closed: the peer did not answer a ping"),
                WatchEnd::Closed => {
                    // h2 sends GOAWAY and ends when the last owner is gone.
                    let _ = driven.await;
                }
            },
        }

        state.retire();
    }
}

async fn watch(
    mut ping_pong: PingPong,
    state: &Arc<ConnectionState>,
    idle_after: Duration,
    close_if_idle: impl Fn(&Arc<ConnectionState>, Idle) -> bool,
) -> WatchEnd {
    let mut unused_for = Duration::ZERO;

    loop {
        let is_suspected = tokio::select! {
            suspected = tokio::time::timeout(idle_after, state.suspected()) => suspected.is_ok(),
            () = state.wanted() => {
                tokio::time::sleep(BEFORE_CLOSING).await;
                if state.budget().has_waiters() && close_if_idle(state, Idle::Wanted) {
                    return WatchEnd::Closed;
                }
                continue;
            }
        };

        if state.take_used() {
            unused_for = Duration::ZERO;
        } else if !is_suspected {
            unused_for += idle_after;
            if close_if_idle(state, Idle::For(unused_for)) {
                return WatchEnd::Closed;
            }
        }

        // Also without a suspicion, so that a dead connection is found before a request uses it.
        match tokio::time::timeout(PONG_WITHIN, ping_pong.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return WatchEnd::Dead,
        }
    }
}
