//! Sends by the recipients' clocks: at a local time, and within a window.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::support::client::{Client, answer, assert_adds_up, fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World};

/// Zones of every kind: with and without daylight saving, of whole, half and quarter hours.
const ZONES: [&str; 38] = [
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Pacific/Auckland",
    "Asia/Kamchatka",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Asia/Tokyo",
    "Australia/Eucla",
    "Asia/Shanghai",
    "Asia/Bangkok",
    "Asia/Yangon",
    "Asia/Dhaka",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tashkent",
    "Asia/Kabul",
    "Asia/Dubai",
    "Asia/Tehran",
    "Europe/Moscow",
    "Europe/Kyiv",
    "Africa/Cairo",
    "Europe/Berlin",
    "Africa/Lagos",
    "Europe/London",
    "Atlantic/Reykjavik",
    "Atlantic/Azores",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Halifax",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
];

/// The date and the time that clocks show so many hours ahead of UTC.
fn shown(at: OffsetDateTime, hours_ahead: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    (at + Duration::hours(hours_ahead)).format(format).unwrap()
}

fn time_of_day(at: OffsetDateTime) -> String {
    at.format(format_description!("[hour]:[minute]")).unwrap()
}

/// Gives each User a time zone, in the order of their ids and round and round.
async fn set_zones(pool: &PgPool, zones: &[Option<&str>]) {
    sqlx::query(
        "update users set timezone = ($1::text[])[1 + (numbered.number - 1) % $2]
         from (select id, row_number() over (order by id) as number from users) as numbered
         where users.id = numbered.id",
    )
    .bind(
        zones
            .iter()
            .map(|zone| zone.map(str::to_owned))
            .collect::<Vec<_>>(),
    )
    .bind(zones.len() as i64)
    .execute(pool)
    .await
    .unwrap();
}

/// The ids of the Users, in their order.
async fn users(client: &Client) -> Vec<Value> {
    let mut users = client.all("/Users", "users", 1000).await;
    users.reverse();
    users
        .into_iter()
        .map(|user| json!({"userId": user["id"]}))
        .collect()
}

/// As if the time of these positions had come.
async fn come(pool: &PgPool, zone: &str) {
    let moved: Vec<i32> = sqlx::query_scalar(
        "update push_notifications set planned_at = now(), next_attempt_at = now()
         from users
         where users.id = push_notifications.user_id and users.timezone = $1 and status = 'QUEUED'
         returning position",
    )
    .bind(zone)
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(!moved.is_empty(), "{zone}");
    sqlx::query(
        "update batches
         set due_at = now(),
             planned = (
                 select jsonb_agg(jsonb_build_array((extract(epoch from at) * 1000000)::bigint, count))
                 from (
                     select planned_at as at, count(*) as count
                     from push_notifications
                     where push_notifications.operation_id = batches.operation_id
                         and position >= first_position and position < first_position + size
                         and planned_at > now()
                     group by planned_at
                 ) as later
             )",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("update operations set send_at = now()")
        .execute(pool)
        .await
        .unwrap();
}

/// How many notifications are not planned for what Postgres takes for their local time.
async fn wrongly_planned(pool: &PgPool, local: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*)
         from push_notifications
         join users on users.id = push_notifications.user_id
         where planned_at is distinct from $1::timestamp at time zone coalesce(users.timezone, 'UTC')",
    )
    .bind(local)
    .fetch_one(pool)
    .await
    .unwrap()
}

