//! An HTTP proxy between Bellwire and the providers: which hosts are reached through it, and the
//! tunnel (`CONNECT`, <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>). TLS goes end to end
//! through the tunnel, so the proxy sees host names and no messages.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::transport::{dial, failure_reason};

/// Most bytes of the head of a proxy's answer.
const MAX_HEAD: usize = 16 * 1024;

/// Which proxy a host is reached through.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    proxy: Arc<Proxy>,
    exceptions: Vec<Exception>,
    /// Whether this machine itself is never reached through the proxy.
    spares_this_machine: bool,
}

/// A proxy's address. Its debug output has no password.
pub struct Proxy {
    host: String,
    port: u16,
    /// The header `proxy-authorization`: a secret.
    authorization: Option<String>,
}

/// Hosts that are reached directly.
#[derive(Debug, PartialEq, Eq)]
enum Exception {
    All,
    /// A domain with all names below it, at this port or at any.
    Domain(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    /// The addresses that begin with as many bits of this one.
    Network(IpAddr, u8),
}

/// Why a proxy can't be used. It repeats no value, which may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("must be an address such as http://proxy.example.com:3128")]
    Address,
    #[error("must begin with http://: Bellwire talks to the proxy itself without TLS")]
    Scheme,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Proxies {
    /// Every host directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// All hosts through the proxy at `url`, except those that `no_proxy` lists.
    pub fn new(url: &str, no_proxy: &str) -> Result<Self, ProxyError> {
        Self::with_rules(url, no_proxy, false)
    }

    /// What the environment asks for: `HTTPS_PROXY` and `NO_PROXY`, in capitals or not, as other
    /// programs read them. This machine itself is reached directly.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let get = |names: [&str; 2]| {
            names
                .into_iter()
                .filter_map(&variable)
                .find(|value| !value.trim().is_empty())
        };

        let no_proxy = get(["NO_PROXY", "no_proxy"]).unwrap_or_default();
        match get(["HTTPS_PROXY", "https_proxy"]) {
            Some(url) => Self::with_rules(&url, &no_proxy, true),
            None => Ok(Self::none()),
        }
    }

    fn with_rules(
        url: &str,
        no_proxy: &str,
        spares_this_machine: bool,
    ) -> Result<Self, ProxyError> {
        Ok(Self(Some(Arc::new(Rules {
            proxy: Arc::new(Proxy::parse(url)?),
            exceptions: no_proxy
                .split([',', ' '])
                .filter_map(Exception::parse)
                .collect(),
            spares_this_machine,
        }))))
    }

    /// The proxy for `host`; `None`: it is reached directly.
    pub fn for_host(&self, host: &str, port: u16) -> Option<Arc<Proxy>> {
        let rules = self.0.as_ref()?;
        let host = host.trim_start_matches('[').trim_end_matches(']');

        let is_direct = (rules.spares_this_machine && is_this_machine(host))
            || rules
                .exceptions
                .iter()
                .any(|exception| exception.covers(host, port));
        (!is_direct).then(|| Arc::clone(&rules.proxy))
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Exception {
    /// An entry of `NO_PROXY`: `*`, a domain, an address or a network, the first three with a port or
    /// without. `None`: an empty entry.
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::All);
        }

        if let Some((address, bits)) = entry.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse(), bits.parse())
        {
            return Some(Self::Network(address, bits));
        }
        if let Ok(address) = entry.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address, None));
        }

        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (entry.as_str(), None),
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address, port));
        }

        // `*.example.com` and `.example.com` are written for the same.
        let domain = host.trim_start_matches('*').trim_start_matches('.');
        Some(Self::Domain(domain.to_owned(), port))
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let is_port = |expected: &Option<u16>| expected.is_none_or(|expected| expected == port);

        match self {
            Self::All => true,
            Self::Domain(domain, expected) => {
                // A final dot is the root of the name tree, and the host is the same.
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let is_below = host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'));

                is_below && is_port(expected)
            }
            Self::Address(address, expected) => host.parse() == Ok(*address) && is_port(expected),
            Self::Network(network, bits) => host
                .parse()
                .is_ok_and(|address| is_in_network(address, *network, *bits)),
        }
    }
}

fn is_in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(address.to_bits()),
            u128::from(network.to_bits()),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };

    let ignored = u32::from(width - bits.min(width));
    address.checked_shr(ignored) == network.checked_shr(ignored)
}

impl Proxy {
    fn parse(url: &str) -> Result<Self, ProxyError> {
        // Other programs take an address without a scheme as well.
        let url = url.trim();
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };

        let uri: Uri = url.parse().map_err(|_| ProxyError::Address)?;
        if uri.scheme_str() != Some("http") {
            return Err(ProxyError::Scheme);
        }
        let authority = uri.authority().ok_or(ProxyError::Address)?;
        let host = authority.host();
        if host.is_empty() {
            return Err(ProxyError::Address);
        }

        let authorization = authority
            .as_str()
            .rsplit_once('@')
            .map(|(user, _)| {
                let user = percent_decoded(user).ok_or(ProxyError::Address)?;
                Ok(format!("Basic {}", STANDARD.encode(user)))
            })
            .transpose()?;

        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authorization,
        })
    }

    /// A connection to `host` through the proxy. The error is a reason for people.
    pub(super) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, String> {
        let Self {
            host: name,
            port: at,
            ..
        } = self;
        let failed = |reason: String| format!("the proxy {name}:{at}: {reason}");

        // No time limit here: that of the caller covers the tunnel and the handshake in it.
        let mut tcp = dial::connect(name, *at).await.map_err(failed)?;
        tcp.write_all(self.request(host, port).as_bytes())
            .await
            .map_err(|error| failed(failure_reason::of_io(&error)))?;

        let head = read_head(&mut tcp).await.map_err(failed)?;
        check_answer(&head).map_err(failed)?;
        Ok(tcp)
    }

    fn request(&self, host: &str, port: u16) -> String {
        // An IPv6 address has brackets here.
        let target = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let authorization = self
            .authorization
            .as_ref()
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();

        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n")
    }
}

