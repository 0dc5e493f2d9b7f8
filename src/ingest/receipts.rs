//! Receipts that arrive while a transaction runs share the next one, as Operations do in
//! [`group_commit`](crate::ingest::group_commit).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::model::receipt::{Receipt, ReceiptTimes};
use crate::store::pool::Pool;
use crate::store::receipts::{self, NotificationReceipts};
use crate::telemetry::metrics;

/// Receipts that one transaction writes, unless a single request has more.
const GROUP: usize = 2_000;
/// Receipts that may wait, which bounds memory.
const MAX_WAITING: usize = 100_000;
/// How long a transaction may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a transaction is tried. Another process may write receipts of the same notifications in
/// another order, so that Postgres ends one of the two.
const ATTEMPTS: u32 = 3;

/// Why receipts were not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// Too many wait.
    #[error("too many receipts are waiting to be stored")]
    Busy,
    #[error("receipts could not be stored: {0}")]
    Database(Arc<sqlx::Error>),
}

/// The receipts of one request.
struct Submission {
    receipts: Vec<Receipt>,
    reply: oneshot::Sender<Result<(), ReceiptError>>,
    /// Its share of [`MAX_WAITING`].
    _room: OwnedSemaphorePermit,
}

/// A handle on the task that writes receipts; cheap to clone.
///
/// Every HTTP handler owns a clone of the handle, and the task alone owns the queue. A submission wakes
/// it. It uses one connection of the pool while it writes, and ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct ReceiptWriter {
    queue: mpsc::UnboundedSender<Submission>,
    room: Arc<Semaphore>,
}

impl ReceiptWriter {
    /// Starts the task, which writes into the database of `pool`.
    pub(crate) fn start(pool: Pool) -> Self {
        let (queue, submissions) = mpsc::unbounded_channel();
        tokio::spawn(run(pool, submissions));

        Self {
            queue,
            room: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Writes `receipts` and returns when they are durable.
    pub(crate) async fn submit(&self, receipts: Vec<Receipt>) -> Result<(), ReceiptError> {
        if receipts.is_empty() {
            return Ok(());
        }

        let count = u32::try_from(receipts.len()).map_err(|_| ReceiptError::Busy)?;
        // Refused and not awaited, as in group commit: a request that waits holds its receipts in
        // memory.
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(count)
            .map_err(|_| ReceiptError::Busy)?;

        let (reply, answer) = oneshot::channel();
        let submission = Submission {
            receipts,
            reply,
            _room: room,
        };
        self.queue
            .send(submission)
            .map_err(|_| ReceiptError::Busy)?;

        answer.await.map_err(|_| ReceiptError::Busy)?
    }
}

async fn run(pool: Pool, mut submissions: mpsc::UnboundedReceiver<Submission>) {
    while let Some(first) = submissions.recv().await {
        let mut count = first.receipts.len();
        let mut group = vec![first];
        // Takes what arrived while the last group was written, and does not wait for more.
        while count < GROUP
            && let Ok(next) = submissions.try_recv()
        {
            count += next.receipts.len();
            group.push(next);
        }

        let rows = merged(group.iter().flat_map(|submission| &submission.receipts));
        let written = write(&pool, &rows).await.map_err(Arc::new);

        for submission in group {
            // A client that has gone away gets no answer.
            let _ = submission
                .reply
                .send(written.clone().map_err(ReceiptError::Database));
        }
    }
}

/// A row for each notification, in the order of Operations and positions.
fn merged<'a>(receipts: impl Iterator<Item = &'a Receipt>) -> Vec<NotificationReceipts> {
    let mut times: BTreeMap<_, ReceiptTimes> = BTreeMap::new();
    for receipt in receipts {
        let key = (receipt.operation_id, receipt.position);
        times.entry(key).or_default().add(receipt.event, receipt.at);
    }

    times
        .into_iter()
        .map(|((operation_id, position), times)| NotificationReceipts {
            operation_id,
            position,
            times,
        })
        .collect()
}

async fn write(pool: &Pool, rows: &[NotificationReceipts]) -> sqlx::Result<()> {
    let mut attempt = 1;

    loop {
        let written = pool
            .limited_to(TIMEOUT)
            .transaction(async |connection: &mut PgConnection| {
                receipts::record(connection, rows).await
            })
            .await;

        match written {
            // Such as a deadlock with another process that writes the same tallies.
            Err(error) if attempt < ATTEMPTS && error.as_database_error().is_some() => attempt += 1,
            Ok(new) => {
                metrics::receipts_recorded(new.delivered, new.opened, new.dismissed);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::model::id::OperationId;
    use crate::model::receipt::ReceiptEvent;

    #[test]
    fn receipts_of_one_notification_become_one_row() {
        let now = OffsetDateTime::now_utc();
        let operation_id = OperationId::generate();
        let receipt = |position, event| Receipt {
            operation_id,
            position,
            event,
            at: now,
        };

        let rows = merged(
            [
                receipt(9, ReceiptEvent::Opened),
                receipt(3, ReceiptEvent::Dismissed),
                receipt(9, ReceiptEvent::Delivered),
                receipt(3, ReceiptEvent::Dismissed),
            ]
            .iter(),
        );

        let positions: Vec<i32> = rows.iter().map(|row| row.position).collect();
        assert_eq!(positions, [3, 9]);
        assert!(rows.iter().all(|row| row.times.delivered_at == Some(now)));
        assert_eq!(rows[1].times.opened_at, Some(now));
        assert_eq!(rows[0].times.opened_at, None);
    }
}
