//! A connection that one task keeps: every wait has an end, and the next task gets a connection
//! that works.

use std::io::ErrorKind;
use std::time::Duration;

use bellwire::store::dedicated_connection::DedicatedConnection;
use sqlx::PgConnection;

use crate::support::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gives_up_what_takes_too_long_and_goes_on() {
    let database = Database::new().await;
    let mut session = DedicatedConnection::beside(&database.pool);
    let backend = async |connection: &mut PgConnection| -> sqlx::Result<i32> {
        sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(connection)
            .await
    };
    let patience = Duration::from_secs(60);
    let first = session.within(patience, backend).await.unwrap();
    assert_eq!(
        session.within(patience, backend).await.unwrap(),
        first,
        "it is kept"
    );
    let sleeping = async |connection: &mut PgConnection| {
        sqlx::query("select pg_sleep(600)")
            .execute(connection)
            .await
    };
    let error = session
        .within(Duration::from_millis(50), sleeping)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut),
        "{error}"
    );
    let second = session.within(patience, backend).await.unwrap();
    assert_ne!(second, first, "nobody knows what is under way on the first");
    let cut = sqlx::query("select pg_terminate_backend($1)").bind(second);
    cut.execute(&database.pool).await.unwrap();
    session.within(patience, backend).await.unwrap_err();
    session.within(patience, backend).await.unwrap();
}
