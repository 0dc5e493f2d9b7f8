//! Which addresses Bellwire connects to on behalf of API users, who must not reach the network that it
//! runs in: only public ones, unless the operator allows private ones too.
//!
//! A name is resolved at each request, and the request goes to the addresses that were checked here,
//! so a name that changes its address after the check reaches nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// Longest URL, in bytes.
pub const MAX_URL: usize = 2048;

/// Names that clouds give their metadata servers. They are refused before they are resolved.
const METADATA_NAMES: [&str; 3] = [
    "metadata.google.internal",
    "metadata.goog",
    "instance-data.ec2.internal",
];

/// Who can be at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Anyone.
    Public,
    /// A machine of the operator's network, or this one.
    Private(&'static str),
    /// Never a receiver of events: for example a multicast address, or a metadata server.
    Never(&'static str),
}

/// Decides which addresses may be connected to.
#[derive(Debug, Clone, Copy)]
pub struct AddressGuard {
    /// Whether private and loopback addresses are allowed too, and plain HTTP to them.
    pub allow_private: bool,
}

/// Why an address is not connected to. The messages read after the name of a field and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("must be an absolute URL such as https://example.com/hook: {0}")]
    NotAUrl(String),
    #[error("must be at most {MAX_URL} bytes; got {0}")]
    TooLong(usize),
    #[error("must not contain spaces or control characters; write them as %20 and the like")]
    Space,
    #[error(
        "must have a host whose name has parts of 1 to 63 letters, digits, '-' and '_'; got '{0}'"
    )]
    HostName(String),
    #[error("must be an https URL; got the scheme {0}")]
    Scheme(String),
    #[error("must not have a user name or a password; the signature authenticates requests")]
    UserInfo,
    #[error("must not have a fragment (#), because a fragment is never sent")]
    Fragment,
    #[error("must not lead to {address}, which is {kind}")]
    Refused { address: String, kind: &'static str },
    #[error(
        "must be an https URL; http is only for private addresses, and {0} is not a private address"
    )]
    PlainHttp(IpAddr),
    /// It may resolve later.
    #[error("the name {host} can't be resolved: {reason}")]
    Unresolved { host: String, reason: String },
}

impl AddressGuard {
    /// Checks all of a URL that needs no look-up.
    pub fn parse(self, text: &str) -> Result<Url, AddressError> {
        if text.len() > MAX_URL {
            return Err(AddressError::TooLong(text.len()));
        }

        // The parser would leave them out, so the URL would be another one than a person sees.
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(AddressError::Space);
        }

        // It reads IPv4 hosts in every notation: decimal, hexadecimal, octal, and with fewer parts.
        let url = Url::parse(text).map_err(|error| AddressError::NotAUrl(error.to_string()))?;

        let is_plain = url.scheme() == "http" && self.allow_private;
        if url.scheme() != "https" && !is_plain {
            return Err(AddressError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }

        match url.host() {
            Some(Host::Ipv4(address)) => self.check(&url, address.into())?,
            Some(Host::Ipv6(address)) => self.check(&url, address.into())?,
            Some(Host::Domain(name)) if !is_host_name(name) => {
                return Err(AddressError::HostName(name.to_owned()));
            }
            Some(Host::Domain(name)) => self.check_name(name)?,
            None => return Err(AddressError::NotAUrl("it has no host".to_owned())),
        }
        if url.port() == Some(0) {
            return Err(AddressError::NotAUrl(
                "nothing can listen on port 0".to_owned(),
            ));
        }

        Ok(url)
    }

