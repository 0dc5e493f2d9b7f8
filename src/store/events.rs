//! The outbox of events: a row for each change that a webhook may want to know, written by the
//! statement that makes the change, and turned into messages by `crate::events`.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId, OperationId, WebhookDeliveryId, WebhookId};
use crate::model::webhook::{DeliveryContent, EventType};
use crate::store::webhooks::known_events;

/// A row of the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub id: i64,
    /// Nil: the account of its Operation.
    pub account_id: AccountId,
    /// `batch`, `operation`, or the name of an event.
    pub kind: String,
    pub operation_id: Option<OperationId>,
    pub batch_number: Option<i32>,
    /// Of a device or a Credential.
    pub data: Option<Value>,
    /// From when on it is reported, by the database's clock.
    pub due_at: OffsetDateTime,
}

/// The kinds of events that this release turns into messages.
fn known_kinds() -> Vec<&'static str> {
    let names = EventType::ALL.into_iter().map(EventType::as_str);

    ["batch", "operation"].into_iter().chain(names).collect()
}

struct EventRow {
    id: i64,
    account_id: Uuid,
    kind: String,
    operation_id: Option<Uuid>,
    batch_number: Option<i32>,
    data: Option<Value>,
    due_at: OffsetDateTime,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id.into(),
            kind: row.kind,
            operation_id: row.operation_id.map(OperationId::from),
            batch_number: row.batch_number,
            data: row.data,
            due_at: row.due_at,
        }
    }
}

/// The oldest events that have been due since `since` or later, at most `limit`, in the order of their
/// times. They are locked until the transaction ends; those that another process has locked are passed
/// over, and those of a kind that only a later release knows are left to it.
pub(crate) async fn take(
    executor: impl PgExecutor<'_>,
    since: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<Vec<Event>> {
    // The rows stay locked until their messages are stored and they are deleted. A process that
    // crashes before that gives them back.
    let rows = sqlx::query_as!(
        EventRow,
        r#"
        select id, account_id, kind, operation_id, batch_number, data, due_at
        from events
        where due_at >= $1 and due_at <= now() and kind = any($3)
        order by due_at, id
        limit $2
        for update skip locked
        "#,
        since,
        limit,
        &known_kinds() as &[&str],
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(Event::from).collect())
}

/// The part of a webhook that decides which events it gets.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    pub id: WebhookId,
    pub account_id: AccountId,
    /// Scheme, host and port of its URL.
    pub origin: String,
    pub events: Vec<EventType>,
    pub app_name: Option<String>,
    pub tags: Option<Value>,
}

/// The enabled webhooks of these accounts, oldest first.
pub(crate) async fn subscribers(
    executor: impl PgExecutor<'_>,
    accounts: &[AccountId],
) -> sqlx::Result<Vec<Subscriber>> {
    let accounts: Vec<Uuid> = accounts.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        r#"
        select id, account_id, origin, events, app_name, tags
        from webhooks
        where account_id = any($1) and disabled_at is null
        order by id
        "#,
        &accounts,
    )
    .fetch_all(executor)
    .await?;

    let subscribers = rows.into_iter().map(|row| Subscriber {
        id: row.id.into(),
        account_id: row.account_id.into(),
        origin: row.origin,
        events: known_events(&row.events),
        app_name: row.app_name,
        tags: row.tags,
    });
    Ok(subscribers.collect())
}

/// What a webhook chooses Operations by.
#[derive(Debug, Clone)]
pub(crate) struct OperationFacts {
    pub account_id: AccountId,
    /// `from` of the request.
    pub sender: Option<Value>,
    /// The App of its Users.
    pub app_name: Option<String>,
    pub tags: Option<Value>,
    /// Canceled as a whole.
    pub is_canceled: bool,
}

/// The Operations with these ids that are still stored.
pub(crate) async fn operations(
    executor: impl PgExecutor<'_>,
    ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, OperationFacts>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        r#"
        select id, account_id, sender, app_name, tags, canceled_at
        from operations
        where id = any($1)
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let operations = rows.into_iter().map(|row| {
        let facts = OperationFacts {
            account_id: row.account_id.into(),
            sender: row.sender,
            app_name: row.app_name,
            tags: row.tags,
            is_canceled: row.canceled_at.is_some(),
        };
        (row.id.into(), facts)
    });
    Ok(operations.collect())
}

