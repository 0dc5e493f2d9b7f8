//! Days past the retention period are dropped, at once, and nothing else is.

use std::process::{Command, Output};
use std::str::FromStr;
use std::time::Duration;

use bellwire::maintenance::retention;
use bellwire::model::id::{OperationId, lowest_id_at};
use bellwire::store::partitions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::service::{Service, World, assert_tallies};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// A service whose retention the test runs itself.
async fn service() -> Service {
    let mut world = World::new().await;
    world.config.retention.enabled = false;
    world.start().await
}

fn days_ago(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() - time::Duration::days(days)
}

/// Inserts an Operation of `days` ago with one notification, in a partition of its day if
/// `partitioned`.
async fn aged(pool: &PgPool, days: i64, partitioned: bool, status: &str) -> OperationId {
    let created_at = days_ago(days);
    if partitioned {
        let mut connection = pool.acquire().await.unwrap();
        partitions::create(&mut connection, created_at.date(), 1)
            .await
            .unwrap();
    }

    // Version 7, variant 2, and no low bits, like the id of an Operation of that time.
    let id = Uuid::from_u128(lowest_id_at(created_at).as_u128() | 7 << 76 | 0b10 << 62);

    for statement in [
        "insert into operations (id, account_id, message, recipients, deadline_at, created_at)
         select $1, id, '{\"content\": {\"title\": \"then\"}}', 1, $2 + interval '1 hour', $2
         from accounts where $3 is not null",
        "insert into batches (operation_id, number, first_position, size, rank, due_at, queued, sent, updated_at)
         select $1, 0, 0, 1, 0, $2 + interval '100 years', ($3 = 'QUEUED')::integer, ($3 <> 'QUEUED')::integer, $2",
        "insert into push_notifications (operation_id, position, provider, credential_id, token, status, attempts)
         select $1, 0, 'FCM', $1, 'sealed', $3::push_notification_status, ($3 <> 'QUEUED')::integer
         where $2 is not null",
        "insert into delivery_attempts (operation_id, position, number, provider, credential_id, outcome, duration_ms, created_at)
         select $1, 0, 1, 'FCM', $1, 'ACCEPTED', 1, $2 where $3 <> 'QUEUED'",
    ] {
        sqlx::query(statement).bind(id).bind(created_at).bind(status).execute(pool).await.unwrap();
    }

    OperationId::from(id)
}

/// The days that have partitions, and the number of rows in the default partitions.
async fn partitions_of(pool: &PgPool) -> (Vec<String>, i64) {
    let days = "select distinct right(relname, 8) from pg_class
                where relkind = 'r' and relnamespace = current_schema()::regnamespace
                    and relname ~ '^(operations|batches|push_notifications|delivery_attempts)_[0-9]{8}$'
                order by 1";
    let days = sqlx::query_scalar(days).fetch_all(pool).await.unwrap();
    let strays = "select (select count(*) from operations_default) + (select count(*) from batches_default)
                  + (select count(*) from push_notifications_default) + (select count(*) from delivery_attempts_default)";
    (
        days,
        sqlx::query_scalar(strays).fetch_one(pool).await.unwrap(),
    )
}

