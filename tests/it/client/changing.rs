//! `bellwire pause`, `resume` and `pace` of Operations that are being sent, and `bellwire audit`.

use serde_json::{Value, json};

use super::Cli;
use crate::support::client::{Client, fcm, message};
use crate::support::{eventually, steady};

/// Sends to `count` devices, one of them in a second.
async fn send_slowly(client: &Client, count: usize) -> String {
    let to: Vec<Value> = (0..count).map(|index| fcm(&format!("d{index}"))).collect();
    let mut body = message(&to);
    body["pace"] = json!({"perMinute": 60});
    client.send(&body).await
}

async fn sent(client: &Client, id: &str) -> i64 {
    let operation = client.read(&format!("/Operations/{id}")).await;
    operation["stats"]["sent"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_operation_is_paused_resumed_and_given_another_pace() {
    let (service, cli) = Cli::with_service().await;
    let client = &service.client;
    let id = send_slowly(client, 500).await;
    eventually("the first to be sent", async || {
        (sent(client, &id).await > 0).then_some(())
    })
    .await;

    let paused = cli.run(&["pause", &id]).done();
    assert_eq!(paused.out, format!("paused: {id}\n"));
    let table = cli.run(&["operations"]).done().out;
    assert!(table.contains(&format!("{id}  PAUSED ")), "{table}");
    let pause = std::time::Duration::from_secs(2);
    let sent = steady("what is sent", pause, async || sent(client, &id).await).await;
    assert!(sent < 500, "{sent}");

    // An id may come from another command.
    let listed = cli.run(&["operations", "--json"]).done().out;
    let resumed = cli.run_with(&["resume", "-", "--json"], &listed).done();
    assert_eq!(resumed.json()[0]["operationId"], id.as_str());

    let faster = cli.run(&["pace", &id, "600"]).done();
    assert_eq!(faster.out, format!("600 a minute: {id}\n"));
    let operation = client.read(&format!("/Operations/{id}")).await;
    assert_eq!(operation["pace"], json!({"perMinute": 600}));
    let json = cli.run(&["pace", &id, "none", "--json"]).done().json();
    assert_eq!(json[0]["operationId"], id.as_str());
    let watched = cli.run(&["watch", &id]).done();
    assert_eq!(
        watched.out,
        format!("{id}  COMPLETED  500 recipients: 500 sent\n")
    );
    assert_eq!(service.arrived().await["duplicates"], 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_possible_says_why() {
    let (service, cli) = Cli::with_service().await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    service.client.completed(&id).await;
    let unknown = "comms_operation_01h9krwprkeee8fzqspvwy6nq8";

    for change in ["pause", "resume"] {
        let late = cli.run(&[change, &id]).error(1);
        assert!(late.contains(&id) && late.contains("409"), "{late}");
        let missing = cli.run(&[change, unknown]).error(1);
        assert!(missing.contains("404"), "{missing}");
        let notification = "comms_pushnotification_01h9krwprkeee8fzqspvwy6nq8";
        let wrong = cli.run(&[change, notification]).error(2);
        assert!(wrong.contains("is not an id"), "{wrong}");
    }

    let late = cli.run(&["pace", &id, "60"]).error(1);
    assert!(late.contains("409"), "{late}");
    for wrong in ["0", "fast", "10000001"] {
        let refused = cli.run(&["pace", &id, wrong]);
        assert_eq!(refused.code, Some(2));
        assert!(
            refused.err.contains("from 1 to 10,000,000"),
            "{}",
            refused.err
        );
    }
    assert_eq!(cli.run(&["pace", &id]).code, Some(2));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_listed() {
    let (service, cli) = Cli::with_service().await;
    let (_, created) = service.client.post("/Keys", &json!({"role": "READ"})).await;
    let key = created["key"].as_str().unwrap().to_owned();
    let id = send_slowly(&service.client, 100).await;
    cli.run(&["pause", &id]).done();
    cli.run(&["cancel", &id]).done();

    let table = cli.run(&["audit"]).done().out;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("TIME "), "{table}");
    for (line, action) in lines[1..]
        .iter()
        .zip(["operation.cancel", "operation.pause"])
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1..4], [action, &cli.key, "API"], "{table}");
        assert!(line.ends_with(&id), "{table}");
    }
    assert!(table.contains(&key) && !table.contains('\u{1b}'), "{table}");

    let listed = |arguments: &[&str]| {
        let arguments = [&["audit", "--json"], arguments].concat();
        let events = cli.run(&arguments).done().json();
        let actions = events.iter().map(|event| event["action"].as_str().unwrap());
        actions.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--limit", "1"]), ["operation.cancel"]);
    assert_eq!(listed(&["--action", "key.create"]), ["key.create"]);
    assert_eq!(
        listed(&["--target", &id, "--since", "1h", "--all"]),
        ["operation.cancel", "operation.pause"]
    );
    assert_eq!(listed(&["--actor", "nobody"]), [""; 0]);
    assert_eq!(listed(&["--until", "2020-01-01"]), [""; 0]);

    let reader = Cli {
        key,
        secret: created["secret"].as_str().unwrap().to_owned(),
        ..cli
    };
    let refused = reader.run(&["audit"]).error(1);
    assert!(refused.contains("role of this API key"), "{refused}");
    service.stop().await;
}
