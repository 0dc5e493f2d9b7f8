//! The service restarts while a command runs.

use std::io::Write;
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::{Cli, tokens, wait};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::World;

async fn serve(world: &World, port: u16, client: &Client) -> Process {
    let process = Process::spawn(&mut world.command(port));
    eventually("the service to listen", async || {
        let request = client.request(reqwest::Method::GET, "/Apps");
        request.send().await.ok()
    })
    .await;
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_a_send_loses_and_doubles_nothing() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let port = free_port();
    let cli = Cli {
        url: format!("http://127.0.0.1:{port}"),
        key,
        secret,
    };
    let client = Client::new(&cli.url, &cli.key, &cli.secret);
    let first = serve(&world, port, &client).await;

    let mut sending = cli
        .command(&["send", "--body", "Hi"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let watching = cli
        .command(&["watch"])
        .stdin(sending.stdout.take().unwrap())
        .spawn()
        .unwrap();
    let mut input = sending.stdin.take().unwrap();
    input.write_all(tokens(0..10_000).as_bytes()).unwrap();
    eventually("the first Operation", async || {
        let list = client.read("/Operations").await;
        (list["operations"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    first.signal(Signal::SIGTERM);
    assert!(first.ended().await.success());
    // The next Operation finds no service.
    input.write_all(tokens(10_000..12_000).as_bytes()).unwrap();
    drop(input);
    let second = serve(&world, port, &client).await;

    let watched = wait(watching);
    assert_eq!(watched.code, Some(0), "{}{}", watched.out, watched.err);
    assert_eq!(watched.out.lines().count(), 2, "{}", watched.out);
    assert_eq!(wait(sending).code, Some(0));
    let list = client.read("/Operations").await;
    assert_eq!(list["operations"].as_array().unwrap().len(), 2);
    let arrived = world.arrived().await;
    assert_eq!(arrived["accepted"], 12_000, "{arrived}");
    assert_eq!(world.messages().await.len(), 12_000);
    second.signal(Signal::SIGTERM);
    second.ended().await;
}
