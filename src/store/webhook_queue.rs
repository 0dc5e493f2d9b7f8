//! The queue of messages to webhooks: which webhooks have messages, claims, and records of attempts.
//!
//! `due_at` is the next attempt and the lease in one, as it is for batches, and `claims` is the fencing
//! token. A webhook's row says how often it failed in a row, and until when nothing is sent to it, so that
//! all processes rest together.

use std::time::Duration;

use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, WebhookDeliveryId, WebhookId};
use crate::model::webhook::{DeliveryContent, Envelope};

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
    /// When the earliest of its due messages came due. `None`: none is due, or it was not looked at.
    pub due_since: Option<OffsetDateTime>,
    /// When it was looked at, by the database's clock. `None`: it is disabled or rests.
    pub looked_at: Option<OffsetDateTime>,
}

struct WaitingRow {
    webhook_id: Uuid,
    is_failing: bool,
    due_since: Option<OffsetDateTime>,
    looked_at: Option<OffsetDateTime>,
}

impl From<WaitingRow> for WaitingWebhook {
    fn from(row: WaitingRow) -> Self {
        Self {
            id: row.webhook_id.into(),
            is_failing: row.is_failing,
            due_since: row.due_since,
            looked_at: row.looked_at,
        }
    }
}

/// The webhooks with messages to deliver, in the order of their ids, from the one after `after` on and
/// around, at most `limit`. The search costs as much as it returns, however many webhooks and messages
/// there are.
pub(crate) async fn waiting_webhooks(
    executor: impl PgExecutor<'_>,
    after: Option<WebhookId>,
    limit: i64,
) -> sqlx::Result<Vec<WaitingWebhook>> {
    let after = after.map_or(Uuid::nil(), WebhookId::as_uuid);

    let rows = sqlx::query_as!(
        WaitingRow,
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
            due.due_at as "due_since?",
            case when webhook.is_failing is not null then now() end as looked_at
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
            select webhook_deliveries.due_at
            from webhook_deliveries
            where webhook.is_failing is not null
                and webhook_deliveries.webhook_id = waiting.webhook_id
                and webhook_deliveries.status = 'PENDING'
                and webhook_deliveries.due_at <= now()
            order by webhook_deliveries.due_at
            limit 1
        ) as due on true
        order by waiting.place
        "#,
        after,
        limit,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(WaitingWebhook::from).collect())
}

/// Looks at these webhooks, each from a time on: nothing of it has been due before that. They come in the
/// same order.
pub(crate) async fn look_at(
    executor: impl PgExecutor<'_>,
    asked: &[(WebhookId, OffsetDateTime)],
) -> sqlx::Result<Vec<WaitingWebhook>> {
    let ids: Vec<Uuid> = asked.iter().map(|(id, _)| id.as_uuid()).collect();
    let since: Vec<OffsetDateTime> = asked.iter().map(|(_, since)| *since).collect();

    let rows = sqlx::query_as!(
        WaitingRow,
        r#"
        select
            asked.webhook_id as "webhook_id!",
            coalesce(webhook.is_failing, false) as "is_failing!",
            due.due_at as "due_since?",
            case when webhook.is_failing is not null then now() end as looked_at
        from unnest($1::uuid[], $2::timestamptz[]) with ordinality as asked (webhook_id, since, place)
        -- One look into the index for each, whatever Postgres knows of the table.
        left join lateral (
            select webhooks.failures > 0 as is_failing
            from webhooks
            where webhooks.id = asked.webhook_id
                and webhooks.disabled_at is null
                and (webhooks.blocked_until is null or webhooks.blocked_until <= now())
            limit 1
        ) as webhook on true
        left join lateral (
            select webhook_deliveries.due_at
            from webhook_deliveries
            where webhook.is_failing is not null
                and webhook_deliveries.webhook_id = asked.webhook_id
                and webhook_deliveries.status = 'PENDING'
                and webhook_deliveries.due_at >= asked.since
                and webhook_deliveries.due_at <= now()
            order by webhook_deliveries.due_at
            limit 1
        ) as due on true
        order by asked.place
        "#,
        &ids,
        &since,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(WaitingWebhook::from).collect())
}