/// How far an Operation has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Whether nothing is left to do, and its fan-out is over.
    pub has_ended: bool,
    /// Whether it has notifications, and the client canceled each of them.
    pub is_all_canceled: bool,
}

/// The progress of Operations, from their batches.
pub(crate) async fn progress(
    executor: impl PgExecutor<'_>,
    ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, Progress>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    // A fan-out that is not over may still make notifications, even if all that it has made are
    // settled.
    let rows = sqlx::query!(
        r#"
        select
            asked.id as "id!",
            tallies.queued = 0 and not exists (select from fanouts where fanouts.operation_id = asked.id) as "has_ended!",
            tallies.size > 0 and tallies.canceled - tallies.withheld = tallies.size as "is_all_canceled!"
        from unnest($1::uuid[]) as asked (id)
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0) as queued,
                coalesce(sum(batches.canceled), 0) as canceled,
                coalesce(sum(batches.withheld), 0) as withheld,
                coalesce(sum(batches.size), 0) as size
            from batches
            where batches.operation_id = asked.id
        ) as tallies
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let progress = rows.into_iter().map(|row| {
        let progress = Progress {
            has_ended: row.has_ended,
            is_all_canceled: row.is_all_canceled,
        };
        (row.id.into(), progress)
    });
    Ok(progress.collect())
}

/// A batch with its tallies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettledBatch {
    pub first_position: i32,
    pub size: i32,
    pub sent: i32,
    /// Those to Users without a usable device among them.
    pub failed: i32,
    pub canceled: i32,
}

/// These batches, by Operation and number.
pub(crate) async fn batches(
    executor: impl PgExecutor<'_>,
    keys: &[(OperationId, i32)],
) -> sqlx::Result<HashMap<(OperationId, i32), SettledBatch>> {
    let operation_ids: Vec<Uuid> = keys.iter().map(|(id, _)| id.as_uuid()).collect();
    let numbers: Vec<i32> = keys.iter().map(|(_, number)| *number).collect();

    let rows = sqlx::query!(
        r#"
        select
            batches.operation_id, batches.number, batches.first_position, batches.size, batches.sent,
            batches.failed + batches.unaddressable as "failed!", batches.canceled
        from unnest($1::uuid[], $2::integer[]) as asked (operation_id, number)
        join batches on batches.operation_id = asked.operation_id and batches.number = asked.number
        "#,
        &operation_ids,
        &numbers,
    )
    .fetch_all(executor)
    .await?;

    let batches = rows.into_iter().map(|row| {
        let batch = SettledBatch {
            first_position: row.first_position,
            size: row.size,
            sent: row.sent,
            failed: row.failed,
            canceled: row.canceled,
        };
        ((row.operation_id.into(), row.number), batch)
    });
    Ok(batches.collect())
}

/// The Apps of accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountApps {
    pub of_credentials: HashMap<CredentialId, String>,
    pub defaults: HashMap<AccountId, String>,
}

/// The Apps of these accounts' Credentials, and their default Apps.
pub(crate) async fn apps(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> sqlx::Result<AccountApps> {
    let accounts: Vec<Uuid> = accounts.iter().map(|id| id.as_uuid()).collect();

    let credentials = sqlx::query!(
        "select id, app_name from credentials where account_id = any($1)",
        &accounts,
    )
    .fetch_all(&mut *connection)
    .await?;

    let defaults = sqlx::query!(
        "select account_id, name from apps where account_id = any($1) and is_default",
        &accounts,
    )
    .fetch_all(connection)
    .await?;

    Ok(AccountApps {
        of_credentials: credentials
            .into_iter()
            .map(|row| (row.id.into(), row.app_name))
            .collect(),
        defaults: defaults
            .into_iter()
            .map(|row| (row.account_id.into(), row.name))
            .collect(),
    })
}

/// Where the events of Operations go in place of their webhooks' URLs.
pub(crate) async fn callbacks(
    executor: impl PgExecutor<'_>,
    ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, String>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        "select operation_id, url from operation_callbacks where operation_id = any($1)",
        &ids,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows
        .into_iter()
        .map(|row| (row.operation_id.into(), row.url))
        .collect())
}

