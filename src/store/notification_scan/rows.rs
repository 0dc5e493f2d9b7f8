//! The statements of a scan, and what they return.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::UserId;
use crate::model::provider::Provider;
use crate::store::notification_scan::Scan;
use crate::store::notification_scan::filter::{IdRange, Place};
use crate::store::outcome_record::Status;
use crate::store::recipient_columns::RecipientColumns;

/// Of an Operation with more batches, the one in which a page begins is searched.
const SEARCHED_FROM: i32 = 100;

/// A notification as a scan finds it.
pub(in crate::store) struct FoundNotification {
    pub place: Place,
    pub recipient: RecipientColumns,
    pub status: Status,
    pub updated_at: Option<OffsetDateTime>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub attempts: i16,
    pub app_name: Option<String>,
    /// Whether its Operation is scheduled for a later time.
    pub is_scheduled: bool,
    /// When its Operation was accepted.
    pub created_at: OffsetDateTime,
}

pub(super) struct Operation {
    pub id: Uuid,
    pub app_name: Option<String>,
    pub is_scheduled: bool,
    /// Whether its notifications have times of their own.
    pub is_local: bool,
    pub has_tags: bool,
    pub created_at: OffsetDateTime,
    /// The number of its last batch; `None`: it has none yet.
    pub last_batch: Option<i32>,
}

/// Consecutive batches of an Operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchRange {
    pub operation_id: Uuid,
    pub first: i32,
    pub last: i32,
    /// Whether it ends with the Operation's last batch.
    pub is_end: bool,
}

pub(super) struct Batch {
    pub operation_id: Uuid,
    pub first_position: i32,
    pub size: i32,
    pub queued: i32,
    pub sent: i32,
    pub failed: i32,
    pub canceled: i32,
    pub unaddressable: i32,
    /// Whether its notifications have times of their own.
    pub is_planned: bool,
}

impl Batch {
    pub(super) fn end(&self) -> Place {
        Place {
            operation_id: self.operation_id,
            position: self.first_position + self.size - 1,
        }
    }
}