fn day(days: i64) -> String {
    let date = days_ago(days).date();
    format!(
        "{:04}{:02}{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

fn run(service: &Service, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .arg("retention")
        .args(arguments)
        .env("BELLWIRE__DATABASE__URL", &service.world.database.url);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));

    String::from_utf8(stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_days_are_dropped_and_unsettled_or_younger_ones_stay() {
    let service = service().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    aged(pool, 10, true, "SENT").await;
    aged(pool, 30, false, "SENT").await;
    let waiting = aged(pool, 9, true, "QUEUED").await;
    let young = aged(pool, 6, true, "SENT").await;
    let id = client.send(&message(&[fcm("of-today")])).await;
    client.completed(&id).await;
    sqlx::query(
        "insert into idempotency_keys (account_id, key, fingerprint, location, answer, created_at)
         select id, age::text, sha256(''), '', '{}', now() - age from accounts, unnest('{23h,25h}'::interval[]) as age",
    )
    .execute(pool)
    .await
    .unwrap();

    let before = partitions_of(pool).await;
    assert!(before.0.contains(&day(10)) && before.1 == 4, "{before:?}");

    let shown = run(&service, &["--dry-run"]);

    for expected in [
        format!("push_notifications_{}", day(10)),
        "waits: 1 batches".to_owned(),
        "1 expired idempotency keys".to_owned(),
        "4 rows of days without a partition".to_owned(),
    ] {
        assert!(
            shown.contains(&expected),
            "{shown} should contain {expected}"
        );
    }

    assert!(!shown.contains(&day(6)), "{shown}");
    assert_eq!(
        partitions_of(pool).await,
        before,
        "a dry run changes nothing"
    );

    run(&service, &[]);
    let (days, strays) = partitions_of(pool).await;
    assert!(
        !days.contains(&day(10)) && days.contains(&day(9)) && days.contains(&day(6)),
        "{days:?}"
    );
    assert_eq!(strays, 0);

    let keys: Vec<String> = sqlx::query_scalar("select key from idempotency_keys")
        .fetch_all(pool)
        .await
        .unwrap();
    assert_eq!(keys, ["23:00:00"]);

    for (id, status) in [
        (waiting.to_string(), 404),
        (young.to_string(), 200),
        (id, 200),
    ] {
        assert_eq!(
            client.get(&format!("/Operations/{id}")).await.0,
            status,
            "{id}"
        );
    }

    let listed = client.all("/Operations", "operations", 50).await;
    assert!(
        listed
            .iter()
            .all(|operation| operation["id"] != waiting.to_string()),
        "{listed:?}"
    );
    assert_tallies(&service.world.database).await;

    let settle = "with notification as (
                      update push_notifications set status = 'FAILED', error_code = 'EXPIRED' where operation_id = $1
                  )
                  update batches set queued = 0, failed = 1 where operation_id = $1";
    sqlx::query(settle)
        .bind(waiting.as_uuid())
        .execute(pool)
        .await
        .unwrap();
    run(&service, &[]);
    assert!(
        !partitions_of(pool).await.0.contains(&day(9)),
        "nothing of it is left to be sent"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_changes_partitions() {
    let service = service().await;
    let pool = &service.world.database.pool;
    aged(pool, 10, true, "SENT").await;
    let mut other = pool.acquire().await.unwrap().detach();
    partitions::lock(&mut other).await.unwrap();
    let removing = tokio::spawn({
        let pool = service.world.database.connections.clone();
        async move {
            retention::remove(&pool, WEEK)
                .await
                .map(|expired| expired.days.len())
        }
    });
    let waiting = "select count(*) from pg_stat_activity
                   where query ~ 'pg_try_advisory_lock' and datname = current_database() and pid <> pg_backend_pid()";
    let waits = async || {
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(pool).await.unwrap();
        (count == 1).then_some(())
    };
    eventually("the second to wait", waits).await;

    assert!(partitions_of(pool).await.0.contains(&day(10)));

    other.close().await.unwrap();
    assert_eq!(removing.await.unwrap().unwrap(), 1);
    assert!(!partitions_of(pool).await.0.contains(&day(10)));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_read_delays_the_drop_and_nothing_else() {
    let service = service().await;
    let pool = &service.world.database.pool;
    aged(pool, 10, true, "SENT").await;
    let mut reader = PgConnection::connect(&service.world.database.url)
        .await
        .unwrap();
    sqlx::raw_sql("begin; select count(*) from batches")
        .execute(&mut reader)
        .await
        .unwrap();
    let removing = tokio::spawn({
        let pool = service.world.database.connections.clone();
        async move {
            retention::remove(&pool, WEEK)
                .await
                .map(|expired| expired.days.len())
        }
    });

    // Other statements go on meanwhile, because the drop gives way again and again.
    for number in 0..10 {
        let id = service
            .client
            .send(&message(&[fcm(&format!("meanwhile-{number}"))]))
            .await;
        service.client.completed(&id).await;
    }

    assert!(
        partitions_of(pool).await.0.contains(&day(10)),
        "it is still being read"
    );

    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
    assert_eq!(removing.await.unwrap().unwrap(), 1);
    assert!(!partitions_of(pool).await.0.contains(&day(10)));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_only_detached_is_dropped_next_time() {
    let service = service().await;
    let pool = &service.world.database.pool;
    aged(pool, 10, true, "SENT").await;
    let detach = format!(
        "alter table operations detach partition operations_{}",
        day(10)
    );
    sqlx::raw_sql(AssertSqlSafe(detach))
        .execute(pool)
        .await
        .unwrap();
    retention::remove(&service.world.database.connections, WEEK)
        .await
        .unwrap();
    assert!(!partitions_of(pool).await.0.contains(&day(10)));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_this_machine_that_is_ahead_deletes_nothing_early() {
    let service = service().await;
    let database = &service.world.database;

    // Postgres' clock is eight days behind this machine's, for connections that look here first.
    for statement in [
        "create function now() returns timestamptz language sql stable
             as $$ select pg_catalog.now() - interval '8 days' $$",
        "insert into audit_events (id, account_id, at, actor, via, action, targets)
             select gen_random_uuid(), id, pg_catalog.now() - interval '10 days', 'ann', 'CLI', 'key.create', '{}'
             from accounts limit 1",
        "insert into device_imports (id, account_id, format, created_at)
             select gen_random_uuid(), id, 'CSV', pg_catalog.now() - interval '10 days' from accounts limit 1",
    ] {
        sqlx::query(statement).execute(&database.pool).await.unwrap();
    }
    let message = "insert into webhook_deliveries (id, account_id, webhook_id, event, content)
                   values ($1, $1, $1, 'webhook.test', '{}')";
    sqlx::query(message)
        .bind(lowest_id_at(days_ago(10)))
        .execute(&database.pool)
        .await
        .unwrap();
    let counts = async || -> (i64, i64, i64) {
        let counts =
            "select (select count(*) from audit_events), (select count(*) from device_imports),
                          (select count(*) from webhook_deliveries)";
        sqlx::query_as(counts)
            .fetch_one(&database.pool)
            .await
            .unwrap()
    };
    let stored = counts().await;

    let schema: String = sqlx::query_scalar("select current_schema()::text")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    let options = PgConnectOptions::from_str(&database.url)
        .unwrap()
        .options([("search_path", format!("{schema},pg_catalog"))]);
    let behind = Database::at(database.url.clone(), options);
    retention::remove(&behind.connections, WEEK).await.unwrap();
    retention::forget_audit_events(&behind.connections, WEEK)
        .await
        .unwrap();
    assert_eq!(counts().await, stored);

    // By the clock of Postgres as it is, all of them are old.
    retention::remove(&database.connections, WEEK)
        .await
        .unwrap();
    retention::forget_audit_events(&database.connections, WEEK)
        .await
        .unwrap();
    assert_eq!(counts().await, (stored.0 - 1, stored.1 - 1, stored.2 - 1));
    service.stop().await;
}
