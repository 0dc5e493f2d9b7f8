//! A simulated provider's server: TLS, HTTP/2 or HTTP/1.1, and the faults that concern a whole
//! connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::dev::simulator::apns::Apns;
use crate::dev::simulator::behaviour::{Behaviour, Outage};
use crate::dev::simulator::fcm::Fcm;
use crate::dev::simulator::first_stream_limit::{OneStreamFirst, Shared};
use crate::dev::simulator::inbox::{Counted, Inbox};
use crate::dev::simulator::tolerant_scheme::TolerantScheme;

/// Most bytes of a body that are read. Both providers refuse far smaller ones.
const MAX_BODY: usize = 256 * 1024;
/// Bytes that a client may send on one connection before they are read.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How long a client may take to notice that its connection is over.
const LINGER: Duration = Duration::from_secs(2);

/// The provider that a server plays.
pub(super) enum Provider {
    /// FCM and its token endpoint.
    Fcm(Fcm),
    Apns(Apns),
}

/// The state that a server's connections share. Its accept loop and its connections' tasks own it, and
/// `stop` ends all of them.
pub(super) struct Server {
    pub(super) provider: Provider,
    pub(super) inbox: Arc<Inbox>,
    pub(super) behaviour: Arc<Behaviour>,
    pub(super) stop: CancellationToken,
}

/// A request that was read completely.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a http::Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Whether the client showed a certificate that the simulator issued.
    pub(super) has_certificate: bool,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Whether a message was accepted.
    pub(super) is_accepted: bool,
}

/// The token of an `authorization` header. The scheme's name is in any case:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-11.1>.
pub(super) fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;

    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

impl Answer {
    /// An answer without an accepted message.
    pub(super) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            is_accepted: false,
        }
    }

    /// The answer as HTTP/1.1 sends it.
    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;

        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The state of one connection. The task of the connection and those of its requests own it. It ends
/// when the client closes the connection, or when `broken` is canceled, by a fault or by the
/// server's `stop`.
struct Connection {
    server: Arc<Server>,
    has_certificate: bool,
    /// Whether a request with valid authentication has been answered, and which requests APNs takes
    /// at the same time before that.
    shared: Shared,
    in_flight: AtomicU32,
    /// Ends the connection at once, without an answer to the requests in flight.
    broken: CancellationToken,
}

/// Accepts connections until the server's `stop`.
pub(super) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, server: Arc<Server>) {
    let acceptor = TlsAcceptor::from(tls);

    loop {
        let tcp = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    // The process may be out of file descriptors: that passes.
                    tracing::warn!(%error, "the simulator can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };

        // The drop of the socket closes the connection.
        if server.behaviour.faults().outage == Outage::Refuse {
            continue;
        }
        let open = server.inbox.count_connection();
        tokio::spawn(serve_connection(
            tcp,
            acceptor.clone(),
            Arc::clone(&server),
            open,
        ));
    }
}

async fn serve_connection(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    server: Arc<Server>,
    open: Counted,
) {
    let Some((tcp, lingering)) = two_handles(tcp) else {
        return;
    };
    let broken = server.stop.child_token();

    let served = async {
        tcp.set_nodelay(true).ok()?;
        let tls = acceptor.accept(tcp).await.ok()?;
        let has_certificate = tls.get_ref().1.peer_certificates().is_some();
        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");

        let is_fcm = matches!(server.provider, Provider::Fcm(_));
        let shared = Shared::new(has_certificate || is_fcm);
        let connection = Arc::new(Connection {
            server: Arc::clone(&server),
            has_certificate,
            shared: shared.clone(),
            in_flight: AtomicU32::new(0),
            broken: broken.clone(),
        });

        let behaviour = &server.behaviour;
        match (is_fcm, is_http2) {
            (true, true) => {
                let tls = TolerantScheme::new(tls);
                serve_http2(tls, behaviour.fcm_streams, &connection).await
            }
            (true, false) => serve_http1(tls, &connection).await,
            // APNs limits the streams of clients with a provider token alone.
            (false, _) if has_certificate => {
                serve_http2(tls, behaviour.apns_streams, &connection).await
            }
            (false, _) => {
                let streams = behaviour.apns_streams;
                let tls = OneStreamFirst::new(tls, streams, shared);
                serve_http2(tls, streams, &connection).await
            }
        }
    };

    let served = broken.run_until_cancelled(served).await;
    drop(open);
    if served.is_some() {
        linger(lingering).await;
    }
}

/// Serves requests over HTTP/1.1. Returns when the client has closed the connection, or when a request
/// gets no answer.
async fn serve_http1(
    tls: impl AsyncRead + AsyncWrite + Unpin,
    connection: &Arc<Connection>,
) -> Option<()> {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let connection = Arc::clone(connection);

        async move {
            let _in_flight = connection.server.inbox.count_request();
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            let body = body.map_err(io::Error::other)?.to_bytes();

            match answer(&parts, &body, &connection).await {
                Some(answer) => Ok(answer.response()),
                // hyper closes the connection when the service fails. Over HTTP/2, `broken` ends
                // it.
                None => Err(io::Error::other("a fault: no answer")),
            }
        }
    });

    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(tls), service)
        .await
        .ok()
}

