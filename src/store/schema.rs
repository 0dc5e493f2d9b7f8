//! The schema and its migrations.

#![expect(
    clippy::disallowed_methods,
    reason = "the migrator's table and settings are not known when compiling"
)]

use std::fmt;

use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::{Connection, PgConnection};

use crate::store::pool::Pool;
use crate::store::reachable::{FIRST_DELAY, LONGEST_DELAY};
use crate::store::{advisory_lock, batch_index, indexes, partitions};

/// The oldest Postgres that understands every statement, as `server_version_num` gives it.
const OLDEST_POSTGRES: i32 = 150_000;

/// How long a migration that waits for a table may hold up the statements behind it, before it gives
/// way and tries again.
const LOCK_TIMEOUT: &str = "set lock_timeout = '500ms'";

/// SQLSTATE `lock_not_available`: a `lock_timeout` has passed.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE `insufficient_privilege`.
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The migrator's own table.
const MIGRATIONS: &str = "_sqlx_migrations";

/// Every migration, oldest first.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("Postgres {0} is too old: 15 or newer is needed")]
    TooOld(String),
    /// A newer release has migrated it.
    #[error(
        "its schema has version {found}, and this release knows versions up to {known}: run the release that migrated it, or a newer one"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "its schema lacks a change that this release needs, and the role '{role}' may not make it \
         ({reason}): run `bellwire migrate` with the role that owns the tables"
    )]
    Forbidden { role: String, reason: String },
    #[error("its schema can't be migrated")]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The newest migration before; `None`: the database was empty.
    pub before: Option<i64>,
    /// The newest migration now.
    pub now: i64,
}

impl fmt::Display for Migrated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now;

        match self.before {
            Some(before) if before == now => {
                write!(formatter, "the schema is up to date already: version {now}")
            }
            Some(before) => write!(
                formatter,
                "the schema is up to date: version {now}, from {before}"
            ),
            None => write!(formatter, "the schema is created: version {now}"),
        }
    }
}

/// Runs the missing migrations. A lock in the database lets one process at a time do so.
pub async fn migrate(pool: &Pool) -> Result<Migrated, SchemaError> {
    let mut connection = pool.connect_apart().await?;
    let migrated = Box::pin(migrate_on(&mut connection)).await;

    // An error here matters less than that of the migration, and Postgres releases the locks of a
    // closed session.
    let _ = advisory_lock::release_all(&mut connection).await;
    let _ = connection.close().await;
    let migrated = migrated?;

    // Claims work without this index, so neither a busy table nor a missing right keeps a process
    // from starting.
    match batch_index::build_missing(pool).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "the index of the accounts' batches is not on every partition yet, because a long transaction is open or another process builds it; retention tries again every hour"
        ),
        Err(error) if partitions::is_forbidden(&error) => tracing::warn!(
            "the index of the accounts' batches is not on every partition, and this role may not build it: run `bellwire migrate` with the role that owns the tables"
        ),
        Err(error) => return Err(error.into()),
    }
    Ok(migrated)
}

async fn migrate_on(connection: &mut PgConnection) -> Result<Migrated, SchemaError> {
    let session = sqlx::query!(
        r#"
        select
            current_setting('server_version_num')::integer as "number!",
            current_setting('server_version') as "name!",
            current_database()::text as "database!",
            current_user::text as "role!"
        "#
    )
    .fetch_one(&mut *connection)
    .await?;
    check_postgres(session.number, &session.name)?;

    // The migrator takes the lock again. It is taken here too, so that the version that is read next
    // does not change.
    let key = lock_key(&session.database);
    advisory_lock::acquire(connection, key, "migrates the schema").await?;

    let before = version_of(connection).await?;
    let known = newest();
    if let Some(found) = before
        && found > known
    {
        return Err(SchemaError::Newer { found, known });
    }

    // A role that may not change the schema can use one that needs no change.
    if !is_complete(connection, before).await? {
        complete(connection)
            .await
            .map_err(|error| match denied(&error) {
                Some(reason) => SchemaError::Forbidden {
                    role: session.role,
                    reason,
                },
                None => error,
            })?;
    }

    Ok(Migrated { before, now: known })
}

