//! Who changed what.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, AuditEventId};
use crate::store::bounded_scan::ScanPage;

/// Events that one request for a page scans.
const MAX_SCANNED: i64 = 10_000;

/// A change, to be recorded in its transaction.
#[derive(Debug, Clone)]
pub(crate) struct NewAuditEvent {
    pub account_id: AccountId,
    pub actor: String,
    pub via: &'static str,
    /// What was done, such as `credential.create`.
    pub action: String,
    /// What was changed. Never a secret.
    pub targets: Vec<String>,
    pub source_address: Option<String>,
}

/// A recorded change.
#[derive(Debug, Clone)]
pub(crate) struct AuditEvent {
    pub id: AuditEventId,
    pub at: OffsetDateTime,
    pub actor: String,
    pub via: String,
    pub action: String,
    pub targets: Vec<String>,
    pub source_address: Option<String>,
}

pub(crate) struct AuditEventFilter<'a> {
    pub actor: Option<&'a str>,
    pub action: Option<&'a str>,
    /// One of the targets.
    pub target: Option<&'a str>,
    /// From this id on, up to but without `until`.
    pub from: Uuid,
    pub until: Option<Uuid>,
    /// Most that are returned.
    pub limit: usize,
}

/// Records a change.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    event: &NewAuditEvent,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        insert into audit_events (id, account_id, actor, via, action, targets, source_address)
        values ($1, $2, $3, $4, $5, $6, $7)
        "#,
        AuditEventId::generate().as_uuid(),
        event.account_id.as_uuid(),
        event.actor,
        event.via,
        event.action,
        &event.targets,
        event.source_address,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Changes of an account, newest first. The next page begins below the id that is returned.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &AuditEventFilter<'_>,
) -> sqlx::Result<ScanPage<AuditEvent, AuditEventId>> {
    // The rows are limited before they are filtered: a filter that matches nothing costs as much as
    // one that matches everything.
    let rows = sqlx::query!(
        r#"
        with looked as materialized (
            select
                audit_events.id,
                audit_events.at,
                audit_events.actor,
                audit_events.via,
                audit_events.action,
                audit_events.targets,
                audit_events.source_address
            from audit_events
            where audit_events.account_id = $1 and audit_events.id >= $2 and audit_events.id < $3
            order by audit_events.account_id desc, audit_events.id desc
            limit $7
        ),
        matching as (
            select
                looked.id,
                looked.at,
                looked.actor,
                looked.via,
                looked.action,
                looked.targets,
                looked.source_address
            from looked
            where ($4::text is null or looked.actor = $4)
                and ($5::text is null or looked.action = $5)
                and ($6::text is null or $6 = any(looked.targets))
            order by looked.id desc
            limit $8
        ),
        -- A row even if nothing matches: where the look ended.
        bound as (
            select
                (select count(*) from looked) as looked_at,
                (select looked.id from looked order by looked.id limit 1) as last_id
        )
        select
            matching.id as "id?",
            matching.at as "at?",
            matching.actor as "actor?",
            matching.via as "via?",
            matching.action as "action?",
            matching.targets as "targets?",
            matching.source_address as "source_address?",
            bound.looked_at as "looked_at!",
            bound.last_id as "last_id?"
        from bound
        left join matching on true
        order by matching.id desc
        "#,
        account_id.as_uuid(),
        filter.from,
        filter.until.unwrap_or(Uuid::max()),
        filter.actor,
        filter.action,
        filter.target,
        MAX_SCANNED,
        filter.limit as i64 + 1,
    )
    .fetch_all(executor)
    .await?;

    // Fewer rows than the limit: nothing older is left to read, and there is no next page.
    let unfinished = rows
        .first()
        .filter(|row| row.looked_at >= MAX_SCANNED)
        .and_then(|row| row.last_id);
    let mut records: Vec<AuditEvent> = rows
        .into_iter()
        .filter_map(|row| {
            Some(AuditEvent {
                id: row.id?.into(),
                at: row.at?,
                actor: row.actor?,
                via: row.via?,
                action: row.action?,
                targets: row.targets?,
                source_address: row.source_address,
            })
        })
        .collect();

    // The statement returns one record more than the page, which shows that another page follows.
    let is_full = records.len() > filter.limit;
    records.truncate(filter.limit);
    // A full page ends at its last record, although more rows were read: those behind it belong to
    // the next page.
    let next = if is_full {
        records.last().map(|last| last.id)
    } else {
        unfinished.map(AuditEventId::from)
    };
    Ok(ScanPage { records, next })
}

/// Deletes up to `limit` events of before `before`, and returns how many.
pub(crate) async fn forget(
    executor: impl PgExecutor<'_>,
    before: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from audit_events
        where audit_events.id in (
            select old.id
            from audit_events as old
            where old.at < $1
            order by old.at
            limit $2
        )
        "#,
        before,
        limit,
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected())
}
