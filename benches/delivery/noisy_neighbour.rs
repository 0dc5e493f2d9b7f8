//! What one account notices of another that does its worst: the time from the 202 to the provider's
//! answer of its single pushes, HIGH and LOW, to devices and to Users. The provider is 80 to 160 ms
//! away.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bellwire::model::id::OperationId;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Arguments;
use crate::api::{Api, devices, message, token};
use crate::report::{Goal, Report, percentile};
use crate::vitals::Watch;
use crate::world::{World, simulate};

/// Single sends come this far apart.
const EVERY: Duration = Duration::from_millis(25);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Requests that the neighbour makes at a time.
const AT_A_TIME: usize = 8;
/// The victim's pushes, in turns.
const KINDS: [&str; 4] = ["HIGH device", "LOW device", "HIGH User", "LOW User"];

/// The two accounts, and what the neighbour's Credentials name.
struct Street {
    victim: Api,
    /// The User of the victim.
    user_id: String,
    neighbour: Api,
    /// Credentials of the neighbour whose token endpoint takes connections and says nothing.
    hanging: Vec<String>,
}

/// What the neighbour does.
#[derive(Clone, Copy)]
enum Noise {
    /// Operations of this many recipients.
    Operations {
        count: usize,
        recipients: usize,
        priority: &'static str,
        provider: &'static str,
    },
    Audiences {
        count: usize,
        users: usize,
    },
    HangingTokenEndpoints,
    RefusedBodies {
        at_a_time: usize,
    },
    SlowTemplates,
    HeldBodies {
        count: usize,
    },
}

/// The rows *noisy neighbour*.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let directory = world.directory.path().join("street");
    let (_simulator, address) = simulate(&directory, &["--latency", "80", "--jitter", "80"])?;
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let silent_uri = format!("https://{}/token", silent.local_addr()?);

    let before = (world.config.fcm.clone(), world.config.apns.clone());
    world.config.fcm.endpoint = address("FCM ")?;
    world.config.fcm.ca_file = Some(directory.join("ca.pem"));
    let token_uri = format!("{}/token", world.config.fcm.endpoint);
    world.config.fcm.token_uris = vec![token_uri, silent_uri.clone()];
    world.config.apns.endpoint = address("APNs ")?;
    world.config.apns.ca_file = Some(directory.join("ca.pem"));
    world.restart().await?;

    let street = Street::build(world, &directory, &silent_uri).await?;
    measure_noises(world, &street, arguments, report).await?;
    measure_shares(world, &street, arguments, report).await?;

    (world.config.fcm, world.config.apns) = before;
    world.restart().await?;
    world.finished().await
}

impl Street {
    async fn build(
        world: &World,
        directory: &std::path::Path,
        silent_uri: &str,
    ) -> anyhow::Result<Self> {
        let body = |name: &str| -> anyhow::Result<Value> {
            let text = std::fs::read_to_string(directory.join(name))?;
            Ok(serde_json::from_str(&text)?)
        };
        let [fcm, apn] = [body("fcm.json")?, body("apn.json")?];

        let victim = world.account("victim").await?;
        let neighbour = world.account("neighbour").await?;
        for api in [&victim, &neighbour] {
            api.post("/Credentials", &fcm).await?;
            api.post("/Credentials", &apn).await?;
        }

        // An App holds ten Credentials.
        let mut hanging = Vec::new();
        for number in 0..12 {
            let mut silent = fcm.clone();
            silent["appName"] = json!(format!("hanging{}", number / 10));
            silent["content"]["tokenUri"] = json!(silent_uri);
            let answer = neighbour.post("/Credentials", &silent).await?;
            let id = answer["resourceId"].as_str().context("no resourceId")?;
            hanging.push(id.to_owned());
        }

        let user_id = register(&victim, &token("FCM", "victim", 0)).await?;
        Ok(Self {
            victim,
            user_id,
            neighbour,
            hanging,
        })
    }

    /// A single push of the victim. `kind`: an index of [`KINDS`].
    fn push(&self, kind: usize, number: usize, name: &str) -> Value {
        let recipient = if kind < 2 {
            let name = format!("{name} {number}");
            devices("FCM", &name, 1).remove(0)
        } else {
            json!({"userId": self.user_id})
        };
        let mut body = message(&[recipient]);
        body["priority"] = json!(if kind.is_multiple_of(2) {
            "HIGH"
        } else {
            "LOW"
        });

        body
    }
}

