//! Idempotency keys: what was accepted under each, for as long as a repeated request gets the same
//! answer.

use std::time::Duration;

use sqlx::PgExecutor;
use sqlx::error::DatabaseError;

use crate::model::id::AccountId;
use crate::model::operation::IdempotentRequest;

/// How long a key is remembered.
pub(crate) const LIFETIME: Duration = Duration::from_hours(24);

/// The constraint that a second request under one key breaks.
const PRIMARY_KEY: &str = "idempotency_keys_pkey";

/// Whether a statement failed because another request under the same key was stored first.
pub(crate) fn is_repeat(error: &sqlx::Error) -> bool {
    let constraint = error
        .as_database_error()
        .and_then(DatabaseError::constraint);

    constraint == Some(PRIMARY_KEY)
}

/// What was accepted under `key`. An expired key is deleted, so that it can be used again.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    key: &str,
) -> sqlx::Result<Option<IdempotentRequest>> {
    // The delete and the read see the same snapshot, so the read has to leave an expired key out by
    // itself.
    sqlx::query_as!(
        IdempotentRequest,
        r#"
        with expired as (
            delete from idempotency_keys
            where account_id = $1 and key = $2 and created_at < now() - make_interval(secs => $3)
        )
        select key, fingerprint, location, answer
        from idempotency_keys
        where account_id = $1 and key = $2 and created_at >= now() - make_interval(secs => $3)
        "#,
        account_id.as_uuid(),
        key,
        LIFETIME.as_secs_f64(),
    )
    .fetch_optional(executor)
    .await
}

/// Makes requests under one key follow each other, until the transaction ends. A send takes no such
/// lock: its key is stored with its Operation in one statement, and the second request fails there.
pub(crate) async fn lock(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    key: &str,
) -> sqlx::Result<()> {
    // The account is part of the key. Two keys with the same hash only wait for each other.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("{account_id} {key}"),
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Remembers what was accepted. Fails with an error that [`is_repeat`] recognises if the key is in
/// use.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    request: &IdempotentRequest,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        insert into idempotency_keys (account_id, key, fingerprint, location, answer)
        values ($1, $2, $3, $4, $5)
        "#,
        account_id.as_uuid(),
        request.key,
        request.fingerprint,
        request.location,
        request.answer,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Counts the expired keys.
pub(crate) async fn count_old(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from idempotency_keys
        where created_at < now() - make_interval(secs => $1)
        "#,
        LIFETIME.as_secs_f64(),
    )
    .fetch_one(executor)
    .await
}

/// Deletes up to `limit` expired keys, oldest first. Returns how many.
pub async fn forget(executor: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        r#"
        delete from idempotency_keys
        where (account_id, key) in (
            select expired.account_id, expired.key
            from idempotency_keys as expired
            where expired.created_at < now() - make_interval(secs => $1)
            order by expired.created_at
            limit $2
        )
        "#,
        LIFETIME.as_secs_f64(),
        limit,
    )
    .execute(executor)
    .await?;

    Ok(forgotten.rows_affected())
}
