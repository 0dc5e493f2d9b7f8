//! Looks at an account's notifications: those of the newest Operation first, and in request order
//! within an Operation.
//!
//! A look goes from Operations to their batches and from those to notifications. A batch's tallies say
//! whether any of its notifications has the status that is looked for, so most batches are passed over
//! without a look at their notifications. An index of the status would cost more than it saves: with
//! it, every change of a status would change all indexes of the row.
//!
//! A User's notifications have an index, and are read by it.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, MAX_POSITIONS, OperationId, PushNotificationId, UserId};
use crate::model::provider::Provider;
use crate::model::status::PushNotificationStatus;
use crate::store::look::{Budget, Found};
use crate::store::outcome_record::Status;
use crate::store::pool::Pool;
use crate::store::recipient_columns::RecipientColumns;

/// Most Operations that one statement reads.
const OPERATIONS_AT_A_TIME: usize = 1_000;
/// Most batches that one statement reads.
const BATCHES_AT_A_TIME: usize = 1_000;
/// Notifications that one statement looks at; those of a batch more at most.
const NOTIFICATIONS_AT_A_TIME: i64 = 2_000;
/// Of an Operation with more batches, the one in which a page begins is searched.
const SEARCHED_FROM: i32 = 100;

/// A place in the list: that of a notification, or behind all of an Operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) operation_id: Uuid,
    pub(super) position: i32,
}

impl Place {
    pub(super) fn of(id: PushNotificationId) -> Option<Self> {
        let (operation_id, position) = id.locate()?;

        Some(Self {
            operation_id: operation_id.as_uuid(),
            position: position as i32,
        })
    }

    fn behind(operation_id: Uuid) -> Self {
        Self {
            operation_id,
            position: MAX_POSITIONS as i32 - 1,
        }
    }

    pub(super) fn id(self) -> PushNotificationId {
        OperationId::from(self.operation_id).push_notification(self.position as u32)
    }

    /// The order of the list: the newest Operation first, and the first position within it.
    fn order(self, other: Self) -> Ordering {
        let newest_first = other.operation_id.cmp(&self.operation_id);

        newest_first.then(self.position.cmp(&other.position))
    }
}

/// Ids of Operations: from `from` up to but without `until`.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdRange {
    pub(super) from: Uuid,
    pub(super) until: Uuid,
}

impl IdRange {
    pub(super) fn of(operation_id: OperationId) -> Self {
        Self {
            from: operation_id.as_uuid(),
            until: next_id(operation_id.as_uuid()),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Up to `place` and including its Operation, unless all of that is behind.
    fn up_to(self, place: Option<Place>) -> Self {
        let until = place.map(|place| match place {
            behind if behind == Place::behind(place.operation_id) => place.operation_id,
            _ => next_id(place.operation_id),
        });

        Self {
            from: self.from,
            until: until.map_or(self.until, |until| until.min(self.until)),
        }
    }
}

fn next_id(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_add(1))
}

/// A status as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredStatus {
    /// One of these.
    pub(super) names: &'static [&'static str],
    /// Whether the Operation is scheduled for later; `None`: either.
    pub(super) is_scheduled: Option<bool>,
}

impl StoredStatus {
    pub(super) fn of(status: PushNotificationStatus) -> Self {
        let (names, is_scheduled): (&[&str], _) = match status {
            PushNotificationStatus::Scheduled => (&["QUEUED"], Some(true)),
            PushNotificationStatus::Queued => (&["QUEUED"], Some(false)),
            PushNotificationStatus::Sent => (&["SENT"], None),
            PushNotificationStatus::Failed => (&["FAILED", "UNADDRESSABLE"], None),
            PushNotificationStatus::Canceled => (&["CANCELED"], None),
        };

        Self {
            names,
            is_scheduled,
        }
    }
}

