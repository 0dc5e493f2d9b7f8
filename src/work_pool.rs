//! Threads for work that takes the processor for long: parsing, checking and rendering what accounts
//! send. It never runs on a thread that others wait for, and accounts take turns.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{self, Either};
use tokio::sync::oneshot;

use crate::model::id::AccountId;

/// Work on up to this many bytes without a template is done where it is asked for: to hand it to
/// another thread would take longer than the work.
const SMALL: usize = 4096;

/// A bounded number of threads; cheap to clone.
#[derive(Clone)]
pub(crate) struct WorkPool(Arc<Mutex<Turns>>);

/// The pool has ended, or the work panicked.
#[derive(Debug, thiserror::Error)]
#[error("work on the pool did not end")]
pub(crate) struct WorkFailed;

struct Turns {
    /// Threads that are free.
    free: usize,
    waiting: RoundRobin<AccountId, oneshot::Sender<Turn>>,
}

/// The right to use one thread. The next who waits gets it when it is dropped.
struct Turn(WorkPool);

impl WorkPool {
    /// A pool of `threads`, at least one.
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new(Mutex::new(Turns {
            free: threads.max(1),
            waiting: RoundRobin::default(),
        })))
    }

    /// A pool that leaves half of the processors to everything else.
    pub(crate) fn of_this_machine() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);

        Self::new(processors / 2)
    }

    /// Does `work` for an account when it is the account's turn. It goes on when the caller is
    /// dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        account_id: AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkFailed> {
        // Waited for here and not on a thread, so that what waits takes none.
        let turn = self.turn(account_id).await?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            // Only now is the thread free, also if the caller left long ago. A panic drops it as
            // well.
            drop(turn);
            done
        });

        done.await.map_err(|_| WorkFailed)
    }

    /// As [`Self::run`], or at once and here, before anything is awaited, if the work is on a `text`
    /// that is small and no template.
    pub(crate) fn run_on<T: Send + 'static>(
        &self,
        account_id: AccountId,
        text: &[u8],
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, WorkFailed>> {
        if is_small(text) {
            return Either::Left(future::ready(Ok(work())));
        }

        // Boxed, so that the futures of requests have no room for the work, which most do at once.
        Either::Right(Box::pin(self.run(account_id, work)))
    }

    async fn turn(&self, account_id: AccountId) -> Result<Turn, WorkFailed> {
        let turn = {
            let mut turns = self.lock();
            if turns.free > 0 {
                turns.free -= 1;
                return Ok(Turn(self.clone()));
            }

            let (sender, receiver) = oneshot::channel();
            turns.waiting.push(account_id, sender);
            receiver
        };

        turn.await.map_err(|_| WorkFailed)
    }

    /// The next work that waits and whose caller is still there. If there is no such work, the thread is
    /// free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut turns = self.lock();

        while let Some(next) = turns.waiting.pop() {
            if !next.is_closed() {
                return Some(next);
            }
        }

        // Under the same lock as the look at the queue: who asks now finds this thread, and does
        // not wait.
        turns.free += 1;
        None
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(next) = self.0.next() {
            // If the receiver has gone meanwhile, the turn comes back and is dropped here.
            let _ = next.send(Turn(self.0.clone()));
        }
    }
}

/// Whether work on `text` takes no longer than it takes to hand it over.
fn is_small(text: &[u8]) -> bool {
    let is_markup = |pair: &[u8]| matches!(pair, b"{{" | b"{%");

    text.len() <= SMALL && !text.windows(2).any(is_markup)
}

/// A queue for each key. Keys take turns, so that a key with many items does not hold up another.
struct RoundRobin<K, T> {
    queues: HashMap<K, VecDeque<T>>,
    /// The keys that have items, the next one first.
    order: VecDeque<K>,
}

impl<K, T> Default for RoundRobin<K, T> {
    fn default() -> Self {
        Self {
            queues: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Copy + Eq + Hash, T> RoundRobin<K, T> {
    fn push(&mut self, key: K, item: T) {
        let queue = self.queues.entry(key).or_default();
        // A key is in `order` once, however many items it has.
        if queue.is_empty() {
            self.order.push_back(key);
        }
        queue.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        let key = self.order.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        let item = queue.pop_front();

        if queue.is_empty() {
            // An account that sends once must not leave an entry for ever.
            self.queues.remove(&key);
        } else {
            // Behind all other keys, so that each of them has a turn first.
            self.order.push_back(key);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn keys_take_turns() {
        let mut queue = RoundRobin::default();
        for (key, item) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
            queue.push(key, item);
        }

        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();

        assert_eq!(order, ["a", "x", "y", "b", "z", "c"]);
        assert!(queue.queues.is_empty() && queue.order.is_empty());
    }

    #[test]
    fn a_template_is_not_small() {
        assert!(is_small(b"{\"a\": {\"b\": 1}}"));
        assert!(!is_small(b"{\"title\": \"{{ name }}\"}"));
        assert!(!is_small(b"{% if a %}"));
        assert!(!is_small(&[b' '; SMALL + 1]));
    }

    #[tokio::test]
    async fn an_account_waits_for_one_piece_of_anothers_work_and_not_for_all() {
        let pool = WorkPool::new(1);
        let busy = AccountId::generate();
        let other = AccountId::generate();
        let (order, done) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();

        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(busy, move || wait.recv().is_ok()).await }
        });
        let mut others = Vec::new();
        for (account_id, name) in [(busy, "busy"), (busy, "busy"), (other, "other")] {
            let order = order.clone();
            let mut work = Box::pin({
                let pool = pool.clone();
                async move { pool.run(account_id, move || order.send(name)).await }
            });
            // Each is polled once, so that they wait in this order.
            tokio::task::yield_now().await;
            assert!(futures_util::poll!(&mut work).is_pending());
            others.push(work);
        }
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        futures_util::future::join_all(others).await;

        assert_eq!(
            done.try_iter().collect::<Vec<_>>(),
            ["busy", "other", "busy"]
        );
    }

    #[tokio::test]
    async fn one_who_left_is_passed_over_and_a_panic_costs_no_thread() {
        let pool = WorkPool::new(1);
        let account_id = AccountId::generate();
        let turn = pool.turn(account_id).await.unwrap();
        let mut left = Box::pin(pool.turn(account_id));
        assert!(futures_util::poll!(&mut left).is_pending());
        drop(left);
        drop(turn);

        let panicked = pool.run(account_id, || panic!("as the test wants")).await;

        assert!(panicked.is_err_and(|_: WorkFailed| true));
        assert_eq!(pool.run(account_id, || 7).await.unwrap(), 7);
    }
}
