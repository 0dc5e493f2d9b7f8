//! `bellwire health`: what a container's health check runs, so that its image needs no HTTP client
//! beside the binary.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `/readyz` gives Postgres 2 s; a process that takes longer than this is as good as dead.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than either answer ever has, so that whatever else listens there can't fill the memory.
const MAX_ANSWER: u64 = 16 * 1024;

/// Asks the process that listens there, and returns its answer's body. An error says why it is not
/// well.
pub(super) async fn ask(listen: SocketAddr, path: &str) -> anyhow::Result<String> {
    let address = reachable(listen);
    let url = format!("http://{address}{path}");
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

/// HTTP/1.0, so that the answer is all that comes until the connection is closed.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Where this machine reaches what listens at `listen`, which may be all of its addresses.
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
    fn who_listens_everywhere_is_asked_on_loopback() {
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
