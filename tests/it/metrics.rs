//! Metrics agree with the database. The documents, the dashboard and the rules name metrics that
//! exist.

#![allow(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "whole numbers"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bellwire::model::outcome::OutcomeKind;
use bellwire::telemetry::metrics::{ALL, Kind, Metric};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};

use crate::support::client::{apn, fcm, message};
use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::World;

/// Every sample with its labels.
async fn scrape(port: u16) -> BTreeMap<String, f64> {
    let text = reqwest::get(format!("http://127.0.0.1:{port}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let samples = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '));
    samples
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_equal_the_counts_of_the_database() {
    let world = World::new().await;
    let caller = world.demo().await;
    world.register_many(300).await;
    let port = free_port();
    let listen = ("BELLWIRE__METRICS__LISTEN", format!("127.0.0.1:{port}"));
    let (process, client) = Process::serve_with(&world, &caller, &[listen]).await;
    let before = scrape(port).await;
    assert_eq!(
        before["bellwire_operations_accepted_total"], 0.0,
        "shown before it first counts"
    );

    let recipients: Vec<_> = (0..2_000)
        .map(|index| match index % 100 {
            0 => fcm(&format!("device-{index}~UNREGISTERED")),
            1 => fcm(&format!("device-{index}~UNAVAILABLE-1")),
            2 => apn(&format!("041000{index:08x}")),
            even if even % 2 == 0 => fcm(&format!("device-{index}")),
            _ => apn(&format!("aa{index:08x}")),
        })
        .collect();
    let mut ids = vec![
        client.send(&message(&recipients)).await,
        client.send(&message(&[json!({"audience": {}})])).await,
    ];

    for number in 0..20 {
        ids.push(
            client
                .send(&message(&[fcm(&format!("single-{number}"))]))
                .await,
        );
    }

    client.post("", &json!({"to": []})).await;

    for id in &ids {
        client.completed(id).await;
    }

    let count = async |sql: &str| {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&world.database.pool)
            .await
            .unwrap();
        count as f64
    };
    let idle =
        async || Some(scrape(port).await).filter(|now| now["bellwire_delivery_claimed"] == 0.0);
    let now = eventually("the last outcome to be recorded", idle).await;

    let mut expected = BTreeMap::from([
        (
            "bellwire_operations_accepted_total".to_owned(),
            count("select count(*) from operations").await,
        ),
        (
            "bellwire_push_notifications_accepted_total".to_owned(),
            count("select count(*) from push_notifications").await,
        ),
        (
            "bellwire_queue_push_notifications{state=\"due\"}".to_owned(),
            0.0,
        ),
        (
            "bellwire_queue_push_notifications{state=\"later\"}".to_owned(),
            0.0,
        ),
        ("bellwire_queue_oldest_due_seconds".to_owned(), 0.0),
        ("bellwire_recorder_lag_seconds".to_owned(), 0.0),
        ("bellwire_postgres_up".to_owned(), 1.0),
        ("bellwire_outcomes_dropped_total".to_owned(), 0.0),
        (
            "bellwire_delivery_attempt_seconds_count{provider=\"FCM\"}".to_owned(),
            0.0,
        ),
        (
            "bellwire_delivery_attempt_seconds_count{provider=\"APN\"}".to_owned(),
            0.0,
        ),
    ]);
    let attempts: Vec<(String, String, i64)> = sqlx::query_as(
        "select provider::text, outcome, count(*) from delivery_attempts group by 1, 2",
    )
    .fetch_all(&world.database.pool)
    .await
    .unwrap();
    assert!(attempts.len() >= 4, "{attempts:?}");

    for (provider, outcome, count) in attempts {
        let name = format!(
            "bellwire_delivery_attempts_total{{provider=\"{provider}\",outcome=\"{outcome}\"}}"
        );
        expected.insert(name, count as f64);
        let all = expected.get_mut(&format!(
            "bellwire_delivery_attempt_seconds_count{{provider=\"{provider}\"}}"
        ));
        *all.unwrap() += count as f64;
    }

    for (name, value) in expected {
        assert_eq!(now.get(&name), Some(&value), "{name}: {now:#?}");
    }

    let sends =
        "bellwire_http_requests_total{method=\"POST\",route=\"/v1/PushNotifications\",status=";
    assert_eq!(now[&format!("{sends}\"202\"}}")], 22.0);
    assert_eq!(now[&format!("{sends}\"400\"}}")], 1.0);

    let known: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();

    for name in now
        .keys()
        .map(|sample| sample.split('{').next().unwrap())
        .filter(|name| name.starts_with("bellwire"))
    {
        assert!(
            known.contains(name) || known.contains(base(name)),
            "{name} is not in the list"
        );
    }
    drop(process);
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_of_an_old_snapshot_is_named() {
    let world = World::new().await;
    let caller = world.demo().await;

    let options = (*world.database.pool.connect_options()).clone();
    let mut report = sqlx::PgConnection::connect_with(&options.application_name("report"))
        .await
        .unwrap();
    for statement in [
        "begin isolation level repeatable read",
        "select count(*) from operations",
    ] {
        sqlx::query(statement).execute(&mut report).await.unwrap();
    }

    let port = free_port();
    let listen = ("BELLWIRE__METRICS__LISTEN", format!("127.0.0.1:{port}"));
    let (process, _client) = Process::serve_with(&world, &caller, &[listen]).await;
    let name = "bellwire_postgres_oldest_snapshot_seconds{kind=\"transaction\",name=\"report\"}";
    eventually("the transaction to be named", async || {
        (scrape(port).await.get(name)? > &0.0).then_some(())
    })
    .await;

    drop(report);
    drop(process);
    world.simulator.stop().await;
}

/// A histogram's name, of one of its series.
fn base(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All words that look like a metric of Bellwire.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("bellwire_")).collect()
}

#[test]
fn the_dashboard_the_rules_and_the_documents_name_metrics_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [
        "deploy/prometheus/rules.yml",
        "deploy/grafana/dashboards/bellwire.json",
        "docs/operations.md",
        "docs/performance.md",
        "README.md",
    ] {
        let text = read(&root.join(path));
        for name in named(&text) {
            let exists = ALL.iter().any(|metric| {
                let is_histogram = metric.kind == Kind::Histogram;
                // A histogram's series have names of their own.
                let is_series = is_histogram && base(name) == metric.name && name != metric.name;
                let may_stand_alone = !is_histogram || !path.starts_with("deploy/");

                is_series || may_stand_alone && name == metric.name
            });
            assert!(exists, "{path} names {name}");
        }
    }
}

#[test]
fn every_metric_is_explained_and_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = read(&root.join("docs/operations.md"));
    let dashboard = read(&root.join("deploy/grafana/dashboards/bellwire.json"));
    let shown: BTreeSet<&str> = named(&dashboard).into_iter().map(base).collect();
    for Metric { name, kind, .. } in ALL {
        let row = document
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/operations.md does not explain {name}"));
        assert!(
            row.to_lowercase()
                .contains(&format!("| {kind:?} |").to_lowercase()),
            "{row} should say {kind:?}"
        );
        assert!(shown.contains(name), "the dashboard does not show {name}");
    }
}