fn at_local_time(to: &[Value], local: &str) -> Value {
    let mut body = message(to);
    body["schedule"] = json!({"sendAt": [local]});
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_zone_has_its_moment() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    service.world.register_many(780).await;
    let zones: Vec<Option<&str>> = ZONES.into_iter().map(Some).chain([None]).collect();
    set_zones(pool, &zones).await;

    let local = shown(OffsetDateTime::now_utc() + Duration::days(2), 0);
    let local = format!("{}T09:00:00", &local[..10]);
    let id = client
        .send(&at_local_time(&users(client).await, &local))
        .await;
    assert_eq!(wrongly_planned(pool, &local).await, 0);

    let path = format!("/Operations/{id}");
    let operation = client.read(&path).await;
    assert_adds_up(&operation["stats"]);
    assert_eq!(
        (&operation["status"], &operation["stats"]["scheduled"]),
        (&json!("SCHEDULED"), &json!(780))
    );
    assert_eq!(operation["schedule"]["sendAt"], json!([local]));

    // One zone after the other.
    for (zone, sent) in [
        ("Pacific/Kiritimati", 20),
        ("Asia/Kolkata", 40),
        ("Pacific/Honolulu", 60),
    ] {
        come(pool, zone).await;
        let operation = eventually("the zone to be sent to", async || {
            let operation = client.read(&path).await;
            assert_adds_up(&operation["stats"]);
            (operation["stats"]["sent"] == sent).then_some(operation)
        })
        .await;
        assert_eq!(
            (&operation["status"], &operation["stats"]["scheduled"]),
            (&json!("PROCESSING"), &json!(780 - sent)),
            "{zone}"
        );
        assert_eq!(service.arrived().await["tokens"], sent);
    }

    for (status, count) in [("SCHEDULED", 720), ("QUEUED", 0), ("SENT", 60)] {
        let list = client
            .all(
                &format!("?operationId={id}&status={status}"),
                "pushNotifications",
                500,
            )
            .await;
        assert_eq!(list.len(), count, "{status}");
        assert!(
            list.iter()
                .all(|notification| notification["status"] == status)
        );
    }

    let (status, _) = client.post(&format!("{path}/Cancel"), &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let canceled = client.read(&path).await;
    assert_adds_up(&canceled["stats"]);
    assert_eq!(
        (
            &canceled["stats"]["canceled"],
            &canceled["stats"]["scheduled"]
        ),
        (&json!(720), &json!(0))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_comes_is_waited_for_and_one_that_has_passed_goes_as_it_says() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    service.world.register_many(3).await;
    // Three hours ahead of UTC it is 3 seconds before the time, four hours ahead it has passed.
    set_zones(
        pool,
        &[Some("Etc/GMT-3"), Some("Etc/GMT-4"), Some("Etc/GMT-2")],
    )
    .await;
    let users = users(client).await;
    let local = shown(OffsetDateTime::now_utc() + Duration::seconds(4), 3);

    for (if_passed, sent, canceled, scheduled) in [
        (None, 2, 0, 1),
        (Some("TOMORROW"), 1, 0, 2),
        (Some("SKIP"), 1, 1, 1),
    ] {
        let mut body = at_local_time(&users, &local);
        body["schedule"]["ifPassed"] = json!(if_passed);
        let id = client.send(&body).await;
        let path = format!("/Operations/{id}");

        let stats = eventually("the first zones", async || {
            let operation = client.read(&path).await;
            assert_adds_up(&operation["stats"]);
            let stats = operation["stats"].clone();
            (stats["sent"] == sent && stats["canceled"] == canceled).then_some(stats)
        })
        .await;
        assert_eq!(stats["scheduled"], scheduled, "{if_passed:?} {stats}");

        if if_passed == Some("SKIP") {
            let list = client
                .read(&format!("?operationId={id}&status=CANCELED"))
                .await;
            assert_eq!(list["pushNotifications"][0]["error"]["code"], "SKIPPED");
        }
        let (status, _) = client.post(&format!("{path}/Cancel"), &Value::Null).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }

    let everywhere = shown(OffsetDateTime::now_utc() - Duration::hours(13), 0);
    let (status, error) = client.post("", &at_local_time(&users, &everywhere)).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("schedule.sendAt[0]"))
    );

    // Devices have no zone.
    let utc = shown(OffsetDateTime::now_utc() + Duration::hours(1), 0);
    let id = client.send(&at_local_time(&[fcm("device")], &utc)).await;
    let path = format!("/Operations/{id}");
    let operation = client.read(&path).await;
    assert_eq!(operation["schedule"]["sendAt"], json!([format!("{utc}Z")]));

    let later = shown(OffsetDateTime::now_utc() + Duration::hours(2), 0);
    let change = json!({"schedule": {"sendAt": [format!("{later}Z")]}, "pace": {"perMinute": 60}});
    let request = client.request(Method::PATCH, &path);
    let (status, error) = answer(request.json(&change).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{error}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_fanned_out_zone_by_zone() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    service.world.register_many(1_950).await;
    let zones: Vec<Option<&str>> = ZONES.into_iter().map(Some).chain([None]).collect();
    set_zones(pool, &zones).await;

    // At a date at which it has been 09:00 nowhere, and on the first islands it soon is.
    let local = shown(OffsetDateTime::now_utc() + Duration::minutes(30), 14);
    let id = client
        .send(&at_local_time(&[json!({"audience": {}})], &local))
        .await;
    let path = format!("/Operations/{id}");
    assert_eq!(client.read(&path).await["status"], "SCHEDULED");
    sqlx::query("update fanouts set due_at = now()")
        .execute(pool)
        .await
        .unwrap();
    let operation = eventually("the fan-out", async || {
        let operation = client.read(&path).await;
        assert_adds_up(&operation["stats"]);
        (operation["stats"]["total"] == 1_950).then_some(operation)
    })
    .await;
    assert_eq!(
        (&operation["status"], &operation["stats"]["scheduled"]),
        (&json!("SCHEDULED"), &json!(1_950))
    );
    assert_eq!(wrongly_planned(pool, &local).await, 0);
    let mixed: i64 = sqlx::query_scalar(
        "select count(*) from batches
         where (
             select count(distinct planned_at) from push_notifications
             where push_notifications.operation_id = batches.operation_id
                 and position >= first_position and position < first_position + size
         ) <> 1",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(mixed, 0, "batches of several zones");

    come(pool, "Asia/Kathmandu").await;
    let operation = eventually("the zone to be sent to", async || {
        let operation = client.read(&path).await;
        assert_adds_up(&operation["stats"]);
        (operation["stats"]["sent"] == 50).then_some(operation)
    })
    .await;
    assert_eq!(
        (&operation["status"], &operation["stats"]["scheduled"]),
        (&json!("PROCESSING"), &json!(1_900))
    );
    let (status, _) = client.post(&format!("{path}/Cancel"), &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_lets_through_waits_or_expires() {
    let mut world = World::new().await;
    world.config.delivery.deadline = std::time::Duration::from_secs(60);
    let service = world.start().await;
    let client = &service.client;
    service.world.register_many(2).await;
    // At noon in the one zone it is midnight in the other.
    set_zones(
        &service.world.database.pool,
        &[Some("Etc/GMT"), Some("Etc/GMT-12")],
    )
    .await;
    let users = users(client).await;
    let now = OffsetDateTime::now_utc();
    let window = json!({
        "from": time_of_day(now - Duration::hours(2)),
        "until": time_of_day(now + Duration::hours(2)),
    });

    let mut body = message(&users);
    body["schedule"] = json!({"window": window});
    let id = client.send(&body).await;
    let path = format!("/Operations/{id}");
    let operation = eventually("the zone whose window is open", async || {
        let operation = client.read(&path).await;
        (operation["stats"]["sent"] == 1).then_some(operation)
    })
    .await;
    assert_eq!(operation["stats"]["scheduled"], 1);
    assert_eq!(operation["schedule"]["window"], window);
    let planned: OffsetDateTime =
        sqlx::query_scalar("select max(planned_at) from push_notifications")
            .fetch_one(&service.world.database.pool)
            .await
            .unwrap();
    // Its window opens when it is two hours to noon there.
    let expected = now + Duration::hours(10);
    assert!(
        (planned - expected).abs() <= Duration::minutes(1),
        "{planned} {expected}"
    );
    client.post(&format!("{path}/Cancel"), &Value::Null).await;

    // An audience is planned likewise.
    let mut to_all = message(&[json!({"audience": {}})]);
    to_all["schedule"] = json!({"window": window});
    let id = client.send(&to_all).await;
    let path = format!("/Operations/{id}");
    eventually(
        "the zone of the audience whose window is open",
        async || {
            let stats = client.read(&path).await["stats"].clone();
            (stats["sent"] == 1 && stats["scheduled"] == 1).then_some(())
        },
    )
    .await;
    client.post(&format!("{path}/Cancel"), &Value::Null).await;

    // It would be of no use when the window opens.
    body["deadline"] = json!(60);
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(1), &json!(1)));
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["code"], "EXPIRED");

    body["ignoreWindow"] = json!(true);
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2);
    service.stop().await;
}