/// Returns when the client has closed the connection or broken the protocol.
async fn serve_http2<S>(tls: S, streams: u32, connection: &Arc<Connection>) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut http = Builder::new()
        .max_concurrent_streams(streams)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake::<_, Bytes>(tls)
        .await
        .ok()?;
    let mut requests = 0_u32;

    while let Some(request) = http.accept().await {
        let (request, mut respond) = request.ok()?;
        requests += 1;

        let goaway_after = connection.server.behaviour.faults().goaway_after;
        if goaway_after > 0 && requests == goaway_after {
            // Requests that have arrived are answered. A client must send the later ones again.
            http.graceful_shutdown();
        }

        // With a token, APNs takes one request at a time until it has answered one with a valid one.
        // Requests of a client that could not know are taken.
        let stream = respond.stream_id().as_u32();
        if !connection.shared.is_trusted.load(Ordering::Relaxed)
            && stream > connection.shared.last_unlimited.load(Ordering::Relaxed)
            && connection.in_flight.load(Ordering::Relaxed) > 0
        {
            respond.send_reset(Reason::REFUSED_STREAM);
            continue;
        }

        connection.in_flight.fetch_add(1, Ordering::Relaxed);
        // Before the task begins, so that a connection that ends leaves no request uncounted.
        let in_flight = connection.server.inbox.count_request();
        tokio::spawn(serve_request(
            request,
            respond,
            Arc::clone(connection),
            in_flight,
        ));
    }
    Some(())
}

/// A socket, and a second handle that keeps it open after TLS and HTTP/2 have dropped theirs.
fn two_handles(tcp: TcpStream) -> Option<(TcpStream, TcpStream)> {
    let tcp = tcp.into_std().ok()?;
    let second = TcpStream::from_std(tcp.try_clone().ok()?).ok()?;
    Some((TcpStream::from_std(tcp).ok()?, second))
}

/// Closes a connection as a good server does: it reads what the client still sends. To close a socket
/// with unread bytes resets the connection, and the client would lose answers that it has not read.
async fn linger(mut tcp: TcpStream) {
    let unread = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(LINGER, unread).await;
}

async fn serve_request(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: Arc<Connection>,
    _in_flight: Counted,
) {
    let answering = async {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        answer(&parts, &body, &connection).await
    };
    let answer = tokio::select! {
        answer = answering => answer,
        // The client has given the request up.
        _ = std::future::poll_fn(|context| respond.poll_reset(context)) => None,
    };
    // Before the answer goes out: a client may begin its next request as soon as it has it.
    connection.in_flight.fetch_sub(1, Ordering::Relaxed);

    if let Some(answer) = answer {
        reply(&mut respond, answer);
    }
}

/// The answer to a request; `None`: the request gets no answer.
async fn answer(parts: &Parts, body: &[u8], connection: &Connection) -> Option<Answer> {
    let Connection { server, .. } = connection;

    let faults = server.behaviour.faults();
    match faults.outage {
        Outage::Hang => {
            connection.broken.cancelled().await;
            return None;
        }
        Outage::Unavailable => return Some(unavailable(&server.provider, faults.retry_after)),
        Outage::None | Outage::Refuse => {}
    }

    let incoming = Incoming {
        method: &parts.method,
        path: parts.uri.path(),
        headers: &parts.headers,
        body,
        has_certificate: connection.has_certificate,
    };
    // Recorded before the delay, and before the answer may be lost: a client that gave up or lost
    // its connection can't know whether the message arrived.
    let mut answer = match &server.provider {
        Provider::Fcm(fcm) => fcm.answer(&incoming, &server.inbox),
        Provider::Apns(apns) => apns.answer(&incoming, &server.inbox),
    };
    if faults.retry_after > 0 && matches!(answer.status.as_u16(), 429 | 503) {
        answer = answer.with_header("retry-after", faults.retry_after.to_string());
    }

    let delay = faults.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }

    // Any other answer than these is one to a request with valid authentication.
    if !matches!(answer.status.as_u16(), 401 | 403) {
        connection.shared.is_trusted.store(true, Ordering::Relaxed);
    }
    if answer.is_accepted {
        let accepted = server.inbox.count_accepted();
        if faults.lose_answer_every > 0 && accepted.is_multiple_of(faults.lose_answer_every) {
            connection.broken.cancel();
            return None;
        }
    }
    Some(answer)
}

async fn read(mut body: RecvStream) -> Option<Bytes> {
    let mut whole = BytesMut::new();

    while let Some(chunk) = body.data().await {
        let chunk = chunk.ok()?;
        body.flow_control().release_capacity(chunk.len()).ok()?;

        // Nearly every body comes in one chunk, which need not be copied.
        if body.is_end_stream() && whole.is_empty() {
            return Some(chunk);
        }
        // The rest is read and not kept. The provider refuses the body for its size.
        if whole.len() < MAX_BODY {
            whole.extend_from_slice(&chunk);
        }
    }

    Some(whole.freeze())
}

/// Sends an answer. It fails only if the client is gone, which then needs none.
fn reply(respond: &mut SendResponse<Bytes>, answer: Answer) {
    let mut response = Response::new(());
    *response.status_mut() = answer.status;

    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }

    if answer.body.is_empty() {
        let _ = respond.send_response(response, true);
    } else if let Ok(mut stream) = respond.send_response(response, false) {
        let _ = stream.send_data(answer.body, true);
    }
}

fn unavailable(provider: &Provider, retry_after: u32) -> Answer {
    let answer = match provider {
        Provider::Fcm(_) => Fcm::unavailable(),
        Provider::Apns(_) => Apns::unavailable(),
    };

    if retry_after > 0 {
        answer.with_header("retry-after", retry_after.to_string())
    } else {
        answer
    }
}