/// Registers a User with a device. Returns the User's id.
async fn register(api: &Api, token: &str) -> anyhow::Result<String> {
    let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
    let answer = api.post("/DeviceRegistrations", &device).await?;
    let id = answer["resourceId"].as_str().context("no resourceId")?;
    let registration = api.get(&format!("/DeviceRegistrations/{id}")).await?;

    let user_id = registration["userId"].as_str().context("no userId")?;
    Ok(user_id.to_owned())
}

async fn measure_noises(
    world: &World,
    street: &Street,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let scaled = |count: usize| ((count as f64 * arguments.noise) as usize).max(1);
    let operations = |count, recipients, priority, provider| Noise::Operations {
        count: scaled(count),
        recipients,
        priority,
        provider,
    };
    let noises = [
        ("2,000 × 500 HIGH", operations(2_000, 500, "HIGH", "APN")),
        ("100 × 10,000 HIGH", operations(100, 10_000, "HIGH", "APN")),
        (
            "100 × 10,000 LOW to FCM",
            operations(100, 10_000, "LOW", "FCM"),
        ),
        (
            "50 audiences of 100,000",
            Noise::Audiences {
                count: scaled(50).max(2),
                users: scaled(100_000),
            },
        ),
        ("12 token endpoints hang", Noise::HangingTokenEndpoints),
        (
            "150 refused bodies of 1.66 MB",
            Noise::RefusedBodies {
                at_a_time: scaled(150),
            },
        ),
        ("templates with 15 kB of conditions", Noise::SlowTemplates),
        (
            "200 bodies of 8 MB held",
            Noise::HeldBodies { count: scaled(200) },
        ),
    ];

    // The first opens the lanes.
    for name in ["warm-up", "idle"] {
        let (times, _) = singles(world, street, arguments.seconds, name).await?;
        if name == "idle" {
            for (kind, mut times) in KINDS.iter().zip(times) {
                let what = format!("victim, {kind}, idle, p99");
                report.add(what, percentile(&mut times, 0.99), "ms");
            }
        }
    }

    for (name, noise) in noises {
        let watch = Watch::begin(world);
        let begun = begin(street, noise).await?;
        let (times, mut accepts) = singles(world, street, arguments.seconds, name).await?;
        let vitals = watch.end()?;
        let left = left(world, "neighbour").await?;
        report.add(
            format!("neighbour, {name}: left when the victim had sent"),
            left as f64,
            "notifications",
        );
        begun.end(&street.neighbour).await?;

        let vital = |what: &str| format!("{name}: {what}");
        report.goal(
            vital("victim's POST, p99"),
            percentile(&mut accepts, 0.99),
            "ms",
            Goal::AtMost(500.0),
        );
        report.goal(
            vital("/healthz at most"),
            vitals.slowest_health,
            "ms",
            Goal::AtMost(100.0),
        );
        report.goal(
            vital("peak RSS"),
            vitals.peak_memory,
            "MB",
            Goal::AtMost(600.0),
        );

        for (kind, mut times) in KINDS.iter().zip(times) {
            let idle = report
                .value(&format!("victim, {kind}, idle, p99"))
                .unwrap_or(f64::NAN);
            let bound = (3.0 * idle).min(500.0);
            report.goal(
                format!("victim, {kind}, {name}, p99"),
                percentile(&mut times, 0.99),
                "ms",
                Goal::AtMost(bound.round()),
            );
        }
        world.finished().await?;
    }

    Ok(())
}

/// The rows about two accounts that both have much to send.
async fn measure_shares(
    world: &World,
    street: &Street,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let much = arguments.shared;
    let noise = Noise::Operations {
        count: much.div_ceil(10_000),
        recipients: 10_000.min(much),
        priority: "HIGH",
        provider: "FCM",
    };

    let alone = ten_thousand(street, "alone").await?;
    report.add("victim, 10,000, alone", alone, "s");

    let begun = begin(street, noise).await?;
    let beside = ten_thousand(street, "beside").await?;
    report.goal(
        format!("victim, 10,000, while the neighbour has {much} queued"),
        beside,
        "s",
        Goal::AtMost((2.5 * alone * 100.0).round() / 100.0),
    );
    begun.end(&street.neighbour).await?;
    world.finished().await?;

    let theirs = begin(street, noise).await?;
    let ours = begin_as(&street.victim, street, noise).await?;
    let from = OffsetDateTime::now_utc();
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let until = OffsetDateTime::now_utc();
    for account in ["victim", "neighbour"] {
        let sent = attempts_between(world, account, from, until).await?;
        let what = format!("{account}, sent a second while both have {much} queued");
        report.add(what, sent as f64 / arguments.seconds as f64, "sent/s");
    }
    ours.end(&street.victim).await?;
    theirs.end(&street.neighbour).await?;

    world.finished().await
}

