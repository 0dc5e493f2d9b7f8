//! When API keys were used last, written to Postgres once a minute for each key.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::store::api_keys;
use crate::store::pool::Pool;

/// How often uses are written.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// A use is written unless one was so recently.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Notes uses of keys. All threads of the server share it; its task ends when it is dropped.
#[derive(Clone)]
pub(crate) struct KeyUse(Arc<Mutex<Uses>>);

#[derive(Default)]
struct Uses {
    /// When a use of each key was noted last. As many as there are keys.
    noted: HashMap<String, Instant>,
    unwritten: HashSet<String>,
}

impl Uses {
    fn note(&mut self, key: &str, now: Instant) {
        match self.noted.get_mut(key) {
            Some(at) if now.duration_since(*at) < AGAIN_AFTER => return,
            Some(at) => *at = now,
            None => {
                self.noted.insert(key.to_owned(), now);
            }
        }

        self.unwritten.insert(key.to_owned());
    }
}

impl KeyUse {
    pub(crate) fn start(pool: Pool) -> Self {
        let uses = Arc::default();
        tokio::spawn(write(pool, Arc::downgrade(&uses)));

        Self(uses)
    }

    /// Notes that a key that exists is used now.
    pub(crate) fn note(&self, key: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(key, Instant::now());
    }
}

async fn write(pool: Pool, uses: Weak<Mutex<Uses>>) {
    loop {
        tokio::time::sleep(WRITE_EVERY).await;

        let Some(uses) = uses.upgrade() else {
            return;
        };
        let unwritten = std::mem::take(
            &mut uses
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .unwritten,
        );
        drop(uses);
        if unwritten.is_empty() {
            continue;
        }

        let keys: Vec<String> = unwritten.into_iter().collect();
        if let Err(error) = api_keys::note_uses(&pool, &keys).await {
            // The next use is written a minute later.
            tracing::debug!(%error, "the last use of API keys can't be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_use_is_written_once_a_minute() {
        let start = Instant::now();
        let mut uses = Uses::default();

        for (seconds, is_written) in [(0, true), (1, false), (59, false), (60, true), (61, false)] {
            uses.unwritten.clear();
            uses.note("key", start + Duration::from_secs(seconds));
            assert_eq!(!uses.unwritten.is_empty(), is_written, "after {seconds} s");
        }
    }
}
