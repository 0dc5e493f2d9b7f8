//! The lanes that send nothing at present, and why. Each process writes the changes of its own lanes;
//! where several have one for a Credential, the last change counts.

use std::collections::HashMap;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::CredentialId;
use crate::model::lane_state::{LaneError, LaneReport};

/// Stores changes, at most one for each Credential. One of a Credential that was deleted is left out.
pub(crate) async fn note(
    executor: impl PgExecutor<'_>,
    reports: &[LaneReport],
) -> sqlx::Result<()> {
    let mut ids: Vec<Uuid> = Vec::with_capacity(reports.len());
    let mut reasons: Vec<Option<&str>> = Vec::with_capacity(reports.len());
    let mut since: Vec<Option<OffsetDateTime>> = Vec::with_capacity(reports.len());
    let mut next_tries: Vec<Option<OffsetDateTime>> = Vec::with_capacity(reports.len());
    for report in reports {
        let error = report.error.as_ref();
        ids.push(report.credential_id.as_uuid());
        reasons.push(error.map(|error| error.reason.as_str()));
        since.push(error.map(|error| error.since));
        next_tries.push(error.and_then(|error| error.next_try_at));
    }

    // In the order of the Credentials, because several processes report the same ones at once. The
    // join leaves out a Credential that was deleted: it would break the foreign key, and the whole
    // statement would fail.
    sqlx::query!(
        r#"
        with report as materialized (
            select report.credential_id, report.reason, report.since, report.next_try_at
            from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
                as report (credential_id, reason, since, next_try_at)
        ),
        ended as (
            delete from lane_states
            using report
            where lane_states.credential_id = report.credential_id and report.reason is null
        )
        insert into lane_states (credential_id, reason, since, next_try_at)
        select report.credential_id, report.reason, report.since, report.next_try_at
        from report
        join credentials on credentials.id = report.credential_id
        where report.reason is not null
        order by report.credential_id
        on conflict (credential_id) do update
        set reason = excluded.reason, since = excluded.since, next_try_at = excluded.next_try_at
        "#,
        &ids,
        &reasons as &[Option<&str>],
        &since as &[Option<OffsetDateTime>],
        &next_tries as &[Option<OffsetDateTime>],
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Those of `ids` whose lane sends nothing.
pub(crate) async fn errors(
    executor: impl PgExecutor<'_>,
    ids: &[CredentialId],
) -> sqlx::Result<HashMap<CredentialId, LaneError>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        "select credential_id, reason, since, next_try_at from lane_states where credential_id = any($1)",
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let errors = rows.into_iter().map(|row| {
        let error = LaneError {
            reason: row.reason,
            since: row.since,
            next_try_at: row.next_try_at,
        };
        (row.credential_id.into(), error)
    });
    Ok(errors.collect())
}
