//! A pool of connections to Postgres in which every wait has a limit.
//!
//! `&Pool` executes statements as sqlx's own pool does. These are the differences:
//! * A statement has a limit. A dead peer answers nothing, and TCP would wait for it for a quarter of
//!   an hour.
//! * A connection whose statement was given up, by its limit or because the caller has gone away, is
//!   closed and not used again. Postgres ends the statement of a closed connection within a second,
//!   and for so long the connection counts as used: so the statements that run at the same time are
//!   bounded too.
//! * After an error of the server or the session, no older connection is used again: all of a pool
//!   were probably opened to the server that has failed since.
//! * A connection that comes back is not pinged. It is pinged before it is used, for two seconds at
//!   most, unless it was used a moment ago.
//! * A connection that can't be opened is an error at once, and not tried again and again.

#![expect(
    clippy::disallowed_methods,
    reason = "a pool executes the statements of others, and the name of a database is not known \
              when compiling"
)]

use std::collections::VecDeque;
use std::fmt;
use std::io::ErrorKind::TimedOut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryFutureExt, TryStreamExt};
use sqlx::postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{AssertSqlSafe, Connection, Describe, Either, Execute, Executor, PgConnection, SqlStr};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::store::connection::{self, Idle, ends_connection};
use crate::store::database_state;

/// How long a statement may take, unless its caller sets another limit.
pub(crate) const STATEMENT_LIMIT: Duration = Duration::from_secs(20);
/// The most that any caller waits for a statement. Postgres itself ends it then, should nothing else.
pub(crate) const LONGEST_LIMIT: Duration = Duration::from_secs(150);
/// How long Postgres takes at most to find out that a connection is closed.
const NOTICED_AFTER: Duration = Duration::from_secs(1);
/// A connection that was idle for longer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// Connections to one database. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    /// How long one statement, or one [`Self::within`], may take.
    limit: Duration,
}

/// What a pool is made of.
pub struct PoolParams {
    pub options: PgConnectOptions,
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take.
    pub limit: Duration,
    /// When Postgres itself ends a statement.
    pub statement_timeout: Duration,
}

struct Shared {
    options: Arc<PgConnectOptions>,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    turns: Arc<Semaphore>,
    /// The one that was used last is the last.
    idle: Mutex<VecDeque<Idle>>,
    /// How often a connection was lost. One that was opened before the last time is not used again.
    losses: AtomicU64,
    used: AtomicUsize,
}

/// How many connections a pool has.
pub(crate) struct PoolSize {
    pub used: usize,
    pub idle: usize,
}

impl Pool {
    /// Each connection is opened when it is needed.
    pub fn new(params: PoolParams) -> Self {
        Self {
            shared: Arc::new(Shared {
                options: Arc::new(connection::named(params.options)),
                acquire_timeout: params.acquire_timeout,
                statement_timeout: params.statement_timeout,
                turns: Arc::new(Semaphore::new(params.max_connections as usize)),
                idle: Mutex::default(),
                losses: AtomicU64::new(0),
                used: AtomicUsize::new(0),
            }),
            limit: params.limit,
        }
    }

    /// The same connections, with another limit for statements.
    pub(crate) fn limited_to(&self, limit: Duration) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            limit: limit.min(LONGEST_LIMIT),
        }
    }

    pub(crate) fn options(&self) -> Arc<PgConnectOptions> {
        Arc::clone(&self.shared.options)
    }

    pub(crate) fn size(&self) -> PoolSize {
        PoolSize {
            used: self.shared.used.load(Ordering::Relaxed),
            idle: self.shared.idle().len(),
        }
    }

    /// Closes what is idle, and opens nothing any more.
    pub fn close(&self) {
        self.shared.turns.close();
        // After the semaphore: a connection that comes back from now on is not put back.
        self.shared.idle().clear();
    }

    /// Opens a connection beside those of the pool, on which statements may take as long as they do.
    pub(crate) async fn connect_apart(&self) -> sqlx::Result<PgConnection> {
        connection::connect(&self.shared.options, Duration::ZERO).await
    }

    /// Runs `work` on one connection, all of it within the limit.
    pub async fn within<T, E: From<sqlx::Error>>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lent = self.lend().await?;

        // Boxed, because the futures of statements are large.
        match timeout(self.limit, Box::pin(work(&mut lent.connection))).await {
            Ok(result) => {
                lent.give_back_after_work(result.is_err()).await;
                result
            }
            // The statement may be running still, so the connection is not used again.
            Err(_) => Err(lent.lost(connection::timed_out()).into()),
        }
    }

    /// Runs `work` in a transaction, which is committed if `work` succeeds, all of it within the
    /// limit.
    pub(crate) async fn transaction<T, E: From<sqlx::Error>>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.within(async |connection: &mut PgConnection| {
            // An error drops the transaction. Its rollback is sent when the connection is given
            // back.
            let mut transaction = connection.begin().await?;
            let done = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(done)
        })
        .await
    }

    async fn lend(&self) -> sqlx::Result<Lent> {
        let acquiring = Arc::clone(&self.shared.turns).acquire_owned();
        let turn = timeout(self.shared.acquire_timeout, acquiring)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;

        // Read before the connection is opened: a loss in between may concern it.
        let losses = self.shared.losses.load(Ordering::Acquire);
        let place = Place::new(Arc::clone(&self.shared), turn);
        let connection = match self.shared.take_idle().await {
            Some(connection) => connection,
            None => match self.shared.connect().await {
                Ok(connection) => connection,
                Err(error) => {
                    place.free();
                    return Err(error);
                }
            },
        };

        Ok(Lent {
            connection,
            losses,
            place,
        })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        connection::connect(&self.options, self.statement_timeout).await
    }

    /// The connection that was used last, unless it is found dead.
    async fn take_idle(&self) -> Option<PgConnection> {
        let connection = self.pop_idle()?.checked().await;
        if connection.is_none() {
            self.lose();
        }

        connection
    }

    fn pop_idle(&self) -> Option<Idle> {
        let mut idle = self.idle();

        // The connection that was used last is taken next, so those that are not needed grow old at
        // the front.
        while idle.front().is_some_and(|idle| idle.age() > IDLE_TIMEOUT) {
            idle.pop_front();
        }

        idle.pop_back()
    }

    /// Puts a connection back, unless another was lost since `losses` was read.
    fn put_back(&self, connection: PgConnection, losses: u64) {
        // Compared under the lock under which `lose` counts and clears: otherwise a connection
        // could come back right after a loss.
        let mut idle = self.idle();

        if losses == self.losses.load(Ordering::Acquire) && !self.turns.is_closed() {
            idle.push_back(Idle::new(connection));
        }
    }

    /// From now on, no connection is used that was opened before: what has ended one of them has
    /// probably ended the others too.
    fn lose(&self) {
        let mut idle = self.idle();

        self.losses.fetch_add(1, Ordering::AcqRel);
        idle.clear();
    }
}

