//! The pushes that count against the caps of accounts, a row for each User.

use std::collections::HashMap;

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId, PushNotificationId, UserId};
use crate::model::push_cap::{CountedPush, CountedPushes, PushCap};

/// Rows that one statement of retention deletes.
const REMOVED_AT_A_TIME: i64 = 5_000;

/// The cap of an account; `None`: it has none.
pub(crate) async fn cap(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
) -> sqlx::Result<Option<PushCap>> {
    let cap = sqlx::query_scalar!(
        r#"select push_cap as "cap: Json<PushCap>" from accounts where id = $1"#,
        account_id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(cap.flatten().map(|Json(cap)| cap))
}

/// The caps of those of `accounts` that have one.
pub(crate) async fn caps(
    executor: impl PgExecutor<'_>,
    accounts: &[AccountId],
) -> sqlx::Result<HashMap<AccountId, PushCap>> {
    let ids: Vec<Uuid> = accounts.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        r#"
        select id, push_cap as "cap!: Json<PushCap>"
        from accounts
        where id = any($1) and push_cap is not null
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let caps = rows
        .into_iter()
        .map(|row| (row.id.into(), row.cap.0))
        .collect();
    Ok(caps)
}

/// Sets the cap of an account; `None` takes it away.
pub(crate) async fn set_cap(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    cap: Option<&PushCap>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update accounts set push_cap = $2 where id = $1",
        account_id.as_uuid(),
        cap.map(Json) as Option<Json<&PushCap>>,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// What counts for some Users.
pub(crate) struct LockedPushes {
    pub by_user: HashMap<UserId, CountedPushes>,
    /// The time by the database's clock, by which pushes count.
    pub now: OffsetDateTime,
}

/// Reads what counts for these Users of an account, each named once, and locks it until the transaction
/// ends. Users are locked in one order, so that no two transactions wait for each other.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    account_id: AccountId,
    users: &[UserId],
) -> sqlx::Result<LockedPushes> {
    let ids: Vec<Uuid> = users.iter().map(|id| id.as_uuid()).collect();

    // A User without a row gets one first: there would be nothing to lock, and two processes could
    // both count from zero.
    sqlx::query!(
        r#"
        insert into user_pushes (user_id, account_id, pushes, changed_on)
        select named.user_id, $1, '[]', current_date
        from unnest($2::uuid[]) as named (user_id)
        order by named.user_id
        on conflict (user_id) do nothing
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .execute(&mut *connection)
    .await?;

    let rows = sqlx::query!(
        r#"
        select user_id, pushes as "pushes: Json<Vec<CountedPush>>", now() as "now!"
        from user_pushes
        where user_id = any($1)
        order by user_id
        for update
        "#,
        &ids,
    )
    .fetch_all(connection)
    .await?;

    // Without Users nothing is counted, whatever the time is.
    let now = rows
        .first()
        .map_or_else(OffsetDateTime::now_utc, |row| row.now);
    let by_user = rows
        .into_iter()
        .map(|row| (row.user_id.into(), CountedPushes(row.pushes.0)));
    Ok(LockedPushes {
        by_user: by_user.collect(),
        now,
    })
}

/// Lets what counts for one User count for another, into whom it is merged. The caller has locked both
/// Users.
pub(super) async fn merge(
    connection: &mut PgConnection,
    source: Uuid,
    target: Uuid,
) -> sqlx::Result<()> {
    // In one order, as in `lock`.
    sqlx::query!(
        "select user_id from user_pushes where user_id = any($1) order by user_id for update",
        &[source, target],
    )
    .fetch_all(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        with moved as (
            delete from user_pushes
            where user_id = $1
            returning account_id, pushes, changed_on
        )
        insert into user_pushes (user_id, account_id, pushes, changed_on)
        select $2, moved.account_id, moved.pushes, moved.changed_on
        from moved
        on conflict (user_id) do update
        set pushes = user_pushes.pushes || excluded.pushes,
            changed_on = greatest(user_pushes.changed_on, excluded.changed_on)
        "#,
        source,
        target,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Writes what counts for Users that were locked before.
pub(crate) async fn write(
    connection: &mut PgConnection,
    changed: &[(UserId, &CountedPushes)],
) -> sqlx::Result<()> {
    let users: Vec<Uuid> = changed.iter().map(|(user, _)| user.as_uuid()).collect();
    let pushes: Vec<Json<&[CountedPush]>> = changed
        .iter()
        .map(|(_, pushes)| Json(pushes.0.as_slice()))
        .collect();

    sqlx::query!(
        r#"
        update user_pushes
        set pushes = new.pushes, changed_on = current_date
        from unnest($1::uuid[], $2::jsonb[]) as new (user_id, pushes)
        where user_pushes.user_id = new.user_id
        "#,
        &users,
        &pushes as &[Json<&[CountedPush]>],
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Those of these notifications that ended without being sent: they failed, or were canceled.
pub(crate) async fn not_sent(
    executor: impl PgExecutor<'_>,
    notifications: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    let mut operation_ids: Vec<Uuid> = Vec::with_capacity(notifications.len());
    let mut positions: Vec<i32> = Vec::with_capacity(notifications.len());
    for id in notifications {
        if let Some((operation_id, position)) = PushNotificationId::from(*id).locate() {
            operation_ids.push(operation_id.as_uuid());
            positions.push(position.cast_signed());
        }
    }

    let rows = sqlx::query!(
        r#"
        select push_notifications.operation_id, push_notifications.position
        from unnest($1::uuid[], $2::integer[]) as counted (operation_id, position)
        join push_notifications
            on push_notifications.operation_id = counted.operation_id
            and push_notifications.position = counted.position
        where push_notifications.status in ('FAILED', 'CANCELED', 'UNADDRESSABLE')
        "#,
        &operation_ids,
        &positions,
    )
    .fetch_all(executor)
    .await?;

    let ids = rows.into_iter().map(|row| {
        OperationId::from(row.operation_id)
            .push_notification(row.position.cast_unsigned())
            .as_uuid()
    });
    Ok(ids.collect())
}

/// Deletes what can't count any more under any cap, up to 5,000 Users. Returns how many.
pub(crate) async fn remove_old(executor: impl PgExecutor<'_>, days: i32) -> sqlx::Result<u64> {
    // A row that is locked is being counted at this moment, and is not old.
    let deleted = sqlx::query!(
        r#"
        with old as materialized (
            select user_id
            from user_pushes
            where changed_on < current_date - $1::integer
            limit $2
            for update skip locked
        )
        delete from user_pushes
        using old
        where user_pushes.user_id = old.user_id
        "#,
        days,
        REMOVED_AT_A_TIME,
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected())
}
