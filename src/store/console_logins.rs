//! Logins to the console at an identity provider that have ended.

use std::time::Duration;

use sqlx::PgExecutor;

use crate::store::console_sessions::interval;

/// Most expired rows that one login deletes.
const MAX_DELETED: i64 = 1_000;

/// Stores that the login with this hash has ended, for as long as it could be tried again. Returns false if it
/// had ended before. Deletes some expired rows.
pub(crate) async fn end(
    executor: impl PgExecutor<'_>,
    state_hash: &[u8],
    kept_for: Duration,
) -> sqlx::Result<bool> {
    // The key decides: of two requests with the same state, one inserts the row, and the other one
    // is refused as a replay. Rows that are over are deleted here, so no other task has to do it.
    let inserted = sqlx::query!(
        r#"
        with over as (
            select console_logins.state_hash
            from console_logins
            where console_logins.ends_at < now()
            order by console_logins.ends_at
            limit $3
        ),
        deleted as (
            delete from console_logins
            where console_logins.state_hash in (select over.state_hash from over)
        )
        insert into console_logins (state_hash, ends_at)
        values ($1, now() + $2)
        on conflict (state_hash) do nothing
        "#,
        state_hash,
        interval(kept_for),
        MAX_DELETED,
    )
    .execute(executor)
    .await?;

    Ok(inserted.rows_affected() == 1)
}
