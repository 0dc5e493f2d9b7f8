//! Tokens of APNs devices that may not be in the form in which they are looked up: what an older
//! release has stored, as a client gave it.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::store::device_owners::lock_tokens;
use crate::store::device_registrations::note_left;
use crate::store::devices::lock_owners;
use crate::store::pool::Pool;
use crate::store::sealed_secrets::SealedToken;

/// A device whose token gets its usual form.
pub(crate) struct NormalizedToken<'a> {
    pub old: &'a SealedToken,
    /// Sealed.
    pub token: &'a [u8],
    pub token_hash: &'a [u8],
}

/// APNs tokens that have not been checked: those of devices after `after`, at most `limit`, by the
/// device's id.
pub(crate) async fn unseen(
    executor: impl PgExecutor<'_>,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<SealedToken>> {
    sqlx::query_as!(
        SealedToken,
        r#"
        select id as device_id, account_id, token
        from devices
        where provider = 'APN' and not is_normalized and id > $1
        order by id
        limit $2
        "#,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Notes that the tokens of these devices are as they should be.
pub(crate) async fn note_seen(executor: impl PgExecutor<'_>, devices: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "update devices set is_normalized = true where id = any($1)",
        devices,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Gives a device's token its usual form. If another device has it in that form already, the one that
/// was registered later stays, and the other is removed. Nothing happens if the token has changed since
/// it was read.
pub(crate) async fn normalize(pool: &Pool, new: &NormalizedToken<'_>) -> sqlx::Result<()> {
    pool.transaction(async |connection: &mut PgConnection| normalize_within(connection, new).await)
        .await
}

async fn normalize_within(
    connection: &mut PgConnection,
    new: &NormalizedToken<'_>,
) -> sqlx::Result<()> {
    // By the new hash: a registration of the usual form comes before this transaction or waits for
    // it.
    lock_tokens(connection, &[new.token_hash]).await?;

    let same = sqlx::query_scalar!(
        r#"
        select other.id
        from devices
        join devices as other
            on other.account_id = devices.account_id
            and other.app_name = devices.app_name
            and other.provider = devices.provider
            and other.token_hash = $2
            and other.id <> devices.id
        where devices.id = $1
        "#,
        new.old.device_id,
        new.token_hash,
    )
    .fetch_all(&mut *connection)
    .await?;
    let all: Vec<Uuid> = same.iter().copied().chain([new.old.device_id]).collect();
    lock_owners(connection, &all).await?;

    // Before the update, because a token is unique in its App. If the device that was read is the
    // older one, it is removed here, and the update finds nothing.
    let left = sqlx::query_scalar!(
        r#"
        delete from devices
        where id = any($1)
            and id <> (
                select newest.id
                from devices as newest
                where newest.id = any($1)
                order by newest.registered_at desc, newest.id desc
                limit 1
            )
        returning registration_id
        "#,
        &all,
    )
    .fetch_all(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        update devices
        set token = $3, token_hash = $4, is_normalized = true
        where id = $1 and token = $2
        "#,
        new.old.device_id,
        new.old.token,
        new.token,
        new.token_hash,
    )
    .execute(&mut *connection)
    .await?;

    note_left(connection, &left).await
}
