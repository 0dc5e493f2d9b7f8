//! Dedicated connections: every wait has a timeout, and after an error there is a new connection.

use std::io::ErrorKind;
use std::time::Duration;

use bellwire::store::dedicated_connection::DedicatedConnection;
use sqlx::PgConnection;

use crate::support::database::Database;

const PATIENCE: Duration = Duration::from_secs(60);

/// Which of Postgres' processes serves a connection.
async fn backend(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(connection)
        .await
}

async fn plan_cache_mode(connection: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("show plan_cache_mode")
        .fetch_one(connection)
        .await
}

async fn execute(statement: &'static str, connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedicated_connection_is_kept_until_it_fails_and_then_replaced() {
    let database = Database::new().await;
    let mut dedicated = DedicatedConnection::beside(&database.connections);
    let first = dedicated.within(PATIENCE, backend).await.unwrap();
    assert_eq!(dedicated.within(PATIENCE, backend).await.unwrap(), first);

    // A statement that takes too long.
    let sleep =
        async |connection: &mut PgConnection| execute("select pg_sleep(600)", connection).await;
    let error = dedicated
        .within(Duration::from_millis(50), sleep)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut),
        "{error}"
    );
    let second = dedicated.within(PATIENCE, backend).await.unwrap();
    assert_ne!(second, first, "the statement may still run on the first");

    // A connection that breaks during a statement.
    let cut = async |connection: &mut PgConnection| {
        execute(
            "select pg_terminate_backend(pg_backend_pid()), pg_sleep(600)",
            connection,
        )
        .await
    };
    dedicated.within(PATIENCE, cut).await.unwrap_err();
    let third = dedicated.within(PATIENCE, backend).await.unwrap();
    assert_ne!(third, second);

    // One that breaks while it is idle. It is noticed at the latest by the next statement.
    let cut = sqlx::query("select pg_terminate_backend($1, 60000)").bind(third);
    cut.execute(&database.pool).await.unwrap();
    let fourth = match dedicated.within(PATIENCE, backend).await {
        Ok(backend) => backend,
        Err(_) => dedicated.within(PATIENCE, backend).await.unwrap(),
    };
    assert_ne!(fourth, third);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedicated_connection_plans_each_statement_once_if_it_is_told_to() {
    let database = Database::new().await;
    let mut usual = DedicatedConnection::beside(&database.connections);
    assert_eq!(
        usual.within(PATIENCE, plan_cache_mode).await.unwrap(),
        "auto"
    );
    let mut planning_once = DedicatedConnection::beside(&database.connections).planning_once();
    assert_eq!(
        planning_once
            .within(PATIENCE, plan_cache_mode)
            .await
            .unwrap(),
        "force_generic_plan"
    );
}