/// A small send to device tokens takes the fast path within the process, and obeys its plan all the same.
#[tokio::test(flavor = "multi_thread")]
async fn devices_are_skipped_and_expire_as_users_do() {
    let service = Service::start().await;
    let client = &service.client;
    let now = OffsetDateTime::now_utc();

    let mut body = message(&[fcm("d1"), fcm("d2")]);
    let passed = shown(now - Duration::hours(1), 0);
    body["schedule"] = json!({"sendAt": [passed], "ifPassed": "SKIP"});
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["canceled"]), (&json!(0), &json!(2)));

    let window = json!({
        "from": time_of_day(now + Duration::hours(3)),
        "until": time_of_day(now + Duration::hours(4)),
    });
    let mut body = message(&[fcm("d1"), fcm("d2")]);
    body["schedule"] = json!({"window": window});
    let path = format!("/Operations/{}", client.send(&body).await);
    let operation = client.read(&path).await;
    assert_eq!(operation["schedule"]["window"], window);
    assert_eq!(operation["stats"]["scheduled"], 2);
    // Another time or a pace could lead out of the window.
    let at = format!("{}Z", shown(now + Duration::hours(1), 0));
    for change in [
        json!({"schedule": {"sendAt": [at]}}),
        json!({"pace": {"perMinute": 60}}),
    ] {
        let request = client.request(Method::PATCH, &path);
        let (status, error) = answer(request.json(&change).send().await.unwrap()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{error}");
    }

    for field in ["deadline", "ttl"] {
        let mut body = message(&[fcm("d1"), fcm("d2")]);
        body["schedule"] = json!({"window": window});
        body[field] = json!(60);
        let id = client.send(&body).await;
        let stats = client.completed(&id).await["stats"].clone();
        assert_eq!((&stats["sent"], &stats["failed"]), (&json!(0), &json!(2)));
        let errors = client.read(&format!("/Operations/{id}/Errors")).await;
        assert_eq!(errors["errors"][0]["code"], "EXPIRED");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_counts_from_the_local_time() {
    let service = Service::start().await;
    let client = &service.client;
    let pool = &service.world.database.pool;
    service.world.register_many(2).await;
    set_zones(pool, &[Some("Etc/GMT"), Some("Etc/GMT+5")]).await;
    let mut body = at_local_time(
        &users(client).await,
        &shown(OffsetDateTime::now_utc() + Duration::hours(1), 0),
    );
    body["deadline"] = json!(60);
    let id = client.send(&body).await;

    // As if five hours had passed: the second zone's time has come, and the first one's deadline is over.
    for table in [
        "push_notifications set planned_at = planned_at - $1, next_attempt_at = next_attempt_at - $1",
        "operations set send_at = send_at - $1, deadline_at = deadline_at - $1",
        "batches set due_at = now(), planned = null",
    ] {
        let statement = format!("update {table} where $1::interval is not null");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(sqlx::postgres::types::PgInterval {
                months: 0,
                days: 0,
                microseconds: 6 * 3_600_000_000,
            })
            .execute(pool)
            .await
            .unwrap();
    }
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(1), &json!(1)));
    service.stop().await;
}
