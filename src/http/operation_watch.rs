//! Operations that clients watch. However many watch one, it costs this process one query a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::model::id::{AccountId, OperationId};
use crate::model::status::OperationStatus;
use crate::store::operation_read::{self, OperationStats};
use crate::store::pool::Pool;

/// How often a watched Operation is read.
const EVERY: Duration = Duration::from_secs(1);
/// Most clients that watch, of all accounts and of one.
const MAX_WATCHING: usize = 1_000;
const MAX_OF_ACCOUNT: usize = 200;

/// An Operation as it was read last; `None`: it was not read yet.
pub(super) type Seen = Option<Arc<OperationStats>>;

/// The watched Operations of this process. Cheap to clone.
///
/// Each has a task of its own that reads it. The task ends with the Operation, or when the last client
/// that watches is gone.
#[derive(Clone)]
pub(crate) struct OperationWatches {
    pool: Pool,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    operations: HashMap<OperationId, Weak<watch::Sender<Seen>>>,
    /// How many clients of each account watch.
    watching: HashMap<AccountId, usize>,
}

/// The right to watch an Operation. It ends when it is dropped.
pub(super) struct Watching {
    pub seen: watch::Receiver<Seen>,
    account_id: AccountId,
    shared: Arc<Mutex<Shared>>,
}

impl OperationWatches {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            pool,
            shared: Arc::default(),
        }
    }

    /// Watches an Operation, which must be the account's. With too many that watch it is a 429.
    pub(super) fn watch(
        &self,
        account_id: AccountId,
        id: OperationId,
    ) -> Result<Watching, ApiError> {
        let mut shared = lock(&self.shared);
        let all: usize = shared.watching.values().sum();
        let of_account = shared.watching.entry(account_id).or_default();
        if all >= MAX_WATCHING || *of_account >= MAX_OF_ACCOUNT {
            return Err(ApiError::too_many_requests(EVERY));
        }
        *of_account += 1;

        let known = shared.operations.get(&id).and_then(Weak::upgrade);
        let sender = known.unwrap_or_else(|| {
            let sender = Arc::new(watch::Sender::new(None));
            shared.operations.insert(id, Arc::downgrade(&sender));
            tokio::spawn(read(self.pool.clone(), account_id, id, Arc::clone(&sender)));
            sender
        });

        Ok(Watching {
            seen: sender.subscribe(),
            account_id,
            shared: Arc::clone(&self.shared),
        })
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        if let Some(count) = shared.watching.get_mut(&self.account_id) {
            *count = count.saturating_sub(1);
        }

        shared.watching.retain(|_, count| *count > 0);
        // The task of a watch that ended has let go of its Operation.
        shared
            .operations
            .retain(|_, sender| sender.strong_count() > 0);
    }
}

/// Reads an Operation every second, until it has ended or no client watches.
async fn read(
    pool: Pool,
    account_id: AccountId,
    id: OperationId,
    sender: Arc<watch::Sender<Seen>>,
) {
    loop {
        match operation_read::fetch(&pool, account_id, id, Uuid::nil()).await {
            Ok(Some(operation)) => {
                let has_ended = has_ended(&operation);
                sender.send_replace(Some(Arc::new(operation)));
                if has_ended {
                    return;
                }
            }
            // Its retention is over.
            Ok(None) => return,
            // It was logged by what failed first; the next look may find Postgres again.
            Err(_) => {}
        }

        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = sender.closed() => return,
        }
    }
}

/// Whether nothing more is to be expected of an Operation.
pub(super) fn has_ended(operation: &OperationStats) -> bool {
    matches!(
        operation.status(),
        OperationStatus::Completed | OperationStatus::Canceled
    )
}
