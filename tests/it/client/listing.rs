//! `bellwire operations` and `bellwire cancel`.

use std::process::Stdio;

use serde_json::json;

use super::{Cli, wait};
use crate::support::client::{fcm, message};

/// The body of a send that is due in an hour.
fn later(tag: &str) -> serde_json::Value {
    let at = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
    let at = at
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let mut body = message(&[fcm("a-device")]);
    body["schedule"] = json!({"sendAt": [at]});
    body["tags"] = json!({"campaign": tag});
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_listed_for_people_and_for_programs() {
    let (service, cli) = Cli::with_service().await;
    let mut ids = Vec::new();
    for tag in ["spring", "summer", "summer"] {
        ids.insert(0, service.client.send(&later(tag)).await);
    }

    let table = cli.run(&["operations"]).done().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("OPERATION "), "{table}");
    assert!(
        lines[1].starts_with(&format!("{}  SCHEDULED ", ids[0]))
            && lines[1].ends_with("campaign=summer"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "no colours without a terminal");

    let listed = |arguments: &[&str]| {
        let arguments = [&["operations", "--json"], arguments].concat();
        let lines = cli.run(&arguments).done().json();
        let ids = lines
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), ids);
    assert_eq!(listed(&["--limit", "2"]), ids[..2]);
    assert_eq!(listed(&["--limit", "0"]), [""; 0]);
    assert_eq!(listed(&["--tag", "campaign=spring"]), ids[2..]);
    assert_eq!(listed(&["--status", "completed"]), [""; 0]);
    assert_eq!(listed(&["--since", "1h", "--all"]), ids);
    assert_eq!(listed(&["--until", "2020-01-01"]), [""; 0]);
    let wrong = cli.run(&["operations", "--since", "yesterday"]).error(2);
    assert!(
        wrong.contains("--since") && wrong.contains("such as 1h"),
        "{wrong}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_canceled() {
    let (service, cli) = Cli::with_service().await;
    let first = service.client.send(&later("a")).await;
    let second = service.client.send(&later("b")).await;

    let canceled = cli.run(&["cancel", &first]).done();
    assert_eq!(canceled.out, format!("canceled: {first}\n"));
    let again = cli.run(&["cancel", &first]);
    assert!(again.error(1).contains("409"), "{}", again.err);
    let partly = cli.run_with(&["cancel", "-", "--json"], &format!("{first}\n{second}\n"));
    assert_eq!(partly.code, Some(3), "{}", partly.err);
    assert_eq!(partly.json()[0]["operationId"], second.as_str());

    let watched = cli.run(&["watch", &first]);
    assert_eq!(watched.code, Some(3));
    assert!(
        watched
            .out
            .contains("CANCELED  1 recipient: 0 sent, 1 canceled"),
        "{}",
        watched.out
    );
    assert_eq!(cli.run(&["cancel"]).code, Some(2));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_closed_ends_a_list_quietly() {
    let (service, cli) = Cli::with_service().await;
    service.client.send(&later("a")).await;

    for arguments in [
        &["operations"][..],
        &["operations", "--json"],
        &["completions", "bash"],
    ] {
        let mut child = cli.command(arguments).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = wait(child);
        assert_eq!(
            (ended.code, ended.err.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    service.stop().await;
}
