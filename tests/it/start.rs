//! The start of a process, and what keeps it from starting: said at once where waiting can't help, with
//! the place and what to do.

use std::io::Write;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use bellwire::crypto::generate_master_key;
use nix::sys::signal::Signal;

use crate::support::client::{fcm, message};
use crate::support::process::{Process, free_port};
use crate::support::service::World;

fn bellwire(arguments: &[&str], url: &str, environment: &[(&str, &str)]) -> (Output, Duration) {
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_bellwire"))
        .args(arguments)
        .env("BELLWIRE__DATABASE__URL", url)
        .env("BELLWIRE__DATABASE__CONNECT_TIMEOUT", "600s")
        .env("BELLWIRE__SERVER__LISTEN", "127.0.0.1:0")
        .env("BELLWIRE__METRICS__LISTEN", "")
        .env("BELLWIRE__SECRETS__MASTER_KEY", generate_master_key())
        .envs(environment.iter().copied())
        .output()
        .unwrap();

    (output, began.elapsed())
}

/// Checks that a command fails at once, with one line that contains `expected`.
fn fails_at_once(arguments: &[&str], url: &str, expected: &[&str]) {
    fails_at_once_with(arguments, url, &[], expected);
}

fn fails_at_once_with(
    arguments: &[&str],
    url: &str,
    environment: &[(&str, &str)],
    expected: &[&str],
) {
    let (output, took) = bellwire(arguments, url, environment);
    let error = String::from_utf8(output.stderr).unwrap();

    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    let line = error.lines().last().unwrap_or_default();
    for expected in expected {
        assert!(line.contains(expected), "{arguments:?}: {error}");
    }
    assert!(took < Duration::from_secs(120), "{arguments:?}: {took:?}");
}

#[test]
fn a_command_that_is_refused_a_connection_names_the_place_at_once() {
    let port = free_port();
    let url = format!("postgres://user:secret@127.0.0.1:{port}/bellwire");
    let place = format!("nothing listens at 127.0.0.1:{port}");

    for arguments in [
        &["keys", "list"][..],
        &["keys", "create", "--account", "shop"],
        &["retention", "--dry-run"],
        &["rotate-keys"],
        &["accounts", "list"],
    ] {
        fails_at_once(arguments, &url, &[&place, "database.url"]);
    }

    let url = format!("postgres://user@[::1]:{port}/bellwire");
    let place = format!("[::1]:{port}");
    fails_at_once(&["keys", "list"], &url, &[&place]);

    let url = "postgres://user@/bellwire?host=/nowhere";
    fails_at_once(&["keys", "list"], url, &["/nowhere/.s.PGSQL.5432"]);
}

/// Later, the schema would be migrated, or batches claimed, by a process that can't start.
#[test]
fn a_file_that_cannot_be_read_is_named_before_postgres_is_waited_for() {
    let url = format!("postgres://user@127.0.0.1:{}/bellwire", free_port());

    for (setting, variables) in [
        ("fcm.ca_file", &["BELLWIRE__FCM__CA_FILE"][..]),
        ("webhooks.ca_file", &["BELLWIRE__WEBHOOKS__CA_FILE"]),
        (
            "server.tls_certificate_file",
            &[
                "BELLWIRE__SERVER__TLS_CERTIFICATE_FILE",
                "BELLWIRE__SERVER__TLS_KEY_FILE",
            ],
        ),
    ] {
        let environment: Vec<(&str, &str)> = variables
            .iter()
            .map(|variable| (*variable, "/missing.pem"))
            .collect();
        fails_at_once_with(&["serve"], &url, &environment, &[setting, "/missing.pem"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_said_at_once() {
    let port = free_port();
    let authority = rcgen::generate_simple_self_signed(vec!["other.invalid".to_owned()]).unwrap();
    let server = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();

    // A TLS server in front of nothing is enough: the handshake comes before anything else.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let key = private_key(&server);
    let config = rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![server.cert.der().clone()], key)
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            // The request for TLS, and the answer that it is there.
            let mut request = [0; 8];
            let _ = stream.read_exact(&mut request).await;
            let _ = stream.write_all(b"S").await;
            let _ = acceptor.accept(stream).await;
        }
    });

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.cert.pem().as_bytes()).unwrap();
    let url = format!(
        "postgres://user@localhost:{port}/bellwire?sslmode=verify-full&sslrootcert={}",
        file.path().display()
    );
    let place = format!("no TLS connection to Postgres at localhost:{port}");
    tokio::task::spawn_blocking(move || {
        for command in ["serve", "migrate"] {
            fails_at_once(&[command], &url, &[&place, "sslrootcert"]);
            let missing = url.replace("sslrootcert=", "sslrootcert=/missing");
            fails_at_once(&[command], &missing, &["/missing", "can't be read"]);
        }
    })
    .await
    .unwrap();
}

fn private_key(
    server: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> rustls::pki_types::PrivateKeyDer<'static> {
    rustls::pki_types::PrivateKeyDer::try_from(server.signing_key.serialize_der()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_does_not_end_the_service() {
    let world = World::new().await;
    let caller = world.demo().await;
    let (process, client) = Process::serve(&world, &caller).await;

    process.signal(Signal::SIGHUP);
    process.logged("SIGHUP changes nothing").await;
    let id = client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_timeout_of_the_role_does_not_break_the_service() {
    let world = World::new().await;
    let caller = world.demo().await;
    world.register_many(3_000).await;
    let name = world.database.url.rsplit_once('/').unwrap().1.to_owned();
    let statement = format!("alter database {name} set statement_timeout = '50ms'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&world.database.pool)
        .await
        .unwrap();

    let (process, client) = Process::serve(&world, &caller).await;
    let everyone = serde_json::json!({"audience": {}});
    let id = client.send(&message(&[everyone])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 3_000);
    assert!(
        !process.log().contains("statement timeout"),
        "{}",
        process.log()
    );
}