    /// The addresses of a URL's host, each of which may be connected to. It takes as long as the
    /// resolver does.
    pub async fn resolve(self, url: &Url) -> Result<Vec<SocketAddr>, AddressError> {
        let port = url.port_or_known_default().unwrap_or(443);
        let unresolved = |reason: String| AddressError::Unresolved {
            host: url.host_str().unwrap_or_default().to_owned(),
            reason,
        };

        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Domain(name)) => {
                self.check_name(name)?;
                tokio::net::lookup_host((name, port))
                    .await
                    .map_err(|error| unresolved(error.to_string()))?
                    .collect()
            }
            None => return Err(AddressError::NotAUrl("it has no host".to_owned())),
        };

        if addresses.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        // One that is refused is reason enough: a name with a public and a private address is a trap.
        for address in &addresses {
            self.check(url, address.ip())?;
        }

        Ok(addresses)
    }

    fn check(self, url: &Url, address: IpAddr) -> Result<(), AddressError> {
        let refused = |kind| AddressError::Refused {
            address: address.to_string(),
            kind,
        };

        match reach(address) {
            Reach::Public if url.scheme() == "http" => Err(AddressError::PlainHttp(address)),
            Reach::Public => Ok(()),
            Reach::Private(_) if self.allow_private => Ok(()),
            Reach::Private(kind) | Reach::Never(kind) => Err(refused(kind)),
        }
    }

    fn check_name(self, name: &str) -> Result<(), AddressError> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let refused = |kind| AddressError::Refused {
            address: name.clone(),
            kind,
        };

        if METADATA_NAMES.contains(&name.as_str()) {
            return Err(refused("a metadata server of a cloud"));
        }

        let is_localhost = name == "localhost" || name.ends_with(".localhost");
        if is_localhost && !self.allow_private {
            return Err(refused("this machine"));
        }

        Ok(())
    }
}

/// Whether a name server can know `name`: RFC 1035, section 2.3.4, and underscores, which some hosts have.
fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };

    name.len() <= 253 && name.split('.').all(is_label)
}

