//! Accepts connections, holds them to their limits, and gives each to the worker with the fewest. It
//! answers health checks itself, on a thread that has nothing else to do.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::http::response_headers::ResponseHeaders;
use crate::http::server::actix_adapter::Application;
use crate::http::server::connection::{Accepted, Terms, serve};
use crate::http::server::limits::{Admission, ConnectionPermit, Connections};
use crate::http::server::source::TrustedProxies;

/// How a health check begins.
const HEALTH_CHECKS: [&[u8]; 4] = [
    b"GET /healthz",
    b"GET /readyz",
    b"HEAD /healthz",
    b"HEAD /readyz",
];
/// The longest of them, in bytes.
const FIRST_BYTES: usize = 13;
/// How long and how often a request line that arrives in pieces is waited for.
const PIECE_WAIT: Duration = Duration::from_millis(10);
const PIECES: u32 = 20;
/// How long a connection that may only check the health may take to say so.
const HEALTH_CHECK_WAIT: Duration = Duration::from_secs(1);
/// How long nothing is accepted after an error, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Where a worker takes its connections from.
pub(super) struct Worker {
    connections: mpsc::UnboundedSender<Assigned>,
    load: Arc<AtomicUsize>,
}

/// A connection that a worker is to serve.
pub(super) struct Assigned {
    pub accepted: Accepted,
    pub load: Load,
}

/// Counts a connection of a worker until it is dropped.
pub(super) struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    /// A worker, and the end at which it takes its connections.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Assigned>) {
        let (connections, taken) = mpsc::unbounded_channel();
        let worker = Self {
            connections,
            load: Arc::default(),
        };

        (worker, taken)
    }

    fn assign(&self, accepted: Accepted) {
        self.load.fetch_add(1, Ordering::Relaxed);
        let load = Load(Arc::clone(&self.load));

        // A worker ends only when the server does.
        let _ = self.connections.send(Assigned { accepted, load });
    }
}

/// The thread that accepts.
pub(super) struct Acceptor {
    pub listener: TcpListener,
    pub connections: Arc<Connections>,
    pub trusted_proxies: TrustedProxies,
    pub workers: Vec<Worker>,
    /// Answers health checks.
    pub health: Application,
    pub terms: Terms,
}

impl Acceptor {
    /// Accepts until the server stops, then lets health checks end.
    pub(super) async fn run(self, grace: Duration) {
        let mut is_failing = false;
        let tracker = TaskTracker::new();
        let acceptor = Rc::new(self);

        loop {
            let accepted = tokio::select! {
                biased;
                () = acceptor.terms.stop.cancelled() => break,
                accepted = acceptor.listener.accept() => accepted,
            };

            match accepted {
                Ok((stream, peer)) => {
                    is_failing = false;
                    tracker.spawn_local(receive(Rc::clone(&acceptor), stream, peer));
                }
                Err(error) if concerns_one(&error) => {}
                Err(error) => {
                    if !is_failing {
                        tracing::error!(%error, "connections can't be accepted");
                    }
                    is_failing = true;
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }

        drop(acceptor);
        tracker.close();
        let _ = tokio::time::timeout(grace, tracker.wait()).await;
    }
}

/// Whether an error of `accept` is of one connection, which was closed before it was accepted.
fn concerns_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Gives a connection to who is to serve it.
async fn receive(acceptor: Rc<Acceptor>, stream: TcpStream, peer: SocketAddr) {
    let since = Instant::now();
    let source = acceptor.trusted_proxies.source_of_connection(peer);

    match acceptor.connections.admit(source) {
        // Closed without an answer, which with TLS would cost a handshake.
        Admission::Refused => {}
        Admission::HealthChecks(permit) => {
            let check = wait_for_kind(&stream);
            if let Ok(true) = tokio::time::timeout(HEALTH_CHECK_WAIT, check).await {
                answer_health_check(&acceptor, stream, peer, permit).await;
            }
        }
        Admission::Admitted(permit) => {
            let kind = wait_for_kind(&stream);
            let waited = tokio::select! {
                waited = tokio::time::timeout(acceptor.terms.timeouts.head, kind) => waited,
                // No request of it was read, so nothing is lost at a shutdown.
                () = acceptor.terms.stop.cancelled() => return,
            };

            match waited {
                Ok(true) => answer_health_check(&acceptor, stream, peer, permit).await,
                Ok(false) => {
                    // A stream belongs to the runtime of its thread. The worker registers it with
                    // its own.
                    if let Ok(stream) = stream.into_std() {
                        let accepted = Accepted {
                            stream,
                            peer,
                            since,
                            permit,
                        };
                        assign(&acceptor.workers, accepted);
                    }
                }
                // It has sent nothing.
                Err(_) => {}
            }
        }
    }
}

fn assign(workers: &[Worker], accepted: Accepted) {
    let least = workers
        .iter()
        .min_by_key(|worker| worker.load.load(Ordering::Relaxed));

    if let Some(worker) = least {
        worker.assign(accepted);
    }
}

async fn answer_health_check(
    acceptor: &Acceptor,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
) {
    let Ok(stream) = stream.into_std() else {
        return;
    };

    let accepted = Accepted {
        stream,
        peer,
        since: Instant::now(),
        permit,
    };
    // It has nothing to hide, so it need not be encrypted where other requests are.
    let terms = Terms {
        tls: None,
        headers: ResponseHeaders {
            closes: true,
            ..acceptor.terms.headers
        },
        ..acceptor.terms.clone()
    };
    serve(accepted, acceptor.health.clone(), terms).await;
}

/// Waits for the first bytes of a connection. Returns whether they are of a health check.
async fn wait_for_kind(stream: &TcpStream) -> bool {
    // Peeked and not read, because TLS or hyper reads the same bytes again. A peek returns at once
    // while bytes are there, so more of them can only be waited for with a timer.
    let mut first = [0; FIRST_BYTES];

    for _ in 0..PIECES {
        let Ok(count) = stream.peek(&mut first).await else {
            return false;
        };
        match is_health_check(&first[..count]) {
            Some(is_health_check) => return is_health_check,
            None => tokio::time::sleep(PIECE_WAIT).await,
        }
    }

    false
}

/// Whether a connection that begins with these bytes is for a health check; `None`: it may be.
fn is_health_check(first: &[u8]) -> Option<bool> {
    // The client has closed its side.
    if first.is_empty() {
        return Some(false);
    }
    if HEALTH_CHECKS.iter().any(|check| first.starts_with(check)) {
        return Some(true);
    }

    let may_become_one = HEALTH_CHECKS.iter().any(|check| check.starts_with(first));
    if may_become_one { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_are_distinguished_from_other_requests() {
        for (first, expected) in [
            ("GET /healthz HTTP/1.1", Some(true)),
            ("GET /readyz?x", Some(true)),
            ("HEAD /readyz ", Some(true)),
            ("GET /health", None),
            ("G", None),
            ("GET /v1/Push", Some(false)),
            ("POST /healthz", Some(false)),
            ("PRI * HTTP/2.0", Some(false)),
            ("", Some(false)),
        ] {
            assert_eq!(is_health_check(first.as_bytes()), expected, "{first}");
        }
        let longest = HEALTH_CHECKS.iter().map(|check| check.len()).max();
        assert_eq!(longest, Some(FIRST_BYTES));
    }
}
