//! Messages to webhooks: claimed, recorded with each attempt, and listed.
//!
//! `due_at` is the next attempt and the lease in one, as it is for batches, and `claims` is the fencing
//! token. A webhook is a lane: its row says how often it failed in a row, and until when nothing is
//! sent to it, so that all processes rest together.

use std::time::Duration;

use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId, WebhookDeliveryId, WebhookId};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::model::webhook::{DeliveryContent, Envelope};
use crate::store::outcome_record::Status;
use crate::store::pool::Pool;
use crate::store::recipient_columns::RecipientColumns;

/// A message that this process holds, with what its webhook says.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedDelivery {
    pub id: WebhookDeliveryId,
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    /// The name of an event.
    pub event: String,
    /// The callback of its Operation, or else the webhook's URL.
    pub url: String,
    pub content: DeliveryContent,
    /// Attempts before this one.
    pub attempts: i16,
    /// The fencing token.
    pub claims: i32,
    pub created_at: OffsetDateTime,
    pub envelope: Envelope,
    /// Sealed; the current one first.
    pub secrets: Vec<Vec<u8>>,
    /// The webhook's failures in a row.
    pub failures: i32,
    /// Since when it has failed.
    pub failing_since: Option<OffsetDateTime>,
}

struct ClaimedRow {
    id: Uuid,
    account_id: Uuid,
    webhook_id: Uuid,
    event: String,
    url: String,
    content: Json<DeliveryContent>,
    attempts: i16,
    claims: i32,
    created_at: OffsetDateTime,
    envelope: String,
    secret: Vec<u8>,
    old_secret: Option<Vec<u8>>,
    failures: i32,
    failing_since: Option<OffsetDateTime>,
}

impl From<ClaimedRow> for ClaimedDelivery {
    fn from(row: ClaimedRow) -> Self {
        Self {
            id: row.id.into(),
            account_id: row.account_id.into(),
            webhook_id: row.webhook_id.into(),
            event: row.event,
            url: row.url,
            content: row.content.0,
            attempts: row.attempts,
            claims: row.claims,
            created_at: row.created_at,
            envelope: Envelope::of_name(&row.envelope),
            secrets: std::iter::once(row.secret).chain(row.old_secret).collect(),
            failures: row.failures,
            failing_since: row.failing_since,
        }
    }
}

/// A webhook with messages that are neither delivered nor given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitingWebhook {
    pub id: WebhookId,
    pub is_failing: bool,
    /// It is enabled and does not rest, and one of its messages is due.
    pub is_due: bool,
}

/// The webhooks with messages to deliver, in the order of their ids, from the one after `after` on and
/// around, at most `limit`. The look costs as much as it returns, however many webhooks and messages
/// there are.
pub(crate) async fn waiting_webhooks(
    executor: impl PgExecutor<'_>,
    after: Option<WebhookId>,
    limit: i64,
) -> sqlx::Result<Vec<WaitingWebhook>> {
    let after = after.map_or(Uuid::nil(), WebhookId::as_uuid);

    let rows = sqlx::query!(
        r#"
        -- From one webhook to the next by the index of due messages. It ends where it has begun: "union" leaves out a
        -- row that was there before.
        with recursive walked (webhook_id, is_start) as (
            select $1::uuid, true
            union
            select
                coalesce(
                    (
                        select webhook_deliveries.webhook_id
                        from webhook_deliveries
                        where webhook_deliveries.status = 'PENDING'
                            and webhook_deliveries.webhook_id > walked.webhook_id
                        order by webhook_deliveries.webhook_id
                        limit 1
                    ),
                    (
                        select webhook_deliveries.webhook_id
                        from webhook_deliveries
                        where webhook_deliveries.status = 'PENDING'
                        order by webhook_deliveries.webhook_id
                        limit 1
                    )
                ),
                false
            from walked
            where walked.webhook_id is not null
        ),
        -- Postgres walks only as far as rows are taken.
        waiting as materialized (
            select walked.webhook_id, row_number() over () as place
            from walked
            where not walked.is_start and walked.webhook_id is not null
            limit $2
        )
        select
            waiting.webhook_id as "webhook_id!",
            coalesce(webhook.is_failing, false) as "is_failing!",
            due.is_due is not null as "is_due!"
        from waiting
        -- One look into the index for each, whatever Postgres knows of the table.
        left join lateral (
            select webhooks.failures > 0 as is_failing
            from webhooks
            where webhooks.id = waiting.webhook_id
                and webhooks.disabled_at is null
                and (webhooks.blocked_until is null or webhooks.blocked_until <= now())
            limit 1
        ) as webhook on true
        left join lateral (
            select true as is_due
            from webhook_deliveries
            where webhook.is_failing is not null
                and webhook_deliveries.webhook_id = waiting.webhook_id
                and webhook_deliveries.status = 'PENDING'
                and webhook_deliveries.due_at <= now()
            limit 1
        ) as due on true
        order by waiting.place
        "#,
        after,
        limit,
    )
    .fetch_all(executor)
    .await?;

    let waiting = rows.into_iter().map(|row| WaitingWebhook {
        id: row.webhook_id.into(),
        is_failing: row.is_failing,
        is_due: row.is_due,
    });
    Ok(waiting.collect())
}

