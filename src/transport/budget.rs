//! How many connections to providers a process may have open, over all pools. Each takes a file
//! descriptor, and without a bound many Credentials would leave none for the API and for Postgres.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::transport::connection::ConnectionState;

/// How often a pool that waits for a place searches for an idle connection to close.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The places for connections. All pools of a process share it.
///
/// A pool that finds no place waits for one, in order. Meanwhile, connections that fall idle are
/// closed: those of other pools too.
pub struct ConnectionBudget {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    open: Mutex<Vec<Weak<ConnectionState>>>,
}

/// A place for a connection. Its drop gives it to the next that waits.
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Counts a pool that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ConnectionBudget {
    /// At most `connections` at a time; at least 1.
    pub fn new(connections: usize) -> Arc<Self> {
        let places = connections.clamp(1, Semaphore::MAX_PERMITS);

        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            waiting: AtomicUsize::new(0),
            open: Mutex::default(),
        })
    }

    /// Any number of connections.
    pub fn unlimited() -> Arc<Self> {
        Self::new(Semaphore::MAX_PERMITS)
    }

    /// Waits for a place for a connection.
    pub(super) async fn place(&self) -> Place {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Place {
                _permit: Some(permit),
            };
        }

        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        let mut place = std::pin::pin!(Arc::clone(&self.places).acquire_owned());

        loop {
            self.want_idle();

            // The semaphore is never closed.
            if let Ok(permit) = tokio::time::timeout(LOOK_EVERY, &mut place).await {
                return Place {
                    _permit: permit.ok(),
                };
            }
        }
    }

    /// Whether a connection waits to be opened.
    pub(super) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    pub(super) fn note_open(&self, connection: &Arc<ConnectionState>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Connections that have ended are removed here, so no drop needs the lock.
        open.retain(|connection| connection.strong_count() > 0);
        open.push(Arc::downgrade(connection));
    }

    /// Has as many idle connections closed as wait to be opened, the oldest first.
    fn want_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);

        open.iter()
            .filter_map(Weak::upgrade)
            .filter(|connection| connection.is_usable() && connection.in_flight() == 0)
            .take(self.waiting.load(Ordering::SeqCst))
            .for_each(|connection| connection.want());
    }
}
