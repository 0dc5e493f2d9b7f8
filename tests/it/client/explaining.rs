//! `bellwire errors`, `why`, `resend` and `top`.

use bellwire::dev::simulator::behaviour::{Faults, Outage};
use serde_json::json;

use super::Cli;
use crate::support::client::{fcm, message};
use crate::support::service::Device;

const DEAD: &str = "a-long-enough-token~UNREGISTERED";

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_and_listed() {
    let (service, cli) = Cli::with_service().await;
    let to = [
        fcm(DEAD),
        fcm("a-device"),
        fcm("b~INVALID_ARGUMENT"),
        fcm("c~UNREGISTERED"),
    ];
    let id = service.client.send(&message(&to)).await;
    service.client.completed(&id).await;

    let shown = cli.run(&["errors", &id]).done().out;
    assert!(
        shown.starts_with("3 recipients failed:\n          2  UNREGISTERED\n"),
        "{shown}"
    );
    assert!(shown.contains("a-lo…ERED (FCM)"), "{shown}");
    let json = cli
        .run(&["errors", &id, "--json", "--code", "UNREGISTERED"])
        .done()
        .json();
    assert_eq!(json.len(), 2);
    assert_eq!(json[1]["position"], 3);
    let totals = cli
        .run(&["errors", &id, "--json", "--totals"])
        .done()
        .json();
    assert_eq!(totals[0], json!({"code": "UNREGISTERED", "count": 2}));
    let limited = cli.run(&["errors", &id, "--limit", "1", "--json"]).done();
    assert_eq!(limited.out.lines().count(), 1);

    let good = service.client.send(&message(&[fcm("a-device")])).await;
    service.client.completed(&good).await;
    assert_eq!(
        cli.run(&["errors", &good]).done().out,
        "no notification has failed\n"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_explained() {
    let (service, cli) = Cli::with_service().await;
    let id = service
        .client
        .send(&message(&[fcm("a-device"), fcm(DEAD)]))
        .await;
    service.client.completed(&id).await;

    let story = cli.run(&["why", DEAD]).done().out;
    for expected in [
        "FAILED",
        "a-lo…ERED (FCM)",
        "Boarding time @ TLL",
        "TOKEN_DEAD  status 404  UNREGISTERED",
        "what to do  The app was removed from the device",
    ] {
        assert!(story.contains(expected), "{expected} is not in\n{story}");
    }
    assert!(!story.contains(DEAD), "a token is a secret");
    assert_eq!(cli.run(&["why", "a-lo…ERED"]).done().out, story);

    let json = cli.run(&["why", DEAD, "--json"]).done().json().remove(0);
    let notification = &json["pushNotifications"][0];
    assert_eq!(notification["deliveryAttempts"][0]["outcome"], "TOKEN_DEAD");
    assert!(
        notification["advice"]
            .as_str()
            .unwrap()
            .contains("removes it")
    );
    let one = notification["id"].as_str().unwrap();
    assert_eq!(cli.run(&["why", one]).done().out, story);

    assert!(
        cli.run(&["why", "short"])
            .error(2)
            .contains("fewer than 16 characters, so ask about the notification by its id")
    );
    assert!(cli.run(&["why", &id]).error(2).contains("bellwire errors"));
    let other = cli.run(&["why", "another-token-that-nobody-has"]).error(1);
    assert!(other.contains("anot…-has"), "{other}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_gets_no_answer_says_why() {
    let (service, cli) = Cli::with_service().await;

    let empty = cli.run(&["send", "--to", "a-device"]).error(1);
    assert!(empty.contains("--title, --body, "), "{empty}");
    let nobody = cli.run(&["why", "ann"]).error(2);
    assert!(nobody.contains("no User has it as external id"), "{nobody}");

    let stranger = Cli {
        secret: "wrong".to_owned(),
        ..cli.clone()
    };
    let refused = stranger.run(&["why", "ann"]).error(1);
    assert!(refused.contains("does not accept the API key"), "{refused}");

    service.stop().await;
    let away = cli.run(&["why", "ann"]).error(5);
    assert!(away.contains("connection refused"), "{away}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_explained_with_its_devices() {
    let (service, cli) = Cli::with_service().await;
    let device = Device {
        provider: "FCM",
        token: "a-registered-device-token".to_owned(),
        tags: None,
    };
    service.world.register_users(&[vec![device]]).await;
    let users = service.client.read("/Users").await;
    let user = users["users"][0]["id"].as_str().unwrap().to_owned();

    let quiet = cli.run(&["why", &user]).done().out;
    assert!(
        quiet.contains("device      a-re…oken (FCM)  in demo"),
        "{quiet}"
    );
    assert!(quiet.contains("No notification was sent"), "{quiet}");

    let id = service
        .client
        .send(&message(&[json!({"userId": user})]))
        .await;
    service.client.completed(&id).await;
    let explained = cli.run(&["why", &user]).done().out;
    assert!(
        explained.contains("attempt 1") && explained.contains("The provider accepted it"),
        "{explained}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again() {
    let (service, cli) = Cli::with_service().await;
    let id = service
        .client
        .send(&message(&[fcm(DEAD), fcm("a-device")]))
        .await;
    service.client.completed(&id).await;

    assert!(cli.run(&["resend", &id]).error(1).contains("409"));
    let again = cli
        .run(&["resend", &id, "--code", "UNREGISTERED"])
        .done()
        .out;
    let watched = cli.run_with(&["watch"], &again);
    assert!(
        watched.out.contains("1 recipient: 0 sent, 1 failed"),
        "{}",
        watched.out
    );
    let json = cli
        .run(&["resend", &id, "--position", "0", "--json"])
        .done()
        .json();
    assert!(json[0]["operationId"].is_string());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_sent_is_shown_without_a_terminal() {
    let (service, cli) = Cli::with_service().await;
    let unavailable = Faults {
        outage: Outage::Unavailable,
        ..Faults::default()
    };
    service.set_faults(unavailable).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;
    let metrics = format!("http://{}/metrics", service.app.metrics_addresses[0]);

    let shown = cli
        .run(&["top", "--every", "200ms", "--metrics", &metrics])
        .done()
        .out;
    assert!(shown.starts_with("1 running, 1 to send"), "{shown}");
    assert!(shown.contains("queue: ") && shown.contains(&id), "{shown}");
    let json = cli
        .run(&["top", "--every", "200ms", "--json", "--metrics", &metrics])
        .done()
        .json();
    assert_eq!(json[0]["operations"][0]["id"], id.as_str());
    assert!(json[0]["queue"]["due"].is_u64(), "{}", json[0]);
    assert!(
        cli.run(&["top", "--metrics", "http://127.0.0.1:1/"])
            .error(1)
            .contains("`bellwire dev` prints the address of its metrics")
    );
    assert_eq!(cli.run(&["top", "--every", "0s"]).code, Some(2));

    service.set_faults(Faults::default()).await;
    cli.run(&["watch", &id]).done();
    service.stop().await;
}
