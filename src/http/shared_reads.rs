//! Values that many clients watch and one task reads. However many watch a value, it is read once in an
//! interval.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::failure_log;
use crate::model::id::AccountId;

/// Most clients that watch, of all accounts and of one.
const MAX_WATCHERS: usize = 1_000;
const MAX_OF_ACCOUNT: usize = 200;
/// How long a watcher waits for a change at a time, so that it notices a shutdown.
const WAIT: Duration = Duration::from_secs(1);

/// A value as it was read last; `None`: it was not read yet.
type Latest<V> = Option<V>;

/// The watched values, by account and key. Cheap to clone.
///
/// Each value has a task of its own that reads it, with [`read_while_watched`]. The task ends with its
/// value, or when the last watcher is dropped.
pub(crate) struct SharedReads<K, V>(Arc<Mutex<Shared<K, V>>>);

struct Shared<K, V> {
    values: HashMap<(AccountId, K), Weak<watch::Sender<Latest<V>>>>,
    /// How many clients of each account watch.
    watchers: HashMap<AccountId, usize>,
}

/// The right to watch a value. It ends when it is dropped.
pub(crate) struct Watcher<K, V> {
    latest: watch::Receiver<Latest<V>>,
    account_id: AccountId,
    reads: SharedReads<K, V>,
}

impl<K, V> Clone for SharedReads<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for SharedReads<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Shared {
            values: HashMap::new(),
            watchers: HashMap::new(),
        })))
    }
}

impl<K, V> SharedReads<K, V> {
    fn lock(&self) -> MutexGuard<'_, Shared<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> SharedReads<K, V> {
    /// Watches a value of an account. `start` starts the task that reads it; it is called if the value
    /// has none. `None`: too many clients watch.
    pub(crate) fn watch(
        &self,
        account_id: AccountId,
        key: K,
        start: impl FnOnce(Arc<watch::Sender<Latest<V>>>),
    ) -> Option<Watcher<K, V>> {
        let mut shared = self.lock();

        let all: usize = shared.watchers.values().sum();
        let of_account = shared.watchers.entry(account_id).or_default();
        if all >= MAX_WATCHERS || *of_account >= MAX_OF_ACCOUNT {
            return None;
        }
        *of_account += 1;

        let key = (account_id, key);
        let running = shared.values.get(&key).and_then(Weak::upgrade);
        let sender = running.unwrap_or_else(|| {
            let sender = Arc::new(watch::Sender::new(None));
            shared.values.insert(key, Arc::downgrade(&sender));
            start(Arc::clone(&sender));
            sender
        });

        Some(Watcher {
            latest: sender.subscribe(),
            account_id,
            reads: self.clone(),
        })
    }
}

impl<K, V: Clone> Watcher<K, V> {
    /// The value as it was read last; `None`: it was not read yet.
    pub(crate) fn latest(&mut self) -> Option<V> {
        self.latest.borrow_and_update().clone()
    }

    /// Waits for another value, but for at most a second, so that the caller can notice a shutdown.
    /// Returns false if the latest value was the last one.
    pub(crate) async fn wait_for_change(&mut self) -> bool {
        !matches!(timeout(WAIT, self.latest.changed()).await, Ok(Err(_)))
    }
}

impl<K, V> Drop for Watcher<K, V> {
    fn drop(&mut self) {
        let mut shared = self.reads.lock();
        if let Some(count) = shared.watchers.get_mut(&self.account_id) {
            *count = count.saturating_sub(1);
        }

        shared.watchers.retain(|_, count| *count > 0);
        // The task of a value that has ended has dropped its sender.
        shared.values.retain(|_, sender| sender.strong_count() > 0);
    }
}

/// How a value is read.
pub(crate) struct ReadParams<V, R> {
    pub interval: Duration,
    /// Whether a value will not change any more.
    pub is_last: fn(&V) -> bool,
    /// Reads the value. `None`: it is gone.
    pub read: R,
}

/// Reads a value in every interval, until it does not change any more, is gone, or has no watcher. Its
/// failures are logged once, and not once in an interval.
pub(crate) async fn read_while_watched<V: PartialEq, E>(
    sender: Arc<watch::Sender<Latest<V>>>,
    mut params: ReadParams<V, impl AsyncFnMut() -> Result<Option<V>, E>>,
) {
    loop {
        match failure_log::repeated((params.read)()).await {
            Ok(Some(value)) => {
                let is_last = (params.is_last)(&value);
                // Watchers wake only for a value that differs, and most reads find the same as
                // before.
                sender.send_if_modified(|latest| {
                    let is_new = latest.as_ref() != Some(&value);
                    if is_new {
                        *latest = Some(value);
                    }
                    is_new
                });
                if is_last {
                    return;
                }
            }
            // The sender is dropped with this task, which tells all watchers that the value has
            // ended.
            Ok(None) => return,
            // Postgres may be reachable again at the next read.
            Err(_) => {}
        }

        tokio::select! {
            () = tokio::time::sleep(params.interval) => {}
            () = sender.closed() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_value_is_read_by_one_task_until_it_has_no_watcher() {
        let reads = SharedReads::<&str, usize>::default();
        let account_id = AccountId::generate();
        let started = AtomicUsize::new(0);
        let mut tasks = Vec::new();
        let mut watch = |key| {
            reads.watch(account_id, key, |sender| {
                started.fetch_add(1, Ordering::Relaxed);
                let number = AtomicUsize::new(0);
                let params = ReadParams {
                    interval: Duration::from_millis(1),
                    is_last: |_: &usize| false,
                    read: async move || {
                        Ok::<_, Infallible>(Some(number.fetch_add(1, Ordering::Relaxed)))
                    },
                };
                tasks.push(tokio::spawn(read_while_watched(sender, params)));
            })
        };

        let mut first = watch("one").unwrap();
        let second = watch("one").unwrap();
        assert_eq!(started.load(Ordering::Relaxed), 1);
        assert!(first.wait_for_change().await);
        assert!(first.latest().is_some());

        drop((first, second));
        for task in tasks {
            task.await.unwrap();
        }
        assert!(reads.lock().watchers.is_empty());
    }

    #[test]
    fn an_account_watches_at_most_so_many() {
        let reads = SharedReads::<usize, ()>::default();
        let account_id = AccountId::generate();

        let watchers: Vec<_> = (0..MAX_OF_ACCOUNT)
            .filter_map(|key| reads.watch(account_id, key, |_| {}))
            .collect();
        assert_eq!(watchers.len(), MAX_OF_ACCOUNT);
        assert!(reads.watch(account_id, 0, |_| {}).is_none());
        assert!(reads.watch(AccountId::generate(), 0, |_| {}).is_some());

        drop(watchers);
        assert!(reads.watch(account_id, 0, |_| {}).is_some());
    }
}
