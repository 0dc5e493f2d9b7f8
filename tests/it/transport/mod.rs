//! The connection pool against peers that limit, refuse, go away, hang and break.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellwire::transport::{ConnectionBudget, Origin, Pool, Proxies, Response, Roots, SendError};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod peer;

use peer::Peer;

/// Longer than any step takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

fn origin(peer: &Peer) -> Origin {
    Origin {
        host: "localhost".to_owned(),
        port: peer.port,
        timeout: Duration::from_secs(60),
        max_connections: 3,
        first_stream_alone: false,
        idle_after: Duration::from_secs(60),
        last_idle_after: Duration::from_secs(600),
        proxy: None,
    }
}

fn pool(peer: &Peer, origin: Origin) -> Pool {
    pool_within(peer, origin, ConnectionBudget::unlimited())
}

fn pool_within(peer: &Peer, origin: Origin, budget: Arc<ConnectionBudget>) -> Pool {
    Pool::new(origin, peer.roots.client_config(None).unwrap(), budget)
}

async fn send(pool: &Pool) -> Result<Response, SendError> {
    let request = || Request::post("https://localhost/send").body(()).unwrap();
    tokio::time::timeout(SOON, pool.send(request, &Bytes::from_static(b"{}")))
        .await
        .expect("the pool hangs")
}

/// Sends `count` requests at once.
fn burst(pool: &Pool, count: usize) -> tokio::task::JoinHandle<Vec<Result<Response, SendError>>> {
    let pool = pool.clone();
    tokio::spawn(async move { join_all((0..count).map(|_| send(&pool))).await })
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future)
        .await
        .expect("it did not happen in time")
}

#[tokio::test]
async fn connections_are_added_when_all_streams_are_taken() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 6);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = soon(peer.accept(2)).await;
        // Both are held, so the rest needs further connections.
        let streams = soon(session.requests(2)).await;
        sessions.push((session, streams));
    }

    assert_eq!(pool.connections(), 3);

    for (session, streams) in &mut sessions {
        for stream in streams {
            session.answer(*stream).await;
        }
    }

    assert!(soon(answers).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn no_more_connections_are_opened_than_allowed() {
    let peer = Peer::listen().await;
    let pool = pool(
        &peer,
        Origin {
            max_connections: 1,
            ..origin(&peer)
        },
    );
    let answers = burst(&pool, 9);
    let mut session = soon(peer.accept(2)).await;
    for _ in 0..4 {
        for stream in soon(session.requests(2)).await {
            session.answer(stream).await;
        }
    }

    let more = tokio::time::timeout(Duration::from_millis(100), peer.tcp());
    assert!(more.await.is_err(), "a second connection was opened");

    let last = soon(session.request()).await.unwrap();
    session.answer(last).await;
    assert_eq!(soon(answers).await.unwrap().len(), 9);
}

#[tokio::test]
async fn the_first_request_goes_alone_and_then_all_go() {
    let peer = Peer::listen().await;
    let pool = pool(
        &peer,
        Origin {
            first_stream_alone: true,
            ..origin(&peer)
        },
    );
    let answers = burst(&pool, 20);
    let mut session = soon(peer.accept(1000)).await;
    let first = soon(session.request()).await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(100), session.request());
    assert!(
        more.await.is_err(),
        "a second request before the first was answered"
    );

    let another = tokio::time::timeout(Duration::from_millis(100), peer.tcp());
    assert!(
        another.await.is_err(),
        "a second connection before the first was answered"
    );

    session.answer(first).await;

    // None is answered before the last has arrived, so they don't wait for each other.
    for stream in soon(session.requests(19)).await {
        session.answer(stream).await;
    }

    assert!(soon(answers).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_peer_that_allows_more_later_gets_more() {
    let peer = Peer::listen().await;
    let pool = pool(
        &peer,
        Origin {
            max_connections: 1,
            ..origin(&peer)
        },
    );
    let answers = burst(&pool, 10);
    let mut session = soon(peer.accept(1)).await;
    let first = soon(session.request()).await.unwrap();
    session.allow(10).await;
    let rest = soon(session.requests(9)).await;

    for stream in rest.into_iter().chain([first]) {
        session.answer(stream).await;
    }

    assert!(soon(answers).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_request_that_a_goaway_left_unprocessed_is_sent_again() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 3);
    let mut session = soon(peer.accept(100)).await;
    let streams = soon(session.requests(3)).await;
    session.go_away(streams[0]).await;
    let mut second = soon(peer.accept(100)).await;
    for stream in soon(second.requests(2)).await {
        second.answer(stream).await;
    }

    // The request that the peer did process is answered on the connection that is going away.
    session.answer(streams[0]).await;
    assert!(soon(answers).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_request_that_a_goaway_covers_is_not_sent_again() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.go_away(stream).await;
    drop(session);
    let answer = soon(answers).await.unwrap().remove(0);
    assert!(
        matches!(answer, Err(SendError::Ambiguous(_))),
        "{:?}",
        answer.err()
    );
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.refuse(stream).await;
    let mut second = soon(peer.accept(100)).await;
    let stream = soon(second.request()).await.unwrap();
    second.answer(stream).await;
    assert!(soon(answers).await.unwrap().remove(0).is_ok());
}

#[tokio::test]
async fn a_request_that_is_always_refused_was_not_sent() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 1);
    let refusing = async {
        let mut refused = 0;
        loop {
            let mut session = peer.accept(100).await;
            let Some(stream) = session.request().await else {
                continue;
            };
            session.refuse(stream).await;
            refused += 1;
            if refused == 6 {
                break session;
            }
        }
    };
    let _last = soon(refusing).await;
    let answer = soon(answers).await.unwrap().remove(0);
    assert!(
        matches!(answer, Err(SendError::NotSent(_))),
        "{:?}",
        answer.err()
    );
}

#[tokio::test]
async fn a_request_on_a_connection_that_breaks_is_ambiguous() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    soon(session.request()).await.unwrap();
    drop(session);
    let answer = soon(answers).await.unwrap().remove(0);
    assert!(
        matches!(answer, Err(SendError::Ambiguous(_))),
        "{:?}",
        answer.err()
    );
}

