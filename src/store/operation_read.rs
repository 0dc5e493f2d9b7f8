//! Operations as they are now: their stats are sums over their batches, whose tallies change in the
//! transaction that changes the rows they count. What can be derived is derived here and stored
//! nowhere: so their total, too, is of the same moment, even on Citus, where an Operation and its
//! batches are not seen at one.

use sqlx::{PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};
use crate::model::status::OperationStatus;

/// An Operation and what has become of its notifications.
pub struct OperationStats {
    /// Which one.
    pub id: OperationId,
    /// Recipients that it targets; each is one notification.
    pub recipients: i64,
    /// Not settled.
    pub queued: i64,
    /// Accepted by a provider.
    pub sent: i64,
    /// Given up.
    pub failed: i64,
    /// Canceled by the client.
    pub canceled: i64,
    /// Users without a usable token.
    pub unaddressable: i64,
    /// Whether its time has not come.
    pub is_scheduled: bool,
    /// Whether its audience is still being counted.
    pub is_growing: bool,
    /// Whether the whole of it was canceled.
    pub is_canceled: bool,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When a count last changed.
    pub updated_at: OffsetDateTime,
}

impl OperationStats {
    /// Its status, which follows from its counts and its schedule.
    pub fn status(&self) -> OperationStatus {
        match () {
            () if self.is_canceled
                || self.recipients > 0 && self.canceled == self.recipients && !self.is_growing =>
            {
                OperationStatus::Canceled
            }
            () if self.queued == 0 && !self.is_growing => OperationStatus::Completed,
            () if self.is_scheduled => OperationStatus::Scheduled,
            () => OperationStatus::Processing,
        }
    }
}

/// Which Operations to list.
pub struct OperationFilter {
    /// Only with this status.
    pub status: Option<OperationStatus>,
    /// No older than this id; what is past its retention is left out this way.
    pub from: Uuid,
    /// Older than this id.
    pub until: Option<Uuid>,
    /// At most this many.
    pub limit: i64,
}

/// Most Operations that one statement looks at for a status.
const MOST_LOOKED_AT: i64 = 5_000;

/// Operations of an account, newest first.
pub async fn list(
    pool: &PgPool,
    account_id: AccountId,
    filter: &OperationFilter,
) -> sqlx::Result<Vec<OperationStats>> {
    let (mut found, mut until, mut most) = (Vec::new(), filter.until, filter.limit);
    loop {
        let looked_at = newest(pool, account_id, filter.from, until, most).await?;
        until = looked_at.last().map(|operation| operation.id.as_uuid());
        let is_last = (looked_at.len() as i64) < most;
        found.extend(looked_at.into_iter().filter(|operation| {
            filter
                .status
                .is_none_or(|status| operation.status() == status)
        }));
        if is_last || found.len() as i64 >= filter.limit {
            found.truncate(filter.limit as usize);
            return Ok(found);
        }
        // A status may be rare.
        most = (2 * most).min(MOST_LOOKED_AT.max(filter.limit));
    }
}

/// The newest Operations of an account with ids from `from` up to but without `until`, at most
/// `limit`.
async fn newest(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    from: Uuid,
    until: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<OperationStats>> {
    sqlx::query_as!(
        OperationStats,
        r#"
        -- On Citus, Operations lie elsewhere than batches: they are fetched first.
        with operation as materialized (
            select id, send_at, canceled_at, created_at
            from operations
            where account_id = $1 and id >= $2 and ($3::uuid is null or id < $3)
            order by id desc
            limit $4
        )
        select
            id, queued + sent + failed + canceled + unaddressable as "recipients!",
            queued as "queued!", sent as "sent!", failed as "failed!", canceled as "canceled!",
            unaddressable as "unaddressable!",
            coalesce(send_at > now(), false) as "is_scheduled!",
            canceled_at is not null as "is_canceled!",
            is_growing as "is_growing!", created_at, updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(queued), 0)::bigint as queued, coalesce(sum(sent), 0)::bigint as sent,
                coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(canceled), 0)::bigint as canceled,
                coalesce(sum(unaddressable), 0)::bigint as unaddressable,
                coalesce(max(updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where operation_id = operation.id) as is_growing
            from batches
            where operation_id = operation.id
        ) as tallies
        order by id desc
        "#,
        account_id.as_uuid(),
        from,
        until,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// One Operation of an account, unless it is older than `oldest`.
pub async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: OperationId,
    oldest: Uuid,
) -> sqlx::Result<Option<OperationStats>> {
    sqlx::query_as!(
        OperationStats,
        r#"
        -- On Citus, the Operation lies elsewhere than its batches: it is fetched first.
        with operation as materialized (
            select id, send_at, canceled_at, created_at
            from operations
            where id = $2 and account_id = $1 and id >= $3
        )
        select
            id, queued + sent + failed + canceled + unaddressable as "recipients!",
            queued as "queued!", sent as "sent!", failed as "failed!", canceled as "canceled!",
            unaddressable as "unaddressable!",
            coalesce(send_at > now(), false) as "is_scheduled!",
            canceled_at is not null as "is_canceled!",
            is_growing as "is_growing!", created_at, updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(queued), 0)::bigint as queued, coalesce(sum(sent), 0)::bigint as sent,
                coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(canceled), 0)::bigint as canceled,
                coalesce(sum(unaddressable), 0)::bigint as unaddressable,
                coalesce(max(updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where operation_id = operation.id) as is_growing
            from batches
            where operation_id = $2
        ) as tallies
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        oldest,
    )
    .fetch_optional(executor)
    .await
}
