//! How many notifications failed with each code.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::AccountId;

/// Most Operations that are read, the newest first.
const MAX_OPERATIONS: i64 = 1_000;
/// Most batches that are read, of up to 500 notifications each.
const MAX_BATCHES: i64 = 400;

/// How many notifications failed with one code.
pub(crate) struct ErrorTotal {
    pub code: String,
    pub count: i64,
}

pub(crate) struct ErrorTotals {
    /// The most frequent first.
    pub totals: Vec<ErrorTotal>,
    /// Whether every failed notification was counted.
    pub is_complete: bool,
}

/// Counts the failed notifications of an account's Operations from the id `from` up to but without
/// `until`.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    from: Uuid,
    until: Uuid,
) -> sqlx::Result<ErrorTotals> {
    // Two bounds: each Operation costs a look for its batches, and each batch the read of its
    // notifications.
    let rows = sqlx::query!(
        r#"
        -- Read first: on Citus, Operations and batches lie on different machines.
        with operation as materialized (
            select id
            from operations
            -- By the pair: by the id alone, a plan would look at other accounts' Operations.
            where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3) and id >= $2 and id < $3
            order by account_id desc, id desc
            limit $4
        ),
        -- A batch's tallies say whether any of its notifications failed.
        batch as materialized (
            select of_operation.operation_id, of_operation.first_position, of_operation.size
            from operation
            cross join lateral (
                select operation_id, first_position, size
                from batches
                where batches.operation_id = operation.id and batches.failed + batches.unaddressable > 0
                order by batches.number
                limit $5
            ) as of_operation
            limit $5
        ),
        total as (
            select failed.error_code as code, count(*) as count
            from batch
            cross join lateral (
                select error_code
                from push_notifications
                where push_notifications.operation_id = batch.operation_id
                    and push_notifications.position >= batch.first_position
                    and push_notifications.position < batch.first_position + batch.size
                    and push_notifications.status in ('FAILED', 'UNADDRESSABLE')
            ) as failed
            where failed.error_code is not null
            group by failed.error_code
        ),
        bound as (
            select
                (select count(*) from operation) < $4 and (select count(*) from batch) < $5 as is_kept
        )
        -- A row without a code says whether all were counted if nothing failed.
        select total.code as "code?", total.count as "count?", bound.is_kept as "is_complete!"
        from bound
        left join total on true
        order by total.count desc, total.code
        "#,
        account_id.as_uuid(),
        from,
        until,
        MAX_OPERATIONS,
        MAX_BATCHES,
    )
    .fetch_all(executor)
    .await?;

    let is_complete = rows.iter().all(|row| row.is_complete);
    let totals = rows.into_iter().filter_map(|row| {
        Some(ErrorTotal {
            code: row.code?,
            count: row.count?,
        })
    });

    Ok(ErrorTotals {
        totals: totals.collect(),
        is_complete,
    })
}
