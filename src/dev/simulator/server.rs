//! Connections: TLS, HTTP/2, and the faults that concern a connection as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response, StatusCode};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::dev::simulator::apns::Apns;
use crate::dev::simulator::arrivals::Arrivals;
use crate::dev::simulator::behaviour::{Behaviour, Outage};
use crate::dev::simulator::fcm::Fcm;

/// What is read of a body; both providers refuse far smaller ones.
const MAX_BODY: usize = 256 * 1024;

/// How long a client may take to notice that its connection is over.
const LINGER: Duration = Duration::from_secs(2);

/// Which provider a listener plays.
pub(super) enum Provider {
    /// FCM and its token endpoint.
    Fcm(Fcm),
    /// APNs.
    Apns(Apns),
}

/// What connections share.
pub(super) struct Context {
    pub(super) provider: Provider,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) behaviour: Arc<Behaviour>,
    pub(super) stop: CancellationToken,
}

/// A request that was read whole.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a http::Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Whether the client showed a certificate that the simulator issued.
    pub(super) has_certificate: bool,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Whether a message was accepted by this.
    pub(super) accepted: bool,
}

impl Answer {
    /// An answer without a message accepted.
    pub(super) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            accepted: false,
        }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// State of one connection.
struct Connection {
    context: Arc<Context>,
    has_certificate: bool,
    /// Whether a request with valid authentication has been answered; before that APNs takes one at
    /// a time.
    is_trusted: AtomicBool,
    under_way: AtomicU32,
    /// Ends the connection at once, answers under way included.
    broken: CancellationToken,
}

/// Accepts connections until the context's stop.
pub(super) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, context: Arc<Context>) {
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let tcp = tokio::select! {
            () = context.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "the simulator can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if context.behaviour.faults().outage == Outage::Refuse {
            continue;
        }
        context.arrivals.connected();
        tokio::spawn(connection(tcp, acceptor.clone(), Arc::clone(&context)));
    }
}

async fn connection(tcp: TcpStream, acceptor: TlsAcceptor, context: Arc<Context>) {
    let Some((tcp, lingering)) = twice(tcp) else {
        return;
    };
    let broken = context.stop.child_token();
    let served = async {
        tcp.set_nodelay(true).ok()?;
        let tls = acceptor.accept(tcp).await.ok()?;
        let has_certificate = tls.get_ref().1.peer_certificates().is_some();
        let streams = match context.provider {
            Provider::Fcm(_) => context.behaviour.fcm_streams,
            Provider::Apns(_) => context.behaviour.apns_streams,
        };
        let mut http = Builder::new()
            .max_concurrent_streams(streams)
            .initial_connection_window_size(16 << 20)
            .handshake::<_, Bytes>(tls)
            .await
            .ok()?;
        let state = Arc::new(Connection {
            context: Arc::clone(&context),
            has_certificate,
            is_trusted: AtomicBool::new(
                has_certificate || matches!(context.provider, Provider::Fcm(_)),
            ),
            under_way: AtomicU32::new(0),
            broken: broken.clone(),
        });
        let mut requests = 0_u32;
        while let Some(request) = http.accept().await {
            let (request, mut respond) = request.ok()?;
            requests += 1;
            let goaway_after = context.behaviour.faults().goaway_after;
            if goaway_after > 0 && requests == goaway_after {
                http.graceful_shutdown();
            }
            // With a token, APNs takes one request at a time until it has seen a good one.
            if !state.is_trusted.load(Ordering::Relaxed)
                && state.under_way.load(Ordering::Relaxed) > 0
            {
                respond.send_reset(Reason::REFUSED_STREAM);
                continue;
            }
            state.under_way.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(exchange(request, respond, Arc::clone(&state)));
        }
        Some(())
    };
    if broken.run_until_cancelled(served).await.is_some() {
        linger(lingering).await;
    }
}

/// A socket and a second handle on it, which keeps it open.
fn twice(tcp: TcpStream) -> Option<(TcpStream, TcpStream)> {
    let tcp = tcp.into_std().ok()?;
    let second = TcpStream::from_std(tcp.try_clone().ok()?).ok()?;
    Some((TcpStream::from_std(tcp).ok()?, second))
}

/// Closes a connection as a good server does: what the client still sends is read, because closing
/// with something unread resets the connection, and the client would lose the answers that it has
/// not read.
async fn linger(mut tcp: TcpStream) {
    let unread = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(LINGER, unread).await;
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: Arc<Connection>,
) {
    let answer = tokio::select! {
        answer = answer(request, &state) => answer,
        // The client has lost its patience.
        _ = std::future::poll_fn(|context| respond.poll_reset(context)) => None,
    };
    state.under_way.fetch_sub(1, Ordering::Relaxed);
    if let Some(answer) = answer {
        reply(&mut respond, answer);
    }
}

/// What is answered to a request; `None`: nothing.
async fn answer(request: Request<RecvStream>, state: &Connection) -> Option<Answer> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let faults = state.context.behaviour.faults();
    match faults.outage {
        Outage::Hang => {
            state.broken.cancelled().await;
            return None;
        }
        Outage::Unavailable => return Some(outage(&state.context.provider, faults.retry_after)),
        Outage::None | Outage::Refuse => {}
    }
    let incoming = Incoming {
        method: &parts.method,
        path: parts.uri.path(),
        headers: &parts.headers,
        body: &body,
        has_certificate: state.has_certificate,
    };
    let mut answer = match &state.context.provider {
        Provider::Fcm(fcm) => fcm.answer(&incoming, &state.context.arrivals),
        Provider::Apns(apns) => apns.answer(&incoming, &state.context.arrivals),
    };
    if faults.retry_after > 0 && matches!(answer.status.as_u16(), 429 | 503) {
        answer = answer.with("retry-after", faults.retry_after.to_string());
    }
    let delay = faults.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if answer.accepted {
        state.is_trusted.store(true, Ordering::Relaxed);
        let accepted = state.context.arrivals.accepted();
        if faults.lose_answer_every > 0 && accepted.is_multiple_of(faults.lose_answer_every) {
            state.broken.cancel();
            return None;
        }
    } else if !matches!(answer.status.as_u16(), 401 | 403) {
        state.is_trusted.store(true, Ordering::Relaxed);
    }
    Some(answer)
}

async fn read(mut body: RecvStream) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.ok()?;
        body.flow_control().release_capacity(chunk.len()).ok()?;
        if body.is_end_stream() && whole.is_empty() {
            return Some(chunk);
        }
        if whole.len() < MAX_BODY {
            whole.extend_from_slice(&chunk);
        }
    }
    Some(whole.freeze())
}

/// A client that is gone needs no answer.
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

fn outage(provider: &Provider, retry_after: u32) -> Answer {
    let answer = match provider {
        Provider::Fcm(_) => Fcm::unavailable(),
        Provider::Apns(_) => Apns::unavailable(),
    };
    if retry_after > 0 {
        answer.with("retry-after", retry_after.to_string())
    } else {
        answer
    }
}
