//! One process at a time migrates the schema, while others run.

use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bellwire::crypto::generate_master_key;
use bellwire::dev::postgres::PrivatePostgres;
use bellwire::store::schema;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection, PgPool};

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::drill::{Drill, RECIPIENTS};
use crate::support::process::Process;

/// A migration that this version does not know.
const FUTURE: i64 = 20_990_101_000_000;

fn migrate(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .arg("migrate")
        .env("BELLWIRE__DATABASE__URL", url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn insert_future(pool: &PgPool) {
    let insert =
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                  values ($1, 'of a later release', true, '', 0)";
    sqlx::query(insert)
        .bind(FUTURE)
        .execute(pool)
        .await
        .unwrap();
}

/// Which migrations were run and when, and what is in the schema.
async fn state(pool: &PgPool) -> String {
    let state = "select (select string_agg(_sqlx_migrations::text, ' ' order by version) from _sqlx_migrations)
                     || (select string_agg(relname || relkind::text, ' ' order by relname) from pg_class)
                     || (select count(*) from accounts)";
    sqlx::query_scalar(state).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_migrations_run_one_after_the_other() {
    let database = Database::empty().await;
    let processes: Vec<_> = (0..4)
        .map(|_| migrate(&database.url).spawn().unwrap())
        .collect();
    let said = processes.into_iter().map(|process| {
        let Output {
            status,
            stdout,
            stderr,
        } = process.wait_with_output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    });
    let mut said: Vec<String> = said.collect();
    said.sort();
    let newest = schema::newest();
    let was = format!("the schema is up to date already: version {newest}\n");
    assert_eq!(
        said,
        [
            format!("the schema is created: version {newest}\n"),
            was.clone(),
            was.clone(),
            was
        ]
    );

    let run: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(run, schema::MIGRATOR.iter().count() as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_postgres_and_logs_it() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let postgres = PrivatePostgres::throwaway().await.unwrap();
    let options = postgres.options(PrivatePostgres::MAINTENANCE);
    let host = socket.display().to_string().replace('/', "%2F");
    let url = format!(
        "postgres://{}@{host}/{}",
        options.get_username(),
        PrivatePostgres::MAINTENANCE
    );
    let process = Process::spawn(&mut migrate(&url));
    process.logged("waiting for Postgres").await;
    symlink(options.get_socket().unwrap(), &socket).unwrap();
    assert_eq!(process.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_gives_way_while_a_long_statement_reads_its_table() {
    let database = Database::empty().await;
    let older = schema::MIGRATOR.iter().nth(1).unwrap().version;
    schema::MIGRATOR
        .run_to(older, &database.pool)
        .await
        .unwrap();
    let mut reader = database.pool.begin().await.unwrap();
    sqlx::query("select from push_notifications")
        .execute(&mut *reader)
        .await
        .unwrap();
    let process = Process::spawn(&mut migrate(&database.url));
    process
        .logged("waiting for a transaction that is using a table")
        .await;

    // Statements that come after the migration would otherwise wait for as long as it does.
    let others = sqlx::query("delete from push_notifications").execute(&database.pool);
    tokio::time::timeout(Duration::from_secs(60), others)
        .await
        .unwrap()
        .unwrap();
    reader.rollback().await.unwrap();
    assert_eq!(process.ended().await.code(), Some(0));

    let version = schema::version_of(&mut database.pool.acquire().await.unwrap())
        .await
        .unwrap();
    assert_eq!(version, Some(schema::newest()));
}

/// Days that were there before the index get it outside the migration, which would lock them.
#[tokio::test(flavor = "multi_thread")]
async fn older_partitions_get_the_index_of_the_accounts_batches() {
    const ACCOUNTS_SHARE: i64 = 20_261_126_010_000;

    let database = Database::empty().await;
    let before = schema::MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .filter(|version| *version < ACCOUNTS_SHARE)
        .max()
        .unwrap();
    schema::MIGRATOR
        .run_to(before, &database.pool)
        .await
        .unwrap();
    let mut connection = database.pool.acquire().await.unwrap().detach();
    let today = time::OffsetDateTime::now_utc().date();
    bellwire::store::partitions::create(&mut connection, today, 2)
        .await
        .unwrap();

    // What a build leaves that was interrupted.
    let day: String = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits
         where inhparent = 'batches'::regclass order by 1 limit 1",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    for statement in [
        format!("create index {day}_of_account on {day} (rank)"),
        format!(
            "update pg_index set indisvalid = false where indexrelid = '{day}_of_account'::regclass"
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    schema::migrate(&database.connections).await.unwrap();
    let (is_valid, attached): (bool, i64) = sqlx::query_as(
        "select indisvalid, (select count(*) from pg_inherits where inhparent = indexrelid)
         from pg_index where indexrelid = 'batches_of_account'::regclass",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(is_valid, "every partition has it");
    assert_eq!(attached, 3, "two days and the default partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_another_process_says_so() {
    let database = Database::empty().await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    other.lock().await.unwrap();

    let process = Process::spawn(&mut migrate(&database.url));
    process
        .logged("waiting for another process that migrates the schema")
        .await;

    other.close().await.unwrap();
    assert_eq!(process.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = Database::new().await;
    insert_future(&database.pool).await;
    let before = state(&database.pool).await;

    for arguments in [
        &["serve"][..],
        &["migrate"],
        &["keys", "create", "--account", "shop"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
        command
            .args(arguments)
            .env("BELLWIRE__DATABASE__URL", &database.url);
        let output = command
            .env("BELLWIRE__SECRETS__MASTER_KEY", generate_master_key())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let refused = format!(
            "error: Postgres can't be used: its schema has version {FUTURE}, and this release knows versions up to {}: run \
             the release that migrated it, or a newer one\n",
            schema::newest()
        );
        assert_eq!(String::from_utf8(output.stderr).unwrap(), refused);
    }

    assert_eq!(state(&database.pool).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_goes_on_while_a_later_release_migrates() {
    let drill = Drill::slow(Database::new().await).await;
    let (_process, client) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;
    let pool = &drill.world.database.pool;

    // A statement for each table, so that the locks are taken one after the other.
    for table in [
        "operations",
        "push_notifications",
        "delivery_attempts",
        "batches",
        "credentials",
        "api_keys",
    ] {
        let add = format!(
            "alter table {table} add column later text, add column later_still integer not null default 7"
        );
        sqlx::query(sqlx::AssertSqlSafe(add))
            .execute(pool)
            .await
            .unwrap();
    }

    sqlx::raw_sql("create table later_things (id uuid primary key)")
        .execute(pool)
        .await
        .unwrap();
    insert_future(pool).await;
    assert!(
        drill.accepted().await < RECIPIENTS,
        "the send was over before the migration"
    );

    let again = client.send(&message(&[fcm("device-0")])).await;
    assert_eq!(client.completed(&again).await["stats"]["sent"], 1);
    assert_eq!(
        reqwest::get(format!("{}/readyz", client.url()))
            .await
            .unwrap()
            .status(),
        200
    );

    // The device that got one more above.
    drill.ends_well(&client, &id, 1).await;
}
