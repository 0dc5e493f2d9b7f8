//! The wait until Postgres answers, and what keeps it from answering, in words for an operator.

use std::fmt;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;

use crate::store::connection;

/// The waits between two attempts to connect or to migrate: each is twice the one before.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(250);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(5);

const _: () = assert!(FIRST_DELAY.as_millis() <= LONGEST_DELAY.as_millis());

/// Why Postgres can't be reached.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// The address that was tried: `HOST:PORT`, or the directory of a socket.
    place: String,
    user: String,
    database: String,
    error: sqlx::Error,
}

impl std::error::Error for Unreachable {}

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            user,
            database,
            error,
        } = self;
        let cause = cause(error);
        let error = reason(error);

        match cause {
            Cause::Refused => write!(
                formatter,
                "nothing listens at {place}: start Postgres there, or correct the host and port in \
                 database.url"
            ),
            Cause::UnknownHost => write!(
                formatter,
                "the host of {place} is not known ({error}): correct the host in database.url, or check \
                 the name service of this machine"
            ),
            Cause::NoSocket => write!(
                formatter,
                "there is no Postgres at {place} ({error}): start it, or correct the host in \
                 database.url"
            ),
            Cause::NoAnswer => write!(
                formatter,
                "{place} does not answer: check the host and port in database.url, and firewalls on \
                 the way"
            ),
            Cause::Login => write!(
                formatter,
                "Postgres at {place} refuses the user '{user}' ({error}): correct the user and \
                 password in database.url, or pg_hba.conf of the server"
            ),
            Cause::NoDatabase => write!(
                formatter,
                "Postgres at {place} has no database '{database}': create it, or correct its name in \
                 database.url"
            ),
            Cause::Certificate => write!(
                formatter,
                "no TLS connection to Postgres at {place} ({error}): check sslmode and sslrootcert in \
                 database.url, and the server's certificate"
            ),
            Cause::Other => write!(formatter, "Postgres at {place}: {error}"),
        }
    }
}

/// The cause of `error` in the system's or in Postgres' own words, without the line of Postgres' source.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Refused,
    UnknownHost,
    NoSocket,
    NoAnswer,
    Login,
    NoDatabase,
    Certificate,
    Other,
}

fn cause(error: &sqlx::Error) -> Cause {
    match error {
        sqlx::Error::Tls(_) => Cause::Certificate,
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Cause::Refused,
            ErrorKind::NotFound => Cause::NoSocket,
            ErrorKind::TimedOut => Cause::NoAnswer,
            // A certificate that is not trusted, expired, or for another host.
            ErrorKind::InvalidData | ErrorKind::InvalidInput => Cause::Certificate,
            // The standard library has no kind for it.
            _ if error.to_string().contains("failed to lookup address") => Cause::UnknownHost,
            _ => Cause::Other,
        },
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // Class 28: invalid authorization.
            Some(code) if code.starts_with("28") => Cause::Login,
            Some("3D000") => Cause::NoDatabase,
            _ => Cause::Other,
        },
        _ => Cause::Other,
    }
}

/// Returns once Postgres takes connections. Fails if it does not within `timeout`, or at once if
/// waiting can't help.
pub(crate) async fn reachable(
    options: &PgConnectOptions,
    timeout: Duration,
) -> Result<(), Unreachable> {
    let options = connection::named(options.clone());
    let deadline = Instant::now() + timeout;
    let mut delay = FIRST_DELAY;

    loop {
        let error = match connection::connect(&options, Duration::ZERO).await {
            Ok(connection) => {
                let _ = connection.close().await;
                return Ok(());
            }
            Err(error) => error,
        };

        let can_pass = is_transient(&error);
        let error = unreachable(&options, error);
        // A wait that would end after the deadline is not begun, so the operator gets the reason
        // earlier.
        if !can_pass || deadline.saturating_duration_since(Instant::now()) <= delay {
            return Err(error);
        }

        tracing::warn!(%error, again_in = ?delay, "waiting for Postgres");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

fn unreachable(options: &PgConnectOptions, error: sqlx::Error) -> Unreachable {
    let user = options.get_username().to_owned();

    Unreachable {
        place: place(options),
        database: options.get_database().unwrap_or(&user).to_owned(),
        user,
        error,
    }
}

/// Where `options` lead to.
fn place(options: &PgConnectOptions) -> String {
    let port = options.get_port();

    match options.get_socket() {
        Some(directory) => format!("the socket {}/.s.PGSQL.{port}", directory.display()),
        // An IPv6 address.
        None if options.get_host().contains(':') => format!("[{}]:{port}", options.get_host()),
        None => format!("{}:{port}", options.get_host()),
    }
}

/// Whether it is worth trying again: nothing answers, or Postgres is starting, shutting down or out
/// of connections.
fn is_transient(error: &sqlx::Error) -> bool {
    match error.as_database_error().and_then(DatabaseError::code) {
        // Class 57P: operator intervention. 53300: too many connections.
        Some(code) => code.starts_with("57P") || code == "53300",
        None => matches!(error, sqlx::Error::Io(_)) && cause(error) != Cause::Certificate,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::str::FromStr;

    use super::*;

    fn message(url: &str, error: sqlx::Error) -> String {
        unreachable(&PgConnectOptions::from_str(url).unwrap(), error).to_string()
    }

    fn io(kind: ErrorKind) -> sqlx::Error {
        sqlx::Error::Io(io::Error::new(kind, "why"))
    }

    #[test]
    fn an_error_names_the_place_and_what_to_do() {
        let url = "postgres://u:secret@db.internal:6543/push";

        let refused = message(url, io(ErrorKind::ConnectionRefused));
        assert!(refused.contains("db.internal:6543"), "{refused}");
        assert!(refused.contains("start Postgres"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");

        let socket = message(
            "postgres:///push?host=/run/postgresql",
            io(ErrorKind::NotFound),
        );
        assert!(socket.contains("/run/postgresql/.s.PGSQL.5432"), "{socket}");

        let unknown = message(
            url,
            sqlx::Error::Io(io::Error::other(
                "failed to lookup address information: Name or service not known",
            )),
        );
        assert!(unknown.contains("the host of db.internal"), "{unknown}");
        assert!(unknown.contains("correct the host"), "{unknown}");

        let certificate = message(url, io(ErrorKind::InvalidData));
        assert!(certificate.contains("sslrootcert"), "{certificate}");
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_not_waited_for() {
        assert!(!is_transient(&io(ErrorKind::InvalidData)));
        assert!(!is_transient(&sqlx::Error::Tls("wrong".into())));

        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::NotFound,
            ErrorKind::TimedOut,
            ErrorKind::ConnectionReset,
        ] {
            assert!(is_transient(&io(kind)), "{kind:?}");
        }
    }
}
