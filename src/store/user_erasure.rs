//! Erasing a User from records. A notification stays as a tombstone, with its status, its code and its
//! attempts, so that tallies, stats and lists stay true; who got it, with which values, and what a provider
//! said of it, is gone.
//!
//! It is done in steps, each a transaction of a few statements, and repeated by any process until nothing is
//! left. A notification that a request may be in flight for is canceled, loses its values at once, and is
//! erased when no outcome can come any more.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId, UserId};
use crate::store::cancel;
use crate::store::device_owners::lock_out_imports;
use crate::store::external_ids::{self, RecordsOf};
use crate::store::pool::Pool;
use crate::store::users;

/// Notifications of one step.
const STEP: i64 = 200;
/// When no outcome of a canceled notification can come any more: longer than a lease and a request.
const IN_FLIGHT: Duration = Duration::from_mins(15);
/// How long a process may be at an erasure before another one takes it up.
const LEASE: Duration = Duration::from_mins(5);
/// Most merged Users that are erased with the one into whom they were merged.
const MAX_MERGED: i64 = 10_000;
/// Operations with more recipients keep their message: it is not one person's.
const MAX_RECIPIENTS: i32 = 100;

/// What is to be erased.
pub(crate) struct Erasure {
    id: Uuid,
    account_id: AccountId,
    user_ids: Vec<UserId>,
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// The rest is erased in the background.
    Pending,
}

/// The place of a notification among those of a User.
#[derive(Debug, Clone, Copy)]
struct Place {
    operation_id: Uuid,
    position: i32,
}

/// Which notifications to a User are read.
struct PageOf {
    user_id: UserId,
    /// Behind this one.
    after: Option<Place>,
    limit: i64,
}

/// What a step has done.
struct StepDone {
    /// The last notification that it examined; `None`: there are no more.
    last: Option<Place>,
    /// Whether any is left for later.
    is_pending: bool,
}

struct Found {
    place: Place,
    is_queued: bool,
    /// Whether a request may be in flight.
    may_change: bool,
}

/// Deletes a User with its devices, and notes that its records are to be erased. `None`: the account has
/// no such User, and no records of one.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: UserId,
) -> sqlx::Result<Option<Erasure>> {
    lock_out_imports(&mut *connection, account_id).await?;

    // Before the User is deleted: the Users that were merged into it are forgotten with it.
    let of = RecordsOf::User(id);
    let user_ids = external_ids::in_records(&mut *connection, account_id, of, MAX_MERGED).await?;
    let is_deleted = users::delete(&mut *connection, account_id, id).await?;
    let erasure = Erasure {
        id: Uuid::now_v7(),
        account_id,
        user_ids,
    };
    let first = PageOf {
        user_id: id,
        after: None,
        limit: 1,
    };
    // A User that is deleted already may still be in records, which a repeated request erases.
    if !is_deleted && page(&mut *connection, &erasure, &first).await?.is_empty() {
        return Ok(None);
    }

    // Due after the lease of this process, which erases at once. If it crashes, another process
    // goes on.
    let ids: Vec<Uuid> = erasure.user_ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        r#"
        insert into user_erasures (id, account_id, user_ids, due_at)
        values ($1, $2, $3, now() + make_interval(secs => $4))
        "#,
        erasure.id,
        account_id.as_uuid(),
        &ids,
        LEASE.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(Some(erasure))
}

/// An erasure that is due, which no other process takes up for a while.
pub(crate) async fn claim(executor: impl PgExecutor<'_>) -> sqlx::Result<Option<Erasure>> {
    // The new `due_at` is a lease: an erasure whose process has crashed is due again by itself.
    let row = sqlx::query!(
        r#"
        update user_erasures
        set due_at = now() + make_interval(secs => $1)
        where id = (
            select id
            from user_erasures
            where due_at <= now()
            order by due_at
            limit 1
            for update skip locked
        )
        returning id, account_id, user_ids
        "#,
        LEASE.as_secs_f64(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| Erasure {
        id: row.id,
        account_id: row.account_id.into(),
        user_ids: row.user_ids.into_iter().map(UserId::from).collect(),
    }))
}

