//! Whether the database can be used: its schema, and whether it takes writes.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};

use crate::store::schema;

/// How old a session may be that is asked. `default_transaction_read_only` of a database or a role
/// applies to sessions that begin later, so an old one does not know it.
pub(crate) const SESSION_AGE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseState {
    /// The newest migration; `None`: it was never migrated.
    pub schema_version: Option<i64>,
    /// Whether the session can only read: the server is a standby, or the database was made
    /// read-only.
    pub is_read_only: bool,
}

pub(crate) async fn read(connection: &mut PgConnection) -> sqlx::Result<DatabaseState> {
    Ok(DatabaseState {
        schema_version: schema::version_of(connection).await?,
        is_read_only: is_read_only(connection).await?,
    })
}

pub(crate) async fn is_read_only(executor: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    // On for a standby, and for a session that began while the database or its role was set to
    // read-only.
    sqlx::query_scalar!(
        r#"select current_setting('transaction_read_only')::boolean as "is_read_only!""#
    )
    .fetch_one(executor)
    .await
}