/// Which notifications are looked for.
pub(super) struct NotificationFilter<'a> {
    pub(super) account_id: AccountId,
    pub(super) range: IdRange,
    pub(super) after: Option<Place>,
    pub(super) status: Option<StoredStatus>,
    /// The code of the error that it failed with, in capitals or not.
    pub(super) code: Option<&'a str>,
    /// Whether the code must be in the same letter case.
    pub(super) is_code_exact: bool,
    pub(super) provider: Option<Provider>,
    /// Whether it has arrived on a device, as its app reports; `None`: either.
    pub(super) is_delivered: Option<bool>,
    /// Whether it was opened.
    pub(super) is_opened: Option<bool>,
    /// To a User who is recorded under these ids.
    pub(super) user_ids: Option<&'a [UserId]>,
    /// Of Operations with all of these tags.
    pub(super) tags: Option<&'a Value>,
    /// Most that are returned.
    pub(super) limit: usize,
}

impl NotificationFilter<'_> {
    /// The stored statuses, as statements take them.
    fn status_names(&self) -> Option<Vec<String>> {
        let status = self.status?;

        Some(status.names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn is_scheduled(&self) -> Option<bool> {
        self.status.and_then(|status| status.is_scheduled)
    }

    fn admits(&self, operation: &Operation) -> bool {
        let is_scheduled = self.is_scheduled();

        // The notifications of one with a local schedule have times of their own.
        operation.has_tags
            && is_scheduled
                .is_none_or(|expected| expected == operation.is_scheduled || operation.is_local)
    }

    /// How many notifications of a batch have the status.
    fn matching(&self, batch: &Batch) -> i64 {
        let of = |name: &str| match name {
            "QUEUED" => batch.queued,
            "SENT" => batch.sent,
            "FAILED" => batch.failed,
            "UNADDRESSABLE" => batch.unaddressable,
            "CANCELED" => batch.canceled,
            _ => 0,
        };

        match self.status {
            None => batch.size.into(),
            Some(status) => status.names.iter().map(|name| i64::from(of(name))).sum(),
        }
    }

    /// Whether every notification of these batches that has the status is one that is looked for.
    fn is_status_enough(&self, batches: &[&Batch]) -> bool {
        let has_times = batches.iter().any(|batch| batch.is_planned);

        self.provider.is_none()
            && self.code.is_none()
            && self.is_delivered.is_none()
            && self.is_opened.is_none()
            && (self.is_scheduled().is_none() || !has_times)
    }
}

/// A notification as a look finds it.
pub(super) struct FoundNotification {
    pub(super) place: Place,
    pub(super) recipient: RecipientColumns,
    pub(super) status: Status,
    pub(super) updated_at: Option<OffsetDateTime>,
    pub(super) error_code: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) attempts: i16,
    pub(super) app_name: Option<String>,
    /// Whether its Operation is scheduled for a later time.
    pub(super) is_scheduled: bool,
    /// When its Operation was accepted.
    pub(super) created_at: OffsetDateTime,
}

struct Operation {
    id: Uuid,
    app_name: Option<String>,
    is_scheduled: bool,
    /// Whether its notifications have times of their own.
    is_local: bool,
    has_tags: bool,
    created_at: OffsetDateTime,
    /// The number of its last batch; `None`: it has none yet.
    last_batch: Option<i32>,
}

/// Consecutive batches of an Operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BatchRange {
    operation_id: Uuid,
    first: i32,
    last: i32,
    /// Whether it ends with the Operation's last batch.
    is_end: bool,
}

struct Batch {
    operation_id: Uuid,
    first_position: i32,
    size: i32,
    queued: i32,
    sent: i32,
    failed: i32,
    canceled: i32,
    unaddressable: i32,
    /// Whether its notifications have times of their own.
    is_planned: bool,
}

impl Batch {
    fn end(&self) -> Place {
        Place {
            operation_id: self.operation_id,
            position: self.first_position + self.size - 1,
        }
    }
}

/// How a step of a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// All of it was looked at.
    Done,
    /// The page is full, and there is at least one notification behind it.
    Full,
    /// The budget is spent, and there is more to look at.
    Spent,
}

struct Look<'a> {
    pool: &'a Pool,
    filter: &'a NotificationFilter<'a>,
    budget: Budget,
    found: Vec<FoundNotification>,
    /// Everything up to here has been looked at.
    looked_to: Option<Place>,
}

