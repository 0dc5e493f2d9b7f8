//! Webhooks: where accounts want to get events. Their secrets are sealed.

use serde_json::Value;
use sqlx::{Connection, PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::field_change::FieldChange;
use crate::model::id::{AccountId, WebhookId};
use crate::model::webhook::{Envelope, EventType};

pub(crate) const MAX_WEBHOOKS: i64 = 10;

/// A webhook without its secret.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub id: WebhookId,
    pub url: String,
    /// Those that this version knows.
    pub events: Vec<EventType>,
    /// Only of this App.
    pub app_name: Option<String>,
    /// Only of Operations with all of these tags.
    pub tags: Option<Value>,
    pub description: Option<String>,
    pub envelope: Envelope,
    /// Why it gets nothing; `None`: it is enabled.
    pub disabled_reason: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

struct WebhookRow {
    id: Uuid,
    url: String,
    events: Vec<String>,
    app_name: Option<String>,
    tags: Option<Value>,
    description: Option<String>,
    envelope: String,
    disabled_reason: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: row.id.into(),
            url: row.url,
            events: known_events(&row.events),
            app_name: row.app_name,
            tags: row.tags,
            description: row.description,
            envelope: Envelope::of_name(&row.envelope),
            disabled_reason: row.disabled_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) fn known_events(names: &[String]) -> Vec<EventType> {
    // An event that only a later release knows is left out.
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

pub(crate) struct NewWebhook<'a> {
    pub id: WebhookId,
    pub account_id: AccountId,
    pub url: &'a str,
    /// Scheme, host and port of the URL.
    pub origin: &'a str,
    /// At least one.
    pub events: &'a [EventType],
    pub app_name: Option<&'a str>,
    pub tags: Option<&'a Value>,
    pub description: Option<&'a str>,
    pub envelope: Envelope,
    /// Sealed.
    pub secret: &'a [u8],
}

/// What is changed of a webhook; `None`: that stays as it is.
#[derive(Default)]
pub(crate) struct WebhookChange<'a> {
    /// The URL and its origin.
    pub url: Option<(&'a str, &'a str)>,
    pub events: Option<&'a [EventType]>,
    pub app_name: FieldChange<&'a String>,
    pub tags: FieldChange<&'a Value>,
    pub description: FieldChange<&'a String>,
    pub envelope: Option<Envelope>,
    /// Whether it gets messages.
    pub is_enabled: Option<bool>,
}

/// Why a webhook that the client disabled is disabled.
pub(crate) const DISABLED_BY_CLIENT: &str = "disabled by a request";

#[derive(Debug, thiserror::Error)]
pub(crate) enum InsertError {
    #[error("an account has at most {MAX_WEBHOOKS} webhooks; delete one first")]
    TooMany,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn names(events: &[EventType]) -> Vec<String> {
    events.iter().map(EventType::to_string).collect()
}

/// Stores a webhook, in a transaction within that of `connection`, if it has one.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &NewWebhook<'_>,
) -> Result<Webhook, InsertError> {
    let mut transaction = connection.begin().await?;

    // Changes of one account follow each other, or two requests could exceed the limit together.
    sqlx::query!(
        "select id from accounts where id = $1 for update",
        new.account_id.as_uuid(),
    )
    .fetch_one(&mut *transaction)
    .await?;

    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhooks where account_id = $1"#,
        new.account_id.as_uuid(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if count >= MAX_WEBHOOKS {
        return Err(InsertError::TooMany);
    }

    let row = sqlx::query_as!(
        WebhookRow,
        r#"
        insert into webhooks (
            id, account_id, url, origin, events, app_name, tags, description, envelope, secret
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        returning
            id, url, events, app_name, tags, description, envelope, disabled_reason, created_at, updated_at
        "#,
        new.id.as_uuid(),
        new.account_id.as_uuid(),
        new.url,
        new.origin,
        &names(new.events),
        new.app_name,
        new.tags,
        new.description,
        new.envelope.as_str(),
        new.secret,
    )
    .fetch_one(&mut *transaction)
    .await?;

    transaction.commit().await?;
    Ok(row.into())
}

/// Webhooks of an account, newest first: at most `limit`, older than `after`.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    after: Option<WebhookId>,
    limit: i64,
) -> sqlx::Result<Vec<Webhook>> {
    let rows = sqlx::query_as!(
        WebhookRow,
        r#"
        select id, url, events, app_name, tags, description, envelope, disabled_reason, created_at, updated_at
        from webhooks
        where account_id = $1 and ($2::uuid is null or id < $2)
        order by id desc
        limit $3
        "#,
        account_id.as_uuid(),
        after.map(WebhookId::as_uuid),
        limit,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(Webhook::from).collect())
}

pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: WebhookId,
) -> sqlx::Result<Option<Webhook>> {
    let row = sqlx::query_as!(
        WebhookRow,
        r#"
        select id, url, events, app_name, tags, description, envelope, disabled_reason, created_at, updated_at
        from webhooks
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(Webhook::from))
}

