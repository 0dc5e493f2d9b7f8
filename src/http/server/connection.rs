//! One connection: TLS if there is any, then HTTP/1.1 or HTTP/2, whichever the client speaks.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::http::response_headers::ResponseHeaders;
use crate::http::server::actix_adapter::{ActixAdapter, Application};
use crate::http::server::limits::ConnectionPermit;
use crate::http::server::timeouts::{Activity, ClientTimeouts, TimedStream};
use crate::http::server::tls::Tls;

/// What is buffered of a connection in each direction at most, in bytes. A head must fit.
const BUFFER: usize = 64 * 1024;
/// Requests at a time on a connection of HTTP/2.
const STREAMS: u32 = 100;
/// How much of a body a client may send before it is read, in bytes: of one request, and of all
/// requests of a connection of HTTP/2.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// A connection that was accepted, on no thread yet.
pub(super) struct Accepted {
    pub stream: std::net::TcpStream,
    pub peer: SocketAddr,
    pub since: Instant,
    pub permit: ConnectionPermit,
}

/// How every connection is served.
#[derive(Clone)]
pub(super) struct Terms {
    pub tls: Option<Tls>,
    pub timeouts: ClientTimeouts,
    pub headers: ResponseHeaders,
    /// When it is canceled, a connection ends with the requests that it is answering.
    pub stop: CancellationToken,
}

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted, application: Application, terms: Terms) {
    let Accepted {
        stream,
        peer,
        since,
        permit,
    } = accepted;
    let Ok(stream) = TcpStream::from_std(stream) else {
        return;
    };

    // With Nagle's algorithm, the end of an answer may wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);

    let activity = Activity::new(since);
    let stream = TimedStream::new(stream, Rc::clone(&activity), terms.timeouts);
    let adapter = ActixAdapter {
        application,
        activity,
        peer,
        headers: terms.headers,
    };

    match terms.tls {
        None => exchange(stream, adapter, terms.stop).await,
        Some(tls) => {
            let handshake = tls.acceptor().accept(stream);
            match tokio::time::timeout(terms.timeouts.head, handshake).await {
                Ok(Ok(stream)) => exchange(stream, adapter, terms.stop).await,
                // At debug, because anyone who can connect can cause it.
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        }
    }

    drop(permit);
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    adapter: ActixAdapter,
    stop: CancellationToken,
) {
    let mut builder = Builder::new(OnThisThread);
    builder
        .http1()
        // A client that has closed its side has gone away: what it asked for is not read to the end.
        .half_close(false)
        .max_buf_size(BUFFER);
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(BUFFER)
        .max_header_list_size(BUFFER as u32);

    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), adapter));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };

    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}

/// Runs the streams of HTTP/2 on the thread of their connection.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F> hyper::rt::Executor<F> for OnThisThread
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        let future: LocalBoxFuture<'static, ()> = Box::pin(future);
        tokio::task::spawn_local(future);
    }
}
