//! Audiences: which devices conditions choose, how many they are, and what happens to an audience that
//! is too large.

use bellwire::model::id::MAX_POSITIONS;
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::support::client::{Client, message};
use crate::support::eventually;
use crate::support::service::{Device, Service, World};

fn to_audience(audience: &Value) -> Value {
    message(&[json!({"audience": audience})])
}

async fn estimate(client: &Client, audience: &Value) -> Value {
    let body = json!({"audience": audience});
    let (status, answer) = client.post("/Audiences/Estimate", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap()
}

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

const LANGUAGES: [Option<&str>; 7] = [
    None,
    Some("es"),
    Some("es-MX"),
    Some("est"),
    Some("pt-BR"),
    Some("pt"),
    Some("en"),
];
const TIMEZONES: [Option<&str>; 4] = [
    None,
    Some("Europe/Madrid"),
    Some("America/Mexico_City"),
    Some("Asia/Tokyo"),
];
const TOPICS: [&str; 3] = ["news", "sport", "weather"];

/// A device as the naive evaluation sees it.
struct Known {
    provider: &'static str,
    tags: Option<Value>,
    /// Days ago.
    registered: i64,
    last_seen: Option<i64>,
}

struct Person {
    language: Option<&'static str>,
    timezone: Option<&'static str>,
    devices: Vec<Known>,
}

fn people(numbers: &mut Numbers, count: usize) -> Vec<Person> {
    let device = |numbers: &mut Numbers| {
        let mut tags = json!({});
        for key in ["a", "b.c"] {
            if numbers.below(2) == 0 {
                tags[key] = json!(numbers.one_of(&TOPICS));
            }
        }
        Known {
            provider: numbers.one_of(&["FCM", "APN"]),
            tags: (numbers.below(5) > 0).then_some(tags),
            registered: numbers.below(10) as i64,
            last_seen: (numbers.below(2) == 0).then(|| numbers.below(10) as i64),
        }
    };

    (0..count)
        .map(|_| Person {
            language: numbers.one_of(&LANGUAGES),
            timezone: numbers.one_of(&TIMEZONES),
            devices: (0..=numbers.below(3)).map(|_| device(numbers)).collect(),
        })
        .collect()
}

async fn register(world: &World, people: &[Person], now: OffsetDateTime) {
    let mut number = 0;
    let mut users = Vec::new();
    for person in people {
        let mut devices = Vec::new();
        for device in &person.devices {
            number += 1;
            devices.push(Device {
                provider: device.provider,
                token: format!("{number:064x}"),
                tags: device.tags.clone(),
            });
        }
        users.push(devices);
    }
    let ids = world.register_users(&users).await;
    let pool = &world.database.pool;

    let mut ids = ids.into_iter();
    for person in people {
        for device in &person.devices {
            let id: Uuid = ids.next().unwrap();
            sqlx::query("update devices set registered_at = $2, last_seen_at = $3 where id = $1")
                .bind(id)
                .bind(now - Duration::days(device.registered))
                .bind(device.last_seen.map(|days| now - Duration::days(days)))
                .execute(pool)
                .await
                .unwrap();
            sqlx::query(
                "update users set language = $2, timezone = $3
                 from device_registrations, devices
                 where devices.id = $1 and device_registrations.id = devices.registration_id
                     and users.id = device_registrations.user_id",
            )
            .bind(id)
            .bind(person.language)
            .bind(person.timezone)
            .execute(pool)
            .await
            .unwrap();
        }
    }
}

/// A random condition, with a part or several.
fn condition(numbers: &mut Numbers, now: OffsetDateTime) -> Value {
    let mut condition = json!({});
    let days = |numbers: &mut Numbers| rfc3339(now - Duration::days(numbers.below(10) as i64));

    while condition == json!({}) {
        if numbers.below(3) == 0 {
            let topic = numbers.one_of(&TOPICS);
            condition["tags"] = match numbers.below(3) {
                0 => json!({"a": topic}),
                1 => json!({"b.c": topic}),
                _ => json!({"a": topic, "b.c": topic}),
            };
        }
        if numbers.below(3) == 0 {
            condition["language"] = match numbers.below(4) {
                0 => json!("es"),
                1 => json!("ES-mx"),
                2 => json!(["pt", "en"]),
                _ => json!(["es-MX"]),
            };
        }
        if numbers.below(4) == 0 {
            condition["provider"] = match numbers.below(3) {
                0 => json!("FCM"),
                1 => json!("APN"),
                _ => json!(["APN", "FCM"]),
            };
        }
        if numbers.below(4) == 0 {
            condition["timezone"] = match numbers.below(2) {
                0 => json!("europe/madrid"),
                _ => json!(["Asia/Tokyo", "America/Mexico_City"]),
            };
        }
        if numbers.below(4) == 0 {
            condition["lastSeenAfter"] = json!(days(numbers));
        }
        if numbers.below(4) == 0 {
            condition["lastSeenBefore"] = json!(days(numbers));
        }
    }
    condition
}

fn audience(numbers: &mut Numbers, now: OffsetDateTime) -> Value {
    let mut audience = json!({});
    if numbers.below(4) == 0 {
        audience["tags"] = json!({"a": numbers.one_of(&TOPICS)});
    }
    for name in ["all", "any", "none"] {
        let count = numbers.below(3);
        if count > 0 {
            let conditions: Vec<Value> = (0..count).map(|_| condition(numbers, now)).collect();
            audience[name] = json!(conditions);
        }
    }
    audience
}

/// The values of a field that is a string or an array of strings, in lower case.
fn choices(value: &Value) -> Vec<String> {
    let strings = match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    strings
        .iter()
        .map(|value| value.as_str().unwrap().to_lowercase())
        .collect()
}

fn has_tags(device: &Known, tags: &Value) -> bool {
    tags.as_object().unwrap().iter().all(|(key, value)| {
        device
            .tags
            .as_ref()
            .is_some_and(|tags| tags.get(key) == Some(value))
    })
}

/// What a condition means, said again as simply as possible.
fn holds(condition: &Value, person: &Person, device: &Known, now: OffsetDateTime) -> bool {
    let days = device
        .last_seen
        .unwrap_or(device.registered)
        .min(device.registered);
    let seen = now - Duration::days(days);
    let at = |value: &Value| OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap();
    let lower = |text: Option<&str>| text.map(str::to_lowercase);

    condition
        .as_object()
        .unwrap()
        .iter()
        .all(|(part, value)| match part.as_str() {
            "tags" => has_tags(device, value),
            "provider" => choices(value).contains(&device.provider.to_lowercase()),
            "timezone" => {
                lower(person.timezone).is_some_and(|timezone| choices(value).contains(&timezone))
            }
            "language" => lower(person.language).is_some_and(|language| {
                choices(value)
                    .iter()
                    .any(|range| language == *range || language.starts_with(&format!("{range}-")))
            }),
            "lastSeenAfter" => seen >= at(value),
            "lastSeenBefore" => seen < at(value),
            _ => unreachable!(),
        })
}

fn belongs(audience: &Value, person: &Person, device: &Known, now: OffsetDateTime) -> bool {
    let list = |name: &str| audience[name].as_array().cloned().unwrap_or_default();
    let holds = |condition: &Value| holds(condition, person, device, now);
    let any = list("any");

    (audience["tags"].is_null() || has_tags(device, &audience["tags"]))
        && list("all").iter().all(holds)
        && (any.is_empty() || any.iter().any(holds))
        && !list("none").iter().any(holds)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_chooses_the_devices_that_a_naive_evaluation_chooses() {
    let service = Service::start().await;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    // To the second, as requests give it.
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let people = people(&mut numbers, 150);
    register(&service.world, &people, now).await;

    let mut sent = 0;
    for round in 0..120 {
        let audience = audience(&mut numbers, now);
        let chosen: Vec<Vec<&Known>> = people
            .iter()
            .map(|person| {
                let devices = person.devices.iter();
                devices
                    .filter(|device| belongs(&audience, person, device, now))
                    .collect()
            })
            .collect();
        let users = chosen.iter().filter(|devices| !devices.is_empty()).count();
        let of = |provider: &str| {
            let devices = chosen.iter().flatten();
            devices.filter(|device| device.provider == provider).count()
        };

        let answer = estimate(&service.client, &audience).await;
        let expected = json!({"users": users, "devices": of("FCM") + of("APN"),
            "byProvider": {"FCM": of("FCM"), "APN": of("APN")}});
        assert_eq!(answer, expected, "{audience}");

        // The fan-out and delivery choose the same ones.
        if round % 12 == 0 {
            let before = service.arrived().await["requests"].as_i64().unwrap();
            let id = service.client.send(&to_audience(&audience)).await;
            let stats = service.client.completed(&id).await["stats"].clone();
            assert_eq!(
                (&stats["total"], &stats["sent"]),
                (&json!(users), &json!(users))
            );
            let after = service.arrived().await["requests"].as_i64().unwrap();
            assert_eq!(after - before, (of("FCM") + of("APN")) as i64, "{audience}");
            sent += users;
        }
    }
    assert!(sent > 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_audience_is_estimated_within_the_error_that_is_stated() {
    let service = Service::start().await;
    service.world.register_many(30_000).await;

    for (audience, expected) in [
        (json!({}), 30_000.0),
        (json!({"tags": {"tier": "gold"}}), 3_000.0),
    ] {
        let answer = estimate(&service.client, &audience).await;
        let (found, error) = (
            answer["users"].as_f64().unwrap(),
            answer["error"].as_f64().unwrap(),
        );
        assert!((0.001..0.2).contains(&error), "{answer}");
        // Twice as much: one run of twenty is further off than the error says.
        let allowed = 2.0 * error * expected;
        assert!(f64::abs(found - expected) <= allowed, "{answer} {expected}");
        assert_eq!(answer["users"], answer["devices"]);
        assert_eq!(answer["byProvider"]["APN"], 0);
    }

    let body = json!({"appName": "nothing", "audience": {}});
    let (status, error) = service.client.post("/Audiences/Estimate", &body).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("appName"))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_over_its_max_is_refused() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(30).await;

    let (status, error) = client.post("", &to_audience(&json!({"max": 29}))).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("to[0].audience.max")),
        "{error}"
    );
    let text = error["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("30 Users") && text.contains("29"), "{text}");
    assert_eq!(
        service.client.read("/Operations").await["operations"],
        json!([])
    );

    for audience in [
        json!({"max": 30}),
        json!({"tags": {"tier": "gold"}, "max": 3}),
    ] {
        let id = client.send(&to_audience(&audience)).await;
        let stats = client.completed(&id).await["stats"].clone();
        let expected = if audience["tags"].is_null() { 30 } else { 3 };
        assert_eq!(stats["sent"], expected, "{audience}");
        let errors = client.read(&format!("/Operations/{id}/Errors")).await;
        assert_eq!(errors["errors"], json!([]));
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_grows_over_its_max_gets_nothing() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(10).await;

    let mut body = to_audience(&json!({"max": 10}));
    let at = OffsetDateTime::now_utc() + Duration::hours(1);
    body["schedule"] = json!({"sendAt": [rfc3339(at)]});
    let id = client.send(&body).await;
    service
        .world
        .register_users(&[vec![Device {
            provider: "FCM",
            token: "late".to_owned(),
            tags: None,
        }]])
        .await;

    // As if its time had come.
    for table in ["fanouts set due_at", "operations set send_at"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("update {table} = now()")))
            .execute(&service.world.database.pool)
            .await
            .unwrap();
    }
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["total"], 0);

    let path = format!("/Operations/{id}/Errors");
    let errors = client.read(&path).await;
    let error = &errors["errors"][0];
    assert_eq!(error["code"], "AUDIENCE_TOO_LARGE");
    let text = error["message"].as_str().unwrap();
    assert!(
        text.contains("11 Users") && text.contains("max is 10"),
        "{text}"
    );
    for field in ["position", "to", "pushNotificationId"] {
        assert_eq!(error[field], Value::Null, "{error}");
    }

    let of_code = client
        .read(&format!("{path}?code=audience_too_large"))
        .await;
    assert_eq!(of_code["errors"].as_array().unwrap().len(), 1);
    let of_other = client.read(&format!("{path}?code=EXPIRED")).await;
    assert_eq!(of_other["errors"], json!([]));
    assert_eq!(service.arrived().await["requests"], 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_an_operation_does_not_take_says_how_many_are_left_out() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(7).await;

    let mut body = to_audience(&json!({}));
    let at = OffsetDateTime::now_utc() + Duration::hours(1);
    body["schedule"] = json!({"sendAt": [rfc3339(at)]});
    let id = client.send(&body).await;
    // As if it were nearly full, and its time had come.
    sqlx::query("update fanouts set due_at = now(), next_position = $1")
        .bind(MAX_POSITIONS as i32 - 2)
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    sqlx::query("update operations set send_at = now()")
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 2);
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["code"], "AUDIENCE_TOO_LARGE");
    let text = errors["errors"][0]["message"].as_str().unwrap();
    assert!(
        text.starts_with("5 Users of the audience were left out"),
        "{text}"
    );
    service.app.stop().await;
}

