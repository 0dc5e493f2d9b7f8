//! Where the providers are: their own addresses, or a simulator's.

use std::time::Duration;

use http::Uri;

use crate::transport::{Origin, Roots};

/// A connection that is not used for this long is closed, or pinged where it is the only one.
const IDLE_AFTER: Duration = Duration::from_mins(5);

/// One provider's address and how to talk to it.
#[derive(Clone)]
pub struct Endpoint {
    /// The host name, which its certificate must carry.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whose certificates are trusted there.
    pub roots: Roots,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Most connections at a time for one Credential.
    pub max_connections: usize,
}

/// All providers' addresses.
#[derive(Clone)]
pub struct Endpoints {
    /// FCM's send endpoint.
    pub fcm: Endpoint,
    /// Token endpoints that are allowed besides Google's own.
    pub fcm_token_uris: Vec<String>,
    /// APNs, production.
    pub apns: Endpoint,
    /// APNs, sandbox.
    pub apns_sandbox: Endpoint,
}

/// Host and port of an `https` address; `None` if it is none.
pub fn https_authority(uri: &str) -> Option<(String, u16)> {
    let uri: Uri = uri.parse().ok()?;
    if uri.scheme_str() != Some("https") {
        return None;
    }
    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(443)))
}

impl Endpoint {
    /// As an origin for a pool.
    pub(super) fn origin(&self, first_stream_alone: bool) -> Origin {
        Origin {
            host: self.host.clone(),
            port: self.port,
            timeout: self.timeout,
            max_connections: self.max_connections,
            first_stream_alone,
            idle_after: IDLE_AFTER,
        }
    }

    /// What every URI there begins with.
    pub(super) fn origin_uri(&self) -> String {
        if self.port == 443 {
            format!("https://{}", self.host)
        } else {
            format!("https://{}:{}", self.host, self.port)
        }
    }
}
