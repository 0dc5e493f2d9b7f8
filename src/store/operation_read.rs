//! Operations as the API shows them.
//!
//! Their stats are sums over the tallies of their batches, which change in the transaction that
//! changes the rows that they count. What can be derived is not stored: the status, the total and
//! the time of the last change follow from the batches and the schedule. So all figures are of the
//! same moment, even on Citus, where a commit to an Operation and its batches is not seen at once.

use std::ops::Range;

use serde_json::{Map, Value};
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};
use crate::model::local_time::LocalSchedule;
use crate::model::message::Priority;
use crate::model::status::OperationStatus;
use crate::store::bounded_scan::{ScanBudget, ScanPage};
use crate::store::pool::Pool;

/// An Operation, and how many of its notifications have which status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OperationStats {
    pub id: OperationId,
    /// How many there are, one for each recipient.
    pub recipients: i64,
    /// Unsettled.
    pub queued: i64,
    /// Those of `queued` whose time is later by their recipients' clocks.
    pub later: i64,
    pub sent: i64,
    pub failed: i64,
    pub canceled: i64,
    /// Those of `canceled` that Bellwire itself withheld.
    pub withheld: i64,
    /// To Users without a usable token.
    pub unaddressable: i64,
    /// Have arrived on a device, as apps report. Beside the other counts, not part of their sum.
    pub delivered: i64,
    /// Were opened.
    pub opened: i64,
    /// Whether it is scheduled for a later time.
    pub is_scheduled: bool,
    /// Whether its audience is still being fanned out.
    pub is_growing: bool,
    /// Whether it was canceled as a whole.
    pub is_canceled: bool,
    /// As the request gave them.
    pub tags: Option<Value>,
    /// As the request gave it; `None`: the default App.
    pub sender: Option<Value>,
    pub priority: Json<Priority>,
    /// In seconds.
    pub ttl: Option<i64>,
    /// When it is sent, or the first of it; `None`: at once.
    pub send_at: Option<OffsetDateTime>,
    /// Since when it is paused; `None`: it is not.
    pub paused_at: Option<OffsetDateTime>,
    /// Why it is paused.
    pub paused_reason: Option<String>,
    /// Notifications that are sent in a minute; `None`: as fast as it goes.
    pub pace_per_minute: Option<i32>,
    /// What depends on the recipients' clocks.
    pub local_schedule: Option<Json<LocalSchedule>>,
    /// The Operation whose failed notifications it sends again.
    pub resend_of: Option<OperationId>,
    pub created_at: OffsetDateTime,
    /// When a count last changed.
    pub updated_at: OffsetDateTime,
}

impl OperationStats {
    /// How many of the unsettled notifications are for later: all until `send_at`, and then those that wait
    /// for their local times.
    pub(crate) fn scheduled(&self) -> i64 {
        if self.is_scheduled {
            self.queued
        } else {
            self.later
        }
    }

    /// Whether it waits for the first time zone. The zones of an audience are known once it is fanned out.
    fn is_before_its_first_zone(&self) -> bool {
        let settled = self.sent + self.failed + self.unaddressable;

        !self.is_growing && self.later > 0 && self.later == self.queued && settled == 0
    }

    pub(crate) fn status(&self) -> OperationStatus {
        // An audience that is still fanned out may get more notifications, whatever became of the
        // first.
        let is_complete = !self.is_growing;
        // By the client: what Bellwire withholds makes no Operation a canceled one.
        let all_canceled = self.recipients > 0 && self.canceled - self.withheld == self.recipients;

        if self.is_canceled || is_complete && all_canceled {
            OperationStatus::Canceled
        } else if is_complete && self.queued == 0 {
            OperationStatus::Completed
        } else if self.is_scheduled || self.is_before_its_first_zone() {
            OperationStatus::Scheduled
        } else {
            OperationStatus::Processing
        }
    }
}

pub(crate) struct OperationFilter {
    pub status: Option<OperationStatus>,
    /// Each of these pairs is a tag.
    pub tags: Option<Map<String, Value>>,
    /// Scheduled for this time or later.
    pub scheduled_after: Option<OffsetDateTime>,
    /// Scheduled for an earlier time.
    pub scheduled_before: Option<OffsetDateTime>,
    /// From this id on; it excludes Operations past their retention.
    pub from: Uuid,
    /// With a lower id.
    pub until: Option<Uuid>,
    /// Most that are returned.
    pub limit: usize,
}

impl OperationFilter {
    fn admits(&self, operation: &OperationStats) -> bool {
        let has_status = self
            .status
            .is_none_or(|status| operation.status() == status);
        let has_tags = self.tags.as_ref().is_none_or(|wanted| {
            wanted.iter().all(|(key, value)| {
                operation.tags.as_ref().and_then(|tags| tags.get(key)) == Some(value)
            })
        });
        // An Operation that is sent at once is not scheduled for any time.
        let is_late_enough = self
            .scheduled_after
            .is_none_or(|after| operation.send_at.is_some_and(|send_at| send_at >= after));
        let is_early_enough = self
            .scheduled_before
            .is_none_or(|before| operation.send_at.is_some_and(|send_at| send_at < before));

        has_status && has_tags && is_late_enough && is_early_enough
    }
}

