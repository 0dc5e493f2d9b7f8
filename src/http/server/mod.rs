//! The server: connections, and the threads that answer them.
//!
//! One thread, the `acceptor`, accepts connections, holds them to their `limits` and gives them to the
//! workers. It answers `/healthz` and `/readyz` itself, so that no request delays them. hyper speaks
//! HTTP on a `connection`, and an actix application answers (`actix_adapter`). No client may take longer
//! than the `timeouts` allow.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::response_headers::ResponseHeaders;

mod acceptor;
mod actix_adapter;
mod connection;
mod limits;
mod source;
mod timeouts;
mod tls;

use acceptor::{Acceptor, Assigned, Worker};
pub(super) use actix_adapter::Application;
use connection::{Terms, serve};
pub(crate) use limits::ConnectionLimits;
use limits::Connections;
pub(crate) use source::{Source, TrustedProxies};
pub(crate) use timeouts::ClientTimeouts;
pub(crate) use tls::{Tls, TlsFiles};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long a thread may take to end after the time for its requests is over.
const END: Duration = Duration::from_secs(2);

/// How connections are served.
#[derive(Clone)]
pub(crate) struct ServerParams {
    pub listen: SocketAddr,
    /// `None`: connections are not encrypted.
    pub tls: Option<Tls>,
    pub timeouts: ClientTimeouts,
    pub limits: ConnectionLimits,
    pub trusted_proxies: TrustedProxies,
    /// How long requests in flight may take to end once the server stops.
    pub grace: Duration,
}

/// Which routes an application has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routes {
    /// `/healthz` and `/readyz`.
    Health,
    All,
}

/// Makes the application of a thread, which stays on that thread.
pub(super) type MakeApplication =
    Arc<dyn Fn(Routes) -> LocalBoxFuture<'static, Option<Application>> + Send + Sync>;

/// The running server.
pub(crate) struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    grace: Duration,
    /// The end of each thread.
    ended: Vec<oneshot::Receiver<()>>,
}

impl Server {
    /// Starts to serve. Needs a Tokio runtime.
    pub(super) fn start(params: ServerParams, make: &MakeApplication) -> io::Result<Self> {
        let listener = listen(params.listen)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let terms = Terms {
            tls: params.tls.clone(),
            timeouts: params.timeouts,
            headers: ResponseHeaders {
                is_encrypted: params.tls.is_some(),
                closes: false,
            },
            stop: stop.clone(),
        };
        let mut server = Self {
            address,
            stop,
            grace: params.grace,
            ended: Vec::new(),
        };

        let mut workers = Vec::new();
        let count = thread::available_parallelism().map_or(1, usize::from);
        for number in 0..count {
            let (worker, connections) = Worker::new();
            workers.push(worker);

            let make = Arc::clone(make);
            // Connections check the token often. Each thread has its own token, so no thread waits for
            // another.
            let terms = Terms {
                stop: terms.stop.child_token(),
                ..terms.clone()
            };
            server.spawn(&format!("http-{number}"), async move || {
                work(&make, connections, terms, params.grace).await;
            })?;
        }

        let make = Arc::clone(make);
        let listener = listener.into_std()?;
        server.spawn("http-acceptor", async move || {
            let Some(health) = make(Routes::Health).await else {
                return;
            };
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };

            let acceptor = Acceptor {
                listener,
                connections: Connections::new(params.limits),
                trusted_proxies: params.trusted_proxies,
                workers,
                health,
                terms,
            };
            let reloading = async {
                match &params.tls {
                    Some(tls) => tls.keep_current().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = acceptor.run(params.grace) => {}
                () = reloading => {}
            }
        })?;

        Ok(server)
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, and returns when requests in flight are answered or their time is over.
    pub(crate) async fn stop(self) {
        self.stop.cancel();

        let _ = tokio::time::timeout(self.grace + END, join_all(self.ended)).await;
    }

    /// Runs `work` on a thread of its own, which many tasks share.
    fn spawn(&mut self, name: &str, work: impl AsyncFnOnce() + Send + 'static) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (ending, ended) = oneshot::channel();

        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                LocalSet::new().block_on(&runtime, work());
                // Work that was given to other threads goes on, but is not waited for.
                runtime.shutdown_background();
                let _ = ending.send(());
            })?;
        self.ended.push(ended);

        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait until the connections of before are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;

    socket.listen(BACKLOG)
}

/// Serves connections until the server stops, then lets their requests end.
async fn work(
    make: &MakeApplication,
    mut connections: mpsc::UnboundedReceiver<Assigned>,
    terms: Terms,
    grace: Duration,
) {
    let Some(application) = make(Routes::All).await else {
        return;
    };
    let tracker = TaskTracker::new();

    loop {
        let next = tokio::select! {
            biased;
            // First, so that connections that wait in the channel do not keep a worker from its
            // end.
            () = terms.stop.cancelled() => break,
            next = connections.recv() => next,
        };
        let Some(Assigned { accepted, load }) = next else {
            break;
        };

        let served = serve(accepted, application.clone(), terms.clone());
        tracker.spawn_local(async move {
            served.await;
            drop(load);
        });
    }

    tracker.close();
    let _ = tokio::time::timeout(grace, tracker.wait()).await;
}
