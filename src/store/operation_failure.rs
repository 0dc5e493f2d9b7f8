//! Why Operations to an audience do not reach all of it.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};

/// Why an Operation does not reach all of its audience.
pub(crate) struct OperationFailure {
    pub code: String,
    pub message: Option<String>,
    pub at: OffsetDateTime,
}

/// Why an account's Operation does not reach all of its audience, if so. `None`: the account has no
/// such Operation, or its id is lower than `oldest`.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: OperationId,
    oldest: Uuid,
) -> sqlx::Result<Option<Option<OperationFailure>>> {
    let row = sqlx::query!(
        r#"
        select error_code, error_message, coalesce(error_at, created_at) as "at!"
        from operations
        where id = $2 and account_id = $1 and id >= $3
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        oldest,
    )
    .fetch_optional(executor)
    .await?;

    let failure = row.map(|row| {
        Some(OperationFailure {
            code: row.error_code?,
            message: row.error_message,
            at: row.at,
        })
    });
    Ok(failure)
}