/// Scheme, host and port of a URL: `https://example.com:443`.
pub fn origin_of(url: &Url) -> String {
    format!(
        "{}://{}:{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default()
    )
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// By the IANA registry of special-purpose addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>), and the metadata servers of clouds.
#[allow(clippy::match_same_arms, reason = "in the order of the registry")]
fn reach_v4(address: Ipv4Addr) -> Reach {
    const METADATA: Reach = Reach::Never("a metadata server of a cloud");
    const RESERVED: Reach = Reach::Never("a reserved address");

    match address.octets() {
        // Azure's wire server, and Alibaba's and Oracle's metadata.
        [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] | [169, 254, 169, 254] => {
            METADATA
        }
        [169, 254, ..] => Reach::Never("a link-local address"),
        [0, ..] => Reach::Never("an address of this network"),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => RESERVED,
        [224..=239, ..] => Reach::Never("a multicast address"),
        [240..=255, ..] => RESERVED,
        [127, ..] => Reach::Private("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("a private address"),
        [100, 64..=127, ..] => Reach::Private("a shared address (RFC 6598)"),
        [198, 18..=19, ..] => Reach::Private("an address for benchmarks (RFC 2544)"),
        _ => Reach::Public,
    }
}

/// An address that contains an IPv4 address reaches what that one does.
#[allow(
    clippy::match_same_arms,
    clippy::unnested_or_patterns,
    reason = "in the order of the registry, an address a line"
)]
fn reach_v6(address: Ipv6Addr) -> Reach {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };

    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private("a loopback address"),
        // IPv4-mapped, IPv4-translated (RFC 2765), IPv4-compatible, and NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 1, ..] => Reach::Never("an address of a local NAT64 (RFC 8215)"),
        // ISATAP (RFC 5214), with any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] if v4(high, low) != Reach::Public => {
            v4(high, low)
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0, ..] => Reach::Never("a Teredo address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Never("an address for documents"),
        [0x2001, 0x0001..=0x01ff, ..] => Reach::Never("a reserved address"),
        // The metadata servers of AWS, Google and Oracle.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, ..] | [0xfd00, 0xc1, ..] => {
            Reach::Never("a metadata server of a cloud")
        }
        [0xfe80..=0xfebf, ..] => Reach::Never("a link-local address"),
        [0xfec0..=0xfeff, ..] => Reach::Private("a site-local address"),
        [0xfc00..=0xfdff, ..] => Reach::Private("a unique local address"),
        [0xff00..=0xffff, ..] => Reach::Never("a multicast address"),
        // All global addresses there are.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: AddressGuard = AddressGuard {
        allow_private: false,
    };
    const OPEN: AddressGuard = AddressGuard {
        allow_private: true,
    };

    fn url_with(host: &str) -> String {
        format!("https://{host}/hook")
    }

    #[test]
    fn public_addresses_and_names_are_taken() {
        for host in [
            "example.com",
            "93.184.216.34",
            "[2606:2800:220:1:248:1893:25c8:1946]",
            "[64:ff9b::5db8:d822]",
            "[2002:5db8:d822::1]",
            "[::ffff:93.184.216.34]",
            "hooks.example.com:8443",
            "does-not-exist.invalid",
        ] {
            assert!(STRICT.parse(&url_with(host)).is_ok(), "{host}");
            assert!(OPEN.parse(&url_with(host)).is_ok(), "{host}");
        }
    }

    #[test]
    fn private_addresses_are_taken_only_if_the_operator_allows_them() {
        for host in [
            "127.0.0.1",
            "127.8.9.10",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "[::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fec0::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            // The same in other notations.
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "0300.0250.1.1",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            // Within IPv6 addresses.
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:0:10.0.0.1]",
            "[::127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::]",
            "[2001:470::5efe:10.0.0.1]",
            "[2001:470::200:5efe:192.168.0.1]",
        ] {
            assert!(
                matches!(
                    STRICT.parse(&url_with(host)),
                    Err(AddressError::Refused { .. })
                ),
                "{host}"
            );
            assert!(OPEN.parse(&url_with(host)).is_ok(), "{host}");
        }
    }

    #[test]
    fn link_local_and_metadata_addresses_are_never_taken() {
        for host in [
            "169.254.169.254",
            "169.254.0.1",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
            "[fe80::1]",
            "[febf::1]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "metadata.google.internal",
            "METADATA.google.internal.",
            "0.0.0.0",
            "0",
            "[::]",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[100::1]",
            "[4000::1]",
        ] {
            for guard in [STRICT, OPEN] {
                assert!(
                    matches!(
                        guard.parse(&url_with(host)),
                        Err(AddressError::Refused { .. })
                    ),
                    "{host}"
                );
            }
        }
    }

    #[test]
    fn http_is_only_for_private_addresses() {
        assert!(matches!(
            STRICT.parse("http://93.184.216.34/"),
            Err(AddressError::Scheme(_))
        ));
        assert!(matches!(
            STRICT.parse("http://127.0.0.1/"),
            Err(AddressError::Scheme(_))
        ));
        assert!(matches!(
            OPEN.parse("http://93.184.216.34/"),
            Err(AddressError::PlainHttp(_))
        ));
        assert!(OPEN.parse("http://127.0.0.1:8080/").is_ok());
    }

    #[test]
    fn what_is_not_the_url_of_a_receiver_is_refused() {
        for text in [
            "",
            "hook",
            "/hook",
            "https://",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "https://example.com/#part",
            "https://example.com:99999/",
            "https://exa mple.com/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://256.256.256.256/",
            "https://example.com:0/",
            " https://example.com/",
            "https://example.com/\n",
            "https://exam\nple.com/",
            "https://example.com/a b",
            "https://example.com/a\u{a0}b",
            "https://*.example.com/",
            "https://example..com/",
            "https://.example.com/",
            &url_with(&format!("{}.example.com", "a".repeat(64))),
            &url_with(&"a.".repeat(128)),
        ] {
            assert!(OPEN.parse(text).is_err(), "{text}");
        }
        for text in [
            "https://example.com./",
            "https://my_host.example.com/%20",
            "https://exämple.com/ü",
        ] {
            assert!(OPEN.parse(text).is_ok(), "{text}");
        }

        let long = url_with(&"a".repeat(MAX_URL));
        assert!(matches!(OPEN.parse(&long), Err(AddressError::TooLong(_))));
    }

    #[tokio::test]
    async fn a_name_is_checked_by_its_addresses() {
        let url = Url::parse("https://localhost:8443/hook").unwrap();
        assert!(STRICT.resolve(&url).await.is_err());

        let addresses = OPEN.resolve(&url).await.unwrap();
        assert!(
            addresses
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 8443)
        );

        let url = Url::parse("https://does-not-exist.invalid/").unwrap();
        assert!(matches!(
            OPEN.resolve(&url).await,
            Err(AddressError::Unresolved { .. })
        ));
    }

    #[test]
    fn an_origin_has_its_port() {
        for (url, origin) in [
            ("https://Example.com/a?b", "https://example.com:443"),
            ("https://example.com:8443/", "https://example.com:8443"),
            ("http://[::1]/", "http://[::1]:80"),
        ] {
            assert_eq!(origin_of(&Url::parse(url).unwrap()), origin);
        }
    }
}
