//! What an account says about its Users. Devices are registered with the same fields, so
//! [`crate::store::device_registrations`] uses this as well.
//!
//! Whatever gives an external id locks it first, before any User. So of two requests that give the same
//! new id at once, the second finds the User of the first.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use crate::model::id::{AccountId, UserId};
use crate::model::user_profile::ProfileChange;
use crate::store::device_owners::lock_out_imports;

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("there is no such User")]
    NoUser,
    #[error("another User has this external id")]
    ExternalIdTaken(UserId),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The User who has an external id.
pub(crate) async fn with_external_id(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    external_id: &str,
) -> sqlx::Result<Option<UserId>> {
    let id = sqlx::query_scalar!(
        "select id from users where account_id = $1 and external_id = $2",
        account_id.as_uuid(),
        external_id,
    )
    .fetch_optional(executor)
    .await?;

    Ok(id.map(UserId::from))
}

/// Makes changes that give an account's User this external id follow each other.
pub(super) async fn lock_external_id(
    connection: &mut PgConnection,
    account_id: AccountId,
    external_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::uuid::text || $2, 1))",
        account_id.as_uuid(),
        external_id,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Changes the profile of a User.
pub(crate) async fn update(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: UserId,
    change: &ProfileChange,
) -> Result<(), ProfileError> {
    lock_out_imports(&mut *connection, account_id).await?;
    // Before the User is locked by its update, in the order that device_registrations keeps.
    if let Some(external_id) = change.new_external_id() {
        lock_external_id(&mut *connection, account_id, external_id).await?;
    }

    apply(connection, account_id, id, change).await
}

/// As [`update`], for a caller who has locked the external id.
pub(super) async fn apply(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: UserId,
    change: &ProfileChange,
) -> Result<(), ProfileError> {
    if let Some(external_id) = change.new_external_id() {
        // The unique key would refuse the id as well, but would not say whose it is.
        let owner = with_external_id(&mut *connection, account_id, external_id).await?;
        if let Some(owner) = owner.filter(|owner| *owner != id) {
            return Err(ProfileError::ExternalIdTaken(owner));
        }
    }

    let changed = sqlx::query!(
        r#"
        update users
        set external_id = case when $3 then $4 else external_id end,
            language = case when $5 then $6 else language end,
            timezone = case when $7 then $8 else timezone end,
            variables = case when $9 then $10 else variables end,
            opted_out = coalesce($11, opted_out),
            opted_out_tags = coalesce($12, opted_out_tags),
            updated_at = now()
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        change.external_id.is_change(),
        change.new_external_id(),
        change.language.is_change(),
        change.language.as_ref().value().map(String::as_str),
        change.timezone.is_change(),
        change.timezone.as_ref().value().map(String::as_str),
        change.variables.is_change(),
        change.variables.as_ref().value() as Option<&Value>,
        change.opted_out,
        change.opted_out_tags.as_deref() as Option<&[String]>,
    )
    .execute(connection)
    .await?;

    match changed.rows_affected() {
        0 => Err(ProfileError::NoUser),
        _ => Ok(()),
    }
}