/// A connection that is used. If it is dropped, its user has gone away in the middle of a statement.
struct Lent {
    // Closed before its place is left.
    connection: PgConnection,
    /// How many connections had been lost before this one was opened.
    losses: u64,
    place: Place,
}

impl Lent {
    fn give_back(self) {
        self.place.shared.put_back(self.connection, self.losses);
        self.place.free();
    }

    /// Gives the connection back after one statement, or closes it.
    fn after_statement<T>(self, done: sqlx::Result<T>) -> sqlx::Result<T> {
        // An error of the statement itself, such as a broken unique key, says nothing about the
        // connection.
        match done {
            Err(error) if ends_connection(&error) => Err(self.lost(error)),
            done => {
                self.give_back();
                done
            }
        }
    }

    /// Gives the connection back after several statements, of which one may have failed.
    async fn give_back_after_work(mut self, has_failed: bool) {
        // A transaction that was dropped is rolled back now, so that its locks do not wait for the
        // next use of the connection.
        let is_usable = if has_failed {
            // The work may have failed because the server is a standby now, on which all later work
            // would fail too.
            is_writable(&mut self.connection).await
        } else if self.connection.should_flush() {
            connection::is_alive(&mut self.connection).await
        } else {
            true
        };

        if is_usable {
            self.give_back();
        } else {
            self.place.shared.lose();
        }
    }

    /// Closes the connection, which `error` has ended.
    fn lost(self, error: sqlx::Error) -> sqlx::Error {
        self.place.shared.lose();

        // What has run into its limit may be running still.
        let is_running = matches!(&error, sqlx::Error::Io(error) if error.kind() == TimedOut);
        if !is_running {
            self.place.free();
        }

        error
    }
}

/// Whether Postgres answers on `connection`, and can be written to.
async fn is_writable(connection: &mut PgConnection) -> bool {
    if !connection::is_alive(connection).await {
        return false;
    }

    let reading = database_state::is_read_only(connection);
    matches!(
        connection::within(connection::PING_TIMEOUT, reading).await,
        Ok(false)
    )
}

/// The place of a connection in the pool. If it is dropped, it is kept until Postgres must have
/// noticed that its connection is closed.
struct Place {
    shared: Arc<Shared>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn new(shared: Arc<Shared>, turn: OwnedSemaphorePermit) -> Self {
        shared.used.fetch_add(1, Ordering::Relaxed);

        Self {
            shared,
            turn: Some(turn),
        }
    }

    fn free(mut self) {
        self.turn = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(1, Ordering::Relaxed);

        // At the end of the process there is no runtime any more, and no task waits for the place.
        if let Some(turn) = self.turn.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                tokio::time::sleep(NOTICED_AFTER).await;
                drop(turn);
            });
        }
    }
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    /// The rows are complete before the first is returned: the limit is that of the whole statement.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let results = async move {
            let mut lent = pool.lend().await?;
            let results = lent.connection.fetch_many(query).try_collect::<Vec<_>>();
            let done = connection::within(pool.limit, results).await;
            lent.after_statement(done)
        };

        results
            .map_ok(|results| stream::iter(results).map(Ok))
            .try_flatten_stream()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();

        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let row = lent.connection.fetch_optional(query);
            let done = connection::within(pool.limit, row).await;
            lent.after_statement(done)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let pool = self.clone();

        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let prepared = lent.connection.prepare_with(sql, parameters);
            let done = connection::within(pool.limit, prepared).await;
            lent.after_statement(done)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        let pool = self.clone();

        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let described = lent.connection.describe(sql);
            let done = connection::within(pool.limit, described).await;
            lent.after_statement(done)
        })
    }
}

/// Makes the database `name` unless it exists. `name` must need no escaping within quotes.
pub async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        name,
    )
    .fetch_one(&mut *connection)
    .await?;
    if exists {
        return Ok(());
    }

    sqlx::query(AssertSqlSafe(format!(r#"create database "{name}""#)))
        .execute(connection)
        .await
        .map(drop)
}
