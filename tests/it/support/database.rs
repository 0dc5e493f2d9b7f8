//! A database for each test, cloned from a template that is migrated once.
//!
//! The server is the one that `TEST_DATABASE_URL` names; without that, a private one. With
//! `CITUS_DATABASE_URL` set to a coordinator's address, each test gets a distributed schema there
//! instead.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bellwire::dev::postgres::PrivatePostgres;
use bellwire::store::pool::{self, Pool, PoolParams};
use bellwire::store::{citus, schema};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool};
use tokio::sync::OnceCell;

const CITUS_URL: &str = "CITUS_DATABASE_URL";

/// Ends when this process ends.
static SERVER: OnceCell<Server> = OnceCell::const_new();
static CITUS: OnceCell<()> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

struct Server {
    /// Without the database's name.
    url: String,
    template: String,
    _private: Option<PrivatePostgres>,
}

/// A test's own database.
pub struct Database {
    pub url: String,
    /// For statements of tests.
    pub pool: PgPool,
    /// As the service has it.
    pub connections: Pool,
}

/// A pool as the service has it.
fn connections(options: PgConnectOptions) -> Pool {
    Pool::new(PoolParams {
        options,
        max_connections: 5,
        acquire_timeout: Duration::from_secs(30),
        limit: Duration::from_secs(120),
        statement_timeout: Duration::from_secs(120),
    })
}

/// Whether databases are distributed.
pub fn is_on_citus() -> bool {
    std::env::var_os(CITUS_URL).is_some()
}

impl Database {
    pub async fn new() -> Self {
        if is_on_citus() {
            return Self::distributed().await;
        }
        let server = SERVER.get_or_init(Server::start).await;
        Self::made_from(server, &server.template).await
    }

    /// An empty database.
    pub async fn empty() -> Self {
        Self::made_from(SERVER.get_or_init(Server::start).await, "template0").await
    }

    async fn made_from(server: &Server, template: &str) -> Self {
        let name = format!(
            "bellwire_test_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        server
            .execute(&format!("create database {name} template {template}"))
            .await;
        let url = format!("{}/{name}", server.url);
        let options = PgConnectOptions::from_str(&url).unwrap();
        Self::at(url, options)
    }

    /// A database that exists.
    pub fn at(url: String, options: PgConnectOptions) -> Self {
        Self {
            url,
            pool: PgPoolOptions::new()
                .max_connections(5)
                .connect_lazy_with(options.clone()),
            connections: connections(options),
        }
    }

    /// A distributed schema on Citus.
    pub async fn distributed() -> Self {
        let database = Self::on_citus().await;
        let mut connection = database.pool.acquire().await.unwrap().detach();
        assert!(citus::distribute(&mut connection).await.unwrap());

        connection.close().await.unwrap();
        database
    }

    /// A schema on Citus that is not distributed yet.
    pub async fn on_citus() -> Self {
        let url = std::env::var(CITUS_URL)
            .unwrap_or_else(|_| panic!("{CITUS_URL} is not set: give it the coordinator's"));
        let mut connection = PgConnection::connect(&url).await.unwrap();
        CITUS
            .get_or_init(async || drop_left_over_schemas(&mut connection).await)
            .await;
        let name = format!(
            "bellwire_test_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        connection
            .execute(AssertSqlSafe(format!("create schema {name}")))
            .await
            .unwrap();
        let url = format!("{url}?options[search_path]={name}");
        let options = PgConnectOptions::from_str(&url).unwrap();
        let database = Self::at(url, options);
        schema::migrate(&database.connections).await.unwrap();
        database
    }

    /// Drops it, and closes the connections to it.
    pub async fn drop_by_force(&self) {
        let name = self.url.rsplit_once('/').unwrap().1;
        SERVER
            .get()
            .unwrap()
            .execute(&format!("drop database {name} with (force)"))
            .await;
    }

    /// A database on a server that a test may stop. Its address, `socket`, stays the same when the
    /// server starts again.
    pub async fn own(postgres: &PrivatePostgres, socket: &Path) -> Self {
        let mut connection =
            PgConnection::connect_with(&postgres.options(PrivatePostgres::MAINTENANCE))
                .await
                .unwrap();
        pool::create_database(&mut connection, "drill")
            .await
            .unwrap();
        let options = postgres.options("drill");
        symlink(options.get_socket().unwrap(), socket).unwrap();
        let host = socket.display().to_string().replace('/', "%2F");
        let url = format!("postgres://{}@{host}/drill", options.get_username());
        let database = Self::at(url, options.socket(socket));
        schema::migrate(&database.connections).await.unwrap();
        database
    }
}

impl Server {
    async fn start() -> Self {
        let (url, private) = match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => (
                url.rsplit_once('/')
                    .map_or(url.clone(), |(server, _)| server.to_owned()),
                None,
            ),
            Err(_) => {
                let private = PrivatePostgres::throwaway().await.unwrap();
                (
                    private.url("").trim_end_matches('/').to_owned(),
                    Some(private),
                )
            }
        };
        let template = format!("bellwire_template_{}", std::process::id());
        let server = Self {
            url,
            template,
            _private: private,
        };
        server.drop_left_over_databases().await;
        server
            .execute(&format!("create database {}", server.template))
            .await;
        let options =
            PgConnectOptions::from_str(&format!("{}/{}", server.url, server.template)).unwrap();
        let connections = connections(options);
        schema::migrate(&connections).await.unwrap();
        connections.close();
        server
    }

    async fn execute(&self, statement: &str) {
        let mut connection = self.connect().await;
        connection
            .execute(AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap();
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&format!("{}/postgres", self.url))
            .await
            .unwrap()
    }

    /// Drops the databases that earlier runs left on a server.
    async fn drop_left_over_databases(&self) {
        let mut connection = self.connect().await;
        let query =
            "select datname from pg_database where datname ~ '^bellwire_(test|template)_[0-9]+'";
        let names: Vec<String> = sqlx::query_scalar(query)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for name in names {
            let process = name.split('_').nth(2).unwrap_or_default();
            if !Path::new("/proc").join(process).exists() {
                let _ = connection
                    .execute(AssertSqlSafe(format!(
                        "drop database if exists {name} with (force)"
                    )))
                    .await;
            }
        }
    }
}

/// Drops the schemas that earlier runs left on Citus.
async fn drop_left_over_schemas(connection: &mut PgConnection) {
    let query = "select nspname::text from pg_namespace where nspname ~ '^bellwire_test_[0-9]+'";
    let names: Vec<String> = sqlx::query_scalar(query)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    for name in names {
        let process = name.split('_').nth(2).unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let _ = connection
                .execute(AssertSqlSafe(format!("drop schema {name} cascade")))
                .await;
        }
    }
}
