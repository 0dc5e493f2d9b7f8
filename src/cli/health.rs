//! `bellwire health`: the health check of a container, whose image then needs no HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than the 2 s that `/readyz` gives Postgres.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum bytes read of an answer, more than Bellwire ever sends: another program may listen there.
const MAX_ANSWER: u64 = 16 * 1024;

/// Requests `path` from the process that listens on `listen`, and returns the body of its answer.
/// Fails unless the answer is 200.
pub(super) async fn ask(listen: SocketAddr, path: &str) -> anyhow::Result<String> {
    let address = reachable(listen);
    let url = format!("http://{address}{path}");

    // The kernel completes connections to a process that hangs. Only the time limit shows that
    // nothing answers.
    let answer = tokio::time::timeout(TIMEOUT, get(address, path)).await;
    let answer =
        answer.with_context(|| format!("{url} does not answer within {} s", TIMEOUT.as_secs()))?;
    let answer = answer.with_context(|| format!("{url} does not answer"))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{url} does not speak HTTP"))?;
    let body = body.trim();

    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => bail!(
            "{url} answers {}: {body}",
            status.unwrap_or("without a status")
        ),
    }
}

/// Speaks HTTP/1.0, where the end of the connection ends the answer.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    // Without TLS, also where `server.tls_certificate_file` is set: the acceptor answers health
    // checks in plain text.
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// An address that reaches a listener on `listen`: loopback, if it listens on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        }
    }
}
