//! What Operations say, for people: the text of their messages as they were sent in, templates
//! included.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};

/// The text of an Operation's message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wording {
    pub title: Option<String>,
    pub body: Option<String>,
}

/// The wording of those of `ids` that are the account's. The ids of one page, so few rows are read.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, Wording>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    // Cut by Postgres, so that a list does not carry the whole texts of its Operations.
    let rows = sqlx::query!(
        r#"
        select
            operations.id,
            left(operations.message ->> 'title', 200) as title,
            left(operations.message ->> 'body', 500) as body
        from operations
        where operations.id = any($2) and operations.account_id = $1
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let wordings = rows.into_iter().map(|row| {
        let wording = Wording {
            title: row.title,
            body: row.body,
        };
        (row.id.into(), wording)
    });
    Ok(wordings.collect())
}
