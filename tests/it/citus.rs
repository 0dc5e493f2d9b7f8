//! With its large tables distributed by Citus, everything works as on one Postgres. `make citus`
//! runs the tests that need Citus, with `CITUS_DATABASE_URL` set to the coordinator's address.

use std::process::{Command, Output};
use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::maintenance::retention;
use bellwire::model::id::{OperationId, lowest_id_at};
use bellwire::store::{partitions, schema};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::support::client::{apn, fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::service::{Service, World, assert_tallies};

fn migrate_citus(database: &Database) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .args(["migrate", "--citus"])
        .env("BELLWIRE__DATABASE__URL", &database.url)
        .output()
        .unwrap()
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// A send that is due in an hour.
fn in_an_hour(to: &[Value]) -> Value {
    let mut send = message(to);
    let at = OffsetDateTime::now_utc() + time::Duration::hours(1);
    send["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
    send
}

#[tokio::test(flavor = "multi_thread")]
async fn distributing_a_plain_postgres_names_the_missing_steps() {
    let database = Database::empty().await;
    let output = migrate_citus(&database);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("create extension citus") && text.contains("citus_add_node"),
        "{text}"
    );
}

/// On Citus, a commit is visible on the coordinator a moment before it is on the workers. So a
/// batch may show that a notification is settled before the notification does. This test does the
/// same by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_is_recorded_late_is_not_sent_again() {
    let service = Service::start().await;
    let pool = &service.world.database.pool;
    let id = service
        .client
        .send(&in_an_hour(&[fcm("recorded"), fcm("waiting")]))
        .await;
    let operation = id.parse::<OperationId>().unwrap().as_uuid();
    let recorded =
        "update batches set queued = 1, sent = 1, due_at = now() where operation_id = $1";
    sqlx::query(recorded)
        .bind(operation)
        .execute(pool)
        .await
        .unwrap();
    let claimed = async || {
        (count(pool, "select count(*) from batches where claims > 0").await == 1).then_some(())
    };
    eventually("the batch to be claimed", claimed).await;

    let seen = "with attempt as (
                    insert into delivery_attempts (
                        operation_id, position, number, provider, credential_id, outcome, duration_ms, created_at
                    )
                    values ($1, 0, 1, 'FCM', $1, 'ACCEPTED', 1, now())
                )
                update push_notifications set status = 'SENT', attempts = 1 where operation_id = $1 and position = 0";
    sqlx::query(seen)
        .bind(operation)
        .execute(pool)
        .await
        .unwrap();
    let completed = service.client.completed(&id).await;
    assert_eq!(completed["stats"]["sent"], 2);
    assert_eq!(service.arrived().await["accepted"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Citus: see `make citus`"]
async fn existing_rows_are_distributed_once_and_stay_usable() {
    let database = Database::on_citus().await;
    let url = database.url.clone();
    let pool = database.pool.clone();
    let connections = database.connections.clone();
    let mut world = World::on(database, Options::default()).await;
    let (key, secret) = world.demo().await;
    let service = world.start_for(&key, &secret).await;
    let before = service
        .client
        .send(&message(&[fcm("before"), fcm("before~UNREGISTERED")]))
        .await;
    service.client.completed(&before).await;
    let scheduled = service.client.send(&in_an_hour(&[fcm("scheduled")])).await;
    world = service.rest().await;

    let database = Database {
        url,
        pool: pool.clone(),
        connections: connections.clone(),
    };

    for done in [
        "the large tables are distributed now\n",
        "the large tables are distributed already\n",
    ] {
        let output = migrate_citus(&database);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(String::from_utf8(output.stdout).unwrap().ends_with(done));
    }

    let distributed = "select count(distinct colocationid) || ' ' || string_agg(relname::text, ' ' order by relname)
                       from pg_dist_partition
                       join pg_class on oid = logicalrelid
                       where relkind = 'p' and relnamespace = current_schema()::regnamespace";
    let distributed: String = sqlx::query_scalar(distributed)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        distributed, "1 delivery_attempts operations push_notifications",
        "together, and batches are not"
    );
    assert_eq!(
        count(&pool, "select count(*) from push_notifications").await,
        3
    );
    assert_eq!(
        count(
            &pool,
            "select pg_relation_size('push_notifications_default')"
        )
        .await,
        0,
        "nothing is left behind"
    );

    // As a later version's migrations would.
    schema::migrate(&connections).await.unwrap();
    sqlx::raw_sql("begin; alter table push_notifications add column more integer; alter table batches add column more integer; commit")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        count(
            &pool,
            "select count(*) from push_notifications where more is null"
        )
        .await,
        3
    );

    let service = world.start_for(&key, &secret).await;
    let client = &service.client;
    assert_eq!(client.completed(&before).await["stats"]["failed"], 1);

    let errors = client.read(&format!("/Operations/{before}/Errors")).await;
    assert_eq!(errors["errors"].as_array().unwrap().len(), 1, "{errors}");

    let after = client.send(&message(&[fcm("after")])).await;
    client.completed(&after).await;
    assert_eq!(client.all("/Operations", "operations", 2).await.len(), 3);

    let (status, _) = client
        .post(&format!("/Operations/{scheduled}/Cancel"), &json!({}))
        .await;
    assert!(status.is_success(), "{status}");
    assert_eq!(
        client.read(&format!("/Operations/{scheduled}")).await["status"],
        "CANCELED"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Citus: see `make citus`"]
async fn everything_works_as_on_one_postgres() {
    let database = Database::distributed().await;
    let pool = database.pool.clone();
    let service = World::on(database, Options::default()).await.start().await;
    let client = &service.client;
    service.world.register_many(1_200).await;
    let device = json!({"appName": "demo", "token": "of-a-user", "provider": "FCM"});
    let (status, registered) = client.post("/DeviceRegistrations", &device).await;
    assert!(status.is_success(), "{registered}");

    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = json!({"userId": client.read(&path).await["userId"]});

    // Devices, of which one needs three attempts and one is dead, a User, and audiences.
    let mut to: Vec<Value> = (0..700)
        .map(|number| fcm(&format!("device-{number}")))
        .collect();
    to.extend((0..700).map(|number| apn(&format!("aa{number:08x}"))));
    to.extend([fcm("twice~UNAVAILABLE-2"), fcm("gone~UNREGISTERED"), user]);
    let mixed = client.send(&message(&to)).await;
    let gold = client
        .send(&message(&[json!({"audience": {"tags": {"tier": "gold"}}})]))
        .await;
    let everybody = client.send(&message(&[json!({"audience": {}})])).await;
    let stats = |operation: &Value| {
        let of = |name: &str| operation["stats"][name].as_i64().unwrap();
        (of("total"), of("sent"), of("failed"), of("canceled"))
    };
    assert_eq!(stats(&client.completed(&mixed).await), (1_403, 1_402, 1, 0));
    assert_eq!(stats(&client.completed(&gold).await), (120, 120, 0, 0));
    assert_eq!(
        stats(&client.completed(&everybody).await),
        (1_201, 1_201, 0, 0)
    );
    assert_eq!(service.arrived().await["accepted"], 1_402 + 120 + 1_201);

    // Lists and reads.
    let errors = client.read(&format!("/Operations/{mixed}/Errors")).await;
    assert_eq!(errors["errors"][0]["code"], "UNREGISTERED", "{errors}");

    let listed = client
        .all(&format!("?operationId={mixed}"), "pushNotifications", 500)
        .await;
    assert_eq!(listed.len(), 1_403);

    let failed = client.all("?status=FAILED", "pushNotifications", 50).await;
    assert_eq!(failed.len(), 1, "{failed:?}");

    let twice = listed[1_400]["id"].as_str().unwrap();
    assert_eq!(client.read(&format!("/{twice}")).await["status"], "SENT");

    let attempts = client.read(&format!("/{twice}/DeliveryAttempts")).await;
    assert_eq!(
        attempts["deliveryAttempts"].as_array().unwrap().len(),
        3,
        "{attempts}"
    );

    // Cancels one, then the rest.
    let canceled = client
        .send(&in_an_hour(&[fcm("first"), fcm("second"), fcm("third")]))
        .await;
    let one = client
        .all(&format!("?operationId={canceled}"), "pushNotifications", 50)
        .await[1]["id"]
        .clone();

    for path in [
        format!("/{}/Cancel", one.as_str().unwrap()),
        format!("/Operations/{canceled}/Cancel"),
    ] {
        assert!(
            client.post(&path, &json!({})).await.0.is_success(),
            "{path}"
        );
    }

    let operation = client.read(&format!("/Operations/{canceled}")).await;
    assert_eq!(
        (stats(&operation), &operation["status"]),
        ((3, 0, 0, 3), &json!("CANCELED"))
    );
    assert_eq!(
        client
            .all("/Operations?status=CANCELED", "operations", 1)
            .await
            .len(),
        1
    );
    assert_eq!(
        client
            .all("/Operations?status=COMPLETED", "operations", 1)
            .await
            .len(),
        3
    );

    // The same request twice.
    let (status, once) = client.post_once("", "once", &message(&[fcm("once")])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(
        client.post_once("", "once", &message(&[fcm("once")])).await,
        (status, once.clone())
    );

    client
        .completed(once["operationId"].as_str().unwrap())
        .await;
    assert_eq!(count(&pool, "select count(*) from operations").await, 5);
    assert_tallies(&service.world.database).await;

    retention_drops_a_day(&service.world.database).await;
    service.stop().await;
}

/// The partitions of a new day lie on the workers, are shown with their size, and are dropped.
async fn retention_drops_a_day(database: &Database) {
    let pool = &database.pool;
    let then = OffsetDateTime::now_utc() - time::Duration::days(10);
    let mut connection = pool.acquire().await.unwrap();
    partitions::create(&mut connection, then.date(), 1)
        .await
        .unwrap();
    drop(connection);
    let id = Uuid::from_u128(lowest_id_at(then).as_u128() | 7 << 76 | 0b10 << 62);
    let insert = "insert into push_notifications (operation_id, position, provider, credential_id, token, status)
                  select $1, position, 'FCM', $1, 'sealed', 'SENT' from generate_series(0, 999) as position";
    sqlx::query(insert).bind(id).execute(pool).await.unwrap();
    let days = "select count(*) from pg_dist_partition where logicalrelid::text ~ ('_' || to_char(now() - interval '10 days', 'YYYYMMDD'))
                    and (select relnamespace from pg_class where oid = logicalrelid) = current_schema()::regnamespace";
    assert_eq!(
        count(pool, days).await,
        3,
        "a new day's partitions are distributed"
    );

    let week = Duration::from_secs(7 * 24 * 3600);
    let seen = retention::find_expired(&database.connections, week)
        .await
        .unwrap();
    let notifications = seen.days[0]
        .partitions
        .iter()
        .find(|partition| partition.table == "push_notifications")
        .unwrap();
    assert!(notifications.bytes > 100_000, "{notifications:?}");

    // A day whose rows already lie in the default partition stays there.
    let other = OffsetDateTime::now_utc() + time::Duration::days(30);
    let stray = Uuid::from_u128(lowest_id_at(other).as_u128() | 7 << 76 | 0b10 << 62);
    sqlx::query(insert).bind(stray).execute(pool).await.unwrap();
    partitions::create(&mut pool.acquire().await.unwrap(), other.date(), 1)
        .await
        .unwrap();
    sqlx::query("delete from push_notifications where operation_id = $1")
        .bind(stray)
        .execute(pool)
        .await
        .unwrap();

    retention::remove(&database.connections, week)
        .await
        .unwrap();
    assert_eq!(count(pool, days).await, 0);
    assert_eq!(
        count(
            pool,
            "select count(*) from push_notifications where updated_at is null and attempts = 0 and canceled_at is null"
        )
        .await,
        0
    );
}