/// What may be claimed of a webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub webhook_id: WebhookId,
    /// Whether it fails. Nothing is claimed if that has changed since.
    pub is_failing: bool,
    /// Most messages.
    pub room: i32,
}

/// Claims due messages of the enabled ones of these webhooks that are not resting, for the time of `lease`.
/// A message that is not recorded by then is due again.
pub(crate) async fn claim(
    executor: impl PgExecutor<'_>,
    turns: &[Turn],
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedDelivery>> {
    let webhook_ids: Vec<Uuid> = turns.iter().map(|turn| turn.webhook_id.as_uuid()).collect();
    let are_failing: Vec<bool> = turns.iter().map(|turn| turn.is_failing).collect();
    let rooms: Vec<i32> = turns.iter().map(|turn| turn.room).collect();

    let rows = sqlx::query_as!(
        ClaimedRow,
        r#"
        with lane as materialized (
            select
                webhook.id,
                webhook.url,
                webhook.envelope,
                webhook.secret,
                webhook.old_secret,
                webhook.failures,
                webhook.failing_since,
                turn.room
            from unnest($1::uuid[], $2::boolean[], $3::integer[]) as turn (webhook_id, is_failing, room)
            -- One look into the index for each, whatever Postgres knows of the table.
            cross join lateral (
                select
                    webhooks.id,
                    webhooks.url,
                    webhooks.envelope,
                    webhooks.secret,
                    case when webhooks.old_secret_until > now() then webhooks.old_secret end as old_secret,
                    webhooks.failures,
                    webhooks.failing_since
                from webhooks
                where webhooks.id = turn.webhook_id
                    and webhooks.disabled_at is null
                    and (webhooks.blocked_until is null or webhooks.blocked_until <= now())
                    and (webhooks.failures > 0) = turn.is_failing
                limit 1
            ) as webhook
        ),
        due as materialized (
            select found.id, lane.id as webhook_id
            from lane
            cross join lateral (
                select webhook_deliveries.id
                from webhook_deliveries
                where webhook_deliveries.webhook_id = lane.id
                    and webhook_deliveries.status = 'PENDING'
                    and webhook_deliveries.due_at <= now()
                order by webhook_deliveries.due_at
                limit lane.room
                for update skip locked
            ) as found
        )
        update webhook_deliveries
        set due_at = now() + make_interval(secs => $4), is_claimed = true, claims = webhook_deliveries.claims + 1
        from due
        join lane on lane.id = due.webhook_id
        where webhook_deliveries.id = due.id
        returning
            webhook_deliveries.id,
            webhook_deliveries.account_id,
            webhook_deliveries.webhook_id,
            webhook_deliveries.event,
            coalesce(webhook_deliveries.callback_url, lane.url) as "url!",
            webhook_deliveries.content as "content: Json<DeliveryContent>",
            webhook_deliveries.attempts,
            webhook_deliveries.claims,
            webhook_deliveries.created_at,
            lane.envelope as "envelope!",
            lane.secret as "secret!",
            lane.old_secret,
            lane.failures as "failures!",
            lane.failing_since
        "#,
        &webhook_ids,
        &are_failing,
        &rooms,
        lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(ClaimedDelivery::from).collect())
}

/// An attempt, and what follows from it.
pub(crate) struct AttemptRecord<'a> {
    pub id: WebhookDeliveryId,
    /// The claim under which it was made.
    pub claims: i32,
    pub http_status: Option<i16>,
    /// Whether the receiver took the message; `None`: it was not asked.
    pub is_taken: Option<bool>,
    /// Why the message was not delivered.
    pub error: Option<&'a str>,
    /// The beginning of the answer's body.
    pub answer: Option<&'a str>,
    pub duration: Duration,
    pub started_at: OffsetDateTime,
    /// When the message is tried again; `None`: it was taken, or is given up.
    pub retry_in: Option<Duration>,
    /// How long nothing is sent to the webhook.
    pub block_for: Option<Duration>,
    /// Why the webhook is disabled from now on.
    pub disable: Option<&'a str>,
}

