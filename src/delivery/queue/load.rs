//! Loads claimed batches: reads their unsettled notifications, and all that is needed to send them, in
//! a few statements for all batches together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::delivery::content::Content;
use crate::delivery::queue::lease::BatchGuard;
use crate::delivery::queue::push_caps;
use crate::delivery::queue::user_devices::{self, RemainingDevices};
use crate::handoff::capacity::Permit;
use crate::model::id::{CredentialId, OperationId};
use crate::model::recipient::Recipient;
use crate::store::batch_load::{self, DueNotification, PlannedTime};
use crate::store::batches::ClaimedBatch;

/// How often notifications are read again while more seem unsettled than there can be.
const REREADS: u32 = 10;
const REREAD_INTERVAL: Duration = Duration::from_millis(50);
/// The longest time that a load waits between its statements.
pub(super) const LONGEST_REREAD: Duration = REREAD_INTERVAL.saturating_mul(REREADS);

/// Claimed batches and what they have to send.
#[derive(Default)]
pub(crate) struct Loaded {
    pub batch_guards: Vec<BatchGuard>,
    /// The unsettled notifications of the batches. Those that are tried again later are among them, and
    /// those whose time has not come are not.
    pub notifications: Vec<DueNotification>,
    /// The batches with notifications whose time has not come, by index in `batch_guards`, each with the
    /// time until the earliest of them.
    pub later: HashMap<usize, Duration>,
    /// By Operation.
    pub contents: HashMap<OperationId, Arc<Content>>,
    /// The contents of batches that have times of their own, by index in `batch_guards`.
    pub planned: HashMap<usize, Arc<Content>>,
    /// For notifications that have times of their own, by Operation and time.
    pub timed_contents: HashMap<(OperationId, OffsetDateTime), Arc<Content>>,
    /// The devices of notifications to Users, by index in `notifications`.
    pub user_devices: HashMap<usize, RemainingDevices>,
    /// Permits of Operations that were handed over, until their notifications have their own.
    pub permits: Vec<Permit>,
}

/// Loads `batches`, whose guards are in the same order. A device with `max_attempts` attempts is not
/// tried again. On an error the guards are dropped, which releases the batches.
pub(crate) async fn load(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
    batch_guards: Vec<BatchGuard>,
    max_attempts: u16,
) -> sqlx::Result<Loaded> {
    if batches.is_empty() {
        return Ok(Loaded::default());
    }

    let notifications = unsettled(&mut *connection, batches).await?;
    let later = later(&mut *connection, batches, &notifications).await?;
    let contents = contents(&mut *connection, batches).await?;
    let planned = planned(batches, &contents);
    let timed_contents = timed_contents(batches, &notifications, &contents);
    let recipients = user_devices::of_users(batches, &notifications, &contents);
    let mut user_devices =
        user_devices::remaining(&mut *connection, &recipients, max_attempts).await?;
    // The last step, because it counts what is sent: an error before it must count nothing.
    push_caps::withhold(connection, &recipients, &mut user_devices).await?;

    Ok(Loaded {
        batch_guards,
        notifications,
        later,
        contents,
        planned,
        timed_contents,
        user_devices,
        permits: Vec::new(),
    })
}

async fn unsettled(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
) -> sqlx::Result<Vec<DueNotification>> {
    let mut notifications = batch_load::notifications(&mut *connection, batches).await?;

    // On Citus a commit is visible in batches a moment before it is visible in notifications, so that
    // a notification that was just recorded may still seem unsettled. It must not be sent again. If
    // that persists it is sent, because twice is better than never.
    for _ in 0..REREADS {
        if !exceed_tallies(batches, &notifications) {
            break;
        }
        tokio::time::sleep(REREAD_INTERVAL).await;
        notifications = batch_load::notifications(&mut *connection, batches).await?;
    }

    Ok(notifications)
}

/// Whether a batch has more unsettled notifications than its tally said when it was claimed. It may
/// have fewer: some were canceled since.
fn exceed_tallies(batches: &[ClaimedBatch], notifications: &[DueNotification]) -> bool {
    let mut found = vec![0; batches.len()];
    for notification in notifications {
        found[notification.batch] += 1;
    }

    batches
        .iter()
        .zip(found)
        .any(|(batch, found)| found > batch.queued)
}

