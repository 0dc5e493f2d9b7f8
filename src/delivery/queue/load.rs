//! What claimed batches have to send, and all that is needed for it, read from Postgres in one go.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use crate::delivery::content::Content;
use crate::delivery::queue::lease::BatchGuard;
use crate::delivery::queue::user_devices::{self, Pending};
use crate::handoff::capacity::Permit;
use crate::model::id::{CredentialId, OperationId};
use crate::model::recipient::Recipient;
use crate::store::batch_load::{self, DueNotification};
use crate::store::batches::ClaimedBatch;

/// How often to look again for notifications of which more seem unsettled than can be, and the time
/// in between.
const LOOKS_AGAIN: u32 = 10;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Batches in hand, and what they have to send.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The batches.
    pub batch_guards: Vec<BatchGuard>,
    /// Their unsettled notifications, those whose time has not come included.
    pub notifications: Vec<DueNotification>,
    /// What their Operations send.
    pub contents: HashMap<OperationId, Content>,
    /// What is left to be done for those that are Users', by their index in `notifications`.
    pub pending: HashMap<usize, Pending>,
    /// Permits of Operations that were handed over, until their notifications have their own.
    pub permits: Vec<Permit>,
}

/// Reads what `batch_guards`, which are `batches`, have to send. A device that was tried `max_attempts`
/// times is done with. On an error the batches go back.
pub(crate) async fn load(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
    batch_guards: Vec<BatchGuard>,
    max_attempts: u16,
) -> sqlx::Result<Loaded> {
    let notifications = unsettled(&mut *connection, batches).await?;
    let contents = contents(&mut *connection, batches).await?;
    let pending =
        user_devices::pending(connection, batches, &notifications, &contents, max_attempts).await?;
    Ok(Loaded {
        batch_guards,
        notifications,
        contents,
        pending,
        permits: Vec::new(),
    })
}

/// What is unsettled of claimed batches. On Citus a commit is seen in batches a moment before it is
/// seen in notifications, so that what was just sent and recorded may still seem to wait: it isn't
/// sent again. Should it stay so, it is sent, since twice is better than never.
async fn unsettled(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
) -> sqlx::Result<Vec<DueNotification>> {
    let mut notifications = batch_load::notifications(&mut *connection, batches).await?;
    for _ in 0..LOOKS_AGAIN {
        if !are_too_many(batches, &notifications) {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        notifications = batch_load::notifications(&mut *connection, batches).await?;
    }
    Ok(notifications)
}

/// Whether of any batch more is unsettled than was when it was claimed. Fewer may be: some were
/// canceled since.
fn are_too_many(batches: &[ClaimedBatch], notifications: &[DueNotification]) -> bool {
    let mut found = vec![0; batches.len()];
    for notification in notifications {
        found[notification.batch] += 1;
    }
    batches
        .iter()
        .zip(found)
        .any(|(batch, found)| found > batch.queued)
}

async fn contents(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
) -> sqlx::Result<HashMap<OperationId, Content>> {
    let mut ids: Vec<OperationId> = batches.iter().map(|batch| batch.key.operation_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let operations = batch_load::operations(connection, &ids).await?;
    let now = Instant::now();
    Ok(operations
        .into_iter()
        .map(|operation| (operation.id, Content::new(operation, now)))
        .collect())
}

impl Loaded {
    /// The Credentials that are sent with, each once.
    pub(crate) fn credentials(&self) -> HashSet<CredentialId> {
        let of_devices =
            self.notifications
                .iter()
                .filter_map(|notification| match notification.recipient {
                    Some(Recipient::Device { credential_id, .. }) => Some(credential_id),
                    Some(Recipient::User(_)) | None => None,
                });
        let devices = self.pending.values().flat_map(|pending| &pending.devices);
        of_devices
            .chain(devices.map(|(_, credential_id, _)| *credential_id))
            .collect()
    }
}
