//! How many connections there may be, in all and from one source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::server::source::Source;

/// Connections beyond the limit that may still ask whether the process is well.
const FOR_HEALTH_CHECKS: usize = 64;

/// The most connections. 0: no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    pub total: usize,
    pub per_source: usize,
}

/// The connections that are open.
pub(super) struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_source: HashMap<Source, usize>,
}

/// An open connection, until it is dropped.
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    source: Option<Source>,
}

/// What a connection may do.
pub(super) enum Admission {
    /// Anything.
    Admitted(ConnectionPermit),
    /// Nothing but a health check, because there are as many connections as there may be.
    HealthChecks(ConnectionPermit),
    /// Nothing: it is closed.
    Refused,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let limit = |limit| if limit == 0 { usize::MAX } else { limit };

        Arc::new(Self {
            limits: ConnectionLimits {
                total: limit(limits.total),
                per_source: limit(limits.per_source),
            },
            open: Mutex::default(),
        })
    }

    /// Counts a new connection. `source` is `None` for a proxy that many callers share.
    pub(super) fn admit(self: &Arc<Self>, source: Option<Source>) -> Admission {
        let mut open = self.lock();
        let of_source = source.map_or(0, |source| {
            open.by_source.get(&source).copied().unwrap_or_default()
        });
        let ConnectionLimits { total, per_source } = self.limits;

        // Saturating, because `usize::MAX` stands for no limit.
        if of_source >= per_source || open.total >= total.saturating_add(FOR_HEALTH_CHECKS) {
            return Admission::Refused;
        }

        let is_full = open.total >= total;
        open.total += 1;
        if let Some(source) = source {
            open.by_source.insert(source, of_source + 1);
        }
        drop(open);

        let permit = ConnectionPermit {
            connections: Arc::clone(self),
            source,
        };
        if is_full {
            Admission::HealthChecks(permit)
        } else {
            Admission::Admitted(permit)
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.total -= 1;

        let Some(source) = self.source else {
            return;
        };
        if let Some(count) = open.by_source.get_mut(&source) {
            *count -= 1;
            // So the map is as long as the list of sources that are connected now.
            if *count == 0 {
                open.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::source::TrustedProxies;

    fn source(address: &str) -> Option<Source> {
        TrustedProxies::default().source_of_connection(address.parse().unwrap())
    }

    fn admit(connections: &Arc<Connections>, address: &str) -> Option<ConnectionPermit> {
        match connections.admit(source(address)) {
            Admission::Admitted(permit) => Some(permit),
            Admission::HealthChecks(_) | Admission::Refused => None,
        }
    }

    #[test]
    fn a_source_has_its_limit_and_all_have_another() {
        let connections = Connections::new(ConnectionLimits {
            total: 3,
            per_source: 2,
        });

        let first = admit(&connections, "192.0.2.1:1").unwrap();
        let second = admit(&connections, "192.0.2.1:2").unwrap();
        assert!(admit(&connections, "192.0.2.1:3").is_none());
        let third = admit(&connections, "192.0.2.2:1").unwrap();
        let full = connections.admit(source("192.0.2.3:1"));
        assert!(matches!(full, Admission::HealthChecks(_)));
        drop(full);

        drop(first);
        assert!(admit(&connections, "192.0.2.1:3").is_some());
        drop((second, third));
        assert!(connections.lock().by_source.is_empty());
        assert_eq!(connections.lock().total, 0);
    }

    #[test]
    fn a_shared_proxy_counts_for_all_alone() {
        let connections = Connections::new(ConnectionLimits {
            total: 0,
            per_source: 1,
        });

        let held: Vec<_> = (0..10).map(|_| connections.admit(None)).collect();

        let is_admitted = |admission: &Admission| matches!(admission, Admission::Admitted(_));
        assert!(held.iter().all(is_admitted));
    }
}