/// Seconds that 10,000 of the victim take.
async fn ten_thousand(street: &Street, name: &str) -> anyhow::Result<f64> {
    let body = message(&devices("FCM", name, 10_000));
    let began = Instant::now();
    let operation = street.victim.send(&body).await?;
    street.victim.completed(&[operation], LOOK_EVERY).await?;

    Ok(began.elapsed().as_secs_f64())
}

/// Milliseconds from the 202 to the provider's answer of each of the victim's pushes, by kind; and
/// until the 202 of each.
async fn singles(
    world: &World,
    street: &Street,
    seconds: u64,
    name: &str,
) -> anyhow::Result<([Vec<f64>; 4], Vec<f64>)> {
    let count = (Duration::from_secs(seconds).as_millis() / EVERY.as_millis()) as usize;
    let mut ticks = tokio::time::interval(EVERY);
    let mut sends = Vec::new();

    for number in 0..count {
        ticks.tick().await;

        let kind = number % KINDS.len();
        let api = street.victim.clone();
        let body = street.push(kind, number, name);
        sends.push(tokio::spawn(async move {
            let began = Instant::now();
            let operation = api.send(&body).await?;
            let took = began.elapsed().as_secs_f64() * 1000.0;
            anyhow::Ok((operation, kind, OffsetDateTime::now_utc(), took))
        }));
    }

    let mut accepted: HashMap<Uuid, (usize, OffsetDateTime)> = HashMap::new();
    let mut operations = Vec::new();
    let mut accepts = Vec::new();
    for send in sends {
        let (operation, kind, at, took) = send.await??;
        accepts.push(took);
        let id: OperationId = operation.parse()?;
        accepted.insert(id.as_uuid(), (kind, at));
        operations.push(operation);
    }
    street.victim.completed(&operations, LOOK_EVERY).await?;

    let ids: Vec<Uuid> = accepted.keys().copied().collect();
    let answers: Vec<(Uuid, OffsetDateTime)> = sqlx::query_as(
        "select operation_id, max(created_at + duration_ms * interval '1 ms')
         from delivery_attempts where operation_id = any ($1) group by operation_id",
    )
    .bind(&ids)
    .fetch_all(&world.pool)
    .await?;

    let mut times: [Vec<f64>; 4] = Default::default();
    for (id, answered_at) in answers {
        let (kind, accepted_at) = accepted[&id];
        times[kind].push((answered_at - accepted_at).as_seconds_f64() * 1000.0);
    }
    Ok((times, accepts))
}

/// A noise that goes on until it is ended.
struct Begun {
    /// Operations to cancel.
    operations: Vec<String>,
    tasks: Vec<JoinHandle<()>>,
}

impl Begun {
    async fn end(self, api: &Api) -> anyhow::Result<()> {
        self.tasks.iter().for_each(JoinHandle::abort);

        stream::iter(self.operations)
            .for_each_concurrent(AT_A_TIME, |operation| async move {
                // It may be completed.
                let path = format!("/Operations/{operation}/Cancel");
                let _ = api.post(&path, &Value::Null).await;
            })
            .await;
        Ok(())
    }
}

async fn begin(street: &Street, noise: Noise) -> anyhow::Result<Begun> {
    begin_as(&street.neighbour, street, noise).await
}

