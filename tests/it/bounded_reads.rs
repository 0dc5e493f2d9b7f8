//! One request for a list looks at a bounded number of rows, so a page may be short or empty; all pages
//! together are exactly what matches. A list stops when its client leaves, and an account reads few
//! lists at a time.

use std::time::Duration;

use bellwire::model::id::{OperationId, UserId, lowest_id_at};
use reqwest::Method;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::service::{Service, World};

/// Operations of one notification.
const SINGLE: i64 = 12_000;
/// Notifications of the large Operation, whose batches are of uneven sizes.
const LARGE: i64 = 3_000;

/// The id of the Operation `number` of those that were accepted at `time`.
fn operation(time: OffsetDateTime, number: i64) -> OperationId {
    let version = 7 << 76 | 0b10 << 62;

    Uuid::from_u128(lowest_id_at(time).as_u128() | version | (number as u128) << 24).into()
}

/// Many Operations of one notification each, and a large one in their middle, with notifications of
/// every status and to a User now and then. Returns the User and the large Operation.
async fn fill(database: &Database, account_id: Uuid) -> (UserId, OperationId) {
    let user_id = UserId::generate();
    let time = OffsetDateTime::now_utc() - time::Duration::hours(1);
    let large = operation(time, SINGLE / 2);
    let ids: Vec<Uuid> = (0..SINGLE)
        .map(|number| operation(time, number).as_uuid())
        .collect();
    let mut connection = database.pool.acquire().await.unwrap();

    sqlx::query("create temporary table new (number bigint, id uuid, sizes integer[])")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query(
        "insert into new
         select number - 1, id, case when id = $2 then array[1, 499, 500, 7, 500, 500, 493, 500] else array[1] end
         from unnest($1::uuid[]) with ordinality as new (id, number)",
    )
    .bind(&ids)
    .bind(large.as_uuid())
    .execute(&mut *connection)
    .await
    .unwrap();

    // A status has its turn: most are SENT, few are CANCELED, and the User gets few.
    let fill = format!(
        "insert into operations (id, account_id, message, tags, recipients, send_at, deadline_at, created_at, app_name)
         select id, '{account_id}', '{{\"title\": \"t\"}}',
             case when number % 1000 = 0 then '{{\"tier\": \"gold\"}}'::jsonb end,
             (select sum(size) from unnest(sizes) as size),
             case when number % 700 = 3 then now() + interval '1 hour' end,
             now() + interval '2 hours', now() - interval '1 hour', 'demo'
         from new;

         create temporary table batch as
         select id, part.number - 1 as number, part.size,
             coalesce(sum(part.size) over (partition by id order by part.number rows between unbounded preceding and 1 preceding), 0) as first
         from new cross join unnest(sizes) with ordinality as part (size, number);

         insert into push_notifications
             (operation_id, position, user_id, provider, credential_id, token, status, error_code, updated_at)
         select id, position, user_id,
             case when user_id is null then (case when row % 2 = 0 then 'FCM' else 'APN' end)::provider end,
             case when user_id is null then id end,
             case when user_id is null then 'sealed'::bytea end,
             status::push_notification_status,
             case when status = 'FAILED' then 'CODE_' || row % 2 when status = 'UNADDRESSABLE' then 'NO_DEVICE' end,
             now()
         from (
             select batch.id, batch.first + index as position, new.number + batch.first + index as row,
                 case when (new.number + batch.first + index) % 901 = 7 then '{user_id}'::uuid end as user_id,
                 case
                     when (new.number + batch.first + index) % 2999 = 11 then 'CANCELED'
                     when (new.number + batch.first + index) % 701 = 3 then 'FAILED'
                     when (new.number + batch.first + index) % 1501 = 5 then 'UNADDRESSABLE'
                     when new.number % 700 = 3 then 'QUEUED'
                     else 'SENT'
                 end as status
             from batch
             join new using (id)
             cross join generate_series(0, batch.size - 1) as index
         ) as notification;

         insert into batches
             (operation_id, number, first_position, size, rank, due_at, queued, sent, failed, canceled, unaddressable, updated_at)
         select batch.id, batch.number, batch.first, batch.size, 0, now() + interval '1 hour',
             count(*) filter (where status = 'QUEUED'), count(*) filter (where status = 'SENT'),
             count(*) filter (where status = 'FAILED'), count(*) filter (where status = 'CANCELED'),
             count(*) filter (where status = 'UNADDRESSABLE'), now()
         from batch
         join push_notifications on operation_id = batch.id and position >= batch.first and position < batch.first + batch.size
         group by batch.id, batch.number, batch.first, batch.size;

         drop table batch, new",
        user_id = user_id.as_uuid(),
    );
    sqlx::raw_sql(AssertSqlSafe(fill))
        .execute(&mut *connection)
        .await
        .unwrap();
    (user_id, large)
}