#[tokio::test]
async fn a_peer_that_falls_silent_loses_its_connection() {
    let peer = Peer::listen().await;
    let pool = pool(
        &peer,
        Origin {
            timeout: Duration::from_secs(2),
            ..origin(&peer)
        },
    );
    let answers = burst(&pool, 1);

    // It reads nothing more, so it answers no ping either.
    let _silent = soon(peer.accept(100)).await;
    let answer = soon(answers).await.unwrap().remove(0);
    assert!(
        matches!(answer, Err(SendError::Ambiguous(_))),
        "{:?}",
        answer.err()
    );

    let since = Instant::now();

    while pool.connections() > 0 {
        assert!(since.elapsed() < SOON, "the connection is still in use");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let answers = burst(&pool, 1);
    let mut second = soon(peer.accept(100)).await;
    let stream = soon(second.request()).await.unwrap();
    second.answer(stream).await;
    assert!(soon(answers).await.unwrap().remove(0).is_ok());
}

#[tokio::test]
async fn an_unreachable_host_is_tried_again_after_longer_and_longer_pauses() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    let began = Instant::now();
    let first = burst(&pool, 20);
    drop(soon(peer.tcp()).await);
    for answer in soon(first).await.unwrap() {
        assert!(
            matches!(answer, Err(SendError::NotSent(_))),
            "{:?}",
            answer.err()
        );
    }

    // A request is refused at once during a pause, and waits for the next attempt after it.
    let mut attempts = 1;
    let mut requests = 0;
    while attempts < 4 {
        let answer = tokio::select! {
            answer = send(&pool) => answer,
            tcp = peer.tcp() => {
                attempts += 1;
                drop(tcp);
                continue;
            }
        };
        assert!(matches!(answer, Err(SendError::NotSent(_))));
        requests += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // The pauses are at least 250 ms, 500 ms and 1 s.
    let elapsed = began.elapsed();
    assert!(elapsed >= Duration::from_millis(1750), "{elapsed:?}");
    assert!(requests > 0, "every request was an attempt");

    let answer = async {
        loop {
            if let Ok(answer) = send(&pool).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let serve = async {
        let mut session = peer.accept(100).await;
        session.answer_all().await;
    };
    tokio::select! {
        answer = soon(answer) => assert_eq!(answer.status.as_u16(), 200),
        () = serve => panic!("the connection was closed"),
    }
}

#[tokio::test]
async fn a_status_counts_even_if_the_body_never_arrives() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    for status in [200, 404, 410, 503] {
        let answers = burst(&pool, 1);
        let mut session = soon(peer.accept(100)).await;
        let stream = soon(session.request()).await.unwrap();
        session.begin_answer(stream, status).await;
        drop(session);
        let answer = soon(answers).await.unwrap().remove(0).unwrap();
        assert_eq!(answer.status.as_u16(), status);
        assert!(answer.cut_short.is_some());
    }
}

#[tokio::test]
async fn a_body_that_hangs_is_not_waited_for_longer_than_an_answer() {
    let peer = Peer::listen().await;
    let origin = Origin {
        timeout: Duration::from_millis(200),
        ..origin(&peer)
    };
    let pool = pool(&peer, origin);

    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.begin_answer(stream, 503).await;

    let answer = soon(answers).await.unwrap().remove(0).unwrap();
    assert_eq!(answer.status.as_u16(), 503);
}

#[tokio::test]
async fn a_connection_that_answers_pings_but_no_request_is_given_up() {
    let peer = Peer::listen().await;
    let origin = Origin {
        timeout: Duration::from_millis(300),
        ..origin(&peer)
    };
    let pool = pool(&peer, origin);

    let first = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let deaf = tokio::spawn(async move { session.answer_only_pings().await });
    assert!(soon(first).await.unwrap().remove(0).is_err());
    assert_eq!(pool.connections(), 1, "one request may take long");

    assert!(send(&pool).await.is_err());
    assert_eq!(pool.connections(), 0);

    let answers = burst(&pool, 1);
    let mut second = soon(peer.accept(100)).await;
    let stream = soon(second.request()).await.unwrap();
    second.answer(stream).await;
    assert!(soon(answers).await.unwrap().remove(0).is_ok());
    assert_eq!(soon(deaf).await.unwrap(), 2, "it got no third request");
}

#[tokio::test]
async fn a_server_that_is_not_responsible_is_replaced_by_another_connection() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));

    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.answer_with(stream, 421).await;

    let mut second = soon(peer.accept(100)).await;
    let stream = soon(second.request()).await.unwrap();
    second.answer(stream).await;
    assert_eq!(
        soon(answers).await.unwrap().remove(0).unwrap().status,
        http::StatusCode::OK
    );
}