/// The bytes that `%41` and the like stand for; `None`: a `%` without two hexadecimal digits.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();

    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }

        let digits = [bytes.next()?, bytes.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
    }

    Some(decoded)
}

/// The head of the proxy's answer. Nothing after it is read: that is the provider's.
async fn read_head(tcp: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();

    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err("its answer is too long".to_owned());
        }
        let byte = tcp
            .read_u8()
            .await
            .map_err(|_| "it closed the connection without an answer".to_owned())?;
        head.push(byte);
    }

    Ok(head)
}

/// Whether the tunnel is open. An error is the proxy's own answer.
fn check_answer(head: &[u8]) -> Result<(), String> {
    let head = String::from_utf8_lossy(head);
    let status_line = head.lines().next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|status| status.parse::<u16>().ok());

    match status {
        Some(200..=299) => Ok(()),
        Some(407) => {
            Err("it asks for a user name and a password, or refuses those given".to_owned())
        }
        Some(_) => {
            let answer = status_line.get(9..).unwrap_or_default();
            Err(format!("it refuses the tunnel: {}", answer.trim()))
        }
        None => Err("it is not an HTTP proxy".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &str) -> Proxies {
        Proxies::new("http://proxy.test:3128", no_proxy).unwrap()
    }

    fn is_direct(no_proxy: &str, host: &str) -> bool {
        proxies(no_proxy).for_host(host, 443).is_none()
    }

    #[test]
    fn hosts_that_no_proxy_lists_are_reached_directly() {
        for (no_proxy, host) in [
            ("*", "fcm.googleapis.com"),
            ("googleapis.com", "fcm.googleapis.com"),
            (".googleapis.com", "fcm.googleapis.com"),
            ("*.googleapis.com", "FCM.googleapis.com"),
            ("a.test, googleapis.com", "googleapis.com"),
            ("googleapis.com:443", "fcm.googleapis.com"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("::1", "[::1]"),
            ("[::1]:443", "[::1]"),
            ("fd00::/8", "fd12::1"),
            ("0.0.0.0/0", "10.1.2.3"),
        ] {
            assert!(is_direct(no_proxy, host), "{no_proxy}: {host}");
        }

        for (no_proxy, host) in [
            ("", "fcm.googleapis.com"),
            ("googleapis.com", "evilgoogleapis.com"),
            ("googleapis.com:8443", "fcm.googleapis.com"),
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/8", "fd12::1"),
            ("fcm.googleapis.com", "googleapis.com"),
            ("", "localhost"),
        ] {
            assert!(!is_direct(no_proxy, host), "{no_proxy}: {host}");
        }
    }

    #[test]
    fn the_environment_is_read_as_other_programs_do() {
        let read = |variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            Proxies::from_environment(variable).unwrap()
        };
        let host = "fcm.googleapis.com";

        assert!(read(&[]).for_host(host, 443).is_none());
        assert!(read(&[("HTTPS_PROXY", "")]).for_host(host, 443).is_none());

        for name in ["HTTPS_PROXY", "https_proxy"] {
            let proxies = read(&[(name, "proxy.test:3128"), ("no_proxy", "other.test")]);
            let proxy = proxies.for_host(host, 443).unwrap();
            assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.test", 3128));
            assert!(proxies.for_host("other.test", 443).is_none());
            assert!(proxies.for_host("localhost", 443).is_none());
            assert!(proxies.for_host("127.0.0.1", 443).is_none());
        }
    }

    #[test]
    fn an_address_that_is_no_proxy_is_refused() {
        let refused = |url| Proxies::new(url, "").err();

        assert_eq!(refused("https://proxy.test"), Some(ProxyError::Scheme));
        assert_eq!(refused("socks5://proxy.test"), Some(ProxyError::Scheme));
        assert_eq!(refused("http://"), Some(ProxyError::Address));
        assert_eq!(refused("http://a b"), Some(ProxyError::Address));
    }

    #[test]
    fn user_and_password_are_sent_and_never_shown() {
        let proxy = Proxy::parse("http://me:p%40ss@proxy.test:3128").unwrap();
        let request = proxy.request("fcm.googleapis.com", 443);

        assert!(request.starts_with("CONNECT fcm.googleapis.com:443 HTTP/1.1\r\n"));
        let basic = format!("Basic {}", STANDARD.encode("me:p@ss"));
        assert!(request.contains(&format!("Proxy-Authorization: {basic}\r\n")));
        assert!(!format!("{proxy:?}").contains("p@ss"));

        let target = proxy.request("::1", 443);
        assert!(target.starts_with("CONNECT [::1]:443 "), "{target}");
    }

    #[test]
    fn the_error_says_how_the_proxy_refused() {
        assert_eq!(check_answer(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
        assert_eq!(check_answer(b"HTTP/1.0 200\r\n\r\n"), Ok(()));

        let refused = |head: &[u8]| check_answer(head).unwrap_err();
        assert_eq!(
            refused(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
            "it refuses the tunnel: 403 Forbidden"
        );
        assert!(refused(b"HTTP/1.1 407 Authenticate\r\n\r\n").contains("password"));
        assert_eq!(refused(b"SSH-2.0\r\n\r\n"), "it is not an HTTP proxy");
    }
}