/// Writes an attempt with its consequences in one statement. Returns whether it disabled the webhook.
/// Under a claim that was lost it writes nothing.
pub(crate) async fn record(
    executor: impl PgExecutor<'_>,
    record: &AttemptRecord<'_>,
) -> sqlx::Result<bool> {
    let status = match record.retry_in {
        Some(_) => "PENDING",
        None if record.is_taken == Some(true) => "DELIVERED",
        None => "FAILED",
    };

    sqlx::query_scalar!(
        r#"
        with delivery as (
            update webhook_deliveries
            set status = $3,
                attempts = webhook_deliveries.attempts + 1,
                due_at = now() + make_interval(secs => coalesce($4::double precision, 0)),
                is_claimed = false,
                updated_at = now()
            where webhook_deliveries.id = $1
                and webhook_deliveries.claims = $2
                and webhook_deliveries.status = 'PENDING'
            returning webhook_deliveries.id, webhook_deliveries.webhook_id, webhook_deliveries.attempts
        ),
        attempt as (
            insert into webhook_attempts (delivery_id, number, http_status, error, answer, duration_ms, created_at)
            select delivery.id, delivery.attempts, $5, $6, $7, $8, $9
            from delivery
        ),
        -- A webhook that works is not written to for each message.
        lane as (
            update webhooks
            set failures = case when $10 then 0 else least(webhooks.failures, 1000000) + 1 end,
                failing_since = case when $10 then null else coalesce(webhooks.failing_since, now()) end,
                blocked_until = now() + make_interval(secs => $11::double precision),
                disabled_at = case when $12::text is null then webhooks.disabled_at else coalesce(webhooks.disabled_at, now()) end,
                disabled_reason = coalesce(webhooks.disabled_reason, $12)
            from delivery
            where webhooks.id = delivery.webhook_id and (not $10::boolean or webhooks.failures > 0 and $10)
            returning $12::text is not null and webhooks.disabled_reason = $12 as is_disabled
        )
        select coalesce(bool_or(lane.is_disabled), false) as "is_disabled!" from lane
        "#,
        record.id.as_uuid(),
        record.claims,
        status,
        record.retry_in.map(|delay| delay.as_secs_f64()),
        record.http_status,
        record.error,
        record.answer,
        record.duration.as_millis() as i32,
        record.started_at,
        record.is_taken,
        record.block_for.map(|pause| pause.as_secs_f64()),
        record.disable,
    )
    .fetch_one(executor)
    .await
}