/// Erases for up to `most`.
pub(crate) async fn run(pool: &Pool, erasure: &Erasure, most: Duration) -> sqlx::Result<Progress> {
    let began = Instant::now();
    let mut has_pending = false;
    erase_messages(pool, erasure).await?;
    erase_counts(pool, erasure).await?;

    for user_id in &erasure.user_ids {
        let mut after = None;

        loop {
            if began.elapsed() > most {
                // The next run begins at the newest notification again: what is erased by now is no
                // longer the User's.
                put_back(pool, erasure, Duration::ZERO).await?;
                return Ok(Progress::Pending);
            }

            let next = PageOf {
                user_id: *user_id,
                after,
                limit: STEP,
            };
            // A transaction for each step: locks of batches must not be held for the length of an
            // erasure.
            let done: sqlx::Result<StepDone> = pool
                .transaction(async |connection: &mut PgConnection| {
                    step(connection, erasure, &next).await
                })
                .await;
            let done = done?;
            has_pending |= done.is_pending;
            after = done.last;
            if after.is_none() {
                break;
            }
        }
    }

    if has_pending {
        // An outcome that is recorded until then writes what the provider said of the User again.
        put_back(pool, erasure, IN_FLIGHT).await?;
        return Ok(Progress::Pending);
    }
    sqlx::query!("delete from user_erasures where id = $1", erasure.id)
        .execute(pool)
        .await?;
    Ok(Progress::Done)
}

/// Makes the erasure due after `delay`, for any process.
async fn put_back(pool: &Pool, erasure: &Erasure, delay: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "update user_erasures set due_at = now() + make_interval(secs => $2) where id = $1",
        erasure.id,
        delay.as_secs_f64(),
    )
    .execute(pool)
    .await
    .map(drop)
}

/// Erases the next notifications to a User.
async fn step(
    connection: &mut PgConnection,
    erasure: &Erasure,
    next: &PageOf,
) -> sqlx::Result<StepDone> {
    let found = page(&mut *connection, erasure, next).await?;
    let last = found.last().map(|found| found.place);

    for found in found.iter().filter(|found| found.is_queued) {
        let operation_id = OperationId::from(found.place.operation_id);
        cancel::push_notification(&mut *connection, operation_id, found.place.position).await?;
    }

    // What was queued until now may be in flight at any process. Its values go at once, and the
    // rest when no outcome of it can come any more.
    let (later, now): (Vec<Found>, Vec<Found>) = found
        .into_iter()
        .partition(|found| found.is_queued || found.may_change);
    let is_pending = !later.is_empty();
    erase_values(&mut *connection, &places(later)).await?;

    let now = places(now);
    erase_notifications(&mut *connection, &now).await?;
    erase_attempts(&mut *connection, &now).await?;
    // After its notifications: the message goes once no other recipient is left.
    erase_operations(connection, &now).await?;
    Ok(StepDone { last, is_pending })
}

fn places(found: Vec<Found>) -> Vec<Place> {
    found.into_iter().map(|found| found.place).collect()
}