/// A message that is to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewDelivery {
    pub id: WebhookDeliveryId,
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    /// The name of an event.
    pub event: String,
    /// For an event that an Operation has once.
    pub operation_id: Option<OperationId>,
    pub callback_url: Option<String>,
    pub content: DeliveryContent,
}

/// Stores messages. One about an event of which the webhook has a message already is left out.
pub(crate) async fn insert_deliveries(
    executor: impl PgExecutor<'_>,
    deliveries: &[NewDelivery],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = deliveries.iter().map(|new| new.id.as_uuid()).collect();
    let account_ids: Vec<Uuid> = deliveries
        .iter()
        .map(|new| new.account_id.as_uuid())
        .collect();
    let webhook_ids: Vec<Uuid> = deliveries
        .iter()
        .map(|new| new.webhook_id.as_uuid())
        .collect();
    let events: Vec<&str> = deliveries.iter().map(|new| new.event.as_str()).collect();
    let operation_ids: Vec<Option<Uuid>> = deliveries
        .iter()
        .map(|new| new.operation_id.map(OperationId::as_uuid))
        .collect();
    let urls: Vec<Option<&str>> = deliveries
        .iter()
        .map(|new| new.callback_url.as_deref())
        .collect();
    let contents: Vec<Json<&DeliveryContent>> =
        deliveries.iter().map(|new| Json(&new.content)).collect();

    // The last batches of an Operation may settle in several transactions, and each of them reports
    // its end. A unique key keeps one message for each webhook.
    sqlx::query!(
        r#"
        insert into webhook_deliveries (id, account_id, webhook_id, event, operation_id, callback_url, content)
        select new.id, new.account_id, new.webhook_id, new.event, new.operation_id, new.callback_url, new.content
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::jsonb[])
            as new (id, account_id, webhook_id, event, operation_id, callback_url, content)
        on conflict do nothing
        "#,
        &ids,
        &account_ids,
        &webhook_ids,
        &events as &[&str],
        &operation_ids as &[Option<Uuid>],
        &urls as &[Option<&str>],
        &contents as &[Json<&DeliveryContent>],
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Deletes events, which have been turned into messages.
pub(crate) async fn delete(executor: impl PgExecutor<'_>, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!("delete from events where id = any($1)", ids)
        .execute(executor)
        .await
        .map(drop)
}

/// Deletes up to `limit` events that came due before `before`, and are of a kind that no process has
/// known since then. Returns how many.
pub(crate) async fn forget_unknown(
    executor: impl PgExecutor<'_>,
    before: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from events
        where id in (
            select left_over.id
            from events as left_over
            where left_over.due_at < $1 and left_over.kind <> all($2)
            order by left_over.due_at, left_over.id
            limit $3
        )
        "#,
        before,
        &known_kinds() as &[&str],
        limit,
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected())
}

/// Deletes up to `limit` messages with an id lower than `oldest`, with their attempts, and as many
/// callbacks of Operations. Returns how many rows.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    oldest: Uuid,
    limit: i64,
) -> sqlx::Result<u64> {
    let deliveries = sqlx::query!(
        r#"
        delete from webhook_deliveries
        where id in (
            select expired.id
            from webhook_deliveries as expired
            where expired.id < $1
            order by expired.id
            limit $2
        )
        "#,
        oldest,
        limit,
    )
    .execute(&mut *connection)
    .await?;

    // By the id, which begins with the time: no index of another column is needed.
    let callbacks = sqlx::query!(
        r#"
        delete from operation_callbacks
        where operation_id in (
            select expired.operation_id
            from operation_callbacks as expired
            where expired.operation_id < $1
            order by expired.operation_id
            limit $2
        )
        "#,
        oldest,
        limit,
    )
    .execute(connection)
    .await?;

    Ok(deliveries.rows_affected() + callbacks.rows_affected())
}
