//! The configured database: pools of connections to it, the wait for it, and its migration.

use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::app::env_file;
use crate::config::Config;
use crate::crypto::MasterKeys;
use crate::maintenance::seal_form;
use crate::store::database_url;
use crate::store::pool::{LONGEST_LIMIT, Pool, PoolParams, STATEMENT_LIMIT};
use crate::store::pooler;
use crate::store::reachable::reachable;
use crate::store::schema::{self, Migrated};

/// Most connections of the API that read lists.
const MAX_LIST_CONNECTIONS: u32 = 4;
/// How long one statement that reads a list may take, and how long it waits for a connection.
const LIST_LIMIT: Duration = Duration::from_secs(5);

pub(crate) const POSTGRES_UNUSABLE: &str = "Postgres can't be used";

/// Connections to Postgres beside those of the API's pool.
pub(super) const MORE_DATABASE_CONNECTIONS: u32 = 17;

/// A pool of connections to the configured database.
pub(crate) fn connect(config: &Config, max_connections: u32) -> anyhow::Result<Pool> {
    Ok(Pool::new(PoolParams {
        options: options(config)?,
        max_connections,
        acquire_timeout: config.database.connect_timeout,
        limit: STATEMENT_LIMIT,
        statement_timeout: LONGEST_LIMIT,
    }))
}

/// The pool that lists are read from. A list reads a bounded number of rows, which takes
/// milliseconds, so what takes longer is ended.
pub(super) fn connect_for_lists(config: &Config, max_connections: u32) -> anyhow::Result<Pool> {
    Ok(Pool::new(PoolParams {
        options: options(config)?,
        max_connections,
        acquire_timeout: LIST_LIMIT,
        limit: LIST_LIMIT,
        statement_timeout: LIST_LIMIT,
    }))
}

/// How the connections of the API are divided: for lists, and for everything else. There is one of
/// each at least.
pub(super) fn divided(max_connections: u32) -> (u32, u32) {
    let lists = (max_connections / 3).clamp(1, MAX_LIST_CONNECTIONS);

    (lists, max_connections.saturating_sub(lists).max(1))
}

pub(super) fn options(config: &Config) -> anyhow::Result<PgConnectOptions> {
    let url = config.database.url.expose_secret();
    if url.is_empty() {
        bail!(
            "database.url is not set: set BELLWIRE__DATABASE__URL, such as \
             postgres://user:password@host:5432/bellwire, or database.url_file to a file that contains it{}",
            env_file::hint()
        );
    }

    database_url::options(url).context("database.url is not a Postgres URL")
}

/// Connects a command to the configured database. Fails at once if Postgres can't be reached.
pub(crate) async fn connect_now(config: &Config) -> anyhow::Result<Pool> {
    check_database(config, Duration::ZERO).await?;

    connect(config, 1)
}

/// Waits for the configured Postgres for at most `timeout`.
pub(crate) async fn check_database(config: &Config, timeout: Duration) -> anyhow::Result<()> {
    let options = options(config)?;

    reachable(&options, timeout)
        .await
        .context(POSTGRES_UNUSABLE)?;

    // Before a migration takes its lock: a pooler that does not keep sessions may give the lock to
    // another client.
    pooler::check(&options).await.context(POSTGRES_UNUSABLE)
}

/// Waits for the configured Postgres for at most `timeout`, and migrates its schema over `pool`.
pub(crate) async fn migrate(
    config: &Config,
    pool: &Pool,
    timeout: Duration,
) -> anyhow::Result<Migrated> {
    check_database(config, timeout).await?;

    schema::migrate(pool).await.context(POSTGRES_UNUSABLE)
}

/// Fails unless the configured Postgres has the schema of this release, or a newer one. For commands
/// that migrate nothing.
pub(crate) async fn require_schema(pool: &Pool) -> anyhow::Result<()> {
    let version = pool
        .within(async |connection: &mut PgConnection| schema::version_of(connection).await)
        .await;

    match version.context(POSTGRES_UNUSABLE)? {
        None => bail!("the database has no tables of Bellwire yet: run `bellwire migrate`"),
        // A newer schema is no error: releases run side by side, and a newer one drops nothing that
        // an older one reads.
        Some(version) if version < schema::newest() => bail!(
            "the tables in the database are those of an older release: run `bellwire migrate`"
        ),
        Some(_) => Ok(()),
    }
}

/// Decides in which form `keys` seal new secrets.
pub(crate) async fn decide_seal_form(
    config: &Config,
    pool: &Pool,
    keys: &MasterKeys,
) -> anyhow::Result<()> {
    if config.secrets.keep_older_seal {
        // The operator may go back to release 0.1, which reads only the older form.
        keys.set_bound(false);
        return Ok(());
    }

    seal_form::decide(pool, keys)
        .await
        .context(POSTGRES_UNUSABLE)
}
