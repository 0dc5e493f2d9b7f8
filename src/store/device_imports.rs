//! Imports of devices as the API shows them: their progress, and what was wrong with their lines.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::model::device_import::{ImportStatus, MAX_ERRORS, RowCounts, RowError};
use crate::model::id::{AccountId, DeviceImportId};

/// An import that has not changed for so long was interrupted with its process. A client that sends
/// nothing is given up long before.
const STALE: Duration = Duration::from_mins(5);

pub(crate) struct DeviceImport {
    pub id: DeviceImportId,
    pub format: String,
    pub status: ImportStatus,
    pub counts: RowCounts,
    pub last_line: i32,
    pub error: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

struct Row {
    id: DeviceImportId,
    format: String,
    status: String,
    created: i32,
    updated: i32,
    unchanged: i32,
    failed: i32,
    last_line: i32,
    error: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for DeviceImport {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            format: row.format,
            status: ImportStatus::of_name(&row.status),
            counts: RowCounts {
                created: row.created,
                updated: row.updated,
                unchanged: row.unchanged,
                failed: row.failed,
            },
            last_line: row.last_line,
            error: row.error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(crate) struct NewImport<'a> {
    pub id: DeviceImportId,
    pub account_id: AccountId,
    /// `NDJSON` or `CSV`.
    pub format: &'a str,
    /// Most of the account that may be running.
    pub most: i64,
}

/// Begins an import, unless too many of the account are running. Returns whether it does.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    new: &NewImport<'_>,
) -> sqlx::Result<bool> {
    // Two that begin at once follow each other.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 3))",
        new.account_id.as_uuid(),
    )
    .execute(&mut *connection)
    .await?;

    // An import whose process has ended stays RUNNING in the table. It stops counting once it has
    // not changed for so long.
    let begun = sqlx::query!(
        r#"
        insert into device_imports (id, account_id, format)
        select $1, $2, $3
        where (
            select count(*)
            from device_imports
            where account_id = $2 and status = 'RUNNING' and updated_at > now() - make_interval(secs => $5)
        ) < $4
        "#,
        new.id.as_uuid(),
        new.account_id.as_uuid(),
        new.format,
        new.most,
        STALE.as_secs_f64(),
    )
    .execute(connection)
    .await?;

    Ok(begun.rows_affected() == 1)
}

/// What became of rows.
pub(super) struct Progress<'a> {
    pub(super) id: DeviceImportId,
    pub(super) counts: RowCounts,
    /// The last line of them.
    pub(super) last_line: i32,
    pub(super) errors: &'a [&'a RowError],
}

/// Adds what became of rows, and the errors as far as there is room for them.
pub(super) async fn note_progress(
    connection: &mut PgConnection,
    progress: &Progress<'_>,
) -> sqlx::Result<()> {
    let Progress {
        id,
        counts,
        last_line,
        errors,
    } = *progress;

    let failed = sqlx::query_scalar!(
        r#"
        update device_imports
        set rows = rows + $2,
            created = created + $3,
            updated = updated + $4,
            unchanged = unchanged + $5,
            failed = failed + $6,
            last_line = $7,
            updated_at = now()
        where id = $1
        returning failed
        "#,
        id.as_uuid(),
        counts.rows(),
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.failed,
        last_line,
    )
    .fetch_optional(&mut *connection)
    .await?;

    // The update has returned the sum with these rows, so the room for errors needs no other read.
    let failed_before = failed.unwrap_or_default() - counts.failed;
    let room = usize::try_from(MAX_ERRORS - failed_before).unwrap_or_default();
    let errors = &errors[..errors.len().min(room)];
    if errors.is_empty() {
        return Ok(());
    }

    let lines: Vec<i32> = errors.iter().map(|error| error.line).collect();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    sqlx::query!(
        r#"
        insert into device_import_errors (import_id, line, field, message)
        select $1, new.line, new.field, new.message
        from unnest($2::integer[], $3::text[], $4::text[]) as new (line, field, message)
        on conflict do nothing
        "#,
        id.as_uuid(),
        &lines,
        &fields as &[&str],
        &messages as &[&str],
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Ends an import; `error` says why, if that was before its end.
pub(crate) async fn end(
    executor: impl PgExecutor<'_>,
    id: DeviceImportId,
    status: ImportStatus,
    error: Option<&str>,
) -> sqlx::Result<()> {
    // An import that is shown as interrupted is still RUNNING here. So a process that was only slow
    // ends it with its real result.
    sqlx::query!(
        r#"
        update device_imports
        set status = $2, error = $3, updated_at = now()
        where id = $1 and status = 'RUNNING'
        "#,
        id.as_uuid(),
        status.as_str(),
        error,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Imports of an account, newest first, older than `after`.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    after: Option<DeviceImportId>,
    limit: i64,
) -> sqlx::Result<Vec<DeviceImport>> {
    // INTERRUPTED is derived, because the process that would write it is gone.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select
            id,
            format,
            case
                when status = 'RUNNING' and updated_at < now() - make_interval(secs => $4) then 'INTERRUPTED'
                else status
            end as "status!",
            created,
            updated,
            unchanged,
            failed,
            last_line,
            error,
            created_at,
            updated_at
        from device_imports
        where account_id = $1 and ($2::uuid is null or id < $2)
        order by account_id desc, id desc
        limit $3
        "#,
        account_id.as_uuid(),
        after.map(DeviceImportId::as_uuid),
        limit,
        STALE.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(DeviceImport::from).collect())
}

pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: DeviceImportId,
) -> sqlx::Result<Option<DeviceImport>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select
            id,
            format,
            case
                when status = 'RUNNING' and updated_at < now() - make_interval(secs => $3) then 'INTERRUPTED'
                else status
            end as "status!",
            created,
            updated,
            unchanged,
            failed,
            last_line,
            error,
            created_at,
            updated_at
        from device_imports
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        STALE.as_secs_f64(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(DeviceImport::from))
}

/// The errors of an import by line, after the line `after`.
pub(crate) async fn errors(
    executor: impl PgExecutor<'_>,
    id: DeviceImportId,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<RowError>> {
    sqlx::query_as!(
        RowError,
        r#"
        select line, field, message
        from device_import_errors
        where import_id = $1 and line > $2
        order by line
        limit $3
        "#,
        id.as_uuid(),
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Deletes up to `limit` imports with their errors that began before `before`. Returns how many.
pub(crate) async fn delete_before(
    executor: impl PgExecutor<'_>,
    before: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from device_imports
        where id in (
            select id from device_imports where created_at < $1 order by created_at limit $2
        )
        "#,
        before,
        limit,
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected())
}
