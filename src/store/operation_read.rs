//! Operations as the API shows them.
//!
//! Their stats are sums over the tallies of their batches, which change in the transaction that
//! changes the rows that they count. What can be derived is not stored: the status, the total and
//! the time of the last change follow from the batches and the schedule. So all figures are of the
//! same moment, even on Citus, where a commit to an Operation and its batches is not seen at once.

use sqlx::{PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};
use crate::model::status::OperationStatus;

/// An Operation, and how many of its notifications have which status.
pub(crate) struct OperationStats {
    pub id: OperationId,
    /// How many there are, one for each recipient.
    pub recipients: i64,
    /// Unsettled.
    pub queued: i64,
    pub sent: i64,
    pub failed: i64,
    pub canceled: i64,
    /// To Users without a usable token.
    pub unaddressable: i64,
    /// Whether it is scheduled for a later time.
    pub is_scheduled: bool,
    /// Whether its audience is still being fanned out.
    pub is_growing: bool,
    /// Whether it was canceled as a whole.
    pub is_canceled: bool,
    pub created_at: OffsetDateTime,
    /// When a count last changed.
    pub updated_at: OffsetDateTime,
}

impl OperationStats {
    pub(crate) fn status(&self) -> OperationStatus {
        let is_complete = !self.is_growing;
        let all_canceled = self.recipients > 0 && self.canceled == self.recipients;

        if self.is_canceled || is_complete && all_canceled {
            OperationStatus::Canceled
        } else if is_complete && self.queued == 0 {
            OperationStatus::Completed
        } else if self.is_scheduled {
            OperationStatus::Scheduled
        } else {
            OperationStatus::Processing
        }
    }
}

pub(crate) struct OperationFilter {
    pub status: Option<OperationStatus>,
    /// From this id on; it excludes Operations past their retention.
    pub from: Uuid,
    /// With a lower id.
    pub until: Option<Uuid>,
    pub limit: i64,
}

/// Most Operations that one statement reads while a status is looked for.
const MAX_READ: i64 = 5_000;

/// Operations of an account, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    account_id: AccountId,
    filter: &OperationFilter,
) -> sqlx::Result<Vec<OperationStats>> {
    let mut found = Vec::new();
    let mut range = IdRange {
        from: filter.from,
        until: filter.until,
        limit: filter.limit,
    };

    // A status is derived, so Operations are read page by page until enough of them have it.
    loop {
        let page = newest(pool, account_id, &range).await?;
        let is_last = (page.len() as i64) < range.limit;
        range.until = page.last().map(|operation| operation.id.as_uuid());

        let matching = page.into_iter().filter(|operation| {
            filter
                .status
                .is_none_or(|status| operation.status() == status)
        });
        found.extend(matching);
        if is_last || found.len() as i64 >= filter.limit {
            found.truncate(filter.limit as usize);
            return Ok(found);
        }

        // The status may be rare, so the pages grow.
        range.limit = (2 * range.limit).min(MAX_READ.max(filter.limit));
    }
}

/// Ids from `from` up to but without `until`, at most `limit`.
struct IdRange {
    from: Uuid,
    until: Option<Uuid>,
    limit: i64,
}

/// The newest Operations of an account in a range of ids.
async fn newest(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    range: &IdRange,
) -> sqlx::Result<Vec<OperationStats>> {
    sqlx::query_as!(
        OperationStats,
        r#"
        -- Read first: on Citus, Operations and batches lie on different machines.
        with operation as materialized (
            select id, send_at, canceled_at, created_at
            from operations
            where account_id = $1 and id >= $2 and ($3::uuid is null or id < $3)
            order by id desc
            limit $4
        )
        select
            operation.id,
            tallies.queued + tallies.sent + tallies.failed + tallies.canceled + tallies.unaddressable as "recipients!",
            tallies.queued as "queued!",
            tallies.sent as "sent!",
            tallies.failed as "failed!",
            tallies.canceled as "canceled!",
            tallies.unaddressable as "unaddressable!",
            coalesce(operation.send_at > now(), false) as "is_scheduled!",
            operation.canceled_at is not null as "is_canceled!",
            tallies.is_growing as "is_growing!",
            operation.created_at,
            tallies.updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0)::bigint as queued,
                coalesce(sum(batches.sent), 0)::bigint as sent,
                coalesce(sum(batches.failed), 0)::bigint as failed,
                coalesce(sum(batches.canceled), 0)::bigint as canceled,
                coalesce(sum(batches.unaddressable), 0)::bigint as unaddressable,
                coalesce(max(batches.updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where fanouts.operation_id = operation.id) as is_growing
            from batches
            where batches.operation_id = operation.id
        ) as tallies
        order by operation.id desc
        "#,
        account_id.as_uuid(),
        range.from,
        range.until,
        range.limit,
    )
    .fetch_all(executor)
    .await
}

/// One Operation of an account, unless its id is lower than `oldest`.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: OperationId,
    oldest: Uuid,
) -> sqlx::Result<Option<OperationStats>> {
    sqlx::query_as!(
        OperationStats,
        r#"
        -- Read first: on Citus, Operations and batches lie on different machines.
        with operation as materialized (
            select id, send_at, canceled_at, created_at
            from operations
            where id = $2 and account_id = $1 and id >= $3
        )
        select
            operation.id,
            tallies.queued + tallies.sent + tallies.failed + tallies.canceled + tallies.unaddressable as "recipients!",
            tallies.queued as "queued!",
            tallies.sent as "sent!",
            tallies.failed as "failed!",
            tallies.canceled as "canceled!",
            tallies.unaddressable as "unaddressable!",
            coalesce(operation.send_at > now(), false) as "is_scheduled!",
            operation.canceled_at is not null as "is_canceled!",
            tallies.is_growing as "is_growing!",
            operation.created_at,
            tallies.updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0)::bigint as queued,
                coalesce(sum(batches.sent), 0)::bigint as sent,
                coalesce(sum(batches.failed), 0)::bigint as failed,
                coalesce(sum(batches.canceled), 0)::bigint as canceled,
                coalesce(sum(batches.unaddressable), 0)::bigint as unaddressable,
                coalesce(max(batches.updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where fanouts.operation_id = operation.id) as is_growing
            from batches
            where batches.operation_id = $2
        ) as tallies
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        oldest,
    )
    .fetch_optional(executor)
    .await
}
