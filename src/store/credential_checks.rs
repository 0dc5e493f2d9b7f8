//! What the use of Credentials shows: whether their providers accept them, and when their certificates
//! end.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::credential_state::CredentialReport;
use crate::model::id::CredentialId;

/// Notes what the use of Credentials showed. `updated_at` stays, because the contents do.
pub(crate) async fn note_checks(
    executor: impl PgExecutor<'_>,
    reports: &[CredentialReport],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = reports.iter().map(|report| report.id.as_uuid()).collect();
    let times: Vec<OffsetDateTime> = reports.iter().map(|report| report.at).collect();
    let states: Vec<&str> = reports.iter().map(|report| report.check.as_str()).collect();
    let errors: Vec<Option<&str>> = reports.iter().map(|report| report.check.error()).collect();

    // The rows are locked first, in key order, so that the state before each report is known: an
    // event is written when the state changes, and not for each use. A report that is older than
    // the stored one changes nothing, because processes report at different times.
    sqlx::query!(
        r#"
        with before as materialized (
            select locked.id, locked.state
            from credentials as locked
            where locked.id = any($1)
            order by locked.id
            for update
        ),
        updated as (
            update credentials
            set
                state = report.state,
                last_used_at = greatest(credentials.last_used_at, report.at),
                last_error = coalesce(report.error, credentials.last_error),
                last_error_at = case
                    when report.error is null then credentials.last_error_at
                    else greatest(credentials.last_error_at, report.at)
                end
            from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[]) as report (id, at, state, error)
            join before on before.id = report.id
            where credentials.id = report.id
                and (credentials.last_used_at is null or credentials.last_used_at <= report.at)
            returning
                credentials.id,
                credentials.account_id,
                credentials.app_name,
                credentials.credential_type,
                coalesce(before.state, '') as was,
                report.state as is_now,
                report.error
        )
        -- Reports to webhooks that a provider begins to refuse a Credential, or accepts it again: what
        -- src/model/webhook.rs calls a ReportedCredential.
        insert into events (account_id, kind, data)
        select
            updated.account_id,
            case when updated.is_now = 'REFUSED' then 'credential.refused' else 'credential.recovered' end,
            jsonb_build_object(
                'credentialId', updated.id,
                'appName', updated.app_name,
                'credentialType', updated.credential_type,
                'reason', updated.error
            )
        from updated
        where (
                updated.is_now = 'REFUSED' and updated.was <> 'REFUSED'
                or updated.is_now = 'WORKING' and updated.was = 'REFUSED'
            )
            and exists (
                select
                from webhooks
                where webhooks.account_id = updated.account_id
                    and webhooks.disabled_at is null
                    and webhooks.events && array['credential.refused', 'credential.recovered']
            )
        "#,
        &ids,
        &times,
        &states as &[&str],
        &errors as &[Option<&str>],
    )
    .execute(executor)
    .await
    .map(drop)
}

/// A Credential whose certificate ends.
pub(crate) struct EndingCertificate {
    pub id: CredentialId,
    pub app_name: String,
    pub expires_at: OffsetDateTime,
}

/// When the first of all Credentials' certificates ends.
pub(crate) async fn first_end(
    executor: impl PgExecutor<'_>,
) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar!("select min(expires_at) from credentials where expires_at is not null")
        .fetch_one(executor)
        .await
}

/// The Credentials of all accounts whose certificates end before `before`, at most a thousand: first
/// those that have not ended at `now`, in the order of their ends.
pub(crate) async fn ending(
    executor: impl PgExecutor<'_>,
    now: OffsetDateTime,
    before: OffsetDateTime,
) -> sqlx::Result<Vec<EndingCertificate>> {
    // Certificates that have ended may be kept for ever, and must not hide one that ends soon.
    sqlx::query_as!(
        EndingCertificate,
        r#"
        select id, app_name, expires_at as "expires_at!"
        from credentials
        where expires_at <= $2
        order by expires_at <= $1, expires_at
        limit 1000
        "#,
        now,
        before,
    )
    .fetch_all(executor)
    .await
}
