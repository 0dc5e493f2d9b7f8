//! Operations that clients watch, by a stream or by a request that waits. However many watch one, it costs
//! this process one query a second.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::shared_reads::{ReadParams, SharedReads, Watcher, read_while_watched};
use crate::model::id::{AccountId, OperationId};
use crate::model::status::OperationStatus;
use crate::store::operation_read::{self, OperationStats};
use crate::store::pool::Pool;

/// How often a watched Operation is read.
const EVERY: Duration = Duration::from_secs(1);

pub(super) type OperationWatcher = Watcher<OperationId, Arc<OperationStats>>;

/// The watched Operations of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OperationWatches {
    pool: Pool,
    reads: SharedReads<OperationId, Arc<OperationStats>>,
}

impl OperationWatches {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            pool,
            reads: SharedReads::default(),
        }
    }

    /// Watches an Operation, which must be the account's. With too many that watch it is a 429.
    pub(super) fn watch(
        &self,
        account_id: AccountId,
        id: OperationId,
    ) -> Result<OperationWatcher, ApiError> {
        let watcher = self.reads.watch(account_id, id, |sender| {
            let pool = self.pool.clone();
            let params = ReadParams {
                interval: EVERY,
                is_last: |operation: &Arc<OperationStats>| has_ended(operation),
                // `None`: its retention is over.
                read: async move || -> sqlx::Result<_> {
                    // Not bounded by the retention: an Operation that could be read when the watch
                    // began stays visible to it until its record is dropped.
                    let found = operation_read::fetch(&pool, account_id, id, Uuid::nil()).await?;
                    Ok(found.map(Arc::new))
                },
            };
            tokio::spawn(read_while_watched(sender, params));
        });

        watcher.ok_or_else(|| ApiError::too_many_requests(EVERY))
    }
}

/// Whether nothing more is to be expected of an Operation.
pub(super) fn has_ended(operation: &OperationStats) -> bool {
    matches!(
        operation.status(),
        OperationStatus::Completed | OperationStatus::Canceled
    )
}