/// Gives back messages that were claimed and not tried.
pub(crate) async fn give_back(
    executor: impl PgExecutor<'_>,
    claimed: &[(WebhookDeliveryId, i32)],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = claimed.iter().map(|(id, _)| id.as_uuid()).collect();
    let claims: Vec<i32> = claimed.iter().map(|(_, claims)| *claims).collect();

    sqlx::query!(
        r#"
        update webhook_deliveries
        set due_at = now(), is_claimed = false
        from unnest($1::uuid[], $2::integer[]) as held (id, claims)
        where webhook_deliveries.id = held.id
            and webhook_deliveries.claims = held.claims
            and webhook_deliveries.status = 'PENDING'
        "#,
        &ids,
        &claims,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// A message as the API shows it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    pub event: String,
    pub url: String,
    /// PENDING, DELIVERED or FAILED.
    pub status: String,
    /// When it is tried again; `None`: it is not.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// First to last, at most 20 of the last.
    pub attempts: Vec<Attempt>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// An attempt to deliver a message.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub number: i16,
    pub http_status: Option<i16>,
    pub error: Option<String>,
    pub answer: Option<String>,
    pub duration_ms: i32,
    pub created_at: OffsetDateTime,
}

/// Most attempts of a message that are shown.
const MAX_SHOWN_ATTEMPTS: i64 = 20;

struct DeliveryRow {
    id: Uuid,
    webhook_id: Uuid,
    event: String,
    url: String,
    status: String,
    next_attempt_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id.into(),
            webhook_id: row.webhook_id.into(),
            event: row.event,
            url: row.url,
            status: row.status,
            next_attempt_at: row.next_attempt_at,
            attempts: Vec::new(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Which messages of a webhook to list.
pub(crate) struct DeliveryFilter<'a> {
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    /// This one alone.
    pub id: Option<WebhookDeliveryId>,
    pub status: Option<&'a str>,
    pub event: Option<&'a str>,
    /// From this id on; it excludes messages past their retention.
    pub from: Uuid,
    /// With a lower id.
    pub until: Option<Uuid>,
    pub limit: i64,
}

/// Messages of a webhook with their attempts, newest first.
pub(crate) async fn list(pool: &Pool, filter: &DeliveryFilter<'_>) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query_as!(
        DeliveryRow,
        r#"
        select
            webhook_deliveries.id,
            webhook_deliveries.webhook_id,
            webhook_deliveries.event,
            coalesce(webhook_deliveries.callback_url, webhooks.url) as "url!",
            webhook_deliveries.status,
            case when webhook_deliveries.status = 'PENDING' then webhook_deliveries.due_at end as next_attempt_at,
            webhook_deliveries.created_at,
            webhook_deliveries.updated_at
        from webhooks
        join webhook_deliveries on webhook_deliveries.webhook_id = webhooks.id
        where webhooks.id = $2
            and webhooks.account_id = $1
            and ($3::uuid is null or webhook_deliveries.id = $3)
            and ($4::text is null or webhook_deliveries.status = $4)
            and ($5::text is null or webhook_deliveries.event = $5)
            and webhook_deliveries.id >= $6
            and ($7::uuid is null or webhook_deliveries.id < $7)
        order by webhook_deliveries.id desc
        limit $8
        "#,
        filter.account_id.as_uuid(),
        filter.webhook_id.as_uuid(),
        filter.id.map(WebhookDeliveryId::as_uuid),
        filter.status,
        filter.event,
        filter.from,
        filter.until,
        filter.limit,
    )
    .fetch_all(pool)
    .await?;

    let mut deliveries: Vec<Delivery> = rows.into_iter().map(Delivery::from).collect();
    add_attempts(pool, &mut deliveries).await?;
    Ok(deliveries)
}

async fn add_attempts(
    executor: impl PgExecutor<'_>,
    deliveries: &mut [Delivery],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = deliveries
        .iter()
        .map(|delivery| delivery.id.as_uuid())
        .collect();

    let rows = sqlx::query!(
        r#"
        select
            asked.index as "index!",
            attempt.number,
            attempt.http_status,
            attempt.error,
            attempt.answer,
            attempt.duration_ms,
            attempt.created_at
        from unnest($1::uuid[]) with ordinality as asked (id, index)
        cross join lateral (
            select
                webhook_attempts.number,
                webhook_attempts.http_status,
                webhook_attempts.error,
                webhook_attempts.answer,
                webhook_attempts.duration_ms,
                webhook_attempts.created_at
            from webhook_attempts
            where webhook_attempts.delivery_id = asked.id
            order by webhook_attempts.number desc
            limit $2
        ) as attempt
        order by asked.index, attempt.number
        "#,
        &ids,
        MAX_SHOWN_ATTEMPTS,
    )
    .fetch_all(executor)
    .await?;

    for row in rows {
        let attempt = Attempt {
            number: row.number,
            http_status: row.http_status,
            error: row.error,
            answer: row.answer,
            duration_ms: row.duration_ms,
            created_at: row.created_at,
        };
        if let Some(delivery) = deliveries.get_mut((row.index - 1) as usize) {
            delivery.attempts.push(attempt);
        }
    }

    Ok(())
}

/// What became of the wish to deliver a message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resent {
    /// It is due now.
    Due,
    /// It is being tried at this moment.
    InFlight,
    NotFound,
}

