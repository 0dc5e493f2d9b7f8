//! Which releases of Bellwire are connected: each names itself to Postgres.

use sqlx::PgExecutor;

/// What the connections of this release are called (`application_name`).
pub(super) const APPLICATION_NAME: &str = concat!("bellwire ", env!("CARGO_PKG_VERSION"));

/// What the connections of releases are called that know only the older form of sealed values.
const OLDER_APPLICATION_NAME: &str = "bellwire";

/// Whether a process of a release is connected that knows only the older form of sealed values.
pub(crate) async fn older_is_connected(executor: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    // Later releases add their version to the name.
    sqlx::query_scalar!(
        r#"
        select exists (
            select from pg_stat_activity
            where datname = current_database() and application_name = $1
        ) as "exists!"
        "#,
        OLDER_APPLICATION_NAME,
    )
    .fetch_one(executor)
    .await
}
