//! File descriptors: their number is limited for each process, and each connection takes one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is left for files, listeners, timers and look-ups of names.
const OTHERS: u64 = 40;
/// The share of the limit that is left for clients of the API, as a divisor.
const API_SHARE: u64 = 4;
/// A lower limit than this is worth a warning.
const LOW: u64 = 1024;
/// The least number of connections to providers, however low the limit.
const MIN_CONNECTIONS: u64 = 8;

/// How many file descriptors a process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(u64);

/// Raises the soft limit to the hard one, and returns it. Many systems have a low soft limit for the
/// sake of old programs, and leave it to each process to raise it.
pub(crate) fn raise_limit() -> Limit {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        // The usual soft limit of Linux.
        return Limit(1024);
    };

    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        Limit(hard)
    } else {
        Limit(soft)
    }
}

impl Limit {
    /// Whether it is so low that connections to providers may have to wait for each other.
    pub(crate) fn is_low(self) -> bool {
        self.0 < LOW
    }

    /// How many connections of the API's clients a process may accept.
    pub(crate) fn api_connections(self) -> usize {
        let connections = (self.0 / API_SHARE).max(MIN_CONNECTIONS);

        usize::try_from(connections).unwrap_or(usize::MAX)
    }

    /// How many connections to providers a process may open beside `database_connections` to Postgres
    /// and those of the API's clients.
    pub(crate) fn provider_connections(self, database_connections: u32) -> usize {
        // Postgres first: without its connections nothing is recorded, and nothing could be sent.
        let reserve = u64::from(database_connections) + OTHERS + self.0 / API_SHARE;
        let left = self.0.saturating_sub(reserve).max(MIN_CONNECTIONS);

        usize::try_from(left).unwrap_or(usize::MAX)
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_get_what_postgres_and_the_api_do_not_need() {
        assert_eq!(Limit(256).provider_connections(21), 131);
        assert_eq!(Limit(1024).provider_connections(21), 707);
        assert_eq!(Limit(1_048_576).provider_connections(21), 786_371);
        assert_eq!(Limit(64).provider_connections(21), 8);
        assert_eq!(Limit(256).api_connections(), 64);
        assert!(Limit(u64::MAX).provider_connections(21) > 1_000_000);
    }

    #[test]
    fn the_limit_is_the_hard_one_from_then_on() {
        let raised = raise_limit();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();

        assert_eq!((raised, soft), (Limit(hard), hard));
    }
}
