//! The pool: every statement has a limit, what was given up ends in Postgres too, and a connection that
//! is not fit any more is replaced.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use bellwire::store::pool::{Pool, PoolParams};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::database::Database;
use crate::support::eventually;

/// A pool of one connection.
fn pool(url: &str, limit: Duration) -> Pool {
    Pool::new(PoolParams {
        options: PgConnectOptions::from_str(url).unwrap(),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(60),
        limit,
        statement_timeout: Duration::from_secs(600),
    })
}

async fn backend(pool: &Pool) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Waits until Postgres runs `count` statements that sleep.
async fn sleeping(database: &Database, count: i64) {
    eventually("statements to begin or end", async || {
        let sleeping: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and state = 'active' and query ~ '^select pg_sleep'",
        )
        .fetch_one(&database.pool)
        .await
        .unwrap();
        (sleeping == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_a_limit_and_ends_in_postgres_too() {
    let database = Database::new().await;
    let pool = pool(&database.url, Duration::from_secs(1));
    let first = backend(&pool).await;
    assert_eq!(backend(&pool).await, first, "the connection is kept");

    let error = sqlx::query("select pg_sleep(600)")
        .execute(&pool)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut),
        "{error}"
    );
    sleeping(&database, 0).await;
    assert_ne!(backend(&pool).await, first);

    // So has a group of statements.
    let error = pool
        .within(async |connection: &mut PgConnection| -> sqlx::Result<()> {
            sqlx::query("select pg_sleep(600)")
                .execute(connection)
                .await
                .map(drop)
        })
        .await;
    assert!(error.is_err());
    sleeping(&database, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_caller_has_gone_away_ends_in_postgres_too() {
    let database = Database::new().await;
    let pool = pool(&database.url, Duration::from_secs(600));
    let statement = tokio::spawn({
        let pool = pool.clone();
        async move { sqlx::query("select pg_sleep(600)").execute(&pool).await }
    });
    sleeping(&database, 1).await;

    statement.abort();
    sleeping(&database, 0).await;
    backend(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_replaced_after_an_error_of_the_session_and_kept_after_others() {
    let database = Database::new().await;
    let pool = pool(&database.url, Duration::from_secs(60));
    let first = backend(&pool).await;

    sqlx::query("select 1 / 0")
        .execute(&pool)
        .await
        .unwrap_err();
    let failed = pool
        .within(async |connection: &mut PgConnection| -> sqlx::Result<()> {
            let mut transaction = connection.begin().await?;
            sqlx::query("select 1 / 0")
                .execute(&mut *transaction)
                .await
                .map(drop)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(backend(&pool).await, first);

    sqlx::query("select pg_terminate_backend(pg_backend_pid())")
        .execute(&pool)
        .await
        .unwrap_err();
    let second = backend(&pool).await;
    assert_ne!(second, first);

    // The session can only read, and so would be of no use for good.
    let session = "set default_transaction_read_only = on";
    sqlx::raw_sql(session).execute(&pool).await.unwrap();
    sqlx::query("create table anything ()")
        .execute(&pool)
        .await
        .unwrap_err();
    let third = backend(&pool).await;
    assert_ne!(third, second);
    sqlx::query("create table anything ()")
        .execute(&pool)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_role_do_not_apply() {
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1;
    for setting in [
        "statement_timeout = '50ms'",
        "lock_timeout = '50ms'",
        "idle_in_transaction_session_timeout = '50ms'",
        "default_transaction_isolation = 'serializable'",
        "enable_seqscan = on",
    ] {
        let statement = format!("alter database {name} set {setting}");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&database.pool)
            .await
            .unwrap();
    }

    let pool = pool(&database.url, Duration::from_secs(60));
    let settings: Vec<String> = sqlx::query_scalar(
        "select name || '=' || setting from pg_settings, pg_sleep(0.1)
         where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
             'default_transaction_isolation', 'enable_seqscan', 'client_connection_check_interval')
         order by name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(
        settings,
        [
            "client_connection_check_interval=1000",
            "default_transaction_isolation=read committed",
            "enable_seqscan=off",
            "idle_in_transaction_session_timeout=60000",
            "lock_timeout=0",
            "statement_timeout=600000",
        ]
    );
}
