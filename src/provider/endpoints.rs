//! Where the providers are: their own addresses, or a simulator's.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::provider::SharedTokens;
use crate::transport::{ConnectionBudget, Identity, Origin, Pool, Proxies, Roots, TlsError};

/// How long a connection may be unused before it is closed, or pinged if it is the only one.
const IDLE_AFTER: Duration = Duration::from_mins(5);
/// How long the only connection may be unused before it is closed.
const LAST_IDLE_AFTER: Duration = Duration::from_mins(30);
/// How long a connection to a token endpoint may be unused. It is needed once an hour.
const TOKEN_IDLE_AFTER: Duration = Duration::from_secs(5);

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
    /// Which proxy it is reached through.
    pub proxies: Proxies,
    /// Bounds the connections to all providers together.
    pub budget: Arc<ConnectionBudget>,
}

#[derive(Clone)]
pub struct Endpoints {
    pub fcm: Endpoint,
    /// The token endpoints that are allowed besides Google's own.
    pub fcm_token_uris: Vec<String>,
    /// APNs, production.
    pub apns: Endpoint,
    pub apns_sandbox: Endpoint,
    /// Where provider tokens are shared with other processes; `None`: nowhere.
    pub apns_tokens: Option<SharedTokens>,
}

impl Endpoints {
    /// The same endpoints, with the provider tokens that `tokens` shares.
    #[must_use]
    pub fn with_shared_tokens(&self, tokens: SharedTokens) -> Self {
        Self {
            apns_tokens: Some(tokens),
            ..self.clone()
        }
    }
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
    fn origin(&self, first_stream_alone: bool) -> Origin {
        Origin {
            host: self.host.clone(),
            port: self.port,
            timeout: self.timeout,
            max_connections: self.max_connections,
            first_stream_alone,
            idle_after: IDLE_AFTER,
            last_idle_after: LAST_IDLE_AFTER,
            proxy: self.proxies.for_host(&self.host, self.port),
        }
    }

    /// A pool of connections to a provider. `identity`: the client certificate that is shown.
    pub(super) fn pool(
        &self,
        first_stream_alone: bool,
        identity: Option<Identity>,
    ) -> Result<Pool, TlsError> {
        let tls = self.roots.client_config(identity)?;

        Ok(Pool::new(
            self.origin(first_stream_alone),
            tls,
            Arc::clone(&self.budget),
        ))
    }

    /// A pool for the token endpoint at `host` and `port`, which is reached like the provider.
    pub(super) fn token_pool(&self, host: String, port: u16) -> Result<Pool, TlsError> {
        let endpoint = Self {
            host,
            port,
            // The exchanges of a service account take turns (the lock `renewing` of
            // `AccessTokens`), so a second connection would never be used.
            max_connections: 1,
            ..self.clone()
        };
        let origin = Origin {
            idle_after: TOKEN_IDLE_AFTER,
            last_idle_after: TOKEN_IDLE_AFTER,
            ..endpoint.origin(false)
        };

        let tls = self.roots.client_config(None)?;
        Ok(Pool::new(origin, tls, Arc::clone(&self.budget)))
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
