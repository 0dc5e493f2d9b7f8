//! Who is logged in to the console.

use sqlx::PgExecutor;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;

use crate::model::id::AccountId;
use crate::store::api_keys::Role;

/// Sessions that are over which one login deletes.
const MAX_DELETED: i64 = 1_000;

/// A session to be stored.
pub(crate) struct NewSession<'a> {
    /// SHA-256 of the browser's token.
    pub token_hash: &'a [u8],
    pub account_id: AccountId,
    /// The API key that logs in.
    pub key: Option<&'a str>,
    /// Who it is, for people.
    pub actor: &'a str,
    pub role: Role,
    /// How long it lasts at most.
    pub lifetime: Duration,
}

/// A session that is not over.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub account_id: AccountId,
    pub key: Option<String>,
    pub actor: String,
    pub role: Role,
}

pub(super) fn interval(duration: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}

/// Stores a session, and deletes some that are over.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    new: &NewSession<'_>,
) -> sqlx::Result<()> {
    // The table has a hash of the token, so a copy of the database gives no access to the console.
    // Sessions that are over are deleted here, so no other task has to do it.
    sqlx::query!(
        r#"
        with over as (
            select console_sessions.token_hash
            from console_sessions
            where console_sessions.ends_at < now()
            order by console_sessions.ends_at
            limit $7
        ),
        deleted as (
            delete from console_sessions
            where console_sessions.token_hash in (select over.token_hash from over)
        )
        insert into console_sessions (token_hash, account_id, key, actor, role, ends_at)
        values ($1, $2, $3, $4, $5, now() + $6)
        "#,
        new.token_hash,
        new.account_id.as_uuid(),
        new.key,
        new.actor,
        new.role as Role,
        interval(new.lifetime),
        MAX_DELETED,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// The session of this token, unless it is over or was not used for `idle`. If `is_use`, this is a
/// use of it, which is noted once a minute.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    token_hash: &[u8],
    idle: Duration,
    is_use: bool,
) -> sqlx::Result<Option<Session>> {
    // A use is noted once a minute, because a page makes many requests and each of them would write
    // the row.
    let row = sqlx::query!(
        r#"
        with session as (
            select
                console_sessions.token_hash,
                console_sessions.account_id,
                console_sessions.key,
                console_sessions.actor,
                console_sessions.role,
                console_sessions.seen_at
            from console_sessions
            where console_sessions.token_hash = $1
                and console_sessions.ends_at > now()
                and console_sessions.seen_at > now() - $2::interval
        ),
        noted as (
            update console_sessions
            set seen_at = now()
            where console_sessions.token_hash = (
                select session.token_hash
                from session
                where $3 and session.seen_at < now() - interval '1 minute'
            )
        )
        select session.account_id, session.key, session.actor, session.role as "role: Role"
        from session
        "#,
        token_hash,
        interval(idle),
        is_use,
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| Session {
        account_id: row.account_id.into(),
        key: row.key,
        actor: row.actor,
        role: row.role,
    }))
}

/// Ends a session.
pub(crate) async fn delete(executor: impl PgExecutor<'_>, token_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from console_sessions where token_hash = $1",
        token_hash
    )
    .execute(executor)
    .await
    .map(drop)
}
