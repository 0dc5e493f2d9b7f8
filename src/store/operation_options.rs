//! What Operations say of all their notifications: tags, schedule, priority and ttl.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::message::Priority;

#[derive(Debug, Clone)]
pub(crate) struct OperationOptions {
    /// As the request gave them.
    pub tags: Option<Value>,
    /// When it is sent; `None`: at once.
    pub send_at: Option<OffsetDateTime>,
    pub priority: Priority,
    /// In seconds.
    pub ttl: Option<i64>,
}

/// What these Operations say. They are the account's that asks.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    operation_ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, OperationOptions>> {
    let ids: Vec<Uuid> = operation_ids.iter().map(|id| id.as_uuid()).collect();

    // Only two fields of the message are read: it may have many languages and overrides.
    let rows = sqlx::query!(
        r#"
        select
            operations.id,
            operations.tags,
            operations.send_at,
            coalesce(operations.message -> 'priority', '"HIGH"') as "priority!: Json<Priority>",
            (operations.message ->> 'ttl')::bigint as ttl
        from unnest($1::uuid[]) as asked (operation_id)
        join operations on operations.id = asked.operation_id
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let options = rows.into_iter().map(|row| {
        let options = OperationOptions {
            tags: row.tags,
            send_at: row.send_at,
            priority: row.priority.0,
            ttl: row.ttl,
        };
        (row.id.into(), options)
    });
    Ok(options.collect())
}