/// A service with what [`fill`] makes.
async fn filled() -> (Service, UserId, OperationId) {
    let mut world = World::new().await;
    world.config.delivery.enabled = false;
    world.config.retention.enabled = false;
    let (account_id, key, secret) = world.account("demo").await;
    let (user_id, large) = fill(&world.database, account_id.as_uuid()).await;

    (world.start_for(&key, &secret).await, user_id, large)
}

/// Walks over all pages. Returns the ids, and how many pages were short although others followed.
async fn walk(client: &Client, path: &str, list: &str, id: &str) -> (Vec<String>, usize) {
    let mut ids = Vec::new();
    let mut short = 0;
    let mut token = String::new();
    let separator = if path.contains('?') { '&' } else { '?' };

    loop {
        let page = client
            .read(&format!("{path}{separator}pageToken={token}"))
            .await;
        let records = page[list].as_array().unwrap();
        ids.extend(
            records
                .iter()
                .map(|record| record[id].as_str().unwrap().to_owned()),
        );

        match page["pagination"]["next"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return (ids, short),
        }
        short += usize::from(records.len() < 50);
    }
}

/// The ids of the notifications that match `condition`, in the order of lists.
async fn expected(database: &Database, condition: &str) -> Vec<String> {
    let query = format!(
        "select operation_id, position from push_notifications
         join operations on operations.id = operation_id
         where {condition} order by operation_id desc, position"
    );
    let rows: Vec<(Uuid, i32)> = sqlx::query_as(AssertSqlSafe(query))
        .fetch_all(&database.pool)
        .await
        .unwrap();

    rows.into_iter()
        .map(|(id, position)| {
            OperationId::from(id)
                .push_notification(position as u32)
                .to_string()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_together_are_exactly_the_notifications_that_match() {
    let (service, user_id, large) = filled().await;
    let database = &service.world.database;
    let user = format!("user_id = '{}'", user_id.as_uuid());
    let of_large = format!("operation_id = '{}'", large.as_uuid());
    let mut short_pages = 0;

    for (filter, condition) in [
        ("status=CANCELED", "status = 'CANCELED'".to_owned()),
        (
            "status=CANCELED&provider=APN",
            "status = 'CANCELED' and provider = 'APN'".to_owned(),
        ),
        (
            "status=FAILED",
            "status in ('FAILED', 'UNADDRESSABLE')".to_owned(),
        ),
        (
            "status=SCHEDULED",
            "status = 'QUEUED' and send_at > now()".to_owned(),
        ),
        (
            "status=QUEUED",
            "status = 'QUEUED' and send_at is null".to_owned(),
        ),
        (
            "tags=tier:gold",
            "tags @> '{\"tier\": \"gold\"}'".to_owned(),
        ),
        ("tags=tier:none", "false".to_owned()),
        (&format!("user={user_id}"), user.clone()),
        (
            &format!("user={user_id}&status=FAILED"),
            format!("{user} and status in ('FAILED', 'UNADDRESSABLE')"),
        ),
        (
            &format!("user={user_id}&operationId={large}"),
            format!("{user} and {of_large}"),
        ),
        (&format!("user={}", UserId::generate()), "false".to_owned()),
        (&format!("operationId={large}"), of_large.clone()),
        (
            &format!("operationId={large}&status=CANCELED"),
            format!("{of_large} and status = 'CANCELED'"),
        ),
    ] {
        let expected = expected(database, &condition).await;
        let path = format!("?{filter}");
        let (found, short) = walk(&service.client, &path, "pushNotifications", "id").await;
        assert_eq!(found, expected, "{filter}");
        short_pages += short;
    }

    assert!(short_pages > 0, "no page was short: is the look bounded?");
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_without_a_filter_finds_everything_once() {
    let (service, _, _) = filled().await;

    let all = expected(&service.world.database, "true").await;
    let (found, _) = walk(&service.client, "?pageSize=1000", "pushNotifications", "id").await;
    assert_eq!(found.len() as i64, SINGLE - 1 + LARGE);
    assert_eq!(found, all);
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_errors_and_the_operations_that_match_are_found_on_all_pages() {
    let (service, _, large) = filled().await;
    let database = &service.world.database;
    let of_large = format!("operation_id = '{}'", large.as_uuid());

    for (filter, condition) in [
        ("", "status in ('FAILED', 'UNADDRESSABLE')"),
        ("code=CODE_1", "push_notifications.error_code = 'CODE_1'"),
        ("code=NOWHERE", "false"),
    ] {
        let expected = expected(database, &format!("{of_large} and {condition}")).await;
        let path = format!("/Operations/{large}/Errors?pageSize=1&{filter}");
        let (found, _) = walk(&service.client, &path, "errors", "pushNotificationId").await;
        assert_eq!(found, expected, "{filter}");
    }

    let queued = "exists (select from batches where operation_id = id and queued > 0)";
    let canceled = "not exists (select from batches where operation_id = id and canceled < size)";
    for (status, condition) in [
        ("SCHEDULED", queued.to_owned()),
        ("COMPLETED", format!("not {queued} and not {canceled}")),
        ("CANCELED", canceled.to_owned()),
        ("PROCESSING", "false".to_owned()),
    ] {
        let query = format!("select id from operations where {condition} order by id desc");
        let ids: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&database.pool)
            .await
            .unwrap();
        let expected: Vec<String> = ids
            .into_iter()
            .map(|id| OperationId::from(id).to_string())
            .collect();

        let path = format!("/Operations?pageSize=200&status={status}");
        let (found, _) = walk(&service.client, &path, "operations", "id").await;
        assert_eq!(found, expected, "{status}");
    }
    service.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_a_users_notifications_is_on_every_partition() {
    let database = Database::new().await;
    let mut connection = database.pool.acquire().await.unwrap();
    let today = OffsetDateTime::now_utc().date();
    bellwire::store::partitions::create(&mut connection, today, 2)
        .await
        .unwrap();

    let without: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits
         where inhparent = 'push_notifications'::regclass and not exists (
             select from pg_index
             where indrelid = inhrelid and indisvalid and pg_get_indexdef(indexrelid) ~ 'user_id, operation_id DESC'
         )",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert_eq!(without, [""; 0]);
}

/// How many statements of the service run that contain `text`.
async fn running(connection: &mut PgConnection, text: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name ~ '^bellwire' and state = 'active' and query ~ $1",
    )
    .bind(text)
    .fetch_one(connection)
    .await
    .unwrap()
}

/// Keeps every statement on `table` waiting until the returned connection is closed.
async fn hold(database: &Database, table: &str) -> PgConnection {
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let statement = format!("begin; lock table {table}");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_soon_after_its_client_has_left() {
    let mut world = World::new().await;
    world.config.delivery.enabled = false;
    let service = world.start().await;
    let mut watching = PgConnection::connect(&service.world.database.url)
        .await
        .unwrap();
    let held = hold(&service.world.database, "batches").await;

    // A read of one record: its own limit is far longer than this test waits.
    let path = format!("/Operations/{}", OperationId::generate());
    let request = service.client.request(Method::GET, &path).build().unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let address = service.url.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n\r\n",
        request.url().path()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    eventually("the statement to wait", async || {
        (running(&mut watching, "tallies.queued").await == 1).then_some(())
    })
    .await;

    let left = std::time::Instant::now();
    drop(client);
    eventually("the statement to end", async || {
        (running(&mut watching, "tallies.queued").await == 0).then_some(())
    })
    .await;
    assert!(
        left.elapsed() < Duration::from_secs(10),
        "{:?}",
        left.elapsed()
    );

    held.close().await.unwrap();
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_hang_delay_neither_other_requests_nor_readiness() {
    let service = World::new().await.start().await;
    let held = hold(&service.world.database, "operations").await;

    let lists: Vec<_> = (0..30)
        .map(|_| {
            let request = service.client.request(Method::GET, "/Operations");
            tokio::spawn(async move { request.send().await.unwrap() })
        })
        .collect();
    let ready = reqwest::get(format!("{}/readyz", service.url)).await;
    assert_eq!(ready.unwrap().status(), 200);
    service.client.read("/Apps/demo").await;

    for list in lists {
        let answer = list.await.unwrap();
        let status = answer.status().as_u16();
        assert!([429, 503].contains(&status), "{status}");
        assert!(answer.headers().contains_key("retry-after"));
    }

    held.close().await.unwrap();
    service.client.read("/Operations").await;
    service.stop().await;
}