/// The value of `bw_receipt`, wherever the provider's payload has it.
fn receipt_in(payload: &Value) -> Option<&str> {
    let object = payload.as_object()?;
    let here = object.get("bw_receipt").and_then(Value::as_str);

    here.or_else(|| object.values().find_map(receipt_in))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_that_its_device_was_seen() {
    let service = Service::start().await;
    let client = &service.client;
    service.world.register_many(2).await;
    let pool = &service.world.database.pool;
    sqlx::query("update devices set registered_at = now() - interval '3 days'")
        .execute(pool)
        .await
        .unwrap();
    let yesterday = rfc3339(OffsetDateTime::now_utc() - Duration::days(1));
    let seen = json!({"all": [{"lastSeenAfter": yesterday}]});
    let unseen = json!({"none": [{"lastSeenAfter": yesterday}]});
    assert_eq!(estimate(client, &seen).await["users"], 0);
    assert_eq!(estimate(client, &unseen).await["users"], 2);

    let mut body = to_audience(&json!({}));
    body["receipts"] = json!(true);
    let id = client.send(&body).await;
    client.completed(&id).await;
    let messages = service.world.messages().await;
    let receipt = receipt_in(&messages["device-1"]["payload"]).unwrap();
    let report = json!({"receipts": [{"receipt": receipt, "event": "OPENED"}]});
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/Receipts", service.url))
        .json(&report)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);

    eventually("the device to be seen", async || {
        (estimate(client, &seen).await["users"] == 1).then_some(())
    })
    .await;
    assert_eq!(estimate(client, &unseen).await["users"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_with_conditions_is_not_for_a_process_of_an_older_release() {
    let service = Service::start().await;
    service.world.register_many(1).await;
    let by_language = to_audience(&json!({"all": [{"language": "es"}]}));
    let older = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect(&service.world.database.url)
        .await
        .unwrap();
    sqlx::query("set application_name = 'bellwire'")
        .execute(&older)
        .await
        .unwrap();

    assert_eq!(
        service.client.post("", &by_language).await.0,
        StatusCode::CONFLICT
    );
    let by_tags = to_audience(&json!({"tags": {"tier": "gold"}}));
    assert_eq!(
        service.client.post("", &by_tags).await.0,
        StatusCode::ACCEPTED
    );

    older.close().await;
    eventually("the older release to be gone", async || {
        let (status, _) = service.client.post("", &by_language).await;
        (status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    service.stop().await;
}
