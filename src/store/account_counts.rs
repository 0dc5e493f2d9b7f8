//! How much an account has stored, for its limits.

use sqlx::PgExecutor;

use crate::model::id::AccountId;

/// The account's notifications that are neither sent nor given up, in up to `most` batches.
pub(crate) async fn queued(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    most: i64,
) -> sqlx::Result<i64> {
    // A bound of batches and not of notifications: batches are the rows that are read, and an
    // account may have very many of them.
    sqlx::query_scalar!(
        r#"
        select coalesce(sum(queued), 0)::bigint as "count!"
        from (
            select queued from batches where account_id = $1 and queued > 0 limit $2
        ) as counted
        "#,
        account_id.as_uuid(),
        most,
    )
    .fetch_one(executor)
    .await
}

/// The account's Users, counted up to `most`.
pub(crate) async fn users(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    most: i64,
) -> sqlx::Result<i64> {
    // The limit is inside, so that an account far above it costs no more than one that is at it.
    sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from (select from users where account_id = $1 limit $2) as counted
        "#,
        account_id.as_uuid(),
        most,
    )
    .fetch_one(executor)
    .await
}

/// The account's devices, counted up to `most`.
pub(crate) async fn devices(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    most: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from (select from devices where account_id = $1 limit $2) as counted
        "#,
        account_id.as_uuid(),
        most,
    )
    .fetch_one(executor)
    .await
}
