//! Who a request comes from: the other end of its connection, or what a proxy that is trusted says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A caller's address; of IPv6 the network of 64 bits, since one caller has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    fn new(address: IpAddr) -> Self {
        // A socket of IPv6 names clients of IPv4 as `::ffff:a.b.c.d`, which are all of one /64.
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

/// The proxies whose `X-Forwarded-For` is believed: `server.trusted_proxies`.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many bits of the address count.
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text.trim(), None),
        };
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = match address {
            IpAddr::V4(_) => Ipv4Addr::BITS,
            IpAddr::V6(_) => Ipv6Addr::BITS,
        };
        let bits = bits.unwrap_or(most);

        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let difference = ours.to_bits() ^ theirs.to_bits();
                difference.leading_zeros() >= self.bits
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let difference = ours.to_bits() ^ theirs.to_bits();
                difference.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl TrustedProxies {
    /// Reads addresses and networks, such as `10.0.0.0/8`. The error is the one that is neither.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, String> {
        let networks = texts
            .iter()
            .filter(|text| !text.trim().is_empty())
            .map(|text| Network::parse(text).ok_or_else(|| text.clone()));

        networks.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The source of a connection, before anything is read from it. `None`: a proxy's, which many
    /// callers share.
    pub(crate) fn source_of_connection(&self, peer: SocketAddr) -> Option<Source> {
        (!self.contains(peer.ip())).then(|| Source::new(peer.ip()))
    }

    /// The source of a request. `forwarded` is its `X-Forwarded-For`, to which each proxy adds the
    /// address that it was called from; what comes before the last one that is not a proxy of ours
    /// is the caller's own word, and not believed.
    pub(crate) fn source_of_request(&self, peer: IpAddr, forwarded: Option<&str>) -> Source {
        Source::new(self.address_of_request(peer, forwarded))
    }

    /// The address of a request's caller, as [`Self::source_of_request`] finds it.
    pub(crate) fn address_of_request(&self, peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
        if !self.contains(peer) {
            return peer.to_canonical();
        }

        let addresses = forwarded.unwrap_or_default().rsplit(',');
        let mut source = peer;
        // A text that is no address ends the walk: what stands before it may be the caller's own.
        for address in addresses.map_while(address_of) {
            source = address;
            if !self.contains(address) {
                break;
            }
        }

        source.to_canonical()
    }
}

/// An address in `X-Forwarded-For`, which some proxies write with a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();

    text.parse()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(texts: &[&str]) -> TrustedProxies {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        TrustedProxies::parse(&texts).unwrap()
    }

    #[test]
    fn a_network_holds_its_addresses() {
        let proxies = trusted(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", ""]);

        for inside in ["10.1.2.3", "192.0.2.7", "2001:db8:1::1", "::ffff:10.1.2.3"] {
            assert!(proxies.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1"] {
            assert!(!proxies.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(trusted(&["0.0.0.0/0"]).contains("9.9.9.9".parse().unwrap()));

        for wrong in ["10.0.0.0/33", "ten", "10.0.0.0/", "::/129", "10.0.0"] {
            let parsed = TrustedProxies::parse(&[wrong.to_owned()]);
            assert_eq!(parsed.err().as_deref(), Some(wrong));
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxies = trusted(&["10.0.0.0/8"]);
        let source = |peer: &str, forwarded: Option<&str>| {
            proxies
                .source_of_request(peer.parse().unwrap(), forwarded)
                .to_string()
        };

        assert_eq!(source("203.0.113.9", Some("198.51.100.1")), "203.0.113.9");
        assert_eq!(source("10.0.0.1", None), "10.0.0.1");
        assert_eq!(source("10.0.0.1", Some("198.51.100.1")), "198.51.100.1");
        assert_eq!(
            source("10.0.0.1", Some("1.1.1.1, 198.51.100.1, 10.0.0.2")),
            "198.51.100.1"
        );
        assert_eq!(
            source("10.0.0.1", Some("[2001:db8::9]:443")),
            "2001:db8::/64"
        );
        // What can't be read ends what is believed.
        assert_eq!(
            source("10.0.0.1", Some("198.51.100.1, unknown")),
            "10.0.0.1"
        );

        let peer = "10.0.0.1:80".parse().unwrap();
        assert_eq!(proxies.source_of_connection(peer), None);
        assert!(trusted(&[]).source_of_connection(peer).is_some());
    }
}
