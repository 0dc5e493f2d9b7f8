//! Lookups that nearly every request makes, such as its API key: those that come while one is under
//! way share the next, so that many requests at a time cost the database little more than one, and
//! each still sees what is stored now.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

/// Most lookups that share a query.
const MOST: usize = 1_000;

type Found<V> = Result<Option<V>, Arc<sqlx::Error>>;

/// A handle on the task that looks up; cheap to clone. The task ends when the last handle is gone.
pub(crate) struct Coalescer<K, V>(mpsc::UnboundedSender<(K, oneshot::Sender<Found<V>>)>);

impl<K, V> Clone for Coalescer<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What looks up.
pub(crate) trait BatchFetch<K, V>: Send + 'static {
    /// What there is of `keys`, each of which is there once.
    fn find(&mut self, keys: Vec<K>) -> impl Future<Output = sqlx::Result<HashMap<K, V>>> + Send;
}

impl<K, V> Coalescer<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Starts looking up.
    pub(crate) fn start(mut finder: impl BatchFetch<K, V>) -> Self {
        let (asked, mut questions) = mpsc::unbounded_channel::<(K, oneshot::Sender<Found<V>>)>();
        tokio::spawn(async move {
            let mut group = Vec::new();
            while questions.recv_many(&mut group, MOST).await > 0 {
                let keys: HashSet<K> = group.iter().map(|(key, _)| key.clone()).collect();
                let found = finder
                    .find(keys.into_iter().collect())
                    .await
                    .map_err(Arc::new);
                for (key, reply) in group.drain(..) {
                    // Who went away meanwhile needs no answer.
                    let _ = reply.send(match &found {
                        Ok(found) => Ok(found.get(&key).cloned()),
                        Err(error) => Err(Arc::clone(error)),
                    });
                }
            }
        });
        Self(asked)
    }

    /// What is stored under `key`, by a query that begins after this call.
    pub(crate) async fn find(&self, key: K) -> Found<V> {
        let (reply, answer) = oneshot::channel();
        // Without its task there is no runtime either, and nobody to answer.
        let _ = self.0.send((key, reply));
        answer
            .await
            .unwrap_or_else(|_| Err(Arc::new(sqlx::Error::PoolClosed)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// Doubles every key but 3, and notes how many it is asked for.
    struct Double(Arc<Mutex<Vec<usize>>>);

    impl BatchFetch<u32, u32> for Double {
        async fn find(&mut self, keys: Vec<u32>) -> sqlx::Result<HashMap<u32, u32>> {
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
        async fn find(&mut self, _: Vec<u32>) -> sqlx::Result<HashMap<u32, u32>> {
            Err(sqlx::Error::PoolTimedOut)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_wait_share_a_query_and_each_gets_its_own() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let lookup = Coalescer::start(Double(Arc::clone(&asked)));
        let finds = [1, 2, 2, 3].map(|key| lookup.find(key));
        let found: Vec<_> = futures_util::future::join_all(finds)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(found, [Some(2), Some(4), Some(4), None]);
        assert_eq!(*asked.lock().unwrap(), [3]);
    }

    #[tokio::test]
    async fn an_error_is_everybodys_who_shared_it() {
        assert!(Coalescer::start(Broken).find(1).await.is_err());
    }
}
