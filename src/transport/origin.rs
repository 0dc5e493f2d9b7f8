//! The peer that a pool connects to.

use std::sync::Arc;
use std::time::Duration;

use crate::transport::Proxy;

#[derive(Clone)]
pub struct Origin {
    /// The host name, which the peer's certificate must carry.
    pub host: String,
    pub port: u16,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Most connections at a time; at least 1.
    pub max_connections: usize,
    /// Whether a new connection carries only one request until that has been answered, as APNs asks.
    pub first_stream_alone: bool,
    /// How long a connection may be unused before it is closed, or pinged if it is the only one.
    pub idle_after: Duration,
    /// How long the only connection may be unused before it is closed.
    pub last_idle_after: Duration,
    /// `None`: the host is reached directly.
    pub proxy: Option<Arc<Proxy>>,
}