/// The next notifications to a User, the newest Operation first.
async fn page(
    executor: impl PgExecutor<'_>,
    erasure: &Erasure,
    wanted: &PageOf,
) -> sqlx::Result<Vec<Found>> {
    let after = wanted.after;

    let rows = sqlx::query!(
        r#"
        select
            push_notifications.operation_id,
            push_notifications.position,
            push_notifications.status = 'QUEUED' as "is_queued!",
            (push_notifications.status = 'CANCELED' or coalesce(push_notifications.reached, false))
                and coalesce(push_notifications.updated_at, now()) > now() - make_interval(secs => $6)
                as "may_change!"
        from push_notifications
        join operations on operations.id = push_notifications.operation_id
        where push_notifications.user_id = $1
            and operations.account_id = $2
            and push_notifications.operation_id <= $3
            and (push_notifications.operation_id <> $3 or push_notifications.position > $4)
        order by push_notifications.operation_id desc, push_notifications.position
        limit $5
        "#,
        wanted.user_id.as_uuid(),
        erasure.account_id.as_uuid(),
        after.map_or(Uuid::max(), |after| after.operation_id),
        after.map_or(-1, |after| after.position),
        wanted.limit,
        IN_FLIGHT.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    let found = rows.into_iter().map(|row| Found {
        place: Place {
            operation_id: row.operation_id,
            position: row.position,
        },
        is_queued: row.is_queued,
        may_change: row.may_change,
    });
    Ok(found.collect())
}

/// A column of operation ids, and one of positions.
fn columns(places: &[Place]) -> (Vec<Uuid>, Vec<i32>) {
    places
        .iter()
        .map(|place| (place.operation_id, place.position))
        .unzip()
}

/// Takes away what was sent to a User, but not yet the User.
async fn erase_values(connection: &mut PgConnection, places: &[Place]) -> sqlx::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let (operation_ids, positions) = columns(places);

    sqlx::query!(
        r#"
        update push_notifications
        set external_id = null, variables = null, badge = null, error_message = null
        from unnest($1::uuid[], $2::integer[]) as erased (operation_id, position)
        where push_notifications.operation_id = erased.operation_id
            and push_notifications.position = erased.position
        "#,
        &operation_ids,
        &positions,
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn erase_notifications(connection: &mut PgConnection, places: &[Place]) -> sqlx::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let (operation_ids, positions) = columns(places);

    sqlx::query!(
        r#"
        update push_notifications
        set user_id = $3, external_id = null, variables = null, badge = null, error_message = null
        from unnest($1::uuid[], $2::integer[]) as erased (operation_id, position)
        where push_notifications.operation_id = erased.operation_id
            and push_notifications.position = erased.position
        "#,
        &operation_ids,
        &positions,
        UserId::ERASED.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes away which device was tried, and what the provider said.
async fn erase_attempts(connection: &mut PgConnection, places: &[Place]) -> sqlx::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let (operation_ids, positions) = columns(places);

    sqlx::query!(
        r#"
        update delivery_attempts
        set device_id = null, masked_token = null, provider_message = null, provider_message_id = null
        from unnest($1::uuid[], $2::integer[]) as erased (operation_id, position)
        where delivery_attempts.operation_id = erased.operation_id
            and delivery_attempts.position = erased.position
        "#,
        &operation_ids,
        &positions,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes away the message of Operations whose recipients are all erased: it was made for them.
async fn erase_operations(connection: &mut PgConnection, places: &[Place]) -> sqlx::Result<()> {
    let mut ids: Vec<Uuid> = places.iter().map(|place| place.operation_id).collect();
    // Places come in the order of their Operations, so equal ids are neighbours.
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }

    // In a statement of its own: an Operation whose audience is still being counted has more recipients.
    let growing = sqlx::query_scalar!(
        "select operation_id from fanouts where operation_id = any($1)",
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    ids.retain(|id| !growing.contains(id));

    sqlx::query!(
        r#"
        update operations
        set message = jsonb_build_object('priority', operations.message -> 'priority'), tags = null
        where operations.id = any($1)
            and operations.recipients <= $2
            and not exists (
                select
                from push_notifications
                where push_notifications.operation_id = operations.id
                    and push_notifications.user_id is distinct from $3
            )
        "#,
        &ids,
        MAX_RECIPIENTS,
        UserId::ERASED.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes the User's devices out of what webhooks get, or got, about removed ones.
async fn erase_messages(pool: &Pool, erasure: &Erasure) -> sqlx::Result<()> {
    let ids: Vec<String> = erasure
        .user_ids
        .iter()
        .map(|id| id.as_uuid().to_string())
        .collect();

    // Events that are not planned yet first: the messages of those that are planned meanwhile are
    // found by the second statement.
    sqlx::query!(
        r#"
        delete from events
        where account_id = $1 and kind = 'device.removed' and data ->> 'userId' = any($2)
        "#,
        erasure.account_id.as_uuid(),
        &ids,
    )
    .execute(pool)
    .await?;

    sqlx::query!(
        r#"
        update webhook_deliveries
        set content = jsonb_build_object(
            'devices',
            (
                select coalesce(jsonb_agg(told.entry), '[]')
                from jsonb_array_elements(webhook_deliveries.content -> 'devices') as told (entry)
                where (told.entry ->> 'userId' = any($2)) is not true
            )
        )
        from webhooks
        where webhooks.account_id = $1
            and webhook_deliveries.webhook_id = webhooks.id
            and webhook_deliveries.event = 'device.removed'
            and exists (
                select
                from jsonb_array_elements(webhook_deliveries.content -> 'devices') as told (entry)
                where told.entry ->> 'userId' = any($2)
            )
        "#,
        erasure.account_id.as_uuid(),
        &ids,
    )
    .execute(pool)
    .await
    .map(drop)
}

/// Forgets how many pushes the User has got, which a cap counts.
async fn erase_counts(pool: &Pool, erasure: &Erasure) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = erasure.user_ids.iter().map(|id| id.as_uuid()).collect();

    sqlx::query!(
        "delete from user_pushes where account_id = $1 and user_id = any($2)",
        erasure.account_id.as_uuid(),
        &ids,
    )
    .execute(pool)
    .await
    .map(drop)
}
