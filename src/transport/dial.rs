//! Opening a TCP connection: by Happy Eyeballs (<https://www.rfc-editor.org/rfc/rfc8305>), so that an
//! address that does not answer delays the connection by a quarter of a second and not for ever.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use crate::transport::failure_reason;

/// How long an attempt may take before the next address is tried beside it: RFC 8305, section 5.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Most addresses that are tried.
const MAX_ADDRESSES: usize = 16;

/// Connects to `host`, whose name is resolved anew. The error is a reason for people.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let resolved = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| {
            format!(
                "its name can't be resolved: {}",
                failure_reason::of_lookup(&error)
            )
        })?;

    connect_to(resolved.collect()).await
}

/// Connects to the first of `addresses` that answers. The error is a reason for people.
pub(super) async fn connect_to(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    let addresses = interleaved(addresses);

    let tcp = first_connected(addresses, TcpStream::connect::<SocketAddr>).await?;
    // Requests are small. Nagle's algorithm would hold one back until the peer has acknowledged the
    // one before.
    tcp.set_nodelay(true)
        .map_err(|error| failure_reason::of_io(&error))?;
    Ok(tcp)
}

/// The addresses by turns of IPv6 and IPv4, beginning with the family of the first: RFC 8305, section
/// 4. The resolver has sorted them by preference before, and a family that is broken altogether then
/// costs one delay only.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first().copied() else {
        return VecDeque::new();
    };

    let (mut preferred, mut other): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| is_same_family(address.ip(), first.ip()));

    let mut turns = VecDeque::new();
    while !(preferred.is_empty() && other.is_empty()) {
        turns.extend(preferred.pop_front());
        turns.extend(other.pop_front());
    }

    turns.truncate(MAX_ADDRESSES);
    turns
}

fn is_same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

/// The first connection that `connect` opens to one of `addresses`. The next address is tried when an
/// attempt has failed, or has taken for [`ATTEMPT_DELAY`]. Those that are slower are dropped.
async fn first_connected<T, F, C>(
    mut addresses: VecDeque<SocketAddr>,
    connect: F,
) -> Result<T, String>
where
    F: Fn(SocketAddr) -> C,
    C: Future<Output = io::Result<T>>,
{
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();

    loop {
        if let Some(address) = addresses.pop_front() {
            let attempt = connect(address);
            attempts.push(async move { (address, attempt.await) });
        }
        if attempts.is_empty() {
            return Err(no_connection(&failures));
        }

        let has_more = !addresses.is_empty();
        tokio::select! {
            Some((address, connected)) = attempts.next() => match connected {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push((address, error)),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if has_more => {}
        }
    }
}

fn no_connection(failures: &[(SocketAddr, io::Error)]) -> String {
    match failures {
        [] => "its name has no address".to_owned(),
        [(_, error)] => failure_reason::of_io(error),
        failures => {
            let each: Vec<_> = failures
                .iter()
                .map(|(address, error)| {
                    format!("{}: {}", address.ip(), failure_reason::of_io(error))
                })
                .collect();
            each.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const DEAD: &str = "[2001:db8::1]:443";
    const REFUSING: &str = "192.0.2.1:443";
    const GOOD: &str = "192.0.2.2:443";
    const SLOW: &str = "192.0.2.3:443";

    fn addresses(list: &[&str]) -> VecDeque<SocketAddr> {
        list.iter()
            .map(|address| address.parse().unwrap())
            .collect()
    }

    async fn connect_to(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.to_string().as_str() {
            DEAD => std::future::pending().await,
            REFUSING => Err(io::ErrorKind::ConnectionRefused.into()),
            SLOW => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(address)
            }
            _ => Ok(address),
        }
    }

    /// Which of `list` is connected to, and after how many milliseconds.
    async fn connected(list: &[&str]) -> (Result<String, String>, u128) {
        let began = Instant::now();
        let connected = first_connected(addresses(list), connect_to).await;

        (
            connected.map(|address| address.to_string()),
            began.elapsed().as_millis(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_costs_a_quarter_of_a_second() {
        let good = Ok(GOOD.to_owned());

        assert_eq!(connected(&[GOOD]).await, (good.clone(), 0));
        assert_eq!(connected(&[DEAD, GOOD]).await, (good.clone(), 250));
        assert_eq!(connected(&[DEAD, DEAD, GOOD]).await, (good.clone(), 500));
        assert_eq!(connected(&[REFUSING, GOOD]).await, (good, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_is_waited_for_while_others_are_tried() {
        let slow = Ok(SLOW.to_owned());

        assert_eq!(connected(&[SLOW]).await, (slow.clone(), 1000));
        assert_eq!(connected(&[SLOW, DEAD, REFUSING]).await, (slow, 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_that_failed_is_named() {
        let (refused, _) = connected(&[REFUSING]).await;
        assert_eq!(refused.unwrap_err(), "connection refused");

        let (refused, _) = connected(&[REFUSING, REFUSING]).await;
        assert_eq!(
            refused.unwrap_err(),
            "192.0.2.1: connection refused, 192.0.2.1: connection refused"
        );

        let (none, _) = connected(&[]).await;
        assert_eq!(none.unwrap_err(), "its name has no address");
    }

    #[test]
    fn families_take_turns() {
        let resolved = ["[2001:db8::1]:1", "[2001:db8::2]:1", GOOD, SLOW];
        let turns = ["[2001:db8::1]:1", GOOD, "[2001:db8::2]:1", SLOW];

        assert_eq!(interleaved(addresses(&resolved).into()), addresses(&turns));
        assert_eq!(interleaved(Vec::new()), VecDeque::new());
    }
}