/// Whether the account has an enabled webhook at `origin`: scheme, host and port.
pub(crate) async fn has_origin(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    origin: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from webhooks where account_id = $1 and origin = $2 and disabled_at is null
        ) as "exists!"
        "#,
        account_id.as_uuid(),
        origin,
    )
    .fetch_one(executor)
    .await
}

/// Changes a webhook. Returns `false` if the account has no such webhook.
pub(crate) async fn update(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: WebhookId,
    change: &WebhookChange<'_>,
) -> sqlx::Result<bool> {
    let events = change.events.map(names);

    // What is not changed keeps the value of the row and not what the request has read: so two
    // changes of different fields do not undo each other.
    let updated = sqlx::query!(
        r#"
        update webhooks
        set url = coalesce($3, url),
            origin = coalesce($4, origin),
            events = coalesce($5, events),
            app_name = case when $6 then $7 else app_name end,
            tags = case when $8 then $9 else tags end,
            description = case when $10 then $11 else description end,
            envelope = coalesce($12, envelope),
            -- One that is enabled begins anew.
            failures = case when $13 then 0 else failures end,
            failing_since = case when $13 then null else failing_since end,
            blocked_until = case when $13 then null else blocked_until end,
            disabled_at = case when $13 then null when not $13 then coalesce(disabled_at, now()) else disabled_at end,
            disabled_reason = case
                when $13 then null
                when not $13 then coalesce(disabled_reason, $14)
                else disabled_reason
            end,
            updated_at = now()
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        change.url.map(|(url, _)| url),
        change.url.map(|(_, origin)| origin),
        events.as_deref(),
        change.app_name.is_change(),
        change.app_name.value(),
        change.tags.is_change(),
        change.tags.value(),
        change.description.is_change(),
        change.description.value(),
        change.envelope.map(Envelope::as_str),
        change.is_enabled,
        DISABLED_BY_CLIENT,
    )
    .execute(executor)
    .await?;

    Ok(updated.rows_affected() == 1)
}

/// Deletes a webhook. Returns `false` if the account has no such webhook.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: WebhookId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from webhooks where account_id = $1 and id = $2",
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() == 1)
}

/// How long the secret before the last rotation signs too.
pub(crate) const OLD_SECRET_LIFETIME: std::time::Duration = std::time::Duration::from_hours(24);

/// Gives a webhook a new secret. The one before signs for [`OLD_SECRET_LIFETIME`] too. Returns
/// `None` if the account has no such webhook.
pub(crate) async fn rotate_secret(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: WebhookId,
    secret: &[u8],
) -> sqlx::Result<Option<Webhook>> {
    // One old secret is kept: a second rotation within its lifetime ends that of the first.
    let row = sqlx::query_as!(
        WebhookRow,
        r#"
        update webhooks
        set old_secret = secret,
            old_secret_until = now() + make_interval(secs => $4),
            secret = $3,
            updated_at = now()
        where account_id = $1 and id = $2
        returning
            id, url, events, app_name, tags, description, envelope, disabled_reason, created_at, updated_at
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        secret,
        OLD_SECRET_LIFETIME.as_secs_f64(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(Webhook::from))
}