/// Looks for a page of notifications.
pub(super) async fn look(
    pool: &Pool,
    filter: &NotificationFilter<'_>,
) -> sqlx::Result<Found<FoundNotification, Place>> {
    let mut look = Look {
        pool,
        filter,
        budget: Budget::new(),
        found: Vec::new(),
        looked_to: filter.after,
    };

    let next = match filter.user_ids {
        Some(user_ids) => look.through_user(user_ids).await?,
        None => look.through_operations().await?,
    };
    look.found.truncate(filter.limit);

    Ok(Found {
        records: look.found,
        next,
    })
}

impl Look<'_> {
    /// How many more notifications tell whether there is a next page.
    fn needed(&self) -> usize {
        (self.filter.limit + 1).saturating_sub(self.found.len())
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.filter.limit
    }

    /// Where the next page begins after a step; `None`: the look goes on.
    fn next_after(&self, step: Step) -> Option<Place> {
        match step {
            Step::Done => None,
            Step::Spent => self.looked_to,
            Step::Full => self.found[..self.filter.limit]
                .last()
                .map(|found| found.place),
        }
    }

    async fn through_operations(&mut self) -> sqlx::Result<Option<Place>> {
        let mut at_a_time = (self.filter.limit + 1).min(OPERATIONS_AT_A_TIME);

        loop {
            let range = self.filter.range.up_to(self.looked_to);
            let operations = self.operations(range, at_a_time).await?;
            let is_last = operations.len() < at_a_time;
            self.budget.spend(operations.len());

            let step = self.through_batches_of(&operations).await?;
            if step != Step::Done {
                return Ok(self.next_after(step));
            }
            let Some(last) = operations.last().filter(|_| !is_last) else {
                return Ok(None);
            };

            self.looked_to = Some(Place::behind(last.id));
            if self.budget.is_spent() {
                return Ok(self.looked_to);
            }
            // What is looked for may be rare, so the steps grow.
            at_a_time = (4 * at_a_time).min(OPERATIONS_AT_A_TIME);
        }
    }

    async fn through_batches_of(&mut self, operations: &[Operation]) -> sqlx::Result<Step> {
        let mut ranges = Vec::new();
        for operation in operations {
            if self.filter.admits(operation)
                && let Some(last) = operation.last_batch
            {
                ranges.push(BatchRange {
                    operation_id: operation.id,
                    first: self.first_batch_of(operation.id, last).await?,
                    last,
                    is_end: true,
                });
            }
        }

        // Each batch has a notification, so without a filter so many fill the page.
        let chunks = in_chunks(&ranges, self.needed(), BATCHES_AT_A_TIME);
        let mut chunks = chunks.into_iter().peekable();
        while let Some(ranges) = chunks.next() {
            let batches = self.batches(&ranges).await?;
            self.budget.spend(batches.len());
            let end = match ranges.last() {
                Some(range) if range.is_end => Some(Place::behind(range.operation_id)),
                _ => batches.last().map(Batch::end),
            };

            let step = self.through_notifications_of(&batches, operations).await?;
            if step != Step::Done {
                return Ok(step);
            }

            self.looked_to = later(self.looked_to, end);
            if chunks.peek().is_some() && self.budget.is_spent() {
                return Ok(Step::Spent);
            }
        }

        Ok(Step::Done)
    }

    async fn through_notifications_of(
        &mut self,
        batches: &[Batch],
        operations: &[Operation],
    ) -> sqlx::Result<Step> {
        let after = self.looked_to;
        let mut left: Vec<&Batch> = batches
            .iter()
            .filter(|batch| self.filter.matching(batch) > 0 && !is_behind(batch, after))
            .collect();

        while !left.is_empty() {
            let read = self.batches_to_read(&left);
            let rest = left.split_off(read);
            let size: i32 = left.iter().map(|batch| batch.size).sum();

            let notifications = self.notifications(&left, after, operations).await?;
            self.found.extend(notifications);
            self.budget.spend(size as usize);
            self.looked_to = left.last().map(|batch| batch.end());

            if self.is_full() {
                return Ok(Step::Full);
            }
            if !rest.is_empty() && self.budget.is_spent() {
                return Ok(Step::Spent);
            }
            left = rest;
        }

        Ok(Step::Done)
    }

    /// How many of `batches` the next statement reads: at least one, and not more than fill the page.
    fn batches_to_read(&self, batches: &[&Batch]) -> usize {
        let needed = self.needed() as i64;
        let mut size = 0;
        let mut matching = 0;

        for (index, batch) in batches.iter().enumerate() {
            size += i64::from(batch.size);
            matching += self.filter.matching(batch);

            let is_enough = matching >= needed && self.filter.is_status_enough(&batches[..=index]);
            if is_enough || size >= NOTIFICATIONS_AT_A_TIME {
                return index + 1;
            }
        }

        batches.len()
    }

    async fn operations(&self, range: IdRange, limit: usize) -> sqlx::Result<Vec<Operation>> {
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

    /// The number of the batch of an Operation that the look goes on with, or of an earlier one.
    async fn first_batch_of(&self, operation_id: Uuid, last_batch: i32) -> sqlx::Result<i32> {
        let Some(after) = self
            .looked_to
            .filter(|place| place.operation_id == operation_id && last_batch >= SEARCHED_FROM)
        else {
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

    async fn batches(&self, ranges: &[BatchRange]) -> sqlx::Result<Vec<Batch>> {
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

    /// The notifications of `batches` that are looked for, but no more than the page needs.
    async fn notifications(
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

    async fn through_user(&mut self, user_ids: &[UserId]) -> sqlx::Result<Option<Place>> {
        let mut at_a_time = self.filter.limit + 1;

        loop {
            let mut looked = Vec::new();
            // A statement for each: in one for all, the index would give no order.
            for user_id in user_ids {
                looked.extend(self.notifications_of(*user_id, at_a_time).await?);
            }
            self.budget.spend(looked.len());
            let is_last = looked.len() < at_a_time;
            looked.sort_by(|(_, one), (_, other)| one.place.order(other.place));
            // What is behind them has been looked at under one id alone.
            looked.truncate(at_a_time);
            self.looked_to = looked
                .last()
                .map(|(_, found)| found.place)
                .or(self.looked_to);

            let matching = looked.into_iter().filter(|(is_match, _)| *is_match);
            self.found.extend(matching.map(|(_, found)| found));

            if self.is_full() {
                return Ok(self.next_after(Step::Full));
            }
            if is_last {
                return Ok(None);
            }
            if self.budget.is_spent() {
                return Ok(self.looked_to);
            }
            at_a_time = OPERATIONS_AT_A_TIME;
        }
    }

    /// The next notifications to a User, each with whether it is looked for.
    async fn notifications_of(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> sqlx::Result<Vec<(bool, FoundNotification)>> {
        let range = self.filter.range.up_to(self.looked_to);

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
            self.looked_to
                .map_or(Uuid::nil(), |place| place.operation_id),
            self.looked_to.map_or(-1, |place| place.position),
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

        let looked = rows.into_iter().map(|row| {
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
        Ok(looked.collect())
    }
}

/// The later of two places, where `next` may be one that a page before has reached already.
fn later(reached: Option<Place>, next: Option<Place>) -> Option<Place> {
    match (reached, next) {
        (Some(reached), Some(next))
            if reached.operation_id == next.operation_id && reached.position > next.position =>
        {
            Some(reached)
        }
        (reached, next) => next.or(reached),
    }
}

/// Whether a batch ends at or before `after`.
fn is_behind(batch: &Batch, after: Option<Place>) -> bool {
    after.is_some_and(|after| {
        after.operation_id == batch.operation_id && batch.end().position <= after.position
    })
}

/// The first position of a batch that comes after `after`.
fn first_position(batch: &Batch, after: Option<Place>) -> i32 {
    match after {
        Some(after) if after.operation_id == batch.operation_id => {
            batch.first_position.max(after.position + 1)
        }
        _ => batch.first_position,
    }
}

/// Divides ranges into chunks: one of `first` batches, and others of `most`.
fn in_chunks(ranges: &[BatchRange], first: usize, most: usize) -> Vec<Vec<BatchRange>> {
    let mut chunks = vec![Vec::new()];
    let mut room = first.clamp(1, most) as i32;

    for range in ranges {
        let mut next = range.first;

        while next <= range.last {
            if room == 0 {
                chunks.push(Vec::new());
                room = most as i32;
            }

            let last = range.last.min(next + room - 1);
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(BatchRange {
                    first: next,
                    last,
                    is_end: last == range.last,
                    ..*range
                });
            }
            room -= last - next + 1;
            next = last + 1;
        }
    }

    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number << 24)
    }

    fn range(operation: u128, first: i32, last: i32, is_end: bool) -> BatchRange {
        BatchRange {
            operation_id: id(operation),
            first,
            last,
            is_end,
        }
    }

    fn batch(operation: u128, first_position: i32, size: i32) -> Batch {
        Batch {
            operation_id: id(operation),
            first_position,
            size,
            queued: 0,
            sent: size,
            failed: 0,
            canceled: 0,
            unaddressable: 0,
            is_planned: false,
        }
    }

    #[test]
    fn ranges_are_divided_in_order_and_without_a_gap() {
        let ranges = [range(2, 3, 9, true), range(1, 0, 0, true)];

        assert_eq!(
            in_chunks(&ranges, 2, 4),
            [
                vec![range(2, 3, 4, false)],
                vec![range(2, 5, 8, false)],
                vec![range(2, 9, 9, true), range(1, 0, 0, true)],
            ]
        );
        assert_eq!(in_chunks(&ranges, 100, 100), [ranges.to_vec()]);
        assert!(in_chunks(&[], 1, 1).is_empty());
    }

    #[test]
    fn a_look_goes_on_within_a_batch_or_behind_it() {
        let batch = batch(1, 500, 500);
        let at = |operation, position| {
            Some(Place {
                operation_id: id(operation),
                position,
            })
        };

        assert!(!is_behind(&batch, None));
        assert_eq!(first_position(&batch, None), 500);
        assert_eq!(first_position(&batch, at(1, 20)), 500);
        assert!(!is_behind(&batch, at(1, 998)));
        assert_eq!(first_position(&batch, at(1, 998)), 999);
        assert!(is_behind(&batch, at(1, 999)));

        // Another Operation's positions say nothing of this one.
        assert!(!is_behind(&batch, at(2, 999)));
        assert_eq!(first_position(&batch, at(2, 998)), 500);
    }

    #[test]
    fn a_look_never_goes_back() {
        let at = |operation, position| {
            Some(Place {
                operation_id: id(operation),
                position,
            })
        };

        assert_eq!(later(at(1, 700), at(1, 499)), at(1, 700));
        assert_eq!(later(at(1, 700), at(1, 999)), at(1, 999));
        assert_eq!(later(at(2, 700), at(1, 0)), at(1, 0));
        assert_eq!(later(at(1, 700), None), at(1, 700));
        assert_eq!(later(None, at(1, 0)), at(1, 0));
    }

    #[test]
    fn a_place_is_a_notification_id_and_back() {
        let place = Place {
            operation_id: id(7),
            position: 3,
        };
        assert_eq!(Place::of(place.id()), Some(place));

        let behind = Place::behind(id(7));
        assert_eq!(Place::of(behind.id()), Some(behind));
    }

    #[test]
    fn a_status_is_found_by_the_tallies_of_a_batch() {
        let batch = Batch {
            queued: 1,
            sent: 2,
            failed: 4,
            canceled: 8,
            unaddressable: 16,
            ..batch(1, 0, 31)
        };
        let matching = |status| {
            let filter = NotificationFilter {
                account_id: AccountId::generate(),
                range: IdRange {
                    from: Uuid::nil(),
                    until: Uuid::max(),
                },
                after: None,
                status,
                code: None,
                is_code_exact: false,
                provider: None,
                is_delivered: None,
                is_opened: None,
                user_ids: None,
                tags: None,
                limit: 1,
            };
            filter.matching(&batch)
        };
        let of = |status| matching(Some(StoredStatus::of(status)));

        assert_eq!(matching(None), 31);
        assert_eq!(of(PushNotificationStatus::Queued), 1);
        assert_eq!(of(PushNotificationStatus::Scheduled), 1);
        assert_eq!(of(PushNotificationStatus::Sent), 2);
        assert_eq!(of(PushNotificationStatus::Failed), 20);
        assert_eq!(of(PushNotificationStatus::Canceled), 8);
    }
}
