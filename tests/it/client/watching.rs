//! `bellwire watch`.

use bellwire::dev::simulator::behaviour::{Faults, Outage};

use super::Cli;
use crate::support::client::{fcm, message};

const UNKNOWN: &str = "comms_operation_01h9krwprkeee8fzqspvwy6nq8";

#[tokio::test(flavor = "multi_thread")]
async fn recipients_that_got_nothing_show_in_the_exit_code() {
    let (service, cli) = Cli::with_service().await;
    let id = service
        .client
        .send(&message(&[fcm("a-device"), fcm("a~UNREGISTERED")]))
        .await;

    let watched = cli.run(&["watch", &id]);
    assert_eq!(watched.code, Some(3), "{}", watched.err);
    assert_eq!(
        watched.out,
        format!("{id}  COMPLETED  2 recipients: 1 sent, 1 failed\n")
    );
    assert!(
        watched.err.contains(&format!("bellwire errors {id}")),
        "{}",
        watched.err
    );

    let json = cli.run(&["watch", "--json", &id, &id]).json();
    assert_eq!(json.len(), 1, "an id that is given twice is watched once");
    assert_eq!(
        json[0],
        service.client.read(&format!("/Operations/{id}")).await
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_operation_or_its_timeout() {
    let (service, cli) = Cli::with_service().await;
    let unavailable = Faults {
        outage: Outage::Unavailable,
        ..Faults::default()
    };
    service.set_faults(unavailable).await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;

    let late = cli.run(&["watch", &id, "--timeout", "1s"]);
    assert!(
        late.error(4).contains("within 1s; delivery continues"),
        "{}",
        late.err
    );

    let watching = cli.command(&["watch", &id]).spawn().unwrap();
    service.set_faults(Faults::default()).await;
    let watched = super::wait(watching);
    assert_eq!(
        watched.out,
        format!("{id}  COMPLETED  1 recipient: 1 sent\n")
    );
    assert_eq!(watched.code, Some(0));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_send_failed_fails() {
    let (service, cli) = Cli::with_service().await;

    let error = cli.run_with(&["watch"], "").error(1);
    assert!(error.contains("there is no Operation to watch"), "{error}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_not_there_fails_and_the_others_are_watched() {
    let (service, cli) = Cli::with_service().await;
    let id = service.client.send(&message(&[fcm("a-device")])).await;

    let watched = cli.run(&["watch", UNKNOWN, &id]);
    let line = watched.error(1);
    assert!(line.contains(UNKNOWN) && line.contains("404"), "{line}");
    assert!(watched.out.contains("1 sent"), "{}", watched.out);

    let line = cli.run(&["watch", "../Keys"]).error(2);
    assert!(line.contains("is not an id"), "{line}");
    let line = cli.run_with(&["watch"], "nonsense\n").error(1);
    assert!(line.contains("the standard input, line 1"), "{line}");
    service.stop().await;
}