/// The key of the migrator's lock, as sqlx computes it: so processes of all releases take turns.
fn lock_key(database: &str) -> i64 {
    let crc = database.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            let polynomial = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            (crc >> 1) ^ polynomial
        })
    });

    0x3d32_ad9e * i64::from(!crc)
}

/// Whether there is nothing to migrate and no index to build.
async fn is_complete(
    connection: &mut PgConnection,
    version: Option<i64>,
) -> Result<bool, SchemaError> {
    if version.is_none() || connection.dirty_version(MIGRATIONS).await?.is_some() {
        return Ok(false);
    }

    let applied = connection.list_applied_migrations(MIGRATIONS).await?;
    let is_applied = |migration: &Migration| {
        applied.iter().any(|applied| {
            applied.version == migration.version && applied.checksum == migration.checksum
        })
    };
    // A migration with another checksum counts as missing, so that the migrator runs and names it
    // in its error.
    Ok(MIGRATOR.iter().all(is_applied) && indexes::are_complete(connection).await?)
}

async fn complete(connection: &mut PgConnection) -> Result<(), SchemaError> {
    run_migrations(connection).await?;
    indexes::build_missing(connection).await?;

    Ok(())
}

fn check_postgres(number: i32, name: &str) -> Result<(), SchemaError> {
    if number < OLDEST_POSTGRES {
        return Err(SchemaError::TooOld(name.to_owned()));
    }

    Ok(())
}

/// Tries until the tables are free: a long transaction, such as a backup's, may be reading one that a
/// migration needs for itself.
async fn run_migrations(connection: &mut PgConnection) -> Result<(), SchemaError> {
    sqlx::query(LOCK_TIMEOUT).execute(&mut *connection).await?;

    let mut delay = FIRST_DELAY;
    while let Err(error) = MIGRATOR.run(&mut *connection).await {
        // Each migration runs in a transaction, so one that gave way has left nothing behind.
        if !is_lock_timeout(&error) {
            return Err(error.into());
        }

        tracing::warn!(%error, again_in = ?delay, "waiting for a transaction that is using a table");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }

    Ok(())
}

/// What the role may not do, if that is why it failed.
fn denied(error: &SchemaError) -> Option<String> {
    let (SchemaError::Migrate(
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
    )
    | SchemaError::Database(error)) = error
    else {
        return None;
    };
    let error = error.as_database_error()?;

    (error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE)).then(|| error.message().to_owned())
}

fn is_lock_timeout(error: &MigrateError) -> bool {
    let MigrateError::ExecuteMigration(error, _) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(DatabaseError::code);

    code.as_deref() == Some(LOCK_NOT_AVAILABLE)
}

/// The newest migration that this release knows.
pub fn newest() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// The newest migration in the database. `None`: it was never migrated.
pub async fn version_of(connection: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    let is_new =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is null as "is_new!""#)
            .fetch_one(&mut *connection)
            .await?;
    if is_new {
        return Ok(None);
    }

    // Not checked when compiling: the table is the migrator's own.
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_lock_is_that_of_sqlx() {
        // CRC-32 of "123456789" is 0xcbf43926, as its specification says.
        assert_eq!(lock_key("123456789"), 0x3d32_ad9e * 0xcbf4_3926);
    }

    #[test]
    fn a_postgres_that_is_too_old_is_refused_with_its_version() {
        let refused = check_postgres(140_019, "14.19 (Debian 14.19-1)")
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "Postgres 14.19 (Debian 14.19-1) is too old: 15 or newer is needed"
        );

        for new_enough in [150_000, 150_013, 180_000] {
            check_postgres(new_enough, "").unwrap();
        }
    }
}