async fn begin_as(api: &Api, street: &Street, noise: Noise) -> anyhow::Result<Begun> {
    let mut begun = Begun {
        operations: Vec::new(),
        tasks: Vec::new(),
    };

    match noise {
        Noise::Operations {
            count,
            recipients,
            priority,
            provider,
        } => {
            let bodies = stream::iter((0..count).map(|number| {
                let name = format!("noise {priority} {number}");
                let mut body = message(&devices(provider, &name, recipients));
                body["priority"] = json!(priority);
                body
            }));
            begun.operations = send_all(api, bodies).await?;
        }
        Noise::Audiences { count, users } => {
            stream::iter(0..users)
                .map(|number| async move {
                    let token = token("FCM", "audience", number);
                    let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
                    api.post("/DeviceRegistrations", &device).await
                })
                .buffer_unordered(2 * AT_A_TIME)
                .try_collect::<Vec<_>>()
                .await?;
            let audience = message(&[json!({"audience": {}})]);
            let bodies = stream::iter(std::iter::repeat_n(audience, count));
            begun.operations = send_all(api, bodies).await?;
        }
        Noise::HangingTokenEndpoints => {
            let bodies = stream::iter(street.hanging.iter().map(|credential| {
                let mut body = message(&devices("FCM", credential, 10_000));
                body["from"] = json!({"fcm": credential});
                body
            }));
            begun.operations = send_all(api, bodies).await?;
        }
        Noise::RefusedBodies { at_a_time } => {
            // More recipients than a request may have.
            let body = message(&devices("FCM", "refused", 10_001));
            // Made once, so that this process is not what the victim waits for.
            let request: Arc<[u8]> = api.post_bytes(&body).into();
            begun.tasks = (0..at_a_time)
                .map(|_| tokio::spawn(send_refused(api.address(), Arc::clone(&request))))
                .collect();
        }
        Noise::SlowTemplates => {
            let conditions = vec!["a"; 2_100].join(" and ");
            let template = format!("{{% if {conditions} %}}x{{% endif %}}y");
            let recipients: Vec<Value> = devices("FCM", "template", 10_000)
                .into_iter()
                .map(|mut device| {
                    device["variables"] = json!({"a": true});
                    device
                })
                .collect();
            let mut body = message(&recipients);
            body["content"]["body"] = json!(template);
            // A release may refuse it.
            for _ in 0..10 {
                if let Ok(operation) = api.send(&body).await {
                    begun.operations.push(operation);
                }
            }
            body["to"] = json!(&recipients[..1]);
            body["validateOnly"] = json!(true);
            begun.tasks = vec![again_and_again(api.clone(), body)];
        }
        Noise::HeldBodies { count } => {
            let body = json!({"padding": "x".repeat(8_000_000)});
            let request: Arc<[u8]> = api.post_bytes(&body).into();
            begun.tasks = (0..count)
                .map(|_| tokio::spawn(hold_body(api.address(), Arc::clone(&request))))
                .collect();
        }
    }

    Ok(begun)
}

async fn send_all(
    api: &Api,
    bodies: impl stream::Stream<Item = Value>,
) -> anyhow::Result<Vec<String>> {
    bodies
        .map(|body| async move { api.send(&body).await })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}

/// Sends the same request until it is aborted, whatever the answers.
fn again_and_again(api: Api, body: Value) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let _ = api.post("", &body).await;
        }
    })
}

/// Sends the same request on new connections until it is aborted. The service may close each before
/// it has read all.
async fn send_refused(address: SocketAddr, request: Arc<[u8]>) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return;
        };

        if stream.write_all(&request).await.is_ok() {
            let mut answer = [0; 4096];
            let _ = stream.read(&mut answer).await;
        }
    }
}

/// Sends all but the end of a large body, and waits.
async fn hold_body(address: SocketAddr, request: Arc<[u8]>) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };

    let _ = stream.write_all(&request[..request.len() - 1]).await;
    std::future::pending::<()>().await;
}

/// Notifications of an account that are not settled.
async fn left(world: &World, account: &str) -> anyhow::Result<i64> {
    let query = "select coalesce(sum(queued), 0) from batches
                 where account_id = (select id from accounts where name = $1)";

    Ok(sqlx::query_scalar(query)
        .bind(account)
        .fetch_one(&world.pool)
        .await?)
}

async fn attempts_between(
    world: &World,
    account: &str,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> anyhow::Result<i64> {
    let query = "select count(*) from delivery_attempts
                 join operations on operations.id = delivery_attempts.operation_id
                 where operations.account_id = (select id from accounts where name = $1)
                     and delivery_attempts.created_at between $2 and $3";

    Ok(sqlx::query_scalar(query)
        .bind(account)
        .bind(from)
        .bind(until)
        .fetch_one(&world.pool)
        .await?)
}