/// Most Operations that one statement reads.
const OPERATIONS_AT_A_TIME: usize = 1_000;
/// Batches that one statement adds up; those of one Operation more at most.
const BATCHES_AT_A_TIME: usize = 5_000;

/// Operations of an account, newest first. The next page begins below the id that is returned.
pub(crate) async fn list(
    pool: &Pool,
    account_id: AccountId,
    filter: &OperationFilter,
) -> sqlx::Result<ScanPage<OperationStats, OperationId>> {
    let mut budget = ScanBudget::new();
    let mut records: Vec<OperationStats> = Vec::new();
    let mut until = filter.until.unwrap_or(Uuid::max());
    let mut at_a_time = filter.limit + 1;

    // A status is derived, so Operations are read step by step until enough of them match.
    loop {
        // Batches are what a read costs. They are counted by the number of the last one, so that
        // the next statement adds up no more than a bounded number of them.
        let known = batch_counts(pool, account_id, filter.from..until, at_a_time).await?;
        let read = fitting(&known, BATCHES_AT_A_TIME);
        let Some(last) = known[..read].last() else {
            return Ok(ScanPage {
                records,
                next: None,
            });
        };

        let step = newest(pool, account_id, last.id..until, read).await?;
        let matching = step
            .into_iter()
            .filter(|operation| filter.admits(operation));
        records.extend(matching);
        if records.len() > filter.limit {
            records.truncate(filter.limit);
            let next = records.last().map(|operation| operation.id);
            return Ok(ScanPage { records, next });
        }

        // Only if all that were found have been read: others were left for the next step otherwise.
        let is_end = read == known.len() && known.len() < at_a_time;
        budget.spend(known[..read].iter().map(|known| 1 + known.batches).sum());
        if is_end || budget.is_spent() {
            let next = (!is_end).then(|| last.id.into());
            return Ok(ScanPage { records, next });
        }

        until = last.id;
        // What matches may be rare, so the steps grow.
        at_a_time = (2 * at_a_time).clamp(filter.limit + 1, OPERATIONS_AT_A_TIME);
    }
}

/// An Operation, and how many batches it has.
struct BatchCount {
    id: Uuid,
    batches: usize,
}

/// How many of the first of `known` have `most` batches at most, together; at least one.
fn fitting(known: &[BatchCount], most: usize) -> usize {
    let mut sum = 0;
    let fitting = known.iter().take_while(|known| {
        sum += known.batches;
        sum <= most
    });

    fitting.count().max(1).min(known.len())
}

/// The newest Operations of an account in a range of ids.
async fn batch_counts(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: Range<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<BatchCount>> {
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
        )
        select
            operation.id,
            coalesce((
                select batches.number + 1
                from batches
                where batches.operation_id = operation.id
                order by batches.number desc
                limit 1
            ), 0) as "batches!"
        from operation
        order by operation.id desc
        "#,
        account_id.as_uuid(),
        ids.start,
        ids.end,
        limit as i64,
    )
    .fetch_all(executor)
    .await?;

    let known = rows.into_iter().map(|row| BatchCount {
        id: row.id,
        batches: row.batches as usize,
    });
    Ok(known.collect())
}

