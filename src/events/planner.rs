//! The planner: turns rows of the outbox into messages, in one transaction. [`plan`] decides, this
//! module reads and writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::events::outbox_bound::{Look, OutboxBound};
use crate::events::plan::{Callback, Facts, plan};
use crate::handoff::notifier::Notifier;
use crate::model::id::{AccountId, OperationId};
use crate::store::events::{self as store, Event};
use crate::store::pool::Pool;
use crate::transport::origin_of;

/// Most rows that one transaction takes.
const MAX_EVENTS: i64 = 500;
/// How long the planner rests after Postgres failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Turns events into messages.
///
/// One task owns it. Its poll wakes it, and it goes on as long as it finds events. It ends with the
/// token that [`Self::run`] is given; a transaction that runs at that time is rolled back.
pub(super) struct Planner {
    pub pool: Pool,
    /// Wakes the sender.
    pub sender: Arc<Notifier>,
    /// The longest time between two searches for events.
    pub poll_interval: Duration,
}

impl Planner {
    pub(super) async fn run(self, stop: CancellationToken) {
        let planning = async {
            let mut has_failed = false;
            let mut bound = OutboxBound::default();
            loop {
                let step = self
                    .pool
                    .within(async |connection: &mut PgConnection| {
                        step(connection, &mut bound).await
                    })
                    .await;

                match step {
                    Ok(0) => tokio::time::sleep(self.poll_interval).await,
                    // After the commit: a sender that is woken earlier would not see the messages.
                    Ok(_) => self.sender.notify(),
                    Err(error) => {
                        // Once for each outage.
                        if !has_failed {
                            tracing::error!(%error, "events can't be read; trying again until Postgres answers");
                        }
                        // The events may not be taken, and the next connection may lead to another
                        // Postgres.
                        bound = OutboxBound::default();
                        tokio::time::sleep(AFTER_ERROR).await;
                        has_failed = true;
                        continue;
                    }
                }

                if has_failed {
                    tracing::info!("events are read again");
                    has_failed = false;
                }
            }
        };

        stop.run_until_cancelled(planning).await;
    }
}

/// Turns the oldest events into messages. Returns how many events.
async fn step(connection: &mut PgConnection, bound: &mut OutboxBound) -> sqlx::Result<usize> {
    let mut transaction = connection.begin().await?;

    let began = Instant::now();
    let since = bound.since(began);
    let events = store::take(&mut *transaction, since, MAX_EVENTS).await?;
    let look = Look {
        since,
        took: began.elapsed(),
        taken: &events,
        is_full: events.len() as i64 == MAX_EVENTS,
    };
    bound.note(&look, Instant::now());
    if events.is_empty() {
        return Ok(0);
    }

    let facts = facts(&mut transaction, &events).await?;
    let deliveries = plan(&events, &facts);
    if !deliveries.is_empty() {
        store::insert_deliveries(&mut *transaction, &deliveries).await?;
    }

    // In the transaction that stores the messages: after a crash, the rows are there again without
    // them.
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    store::delete(&mut *transaction, &ids).await?;
    transaction.commit().await?;
    Ok(events.len())
}

/// Reads what `events` are about. They have been locked before, so what is read here is at least as new
/// as they are.
async fn facts(connection: &mut PgConnection, events: &[Event]) -> sqlx::Result<Facts> {
    let mut operation_ids: Vec<OperationId> = events
        .iter()
        .filter_map(|event| event.operation_id)
        .collect();
    operation_ids.sort_unstable();
    operation_ids.dedup();

    let batches: Vec<(OperationId, i32)> = events
        .iter()
        .filter_map(|event| Some((event.operation_id?, event.batch_number?)))
        .collect();

    let operations = store::operations(&mut *connection, &operation_ids).await?;

    let mut accounts: Vec<AccountId> = events
        .iter()
        .map(|event| event.account_id)
        // A row of an older release does not name the account.
        .chain(operations.values().map(|operation| operation.account_id))
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    let subscribers = store::subscribers(&mut *connection, &accounts).await?;

    // Few webhooks are for one App alone, so most plans need no statement for it.
    let apps = if subscribers
        .iter()
        .any(|subscriber| subscriber.app_name.is_some())
    {
        store::apps(&mut *connection, &accounts).await?
    } else {
        store::AccountApps::default()
    };

    let callbacks = store::callbacks(&mut *connection, &operation_ids).await?;
    // A stored URL was valid when it was accepted. If it can't be read now, the webhook's own is used.
    let callbacks = callbacks.into_iter().filter_map(|(id, url)| {
        let origin = Url::parse(&url).ok().as_ref().map(origin_of)?;
        Some((id, Callback { url, origin }))
    });

    Ok(Facts {
        subscribers,
        operations,
        progress: store::progress(&mut *connection, &operation_ids).await?,
        batches: store::batches(&mut *connection, &batches).await?,
        callbacks: callbacks.collect(),
        apps,
    })
}
