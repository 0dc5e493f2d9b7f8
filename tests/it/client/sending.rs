//! `bellwire send`.

use std::process::Stdio;

use serde_json::json;

use super::{Cli, answer, end_of, stub, tokens, wait};
use crate::support::eventually;

const APN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_request_takes_becomes_several_operations() {
    let (service, cli) = Cli::with_service().await;

    let sent = cli
        .run_with(&["send", "--title", "Hi"], &tokens(0..10_003))
        .done();
    let ids: Vec<&str> = sent.out.lines().collect();
    assert_eq!(ids.len(), 2, "{}", sent.out);

    let watched = cli.run_with(&["watch"], &sent.out).done();
    assert!(
        watched
            .out
            .contains("COMPLETED  10,000 recipients: 10,000 sent\n"),
        "{}",
        watched.out
    );
    assert!(watched.out.contains("COMPLETED  3 recipients: 3 sent\n"));
    let messages = service.world.messages().await;
    assert_eq!(messages.len(), 10_003);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_lines_and_a_file_become_one_request() {
    let (service, cli) = Cli::with_service().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let body =
        json!({"content": {"title": "file", "body": "Hi {{ name }}"}, "tags": {"from": "file"}});
    std::fs::write(file.path(), body.to_string()).unwrap();
    let object = json!({"token": "an-object", "provider": "FCM", "variables": {"name": "Ann"}});
    let lines = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(lines.path(), format!("{object}\r\n\r\n")).unwrap();

    let sent = cli
        .run(&[
            "send",
            "--file",
            file.path().to_str().unwrap(),
            "--title",
            "option",
            "--tokens",
            lines.path().to_str().unwrap(),
            "--wait",
            "--json",
        ])
        .done();
    let operation = &sent.json()[0];
    assert_eq!(operation["status"], "COMPLETED");
    assert_eq!(operation["stats"]["sent"], 1);
    assert_eq!(operation["tags"], json!({"from": "file"}));
    let messages = service.world.messages().await;
    let message = messages["an-object"].to_string();
    assert!(
        message.contains("option") && message.contains("Hi Ann"),
        "{message}"
    );

    let sent = cli
        .run(&["send", "--to", APN, "--body", "Hi", "--json"])
        .done();
    let accepted = &sent.json()[0];
    assert_eq!(accepted["recipients"], 1);
    let id = accepted["operationId"].as_str().unwrap();
    assert!(
        accepted["operationLocation"]
            .as_str()
            .unwrap()
            .ends_with(id)
    );
    assert_eq!(service.client.completed(id).await["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_one_operation() {
    let (service, cli) = Cli::with_service().await;
    service.world.register_many(20).await;

    let sent = |arguments: &[&str]| {
        let arguments = [&["send", "--body", "Hi", "--wait", "--json"], arguments].concat();
        cli.run(&arguments).done().json()[0]["stats"]["sent"].clone()
    };
    assert_eq!(sent(&["--everyone"]), 20);
    assert_eq!(
        sent(&["--audience", "tier=gold", "--audience", "lang=et"]),
        2
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_the_same_name_sends_nothing_twice() {
    let (service, cli) = Cli::with_service().await;
    let send = || {
        let arguments = ["send", "--body", "Hi", "--idempotency-key", "spring sale"];
        cli.run_with(&arguments, &tokens(0..3)).done().out
    };

    let ids = send();
    assert_eq!(send(), ids);
    cli.run_with(&["watch"], &ids).done();
    assert_eq!(service.arrived().await["accepted"], 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_by_its_line_and_nothing_of_its_request_is_sent() {
    let (service, cli) = Cli::with_service().await;

    let wrong = cli.run_with(
        &["send", "--body", "Hi", "--provider", "apn"],
        &format!("{APN}\n\nzz\n"),
    );
    let line = wrong.error(1);
    assert!(
        line.contains("the standard input, line 3, token: "),
        "{line}"
    );

    let lines = format!("{}{{\"token\"\n", tokens(0..10_000));
    let wrong = cli.run_with(&["send", "--body", "Hi", "--idempotency-key", "k"], &lines);
    let line = wrong.error(1);
    assert!(
        line.contains("line 10001: must be a JSON object")
            && line.contains("1 Operation with 10,000 recipients were accepted")
            && line.contains("--idempotency-key 'k'"),
        "{line}"
    );
    assert_eq!(wrong.out.lines().count(), 1);

    let line = cli.run(&["send", "--body", "Hi"]).error(1);
    assert!(
        line.contains("the standard input has no recipient"),
        "{line}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_sends_nothing() {
    let (service, cli) = Cli::with_service().await;

    let valid = cli
        .run(&["send", "--body", "Hi", "--to", "a-device", "--validate"])
        .done();
    assert_eq!(valid.out, "valid\n");
    let dead = cli.run(&[
        "send",
        "--body",
        "Hi",
        "--to",
        "a~UNREGISTERED",
        "--validate",
    ]);
    assert_eq!(dead.code, Some(1), "{}", dead.err);
    assert!(dead.out.contains("UNREGISTERED"), "{}", dead.out);
    let json = cli.run(&[
        "send",
        "--body",
        "Hi",
        "--to",
        "a-device",
        "--validate",
        "--json",
    ]);
    assert_eq!(json.done().json()[0]["valid"], true);

    assert_eq!(cli.run(&["operations"]).done().out.lines().count(), 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sent_even_if_nobody_reads_the_ids() {
    let (service, cli) = Cli::with_service().await;

    let mut child = cli
        .command(&["send", "--body", "Hi", "--to", "a-device"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = wait(child);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));

    eventually("the message", async || {
        (service.arrived().await["accepted"] == 1).then_some(())
    })
    .await;
    service.stop().await;
}

#[test]
fn a_request_is_repeated_under_its_key_when_bellwire_says() {
    let busy =
        r#"{"code": 20503, "message": "Service unavailable.", "more_info": "", "status": 503}"#;
    let accepted = r#"{"operationId": "comms_operation_01h9krwprkeee8fzqspvwy6nq8"}"#;
    let (url, asked) = stub(vec![
        answer("503 Service Unavailable", "Retry-After: 1\r\n", busy),
        // A connection that is closed without an answer.
        String::new(),
        answer("502 Bad Gateway", "", "<html>"),
        answer("202 Accepted", "", accepted),
    ]);

    let began = std::time::Instant::now();
    let sent = Cli::at(&url)
        .run(&["send", "--body", "Hi", "--to", "a"])
        .done();
    assert_eq!(sent.out, "comms_operation_01h9krwprkeee8fzqspvwy6nq8\n");
    assert!(began.elapsed().as_secs() >= 1);
    assert!(sent.err.contains("trying again"), "{}", sent.err);

    let key = |request: &String| {
        let lines = request.lines();
        lines
            .filter(|line| line.to_lowercase().starts_with("idempotency-key: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let asked = asked.join().unwrap();
    assert_eq!(key(&asked[0]).len(), 1);
    assert!(asked.iter().all(|request| key(request) == key(&asked[0])));
}

#[test]
fn a_send_whose_answer_was_lost_names_its_key() {
    // The connection is closed without an answer, and then nothing listens any more.
    let (url, asked) = stub(vec![String::new()]);
    let lost = Cli::at(&url).run(&["send", "--body", "Hi", "--to", "a"]);
    let line = lost.error(5);
    assert!(
        line.contains("may have been accepted") && line.contains("--idempotency-key '"),
        "{line}"
    );
    asked.join().unwrap();

    let line = Cli::at(&url)
        .run(&["send", "--body", "Hi", "--to", "a"])
        .error(5);
    assert!(!line.contains("--idempotency-key"), "not sent: {line}");
}

#[test]
fn a_field_that_is_given_twice_is_refused_before_anything_is_sent() {
    let cli = Cli::at("http://127.0.0.1:1");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{"to": [{"userId": "a", "userId": "b"}]}"#).unwrap();
    let path = file.path().to_str().unwrap();
    let recipient = r#"{"token": "a", "provider": "FCM", "token": "b"}"#;

    for (arguments, input) in [
        (&["send", "--body", "Hi", "--file", path][..], ""),
        (&["send", "--body", "Hi", "--to", recipient], ""),
        (&["send", "--body", "Hi"], recipient),
        (&["send", "--body", "Hi", "--tokens", path], ""),
        (&["cancel", "-"], r#"{"id": "a", "id": "b"}"#),
        (&["watch"], r#"{"operationId": "a", "operationId": "b"}"#),
    ] {
        let line = cli.run_with(arguments, input).error(1);
        assert!(line.contains("give each field once: '"), "{line}");
    }
}

#[test]
fn arguments_that_contradict_are_refused() {
    let cli = Cli::at("http://127.0.0.1:1");
    for arguments in [
        &["--to", "a", "--everyone"][..],
        &["--audience", "tier"],
        &["--tokens", "f", "--audience", "tier=gold"],
        &["--ttl", "soon"],
        &["--at", "tomorrow"],
        &["--idempotency-key", ""],
        &["--validate", "--wait"],
        &["--provider", "MPNS"],
    ] {
        let ended = cli.run(&[&["send"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{"to": []}"#).unwrap();
    let path = file.path().to_str().unwrap();
    let twice = end_of(cli.command(&["send", "--file", path, "--to", "a"]), "");
    assert!(twice.error(2).contains("given twice"));
}