/// A proxy that takes one tunnel. Returns its port, and what it was asked for.
async fn proxy(answer: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();

    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        client.write_all(answer.as_bytes()).await.unwrap();

        let head = String::from_utf8(head).unwrap();
        if answer.starts_with("HTTP/1.1 200") {
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut client, &mut server).await },
            );
        }
        head
    });
    (port, asked)
}

fn through_proxy(peer: &Peer, port: u16) -> Pool {
    let proxies = Proxies::new(&format!("http://me:secret@127.0.0.1:{port}"), "").unwrap();
    let origin = Origin {
        proxy: proxies.for_host("localhost", peer.port),
        ..origin(peer)
    };
    pool(peer, origin)
}

#[tokio::test]
async fn a_provider_is_reached_through_a_proxy() {
    let peer = Peer::listen().await;
    let (port, asked) = proxy("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let pool = through_proxy(&peer, port);

    let answers = burst(&pool, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.answer(stream).await;
    assert!(soon(answers).await.unwrap().remove(0).is_ok());

    let head = soon(asked).await.unwrap();
    let target = format!("CONNECT localhost:{} HTTP/1.1\r\n", peer.port);
    assert!(head.starts_with(&target), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
}

#[tokio::test]
async fn the_refusal_of_a_proxy_is_reported() {
    let peer = Peer::listen().await;
    let (port, _asked) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n").await;

    let error = send(&through_proxy(&peer, port)).await.err().unwrap();
    let text = error.to_string();
    assert!(
        text.contains("it refuses the tunnel: 403 Forbidden"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_connection_that_is_idle_makes_way_for_one_of_another_pool() {
    let peer = Peer::listen().await;
    let budget = ConnectionBudget::new(1);
    let first = pool_within(&peer, origin(&peer), Arc::clone(&budget));
    let second = pool_within(&peer, origin(&peer), budget);

    let answers = burst(&first, 1);
    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();

    // It waits while the first pool's request is in flight.
    let waiting = burst(&second, 1);
    let early = tokio::time::timeout(Duration::from_millis(300), peer.tcp());
    assert!(early.await.is_err(), "a second connection was opened");

    session.answer(stream).await;
    tokio::spawn(async move { session.answer_all().await });
    assert!(soon(answers).await.unwrap().remove(0).is_ok());

    let mut session = soon(peer.accept(100)).await;
    let stream = soon(session.request()).await.unwrap();
    session.answer(stream).await;
    assert!(soon(waiting).await.unwrap().remove(0).is_ok());
    assert_eq!(first.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_makes_way_too() {
    let peer = Peer::listen().await;
    let budget = ConnectionBudget::new(1);
    let first = pool_within(&peer, origin(&peer), Arc::clone(&budget));
    let second = pool_within(&peer, origin(&peer), budget);

    for pool in [&first, &second, &first] {
        let answers = burst(pool, 1);
        let mut session = soon(peer.accept(100)).await;
        let stream = soon(session.request()).await.unwrap();
        session.answer(stream).await;
        tokio::spawn(async move { session.answer_all().await });
        assert!(soon(answers).await.unwrap().remove(0).is_ok());
    }
}

#[tokio::test]
async fn reasons_are_in_words() {
    let old = Peer::listen_with(b"http/1.1").await;
    let answers = burst(&pool(&old, origin(&old)), 1);
    let _session = tokio::spawn(async move { old.accept(1).await });
    let error = soon(answers).await.unwrap().remove(0).err().unwrap();
    assert!(
        error.to_string().ends_with("the server offers no HTTP/2"),
        "{error}"
    );

    // Its certificate is not among those of this machine.
    let unknown = Peer::listen().await;
    let strangers = Roots::load(None).unwrap().client_config(None).unwrap();
    let pool = Pool::new(origin(&unknown), strangers, ConnectionBudget::unlimited());
    let answers = burst(&pool, 1);
    let _session = tokio::spawn(async move { unknown.accept(1).await });
    let error = soon(answers).await.unwrap().remove(0).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("certificate not trusted: self-signed"),
        "{error}"
    );
}

#[tokio::test]
async fn idle_connections_close_but_for_one() {
    let peer = Peer::listen().await;
    let pool = pool(
        &peer,
        Origin {
            idle_after: Duration::from_millis(100),
            ..origin(&peer)
        },
    );
    let answers = burst(&pool, 3);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = soon(peer.accept(1)).await;
        let stream = soon(session.request()).await.unwrap();
        sessions.push((session, stream));
    }

    for (mut session, stream) in sessions {
        session.answer(stream).await;
        tokio::spawn(async move { session.answer_all().await });
    }

    soon(answers).await.unwrap();
    let since = Instant::now();

    while pool.connections() > 1 {
        assert!(since.elapsed() < SOON, "{} are open", pool.connections());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pool.connections(), 1);
    assert!(send(&pool).await.is_ok());
}