#[test]
fn every_alert_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = read(&root.join("deploy/prometheus/rules.yml"));
    let document = read(&root.join("docs/operations.md"));

    let alerts: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let explained: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `Bellwire"))
        .filter_map(|row| row.split('`').next())
        .collect();

    let names: BTreeSet<&str> = alerts
        .iter()
        .filter_map(|name| name.strip_prefix("Bellwire"))
        .collect();
    assert_eq!(names, explained);
}

#[test]
fn the_rules_quote_log_lines_and_outcomes_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = read(&root.join("deploy/prometheus/rules.yml"));

    // A quotation may go over the end of a line.
    let text = rules.split_whitespace().collect::<Vec<_>>().join(" ");
    let quotations = text.split('`').skip(1).step_by(2);
    let lines = quotations.filter(|quoted| quoted.contains(' ') && !quoted.starts_with("bellwire"));
    let source = source_text(&root.join("src"));
    for line in lines {
        assert!(source.contains(line), "no log line says `{line}`");
    }

    let values = rules.split("outcome=").skip(1);
    let names = values.flat_map(|rest| rest.split('"').nth(1).unwrap().split('|'));
    for name in names {
        assert!(name.parse::<OutcomeKind>().is_ok(), "{name} is no outcome");
    }
}

/// Every source file below `folder`, one after the other.
fn source_text(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());

    paths
        .map(|path| {
            if path.is_dir() {
                source_text(&path)
            } else {
                read(&path)
            }
        })
        .collect()
}