/// What may be claimed of a webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub webhook_id: WebhookId,
    /// Whether it fails. Nothing is claimed if that has changed since.
    pub is_failing: bool,
    /// Most messages.
    pub room: i32,
    /// None of its messages has been due before this time.
    pub since: OffsetDateTime,
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
    let since: Vec<OffsetDateTime> = turns.iter().map(|turn| turn.since).collect();

    // The state of the webhook is compared again, because another process may have disabled it or
    // found it failing since the search.
    let rows = sqlx::query_as!(
        ClaimedRow,
        r#"
        with claimable as materialized (
            select
                webhook.id,
                webhook.url,
                webhook.envelope,
                webhook.secret,
                webhook.old_secret,
                webhook.failures,
                webhook.failing_since,
                turn.room,
                turn.since
            from unnest($1::uuid[], $2::boolean[], $3::integer[], $5::timestamptz[])
                as turn (webhook_id, is_failing, room, since)
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
            select found.id, claimable.id as webhook_id
            from claimable
            cross join lateral (
                select webhook_deliveries.id
                from webhook_deliveries
                where webhook_deliveries.webhook_id = claimable.id
                    and webhook_deliveries.status = 'PENDING'
                    and webhook_deliveries.due_at >= claimable.since
                    and webhook_deliveries.due_at <= now()
                order by webhook_deliveries.due_at
                limit claimable.room
                for update skip locked
            ) as found
        )
        update webhook_deliveries
        set due_at = now() + make_interval(secs => $4), is_claimed = true, claims = webhook_deliveries.claims + 1
        from due
        join claimable on claimable.id = due.webhook_id
        where webhook_deliveries.id = due.id
        returning
            webhook_deliveries.id,
            webhook_deliveries.account_id,
            webhook_deliveries.webhook_id,
            webhook_deliveries.event,
            coalesce(webhook_deliveries.callback_url, claimable.url) as "url!",
            webhook_deliveries.content as "content: Json<DeliveryContent>",
            webhook_deliveries.attempts,
            webhook_deliveries.claims,
            webhook_deliveries.created_at,
            claimable.envelope as "envelope!",
            claimable.secret as "secret!",
            claimable.old_secret,
            claimable.failures as "failures!",
            claimable.failing_since
        "#,
        &webhook_ids,
        &are_failing,
        &rooms,
        lease.as_secs_f64(),
        &since,
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
    /// The webhook's failures in a row at that time.
    pub failures: i32,
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

    // In one statement, so that a crash leaves no attempt without its consequences for the message
    // and the webhook.
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
        webhook as (
            update webhooks
            set failures = case
                    when $10 then 0
                    -- Another message has failed since this one was claimed: those in flight together count once.
                    when webhooks.failures > $13 then webhooks.failures
                    else least(webhooks.failures, 1000000) + 1
                end,
                failing_since = case when $10 then null else coalesce(webhooks.failing_since, now()) end,
                blocked_until = case
                    when $10 then null
                    else greatest(webhooks.blocked_until, now() + make_interval(secs => $11::double precision))
                end,
                disabled_at = case when $12::text is null then webhooks.disabled_at else coalesce(webhooks.disabled_at, now()) end,
                disabled_reason = coalesce(webhooks.disabled_reason, $12)
            from delivery
            where webhooks.id = delivery.webhook_id and (not $10::boolean or webhooks.failures > 0 and $10)
            returning $12::text is not null and webhooks.disabled_reason = $12 as is_disabled
        )
        select coalesce(bool_or(webhook.is_disabled), false) as "is_disabled!" from webhook
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
        record.failures,
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

    // The fencing token stays: nothing was sent under this claim, so nothing can be recorded late.
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
