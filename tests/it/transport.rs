//! The connection pool, against a server that misbehaves to order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bellwire::transport::{Origin, Pool, Roots, SendError};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server does with the requests of a connection, in their order (0-based, over all connections).
type Behaviour = Arc<dyn Fn(usize, Request<RecvStream>, SendResponse<Bytes>) + Send + Sync>;

struct Server {
    port: u16,
    roots: Roots,
    connections: Arc<AtomicUsize>,
}

async fn server(max_streams: u32, behaviour: Behaviour) -> Server {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    let roots = Roots::load(Some(file.path())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let (counter, requests) = (Arc::clone(&connections), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((tcp, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let (acceptor, behaviour, requests) = (acceptor.clone(), Arc::clone(&behaviour), Arc::clone(&requests));
            tokio::spawn(async move {
                let tls = acceptor.accept(tcp).await.unwrap();
                let mut builder = h2::server::Builder::new();
                let mut http = builder.max_concurrent_streams(max_streams).handshake::<_, Bytes>(tls).await.unwrap();
                while let Some(Ok((request, respond))) = http.accept().await {
                    behaviour(requests.fetch_add(1, Ordering::SeqCst), request, respond);
                }
            });
        }
    });
    Server { port, roots, connections }
}

fn pool(server: &Server, max_connections: usize, first_stream_alone: bool) -> Pool {
    let origin = Origin {
        host: "localhost".to_owned(),
        port: server.port,
        timeout: Duration::from_secs(1),
        max_connections,
        first_stream_alone,
    };
    Pool::new(origin, server.roots.client_config(None).unwrap())
}

async fn send(pool: &Pool, port: u16) -> Result<u16, SendError> {
    let request = || Request::post(format!("https://localhost:{port}/")).body(()).unwrap();
    pool.send(request, &Bytes::from_static(b"{}")).await.map(|response| response.status.as_u16())
}

fn answer(mut respond: SendResponse<Bytes>) {
    let _ = respond.send_response(Response::new(()), true);
}

fn answer_after(delay: Duration, respond: SendResponse<Bytes>) {
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        answer(respond);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_grow_with_demand_and_keep_the_peers_limit() {
    let most = Arc::new(AtomicUsize::new(0));
    let now = Arc::new(AtomicUsize::new(0));
    let (seen, under_way) = (Arc::clone(&most), Arc::clone(&now));
    let server = server(
        10,
        Arc::new(move |_, _, respond| {
            seen.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let under_way = Arc::clone(&under_way);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                answer(respond);
            });
        }),
    )
    .await;
    let pool = pool(&server, 3, false);
    let results = futures_util::future::join_all((0..300).map(|_| send(&pool, server.port))).await;
    assert!(results.iter().all(|result| *result == Ok(200)), "{results:?}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
    assert!(most.load(Ordering::SeqCst) <= 30, "{most:?}");
    assert!(most.load(Ordering::SeqCst) > 10, "one connection did it all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_stream_is_sent_again() {
    let behaviour = |number: usize, _, mut respond: SendResponse<Bytes>| {
        if number < 3 { respond.send_reset(Reason::REFUSED_STREAM) } else { answer(respond) }
    };
    let server = server(100, Arc::new(behaviour)).await;
    assert_eq!(send(&pool(&server, 2, false), server.port).await, Ok(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_always_refused_was_certainly_not_sent() {
    let behaviour = |_, _, mut respond: SendResponse<Bytes>| respond.send_reset(Reason::REFUSED_STREAM);
    let server = server(100, Arc::new(behaviour)).await;
    let result = send(&pool(&server, 2, false), server.port).await;
    assert!(matches!(result, Err(SendError::NotSent(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_or_stays_silent_may_have_been_processed() {
    let behaviour = |number: usize, _, mut respond: SendResponse<Bytes>| {
        if number == 0 {
            respond.send_reset(Reason::INTERNAL_ERROR);
        } else {
            answer_after(Duration::from_secs(30), respond);
        }
    };
    let server = server(100, Arc::new(behaviour)).await;
    let pool = pool(&server, 2, false);
    for _ in 0..2 {
        let result = send(&pool, server.port).await;
        assert!(matches!(result, Err(SendError::Ambiguous(_))), "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_a_connection_goes_alone_where_that_is_asked_for() {
    let early = Arc::new(AtomicUsize::new(0));
    let answered = Arc::new(AtomicUsize::new(0));
    let (count, first) = (Arc::clone(&early), Arc::clone(&answered));
    let behaviour = move |number: usize, _, respond: SendResponse<Bytes>| {
        if number > 0 && first.load(Ordering::SeqCst) == 0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
        let first = Arc::clone(&first);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            first.store(1, Ordering::SeqCst);
            answer(respond);
        });
    };
    let server = server(1000, Arc::new(behaviour)).await;
    let pool = pool(&server, 1, true);
    let results = futures_util::future::join_all((0..20).map(|_| send(&pool, server.port))).await;
    assert!(results.iter().all(|result| *result == Ok(200)), "{results:?}");
    assert_eq!(early.load(Ordering::SeqCst), 0, "requests before the first answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_at_once() {
    let server = server(1, Arc::new(|_, _, respond| answer(respond))).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = Server { port: closed, ..server };
    let result = send(&pool(&nobody, 1, false), closed).await;
    assert!(matches!(&result, Err(SendError::NotSent(reason)) if reason.contains("refused")), "{result:?}");
}
