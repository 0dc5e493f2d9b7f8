//! Request coalescing for lookups that nearly every request makes, such as its API key. Lookups that
//! arrive while a query runs share the next query, so many concurrent requests cost the database
//! little more than one.
//!
//! A cache would be faster, but a revoked API key would pass until its entry expires. Here every
//! lookup reads what is stored now.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

/// Most lookups that share a query.
const MAX_LOOKUPS: usize = 1_000;

type LookupResult<V> = Result<Option<V>, Arc<sqlx::Error>>;

/// A handle on the task that runs the shared queries; cheap to clone.
///
/// Every HTTP handler owns a clone of the handle, and the task alone owns the [`BatchFetch`] with its
/// connection. A lookup wakes the task when it is idle; otherwise it waits in the channel for the
/// next query. The task ends when the last handle is dropped.
pub(crate) struct Coalescer<K, V>(mpsc::UnboundedSender<Lookup<K, V>>);

struct Lookup<K, V> {
    key: K,
    reply: oneshot::Sender<LookupResult<V>>,
}

impl<K, V> Clone for Coalescer<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The query behind a [`Coalescer`].
pub(crate) trait BatchFetch<K, V>: Send + 'static {
    /// Reads the values of `keys`, which are distinct. A key without a value is left out.
    fn fetch(&mut self, keys: Vec<K>) -> impl Future<Output = sqlx::Result<HashMap<K, V>>> + Send;
}

impl<K, V> Coalescer<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    pub(crate) fn start(source: impl BatchFetch<K, V>) -> Self {
        let (sender, lookups) = mpsc::unbounded_channel();
        tokio::spawn(run(source, lookups));

        Self(sender)
    }

    /// Reads the value of `key` by a query that begins after this call.
    pub(crate) async fn find(&self, key: K) -> LookupResult<V> {
        let (reply, answer) = oneshot::channel();
        // The task ends before its handles only when the runtime shuts down.
        let _ = self.0.send(Lookup { key, reply });

        answer
            .await
            .unwrap_or_else(|_| Err(Arc::new(sqlx::Error::PoolClosed)))
    }
}

async fn run<K, V>(
    mut source: impl BatchFetch<K, V>,
    mut lookups: mpsc::UnboundedReceiver<Lookup<K, V>>,
) where
    K: Clone + Eq + Hash,
    V: Clone,
{
    let mut group = Vec::new();

    while lookups.recv_many(&mut group, MAX_LOOKUPS).await > 0 {
        // What arrived during the last query. Many requests at a time often ask for the same key.
        let keys: HashSet<K> = group.iter().map(|lookup| lookup.key.clone()).collect();
        let found = source
            .fetch(keys.into_iter().collect())
            .await
            .map_err(Arc::new);

        for Lookup { key, reply } in group.drain(..) {
            // A caller that has gone away needs no answer.
            let _ = reply.send(match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(Arc::clone(error)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// Doubles every key but 3, and records how many keys each query has.
    struct Double(Arc<Mutex<Vec<usize>>>);

    impl BatchFetch<u32, u32> for Double {
        async fn fetch(&mut self, keys: Vec<u32>) -> sqlx::Result<HashMap<u32, u32>> {
            self.0.lock().unwrap().push(keys.len());
            tokio::time::sleep(Duration::from_millis(1)).await;

            Ok(keys
                .into_iter()
                .filter(|key| *key != 3)
                .map(|key| (key, key * 2))
                .collect())
        }
    }

    struct Broken;

    impl BatchFetch<u32, u32> for Broken {
        async fn fetch(&mut self, _: Vec<u32>) -> sqlx::Result<HashMap<u32, u32>> {
            Err(sqlx::Error::PoolTimedOut)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_lookups_share_a_query_and_each_gets_its_own_value() {
        let key_counts = Arc::new(Mutex::new(Vec::new()));
        let coalescer = Coalescer::start(Double(Arc::clone(&key_counts)));

        let lookups = [1, 2, 2, 3].map(|key| coalescer.find(key));
        let found: Vec<_> = futures_util::future::join_all(lookups)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();

        assert_eq!(found, [Some(2), Some(4), Some(4), None]);
        assert_eq!(*key_counts.lock().unwrap(), [3]);
    }

    #[tokio::test]
    async fn every_lookup_of_a_failed_query_gets_its_error() {
        assert!(Coalescer::start(Broken).find(1).await.is_err());
    }
}