/// The newest Operations of an account in a range of ids.
async fn newest(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: Range<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<OperationStats>> {
    sqlx::query_as!(
        OperationStats,
        r#"
        -- Read first: on Citus, Operations and batches lie on different machines.
        with operation as materialized (
            select id, send_at, local_schedule, canceled_at, created_at, tags, sender, message, resend_of, paused_at,
                paused_reason, pace_per_minute
            from operations
            -- By the pair: by the id alone, a plan would look at other accounts' Operations.
            where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3) and id >= $2 and id < $3
            order by account_id desc, id desc
            limit $4
        )
        select
            operation.id,
            tallies.queued + tallies.sent + tallies.failed + tallies.canceled + tallies.unaddressable as "recipients!",
            tallies.queued as "queued!",
            tallies.later as "later!",
            tallies.sent as "sent!",
            tallies.failed as "failed!",
            tallies.canceled as "canceled!",
            tallies.withheld as "withheld!",
            tallies.unaddressable as "unaddressable!",
            receipts.delivered as "delivered!",
            receipts.opened as "opened!",
            coalesce(operation.send_at > now(), false) as "is_scheduled!",
            operation.canceled_at is not null as "is_canceled!",
            operation.tags,
            operation.sender,
            coalesce(operation.message -> 'priority', '"HIGH"') as "priority!: Json<Priority>",
            (operation.message ->> 'ttl')::bigint as ttl,
            operation.send_at,
            operation.local_schedule as "local_schedule: Json<LocalSchedule>",
            tallies.is_growing as "is_growing!",
            operation.created_at,
            operation.resend_of as "resend_of: OperationId",
            operation.paused_at,
            operation.paused_reason,
            operation.pace_per_minute,
            tallies.updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0)::bigint as queued,
                -- Those that were canceled count no more.
                coalesce(sum(least(batches.queued, (
                    select sum((entry.value ->> 1)::integer)
                    from jsonb_array_elements(batches.planned) as entry (value)
                    where (entry.value ->> 0)::bigint > extract(epoch from now()) * 1000000
                ))) filter (where batches.planned is not null and batches.queued > 0), 0)::bigint as later,
                coalesce(sum(batches.sent), 0)::bigint as sent,
                coalesce(sum(batches.failed), 0)::bigint as failed,
                coalesce(sum(batches.canceled), 0)::bigint as canceled,
                coalesce(sum(batches.withheld), 0)::bigint as withheld,
                coalesce(sum(batches.unaddressable), 0)::bigint as unaddressable,
                coalesce(max(batches.updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where fanouts.operation_id = operation.id) as is_growing
            from batches
            where batches.operation_id = operation.id
        ) as tallies
        cross join lateral (
            select
                coalesce(sum(receipt_tallies.delivered), 0)::bigint as delivered,
                coalesce(sum(receipt_tallies.opened), 0)::bigint as opened
            from receipt_tallies
            where receipt_tallies.operation_id = operation.id
        ) as receipts
        order by operation.id desc
        "#,
        account_id.as_uuid(),
        ids.start,
        ids.end,
        limit as i64,
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
            select id, send_at, local_schedule, canceled_at, created_at, tags, sender, message, resend_of, paused_at,
                paused_reason, pace_per_minute
            from operations
            where id = $2 and account_id = $1 and id >= $3
        )
        select
            operation.id,
            tallies.queued + tallies.sent + tallies.failed + tallies.canceled + tallies.unaddressable as "recipients!",
            tallies.queued as "queued!",
            tallies.later as "later!",
            tallies.sent as "sent!",
            tallies.failed as "failed!",
            tallies.canceled as "canceled!",
            tallies.withheld as "withheld!",
            tallies.unaddressable as "unaddressable!",
            receipts.delivered as "delivered!",
            receipts.opened as "opened!",
            coalesce(operation.send_at > now(), false) as "is_scheduled!",
            operation.canceled_at is not null as "is_canceled!",
            operation.tags,
            operation.sender,
            coalesce(operation.message -> 'priority', '"HIGH"') as "priority!: Json<Priority>",
            (operation.message ->> 'ttl')::bigint as ttl,
            operation.send_at,
            operation.local_schedule as "local_schedule: Json<LocalSchedule>",
            tallies.is_growing as "is_growing!",
            operation.created_at,
            operation.resend_of as "resend_of: OperationId",
            operation.paused_at,
            operation.paused_reason,
            operation.pace_per_minute,
            tallies.updated_at as "updated_at!"
        from operation
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0)::bigint as queued,
                -- Those that were canceled count no more.
                coalesce(sum(least(batches.queued, (
                    select sum((entry.value ->> 1)::integer)
                    from jsonb_array_elements(batches.planned) as entry (value)
                    where (entry.value ->> 0)::bigint > extract(epoch from now()) * 1000000
                ))) filter (where batches.planned is not null and batches.queued > 0), 0)::bigint as later,
                coalesce(sum(batches.sent), 0)::bigint as sent,
                coalesce(sum(batches.failed), 0)::bigint as failed,
                coalesce(sum(batches.canceled), 0)::bigint as canceled,
                coalesce(sum(batches.withheld), 0)::bigint as withheld,
                coalesce(sum(batches.unaddressable), 0)::bigint as unaddressable,
                coalesce(max(batches.updated_at), operation.created_at) as updated_at,
                exists (select from fanouts where fanouts.operation_id = operation.id) as is_growing
            from batches
            where batches.operation_id = $2
        ) as tallies
        cross join lateral (
            select
                coalesce(sum(receipt_tallies.delivered), 0)::bigint as delivered,
                coalesce(sum(receipt_tallies.opened), 0)::bigint as opened
            from receipt_tallies
            where receipt_tallies.operation_id = $2
        ) as receipts
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        oldest,
    )
    .fetch_optional(executor)
    .await
}

/// Whether an account has an Operation with this id, unless it is lower than `oldest`.
pub(crate) async fn exists(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: OperationId,
    oldest: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select
            from operations
            where id = $2 and account_id = $1 and id >= $3
        ) as "exists!"
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        oldest,
    )
    .fetch_one(executor)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_operations_are_read_as_have_few_batches_but_at_least_one() {
        let known = |counts: &[usize]| -> Vec<BatchCount> {
            let count = |batches: &usize| BatchCount {
                id: Uuid::nil(),
                batches: *batches,
            };
            counts.iter().map(count).collect()
        };

        assert_eq!(fitting(&known(&[]), 10), 0);
        assert_eq!(fitting(&known(&[3, 7, 1]), 10), 2);
        assert_eq!(fitting(&known(&[33_000, 1]), 10), 1);
        assert_eq!(fitting(&known(&[1, 1, 1]), 10), 3);
    }
}
