//! Where the providers are: their own addresses, or a simulator's.

use std::time::Duration;

use http::Uri;

use crate::transport::{Origin, Roots};

/// How long a connection may be unused before it is closed, or pinged if it is the only one.
const IDLE_AFTER: Duration = Duration::from_mins(5);

const HTTPS_PORT: u16 = 443;

/// One provider's address and how to talk to it.
#[derive(Clone)]
pub struct Endpoint {
    /// The host name, which the provider's certificate must carry.
    pub host: String,
    pub port: u16,
    /// The certificate authorities that are trusted there.
    pub roots: Roots,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Most connections at a time for one Credential.
    pub max_connections: usize,
}

#[derive(Clone)]
pub struct Endpoints {
    pub fcm: Endpoint,
    /// The token endpoints that are allowed besides Google's own.
    pub fcm_token_uris: Vec<String>,
    /// APNs, production.
    pub apns: Endpoint,
    pub apns_sandbox: Endpoint,
}

/// Host and port of an `https` address; `None` for any other text.
pub fn https_authority(uri: &str) -> Option<(String, u16)> {
    let uri: Uri = uri.parse().ok()?;
    if uri.scheme_str() != Some("https") {
        return None;
    }

    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(HTTPS_PORT)))
}

impl Endpoint {
    /// The endpoint as a pool connects to it.
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

    /// Scheme, host and port, as every URI there begins.
    pub(super) fn origin_uri(&self) -> String {
        if self.port == HTTPS_PORT {
            format!("https://{}", self.host)
        } else {
            format!("https://{}:{}", self.host, self.port)
        }
    }
}