/// Makes a message due now, whatever became of it; its attempts go on counting.
pub(crate) async fn resend(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    webhook_id: WebhookId,
    id: WebhookDeliveryId,
) -> sqlx::Result<Resent> {
    let resent = sqlx::query_scalar!(
        r#"
        with delivery as (
            select
                webhook_deliveries.id,
                webhook_deliveries.is_claimed and webhook_deliveries.due_at > now() as is_in_flight
            from webhook_deliveries
            where webhook_deliveries.id = $3
                and webhook_deliveries.webhook_id = $2
                and webhook_deliveries.account_id = $1
            for update
        ),
        resent as (
            update webhook_deliveries
            -- A claim that was lost must not record anything any more.
            set status = 'PENDING', due_at = now(), is_claimed = false, claims = webhook_deliveries.claims + 1
            from delivery
            where webhook_deliveries.id = delivery.id and not delivery.is_in_flight
        )
        select delivery.is_in_flight as "is_in_flight!" from delivery
        "#,
        account_id.as_uuid(),
        webhook_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(match resent {
        None => Resent::NotFound,
        Some(true) => Resent::InFlight,
        Some(false) => Resent::Due,
    })
}

/// A notification that a message reports.
pub(crate) struct ReportedNotification {
    /// Index of its part in the slice that was asked for.
    pub part: usize,
    pub position: i32,
    pub recipient: Recipient,
    pub status: Status,
    pub attempts: i16,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub updated_at: Option<OffsetDateTime>,
    pub delivered_at: Option<OffsetDateTime>,
    pub opened_at: Option<OffsetDateTime>,
}

/// The notifications at these positions (Operation, first, end) that have one of `statuses`.
pub(crate) async fn notifications(
    executor: impl PgExecutor<'_>,
    parts: &[(OperationId, i32, i32)],
    statuses: &[Status],
) -> sqlx::Result<Vec<ReportedNotification>> {
    let operation_ids: Vec<Uuid> = parts.iter().map(|(id, ..)| id.as_uuid()).collect();
    let firsts: Vec<i32> = parts.iter().map(|(_, first, _)| *first).collect();
    let ends: Vec<i32> = parts.iter().map(|(.., end)| *end).collect();

    let rows = sqlx::query!(
        r#"
        select
            part.index as "index!",
            push_notifications.position,
            push_notifications.user_id,
            push_notifications.external_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.status as "status: Status",
            push_notifications.attempts,
            push_notifications.error_code,
            push_notifications.error_message,
            push_notifications.updated_at,
            push_notifications.delivered_at,
            push_notifications.opened_at
        from unnest($1::uuid[], $2::integer[], $3::integer[]) with ordinality
            as part (operation_id, first, "end", index)
        join push_notifications
            on push_notifications.operation_id = part.operation_id
            and push_notifications.position >= part.first
            and push_notifications.position < part."end"
        where push_notifications.status = any($4)
        order by part.index, push_notifications.position
        "#,
        &operation_ids,
        &firsts,
        &ends,
        statuses as &[Status],
    )
    .fetch_all(executor)
    .await?;

    let notifications = rows.into_iter().map(|row| {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            external_id: row.external_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };

        Ok(ReportedNotification {
            part: (row.index - 1) as usize,
            position: row.position,
            recipient: recipient.try_into()?,
            status: row.status,
            attempts: row.attempts,
            error_code: row.error_code,
            error_message: row.error_message,
            updated_at: row.updated_at,
            delivered_at: row.delivered_at,
            opened_at: row.opened_at,
        })
    });
    notifications.collect()
}
