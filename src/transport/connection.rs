//! One HTTP/2 connection: its handshake, its streams, and the task that drives it and notices when it is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, Reason};
use http::{Request, Response};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::Origin;

/// A connection on which nothing has happened for this long is pinged, so that a half-open one is found before it is
/// needed and no firewall forgets it.
const PING_EVERY: Duration = Duration::from_mins(5);
const PONG_WITHIN: Duration = Duration::from_secs(5);
/// What is kept of an answer's body. The providers' are far smaller.
const MAX_BODY: usize = 64 * 1024;
/// Requests at a time that this side would ever send on one connection, whatever the peer allows.
const MAX_STREAMS: usize = 1000;

/// An open connection.
pub struct Connection {
    sender: SendRequest<Bytes>,
    in_use: AtomicUsize,
    /// Requests at a time, as far as the peer has not said otherwise.
    most: AtomicUsize,
    retired: AtomicBool,
    alone_until_answered: bool,
    answered: AtomicBool,
    /// Rung when a request got no answer in time.
    suspected: Arc<Notify>,
    /// Rung for the pool when a stream is free again.
    changed: Arc<Notify>,
}

impl Connection {
    /// Whether further requests may go over it.
    pub fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed)
    }

    /// Whether one more request may go over it now.
    pub fn has_room(&self) -> bool {
        self.is_usable() && self.in_use() < self.limit()
    }

    /// Requests under way.
    pub fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    fn limit(&self) -> usize {
        if self.alone_until_answered && !self.answered.load(Ordering::Relaxed) {
            1
        } else {
            self.sender.current_max_send_streams().min(self.most.load(Ordering::Relaxed))
        }
    }

    /// No further request goes over it; those under way go on.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// The peer refused a request although its limit was kept: from now on it gets fewer at a time.
    pub fn take_fewer(&self) {
        self.most.fetch_min(self.in_use().saturating_sub(1).max(1), Ordering::Relaxed);
    }

    /// Has it pinged at once: a request over it got no answer in time.
    pub fn suspect(&self) {
        self.suspected.notify_one();
    }
}

/// The right to send one request over a connection.
pub struct Stream(Arc<Connection>);

/// How an exchange failed.
pub enum ExchangeError {
    /// The peer certainly did not process it, and will process no other on this connection.
    Unprocessed(h2::Error),
    /// The peer certainly did not process it; it may take others.
    Refused(h2::Error),
    /// The peer may have processed it.
    Broken(h2::Error),
}

impl Stream {
    /// Takes a stream. The caller holds the pool's lock, so that nobody takes the same one.
    pub fn take(connection: &Arc<Connection>) -> Self {
        connection.in_use.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }

    /// The connection that it belongs to.
    pub fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.0)
    }

    /// Sends one request and reads the whole answer.
    pub async fn exchange(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<(Response<()>, Bytes), ExchangeError> {
        // Until the request has been queued nothing can have reached the peer.
        let mut sender = self.0.sender.clone().ready().await.map_err(ExchangeError::Unprocessed)?;
        let (response, mut sending) = sender.send_request(request, false).map_err(ExchangeError::Unprocessed)?;
        // It fails only where the peer has ended the stream already, and then the response says how.
        let _ = sending.send_data(body, true);
        let (parts, mut incoming) = response.await.map_err(classify)?.into_parts();
        self.0.answered.store(true, Ordering::Relaxed);
        let mut body = Vec::new();
        while let Some(chunk) = incoming.data().await {
            // The status has arrived: what it says counts, even if its explanation is cut short.
            let Ok(chunk) = chunk else { break };
            let _ = incoming.flow_control().release_capacity(chunk.len());
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]);
        }
        Ok((Response::from_parts(parts, ()), Bytes::from(body)))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

/// RFC 9113 sections 6.8 and 8.7: a stream above the last one that a GOAWAY names, or refused, was not processed.
fn classify(error: h2::Error) -> ExchangeError {
    if error.is_go_away() && error.is_remote() {
        ExchangeError::Unprocessed(error)
    } else if error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM) {
        ExchangeError::Refused(error)
    } else {
        ExchangeError::Broken(error)
    }
}

/// What drives a connection; it lives as long as this runs.
pub struct Task {
    driver: h2::client::Connection<TlsStream<TcpStream>, Bytes>,
    connection: Arc<Connection>,
}

/// Resolves the host anew, connects, and shakes hands.
pub async fn open(
    origin: &Origin,
    tls: Arc<rustls::ClientConfig>,
    changed: Arc<Notify>,
) -> Result<(Arc<Connection>, Task), String> {
    let name = ServerName::try_from(origin.host.clone()).map_err(|_| "its name is not a host name".to_owned())?;
    let tcp = TcpStream::connect((origin.host.as_str(), origin.port)).await.map_err(|error| error.to_string())?;
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(tls).connect(name, tcp).await.map_err(|error| format!("TLS: {error}"))?;
    if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("it does not speak HTTP/2".to_owned());
    }
    let (sender, driver) = Builder::new()
        .enable_push(false)
        // What RFC 9113 section 6.5.2 lets us expect until the peer has named its limit.
        .initial_max_send_streams(100)
        .initial_window_size(1 << 20)
        .initial_connection_window_size(16 << 20)
        .handshake(tls)
        .await
        .map_err(|error| format!("HTTP/2: {error}"))?;
    let connection = Arc::new(Connection {
        sender,
        in_use: AtomicUsize::new(0),
        most: AtomicUsize::new(MAX_STREAMS),
        retired: AtomicBool::new(false),
        alone_until_answered: origin.first_stream_alone,
        answered: AtomicBool::new(false),
        suspected: Arc::default(),
        changed,
    });
    Ok((Arc::clone(&connection), Task { driver, connection }))
}

impl Task {
    /// Drives the connection until the peer closes it, it breaks, it does not answer a ping, or nobody needs it any more.
    pub async fn run(mut self) {
        let ping_pong = self.driver.ping_pong();
        let suspected = Arc::clone(&self.connection.suspected);
        // A reference of its own would keep the connection open: the driver ends when the last sender is gone.
        let connection = Arc::downgrade(&self.connection);
        drop(self.connection);
        let dead = async {
            match ping_pong {
                Some(ping_pong) => until_dead(ping_pong, &suspected).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = &mut self.driver => {}
            () = dead => tracing::debug!("connection dropped: no answer to a ping"),
        }
        if let Some(connection) = connection.upgrade() {
            connection.retire();
        }
    }
}

async fn until_dead(mut ping_pong: PingPong, suspected: &Notify) {
    loop {
        let _ = tokio::time::timeout(PING_EVERY, suspected.notified()).await;
        match tokio::time::timeout(PONG_WITHIN, ping_pong.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
