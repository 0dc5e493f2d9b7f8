//! What one account notices while another asks for lists that match nothing, over many records.

use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Arguments;
use crate::api::{Api, devices, message};
use crate::deliver;
use crate::records::{self, RECIPIENTS};
use crate::report::{Goal, Report, percentile};
use crate::vitals::Watch;
use crate::world::World;

/// Requests that the reader has open at a time.
const AT_A_TIME: usize = 12;
/// The victim's requests come this far apart.
const EVERY: Duration = Duration::from_millis(25);

/// The rows *hostile reads*: `--retained` records of the reader's account.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    deliver::to(world, Provider::Apn, RECIPIENTS, "hostile reads").await?;
    let copies = arguments.retained.max(RECIPIENTS) / RECIPIENTS;
    records::copy(world, &records::ids(OffsetDateTime::now_utc(), copies)).await?;
    world.restart().await?;

    let victim = world.account("reader's victim").await?;
    for name in ["fcm.json", "apn.json"] {
        let file = world.directory.path().join("simulator").join(name);
        let body = std::fs::read_to_string(file)?;
        victim
            .post("/Credentials", &serde_json::from_str(&body)?)
            .await?;
    }
    let operation = victim.send(&message(&devices("APN", "first", 1))).await?;
    let duration = Duration::from_secs(arguments.seconds) * 2;
    let idle = requests(&victim, &operation, duration / 2).await?;

    let watch = Watch::begin(world);
    let readers: Vec<JoinHandle<()>> = (0..AT_A_TIME)
        .map(|number| read_again_and_again(world.api.clone(), number))
        .collect();
    let beside = requests(&victim, &operation, duration).await?;
    readers.iter().for_each(JoinHandle::abort);
    let vitals = watch.end()?;

    let records = copies * RECIPIENTS;
    for (name, mut figures) in [("idle", idle), ("beside 12 hostile lists", beside)] {
        let bound = Goal::AtMost(50.0);
        let get = format!("{records} records: victim's GET, {name}, p99");
        report.goal(get, percentile(&mut figures.gets, 0.99), "ms", bound);
        let post = format!("{records} records: victim's POST, {name}, p99");
        report.add(post, percentile(&mut figures.posts, 0.99), "ms");
        let refused = format!("{records} records: victim's requests refused, {name}");
        report.goal(refused, figures.refused as f64, "", Goal::AtMost(0.0));
    }
    report.goal(
        format!("{records} records: answers of /readyz other than 200"),
        vitals.not_ready as f64,
        "",
        Goal::AtMost(0.0),
    );
    report.add("the same: /readyz, p99", vitals.readiness_p99, "ms");
    report.add("the same: peak RSS", vitals.peak_memory, "MB");
    world.finished().await
}

#[derive(Default)]
struct Figures {
    gets: Vec<f64>,
    posts: Vec<f64>,
    refused: usize,
}

/// A POST and a GET in turns. Milliseconds that each took.
async fn requests(api: &Api, operation: &str, duration: Duration) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let mut figures = Figures::default();
    let mut ticks = tokio::time::interval(EVERY);
    let mut number = 0;

    while began.elapsed() < duration {
        ticks.tick().await;
        number += 1;

        let body = message(&devices("APN", &format!("victim {number}"), 1));
        let started = Instant::now();
        let posted = api.send(&body).await;
        figures.posts.push(started.elapsed().as_secs_f64() * 1000.0);

        let started = Instant::now();
        let got = api.get(&format!("/Operations/{operation}")).await;
        figures.gets.push(started.elapsed().as_secs_f64() * 1000.0);

        figures.refused += usize::from(posted.is_err()) + usize::from(got.is_err());
    }
    Ok(figures)
}

/// Asks for lists whose filters match nothing until it is aborted, whatever the answers.
fn read_again_and_again(api: Api, number: usize) -> JoinHandle<()> {
    tokio::spawn(async move {
        for round in 0.. {
            let user = bellwire::model::id::UserId::from(Uuid::now_v7());
            let path = match (number + round) % 4 {
                0 => format!("?status=CANCELED&provider=APN&user={user}"),
                1 => "?status=FAILED&provider=FCM&pageSize=1000".to_owned(),
                2 => "/Errors?code=UNREGISTERED&pageSize=1000".to_owned(),
                _ => "/DeliveryAttempts?status=FAILED&pageSize=1000".to_owned(),
            };
            let _ = api.get(&path).await;
        }
    })
}