/// The batches with notifications whose time has not come. Only those of which less was found than is
/// unsettled can have any.
async fn later(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
    notifications: &[DueNotification],
) -> sqlx::Result<HashMap<usize, Duration>> {
    let mut found = vec![0; batches.len()];
    for notification in notifications {
        found[notification.batch] += 1;
    }

    let (indexes, partly): (Vec<usize>, Vec<ClaimedBatch>) = batches
        .iter()
        .zip(found)
        .enumerate()
        .filter(|(_, (batch, found))| *found < batch.queued)
        .map(|(index, (batch, _))| (index, *batch))
        .unzip();
    if partly.is_empty() {
        return Ok(HashMap::new());
    }

    let loaded: Vec<(OperationId, i32)> = notifications
        .iter()
        .filter(|notification| indexes.contains(&notification.batch))
        .map(|notification| {
            let batch = &batches[notification.batch];
            (batch.key.operation_id, notification.position)
        })
        .collect();

    let later = batch_load::later(connection, &partly, &loaded).await?;
    Ok(later
        .into_iter()
        .filter_map(|(index, due_in)| Some((*indexes.get(index)?, due_in)))
        .collect())
}

/// The contents for notifications that have times of their own, each once.
fn timed_contents(
    batches: &[ClaimedBatch],
    notifications: &[DueNotification],
    contents: &HashMap<OperationId, Arc<Content>>,
) -> HashMap<(OperationId, OffsetDateTime), Arc<Content>> {
    let now = Instant::now();
    let mut timed = HashMap::new();

    for notification in notifications {
        let operation_id = batches[notification.batch].key.operation_id;
        let (Some(planned), Some(content)) = (&notification.planned, contents.get(&operation_id))
        else {
            continue;
        };

        timed
            .entry((operation_id, planned.at))
            .or_insert_with(|| Arc::new(Content::new(content.operation.at(planned), now)));
    }

    timed
}

async fn contents(
    connection: &mut PgConnection,
    batches: &[ClaimedBatch],
) -> sqlx::Result<HashMap<OperationId, Arc<Content>>> {
    let mut ids: Vec<OperationId> = batches.iter().map(|batch| batch.key.operation_id).collect();
    // An Operation with several batches is read and rendered once.
    ids.sort_unstable();
    ids.dedup();

    let operations = batch_load::operations(connection, &ids).await?;
    let now = Instant::now();

    Ok(operations
        .into_iter()
        .map(|operation| (operation.id, Arc::new(Content::new(operation, now))))
        .collect())
}

/// The contents of batches that have times of their own.
fn planned(
    batches: &[ClaimedBatch],
    contents: &HashMap<OperationId, Arc<Content>>,
) -> HashMap<usize, Arc<Content>> {
    let now = Instant::now();

    let planned = batches.iter().enumerate().filter_map(|(index, batch)| {
        let content = contents.get(&batch.key.operation_id)?;
        Some((index, Arc::new(content.planned(batch.planned?, now))))
    });
    planned.collect()
}

impl Loaded {
    /// The content of a notification of `batch`, by the batch's index in `batch_guards`.
    pub(crate) fn content(
        &self,
        batch: usize,
        planned: Option<&PlannedTime>,
    ) -> Option<&Arc<Content>> {
        let operation_id = self.batch_guards.get(batch)?.lease().key().operation_id;

        match planned {
            Some(planned) => self.timed_contents.get(&(operation_id, planned.at)),
            None => self
                .planned
                .get(&batch)
                .or_else(|| self.contents.get(&operation_id)),
        }
    }

    /// The Credentials to send with, each once.
    pub(crate) fn credentials(&self) -> HashSet<CredentialId> {
        let of_notifications =
            self.notifications
                .iter()
                .filter_map(|notification| match notification.recipient {
                    Some(Recipient::Device { credential_id, .. }) => Some(credential_id),
                    Some(Recipient::User(_)) | None => None,
                });
        let of_users = self
            .user_devices
            .values()
            .flat_map(|remaining| &remaining.devices)
            .map(|remaining| remaining.credential_id);

        of_notifications.chain(of_users).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AccountId;
    use crate::model::queue_key::QueueKey;
    use crate::store::batches::BatchKey;

    fn batch(queued: i32) -> ClaimedBatch {
        ClaimedBatch {
            key: BatchKey {
                operation_id: OperationId::generate(),
                number: 0,
                claims: 1,
            },
            queue: QueueKey {
                account_id: AccountId::generate(),
                rank: 0,
            },
            first_position: 0,
            size: 500,
            queued,
            planned: None,
        }
    }

    fn notifications(batches: &[usize]) -> Vec<DueNotification> {
        batches
            .iter()
            .map(|batch| DueNotification {
                batch: *batch,
                position: 0,
                recipient: None,
                variables: None,
                badge: None,
                attempts: 0,
                due_in: Duration::ZERO,
                planned: None,
            })
            .collect()
    }

    #[test]
    fn no_batch_may_have_more_unsettled_notifications_than_its_tally() {
        let batches = [batch(2), batch(1)];

        assert!(!exceed_tallies(&batches, &notifications(&[0, 0, 1])));
        assert!(!exceed_tallies(&batches, &notifications(&[0])));
        assert!(exceed_tallies(&batches, &notifications(&[0, 1, 1])));
    }
}