impl Scan<'_> {
    pub(super) async fn operations(
        &self,
        range: IdRange,
        limit: usize,
    ) -> sqlx::Result<Vec<Operation>> {
        sqlx::query_as!(
            Operation,
            r#"
            -- Read first: on Citus, Operations and batches lie on different machines.
            with operation as materialized (
                select
                    id,
                    app_name,
                    created_at,
                    coalesce(send_at > now(), false) as is_scheduled,
                    local_schedule is not null as is_local,
                    $4::jsonb is null or coalesce(tags @> $4, false) as has_tags
                from operations
                -- By the pair: by the id alone, a plan would look at other accounts' Operations.
                where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3) and id >= $2 and id < $3
                order by account_id desc, id desc
                limit $5
            )
            select
                operation.id,
                operation.app_name,
                operation.created_at,
                operation.is_scheduled as "is_scheduled!",
                operation.is_local as "is_local!",
                operation.has_tags as "has_tags!",
                (
                    select batches.number
                    from batches
                    where batches.operation_id = operation.id
                    order by batches.number desc
                    limit 1
                ) as last_batch
            from operation
            order by operation.id desc
            "#,
            self.filter.account_id.as_uuid(),
            range.from,
            range.until,
            self.filter.tags,
            limit as i64,
        )
        .fetch_all(self.pool)
        .await
    }

    /// The number of the batch of an Operation where the scan continues, or of an earlier batch.
    pub(super) async fn first_batch_of(
        &self,
        operation_id: Uuid,
        last_batch: i32,
    ) -> sqlx::Result<i32> {
        let Some(after) = self
            .scanned_to
            .filter(|place| place.operation_id == operation_id && last_batch >= SEARCHED_FROM)
        else {
            // A small Operation is read from its first batch on, and one in which no page ended
            // begins there: no statement is needed.
            return Ok(0);
        };

        // Positions grow with the numbers, but not evenly: a step of a fan-out may find few Users.
        let number = sqlx::query_scalar!(
            r#"
            with recursive search (low, high) as (
                select 0, $3::integer
                union all
                select
                    case when middle.first_position <= $2 then middle.number else search.low end,
                    case when middle.first_position <= $2 then search.high else middle.number - 1 end
                from search
                cross join lateral (
                    select batches.number, batches.first_position
                    from batches
                    where batches.operation_id = $1
                        and batches.number = (search.low + search.high + 1) / 2
                ) as middle
                where search.low < search.high
            )
            select max(low) as "number!"
            from search
            "#,
            operation_id,
            after.position,
            last_batch,
        )
        .fetch_one(self.pool)
        .await?;

        Ok(number)
    }

    pub(super) async fn batches(&self, ranges: &[BatchRange]) -> sqlx::Result<Vec<Batch>> {
        let ids: Vec<Uuid> = ranges.iter().map(|range| range.operation_id).collect();
        let first: Vec<i32> = ranges.iter().map(|range| range.first).collect();
        let last: Vec<i32> = ranges.iter().map(|range| range.last).collect();

        sqlx::query_as!(
            Batch,
            r#"
            select
                batches.operation_id,
                batches.first_position,
                batches.size,
                batches.queued,
                batches.sent,
                batches.failed,
                batches.canceled,
                batches.unaddressable,
                batches.planned is not null as "is_planned!"
            from unnest($1::uuid[], $2::integer[], $3::integer[]) as wanted (operation_id, first, last)
            join batches
                on batches.operation_id = wanted.operation_id
                and batches.number >= wanted.first
                and batches.number <= wanted.last
            order by batches.operation_id desc, batches.number
            "#,
            &ids,
            &first,
            &last,
        )
        .fetch_all(self.pool)
        .await
    }

    /// The notifications of `batches` that are wanted, but no more than the page needs.
    pub(super) async fn notifications(
        &self,
        batches: &[&Batch],
        after: Option<Place>,
        operations: &[Operation],
    ) -> sqlx::Result<Vec<FoundNotification>> {
        let ids: Vec<Uuid> = batches.iter().map(|batch| batch.operation_id).collect();
        let last: Vec<i32> = batches.iter().map(|batch| batch.end().position).collect();
        let first: Vec<i32> = batches
            .iter()
            .map(|batch| first_position(batch, after))
            .collect();

        let rows = sqlx::query!(
            r#"
            select
                push_notifications.operation_id,
                push_notifications.position,
                push_notifications.user_id,
                push_notifications.external_id,
                push_notifications.provider as "provider: Provider",
                push_notifications.credential_id,
                push_notifications.token,
                push_notifications.status as "status: Status",
                push_notifications.updated_at,
                push_notifications.error_code,
                push_notifications.error_message,
                push_notifications.attempts,
                coalesce(push_notifications.planned_at > now(), false) as "is_later!"
            from unnest($1::uuid[], $2::integer[], $3::integer[]) as wanted (operation_id, first, last)
            join push_notifications
                on push_notifications.operation_id = wanted.operation_id
                and push_notifications.position >= wanted.first
                and push_notifications.position <= wanted.last
            where ($4::text[] is null or push_notifications.status::text = any($4))
                and ($5::text is null or upper(push_notifications.error_code) = upper($5))
                and (not $8 or push_notifications.error_code = $5)
                and ($9::boolean is null or (push_notifications.delivered_at is not null) = $9)
                and ($10::boolean is null or (push_notifications.opened_at is not null) = $10)
                -- Those without a time of their own are as their Operation is, which was looked at before.
                and ($11::boolean is null or push_notifications.planned_at is null or (push_notifications.planned_at > now()) = $11)
                and (
                    $6::provider is null
                    or push_notifications.provider = $6
                    or push_notifications.user_id is not null and exists (
                        select
                        from delivery_attempts
                        where delivery_attempts.operation_id = push_notifications.operation_id
                            and delivery_attempts.position = push_notifications.position
                            and delivery_attempts.provider = $6
                    )
                )
            order by push_notifications.operation_id desc, push_notifications.position
            limit $7
            "#,
            &ids,
            &first,
            &last,
            self.filter.status_names() as Option<Vec<String>>,
            self.filter.code,
            self.filter.provider as Option<Provider>,
            self.needed() as i64,
            self.filter.is_code_exact,
            self.filter.is_delivered,
            self.filter.is_opened,
            self.filter.is_scheduled(),
        )
        .fetch_all(self.pool)
        .await?;

        // What is the same for all of an Operation was read with it, and is not joined to each row.
        let found = rows.into_iter().filter_map(|row| {
            let operation = operations
                .iter()
                .find(|known| known.id == row.operation_id)?;

            Some(FoundNotification {
                place: Place {
                    operation_id: row.operation_id,
                    position: row.position,
                },
                recipient: RecipientColumns {
                    user_id: row.user_id,
                    external_id: row.external_id,
                    provider: row.provider,
                    credential_id: row.credential_id,
                    token: row.token,
                },
                status: row.status,
                updated_at: row.updated_at,
                error_code: row.error_code,
                error_message: row.error_message,
                attempts: row.attempts,
                app_name: operation.app_name.clone(),
                is_scheduled: operation.is_scheduled || row.is_later,
                created_at: operation.created_at,
            })
        });
        Ok(found.collect())
    }

    /// The next notifications to a User, each with whether it is wanted.
    pub(super) async fn notifications_of(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> sqlx::Result<Vec<(bool, FoundNotification)>> {
        let range = self.filter.range.up_to(self.scanned_to);

        // The conditions are part of what is selected and not of `where`: so the statement reads
        // `limit` rows of the index, whether any of them matches or not. The account is one of the
        // conditions: the id may be that of a User of another account.
        let rows = sqlx::query!(
            r#"
            select
                push_notifications.operation_id,
                push_notifications.position,
                push_notifications.user_id,
                push_notifications.external_id,
                push_notifications.status as "status: Status",
                push_notifications.updated_at,
                push_notifications.error_code,
                push_notifications.error_message,
                push_notifications.attempts,
                operations.app_name,
                operations.created_at,
                coalesce(coalesce(push_notifications.planned_at, operations.send_at) > now(), false) as "is_scheduled!",
                operations.account_id = $2
                    and ($8::jsonb is null or coalesce(operations.tags @> $8, false))
                    and ($9::text[] is null or push_notifications.status::text = any($9))
                    and (
                        $10::boolean is null
                        or coalesce(coalesce(push_notifications.planned_at, operations.send_at) > now(), false) = $10
                    )
                    and ($11::text is null or coalesce(upper(push_notifications.error_code) = upper($11), false))
                    and (not $13 or coalesce(push_notifications.error_code = $11, false))
                    and ($14::boolean is null or (push_notifications.delivered_at is not null) = $14)
                    and ($15::boolean is null or (push_notifications.opened_at is not null) = $15)
                    and ($12::provider is null or exists (
                        select
                        from delivery_attempts
                        where delivery_attempts.operation_id = push_notifications.operation_id
                            and delivery_attempts.position = push_notifications.position
                            and delivery_attempts.provider = $12
                    )) as "is_match!"
            from push_notifications
            join operations on operations.id = push_notifications.operation_id
            where push_notifications.user_id = $1
                and push_notifications.operation_id >= $3
                and push_notifications.operation_id < $4
                and (push_notifications.operation_id <> $5 or push_notifications.position > $6)
            order by push_notifications.operation_id desc, push_notifications.position
            limit $7
            "#,
            user_id.as_uuid(),
            self.filter.account_id.as_uuid(),
            range.from,
            range.until,
            self.scanned_to
                .map_or(Uuid::nil(), |place| place.operation_id),
            self.scanned_to.map_or(-1, |place| place.position),
            limit as i64,
            self.filter.tags,
            self.filter.status_names() as Option<Vec<String>>,
            self.filter.is_scheduled(),
            self.filter.code,
            self.filter.provider as Option<Provider>,
            self.filter.is_code_exact,
            self.filter.is_delivered,
            self.filter.is_opened,
        )
        .fetch_all(self.pool)
        .await?;

        let notifications = rows.into_iter().map(|row| {
            let found = FoundNotification {
                place: Place {
                    operation_id: row.operation_id,
                    position: row.position,
                },
                recipient: RecipientColumns {
                    user_id: row.user_id,
                    external_id: row.external_id,
                    provider: None,
                    credential_id: None,
                    token: None,
                },
                status: row.status,
                updated_at: row.updated_at,
                error_code: row.error_code,
                error_message: row.error_message,
                attempts: row.attempts,
                app_name: row.app_name,
                is_scheduled: row.is_scheduled,
                created_at: row.created_at,
            };
            (row.is_match, found)
        });
        Ok(notifications.collect())
    }
}

/// The first position of a batch that comes after `after`.
pub(super) fn first_position(batch: &Batch, after: Option<Place>) -> i32 {
    match after {
        Some(after) if after.operation_id == batch.operation_id => {
            batch.first_position.max(after.position + 1)
        }
        _ => batch.first_position,
    }
}
