//! Receipts: writes what apps report of messages, and counts it.
//!
//! Each statement changes only rows that do not have the event yet, and adds as many to the tallies.
//! So a receipt that comes again changes nothing, and a tally equals the rows that it counts.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::outcome::OutcomeKind;
use crate::model::receipt::ReceiptTimes;
use crate::model::webhook::EventType;

/// Rows of tallies that one statement of retention deletes.
const REMOVED_AT_A_TIME: i64 = 5_000;

/// The events of one notification.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotificationReceipts {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    pub times: ReceiptTimes,
}

/// How many notifications got their first receipt of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NewReceipts {
    pub delivered: usize,
    pub opened: usize,
    pub dismissed: usize,
}

/// The notifications of an Operation that got their first receipt of a kind.
struct Changed {
    operation_id: Uuid,
    positions: Vec<i32>,
}

/// A row for each notification that has an event.
#[derive(Default)]
struct EventColumns {
    operation_id: Vec<Uuid>,
    position: Vec<i32>,
    at: Vec<OffsetDateTime>,
}

impl EventColumns {
    /// `time` gives the time of the event.
    fn of(
        receipts: &[NotificationReceipts],
        time: impl Fn(&ReceiptTimes) -> Option<OffsetDateTime>,
    ) -> Self {
        let mut columns = Self::default();
        for receipt in receipts {
            if let Some(at) = time(&receipt.times) {
                columns.operation_id.push(receipt.operation_id.as_uuid());
                columns.position.push(receipt.position);
                columns.at.push(at);
            }
        }

        columns
    }

    fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

/// Writes receipts. `receipts` must name each notification at most once, in the order of Operations
/// and positions, so that two writers seldom wait for each other. Returns what was new. To be called in
/// a transaction, which is repeated after a deadlock.
pub(crate) async fn record(
    connection: &mut PgConnection,
    receipts: &[NotificationReceipts],
) -> sqlx::Result<NewReceipts> {
    let mut new = NewReceipts::default();

    // One kind after the other, each in the order of positions, so that two writers seldom wait for
    // each other. The caller repeats a transaction that ended in a deadlock.
    let delivered = EventColumns::of(receipts, |times| times.delivered_at);
    if !delivered.is_empty() {
        let changed = record_delivered(&mut *connection, &delivered).await?;
        insert_events(&mut *connection, EventType::NotificationDelivered, &changed).await?;
        new.delivered = changed.iter().map(|changed| changed.positions.len()).sum();
    }

    let opened = EventColumns::of(receipts, |times| times.opened_at);
    if !opened.is_empty() {
        let changed = record_opened(&mut *connection, &opened).await?;
        insert_events(&mut *connection, EventType::NotificationOpened, &changed).await?;
        new.opened = changed.iter().map(|changed| changed.positions.len()).sum();
    }

    let dismissed = EventColumns::of(receipts, |times| times.dismissed_at);
    if !dismissed.is_empty() {
        // Without an event: no webhook can ask for it.
        new.dismissed = record_dismissed(&mut *connection, &dismissed).await?;
    }

    let seen = EventColumns::of(receipts, |times| {
        [times.delivered_at, times.opened_at, times.dismissed_at]
            .into_iter()
            .flatten()
            .max()
    });
    note_seen(connection, &seen).await?;

    Ok(new)
}

/// Notes when the devices were last seen that gave the receipts. A receipt is of a notification: if that
/// went to several devices of a User, each of them counts as seen.
async fn note_seen(connection: &mut PgConnection, events: &EventColumns) -> sqlx::Result<()> {
    // In a statement of its own: on Citus, attempts and devices lie on different machines.
    let seen = sqlx::query!(
        r#"
        select delivery_attempts.device_id as "device_id!", max(event.at) as "at!"
        from unnest($1::uuid[], $2::integer[], $3::timestamptz[]) as event (operation_id, position, at)
        join delivery_attempts
            on delivery_attempts.operation_id = event.operation_id
            and delivery_attempts.position = event.position
        where delivery_attempts.device_id is not null and delivery_attempts.outcome = $4
        group by delivery_attempts.device_id
        "#,
        &events.operation_id,
        &events.position,
        &events.at,
        OutcomeKind::Accepted.as_str(),
    )
    .fetch_all(&mut *connection)
    .await?;
    if seen.is_empty() {
        return Ok(());
    }

    let device_ids: Vec<Uuid> = seen.iter().map(|seen| seen.device_id).collect();
    let at: Vec<OffsetDateTime> = seen.iter().map(|seen| seen.at).collect();
    sqlx::query!(
        r#"
        with seen as materialized (
            select devices.id, event.at
            from unnest($1::uuid[], $2::timestamptz[]) as event (device_id, at)
            join devices on devices.id = event.device_id
            where greatest(devices.registered_at, devices.last_seen_at) < event.at
            -- One that is locked is being registered or removed.
            for update of devices skip locked
        )
        update devices
        set last_seen_at = seen.at
        from seen
        where devices.id = seen.id
        "#,
        &device_ids,
        &at,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Writes an event for each Operation whose account has a webhook for it.
async fn insert_events(
    executor: impl PgExecutor<'_>,
    event: EventType,
    changed: &[Changed],
) -> sqlx::Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let operation_ids: Vec<Uuid> = changed.iter().map(|changed| changed.operation_id).collect();
    let data: Vec<Value> = changed
        .iter()
        .map(|changed| json!({"positions": changed.positions}))
        .collect();

    sqlx::query!(
        r#"
        -- Read in a step of its own: on Citus, Operations lie on other machines.
        with operation as materialized (
            select id, account_id
            from operations
            where id = any($1) and exists (select from webhooks where disabled_at is null and $3 = any(events))
        )
        insert into events (account_id, kind, operation_id, data)
        select operation.account_id, $3, changed.operation_id, changed.data
        from unnest($1::uuid[], $2::jsonb[]) as changed (operation_id, data)
        join operation on operation.id = changed.operation_id
        where exists (
            select
            from webhooks
            where webhooks.account_id = operation.account_id
                and webhooks.disabled_at is null
                and $3 = any(webhooks.events)
        )
        "#,
        &operation_ids,
        &data,
        event.as_str(),
    )
    .execute(executor)
    .await
    .map(drop)
}

async fn record_delivered(
    executor: impl PgExecutor<'_>,
    events: &EventColumns,
) -> sqlx::Result<Vec<Changed>> {
    // A tally for each 1,000 positions: one for the whole Operation would let all its receipts wait
    // for each other. The tallies are locked in key order.
    let rows = sqlx::query!(
        r#"
        with event as materialized (
            select event.operation_id, event.position, event.at
            from unnest($1::uuid[], $2::integer[], $3::timestamptz[]) as event (operation_id, position, at)
        ),
        updated as (
            update push_notifications
            set delivered_at = event.at
            from event
            where push_notifications.operation_id = event.operation_id
                and push_notifications.position = event.position
                and push_notifications.delivered_at is null
            returning push_notifications.operation_id, push_notifications.position
        ),
        tallied as (
            insert into receipt_tallies (operation_id, slot, delivered)
            select updated.operation_id, updated.position / 1000, count(*)
            from updated
            group by 1, 2
            order by 1, 2
            on conflict (operation_id, slot)
                do update set delivered = receipt_tallies.delivered + excluded.delivered
        )
        select updated.operation_id, array_agg(updated.position order by updated.position) as "positions!"
        from updated
        group by updated.operation_id
        "#,
        &events.operation_id,
        &events.position,
        &events.at,
    )
    .fetch_all(executor)
    .await?;

    let changed = rows.into_iter().map(|row| Changed {
        operation_id: row.operation_id,
        positions: row.positions,
    });
    Ok(changed.collect())
}

async fn record_opened(
    executor: impl PgExecutor<'_>,
    events: &EventColumns,
) -> sqlx::Result<Vec<Changed>> {
    let rows = sqlx::query!(
        r#"
        with event as materialized (
            select event.operation_id, event.position, event.at
            from unnest($1::uuid[], $2::integer[], $3::timestamptz[]) as event (operation_id, position, at)
        ),
        updated as (
            update push_notifications
            set opened_at = event.at
            from event
            where push_notifications.operation_id = event.operation_id
                and push_notifications.position = event.position
                and push_notifications.opened_at is null
            returning push_notifications.operation_id, push_notifications.position
        ),
        tallied as (
            insert into receipt_tallies (operation_id, slot, opened)
            select updated.operation_id, updated.position / 1000, count(*)
            from updated
            group by 1, 2
            order by 1, 2
            on conflict (operation_id, slot)
                do update set opened = receipt_tallies.opened + excluded.opened
        )
        select updated.operation_id, array_agg(updated.position order by updated.position) as "positions!"
        from updated
        group by updated.operation_id
        "#,
        &events.operation_id,
        &events.position,
        &events.at,
    )
    .fetch_all(executor)
    .await?;

    let changed = rows.into_iter().map(|row| Changed {
        operation_id: row.operation_id,
        positions: row.positions,
    });
    Ok(changed.collect())
}

async fn record_dismissed(
    executor: impl PgExecutor<'_>,
    events: &EventColumns,
) -> sqlx::Result<usize> {
    // Without a tally: no stats of an Operation show dismissals.
    let updated = sqlx::query!(
        r#"
        with event as materialized (
            select event.operation_id, event.position, event.at
            from unnest($1::uuid[], $2::integer[], $3::timestamptz[]) as event (operation_id, position, at)
        )
        update push_notifications
        set dismissed_at = event.at
        from event
        where push_notifications.operation_id = event.operation_id
            and push_notifications.position = event.position
            and push_notifications.dismissed_at is null
        "#,
        &events.operation_id,
        &events.position,
        &events.at,
    )
    .execute(executor)
    .await?;

    Ok(updated.rows_affected() as usize)
}

/// Deletes tallies of Operations with ids below `end`, up to 5,000. Returns how many.
pub(crate) async fn remove_tallies(executor: impl PgExecutor<'_>, end: Uuid) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        r#"
        with old as materialized (
            select operation_id, slot
            from receipt_tallies
            where operation_id < $1
            order by operation_id, slot
            limit $2
        )
        delete from receipt_tallies
        using old
        where receipt_tallies.operation_id = old.operation_id and receipt_tallies.slot = old.slot
        "#,
        end,
        REMOVED_AT_A_TIME,
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected())
}
