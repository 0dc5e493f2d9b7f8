//! The connection pool against peers that limit, refuse, go away, hang and break.

use std::time::{Duration, Instant};

use bellwire::transport::{Origin, Pool, Response, SendError};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;

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
    }
}

fn pool(peer: &Peer, origin: Origin) -> Pool {
    Pool::new(origin, peer.roots.client_config(None).unwrap())
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
async fn a_success_counts_even_if_its_body_never_arrives() {
    let peer = Peer::listen().await;
    let pool = pool(&peer, origin(&peer));
    for status in [200, 404] {
        let answers = burst(&pool, 1);
        let mut session = soon(peer.accept(100)).await;
        let stream = soon(session.request()).await.unwrap();
        session.begin_answer(stream, status).await;
        drop(session);
        match soon(answers).await.unwrap().remove(0) {
            Ok(answer) => assert_eq!((answer.status.as_u16(), status), (200, 200)),
            Err(error) => assert!(matches!((error, status), (SendError::Ambiguous(_), 404))),
        }
    }
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
