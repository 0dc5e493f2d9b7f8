//! One connection to Postgres: how it is opened, what it is set to, and whether it can be used
//! again.
//!
//! Settings are made by `SET` after connecting and not as parameters of the start, which
//! `PgBouncer` refuses. They replace what the role or the database has set for its sessions.

#![expect(
    clippy::disallowed_methods,
    reason = "settings are no statement that can be checked when compiling"
)]

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use crate::store::releases::APPLICATION_NAME;

/// How long it may take to open a connection, settings included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long Postgres may take to answer a ping.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is pinged before it is used: Postgres may have been
/// restarted since.
const TRUSTED_FOR: Duration = Duration::from_millis(50);

/// How every statement is planned. All of them find their rows by an index, and a plan that was made
/// while a table was small must not read the whole of it once it is large, nor all rows of an account
/// once to compare them with each row that is searched. Just-in-time compilation would cost more than
/// any of the statements takes.
pub(super) const PLANNING: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("jit", "off"),
];

/// What a role or a database may have set for its sessions, and would break statements here.
const OWN: [(&str, &str); 3] = [
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("default_transaction_isolation", "read committed"),
];

/// How Postgres finds out that this process is gone: it ends the statement of a connection that was
/// closed, and the session of a machine that has vanished. Not every server can do both.
const GONE_CLIENTS: [&str; 2] = [
    "set client_connection_check_interval = '1s'",
    "set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3",
];

/// The statements that make these settings.
static SETTINGS: LazyLock<String> = LazyLock::new(|| {
    let mut statements = String::new();

    for (name, value) in PLANNING.iter().chain(&OWN) {
        let _ = write!(statements, "set {name} = '{value}';");
    }
    for settings in GONE_CLIENTS {
        let _ = write!(
            statements,
            "do $$ begin {settings}; exception when others then null; end $$;"
        );
    }

    statements
});

/// `options` as all connections have them.
pub(super) fn named(options: PgConnectOptions) -> PgConnectOptions {
    // The digits would be a parameter of the start. Floats are exchanged in binary.
    options
        .application_name(APPLICATION_NAME)
        .extra_float_digits(None)
}

/// Opens a connection. Postgres itself ends its statements after `statement_timeout`; zero: never.
/// Each caller has a shorter limit of its own.
pub(super) async fn connect(
    options: &PgConnectOptions,
    statement_timeout: Duration,
) -> sqlx::Result<PgConnection> {
    let connecting = async {
        let mut connection = options.connect().await?;
        // First, since that of the role would end the others.
        let statements = format!(
            "set statement_timeout = {};{}",
            statement_timeout.as_millis(),
            *SETTINGS
        );

        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut connection)
            .await?;
        Ok(connection)
    };

    within(CONNECT_TIMEOUT, connecting).await
}

/// Waits for `work` for at most `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    // Boxed, because the futures of statements are large.
    timeout(limit, Box::pin(work))
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// Has each statement of `connection` planned once. Postgres itself plans one for its parameters wherever
/// arrays of few elements promise a cheaper plan; to plan a look-up takes four times as long as the look-up.
pub(super) async fn plan_once(connection: &mut PgConnection) -> sqlx::Result<()> {
    let planning = sqlx::raw_sql("set plan_cache_mode = force_generic_plan").execute(connection);

    within(CONNECT_TIMEOUT, planning).await.map(drop)
}

pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// Whether Postgres answers a ping on `connection`. Also sends what is waiting to be sent, such as
/// the `ROLLBACK` of a transaction that was dropped.
pub(super) async fn is_alive(connection: &mut PgConnection) -> bool {
    within(PING_TIMEOUT, connection.ping()).await.is_ok()
}

/// Whether a connection can't be used any more after `error`: nothing may be at its other end, or
/// the server at its other end can't do its work.
pub(crate) fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_lost(&code)),
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::PoolTimedOut => false,
        _ => true,
    }
}

/// Whether this SQLSTATE is about the server or the session and not about the statement.
fn is_lost(code: &str) -> bool {
    // 25006: the session can only read, as all sessions of a standby or that began while the
    // database was read-only. Class 08: connection. 57P01 to 57P05: the server or the session is
    // shut down. 26000, 42P05: a pooler has given the session to another server process, which
    // has other prepared statements.
    ["25006", "26000", "42P05"].contains(&code) || code.starts_with("08") || code.starts_with("57P")
}

/// A connection that waits for its next use.
pub(super) struct Idle {
    pub(super) connection: PgConnection,
    used_at: Instant,
}

impl Idle {
    pub(super) fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            used_at: Instant::now(),
        }
    }

    pub(super) fn age(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// The connection, unless it is found dead.
    pub(super) async fn checked(mut self) -> Option<PgConnection> {
        let is_alive = self.age() < TRUSTED_FOR || is_alive(&mut self.connection).await;

        is_alive.then_some(self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_server_or_the_session_end_a_connection() {
        for code in [
            "25006", "57P01", "57P02", "57P03", "08006", "08P01", "26000",
        ] {
            assert!(is_lost(code), "{code}");
        }
        for code in ["23505", "57014", "40001", "53300", "42501", "55P03"] {
            assert!(!is_lost(code), "{code}");
        }

        assert!(ends_connection(&timed_out()));
        assert!(ends_connection(&sqlx::Error::Protocol(String::new())));
        assert!(!ends_connection(&sqlx::Error::RowNotFound));
        assert!(!ends_connection(&sqlx::Error::PoolTimedOut));
    }
}
