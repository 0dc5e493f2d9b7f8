//! Messages to webhooks, as the API lists them and makes them due again. `webhook_queue` delivers them.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, WebhookDeliveryId, WebhookId};
use crate::store::pool::Pool;

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
    // By another statement: in a join, the limit would count attempts and not messages.
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
    // The row is locked before it is judged: a claim skips it, and the record of an attempt waits.
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
