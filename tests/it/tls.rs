//! TLS of the server: its certificate, and the next one.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use reqwest::{StatusCode, Version};

use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::World;

/// Writes a new self-signed certificate for `localhost`, and returns it.
fn issue(folder: &Path) -> String {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("certificate.pem"), issued.cert.pem()).unwrap();

    issued.cert.pem()
}

/// A client that trusts this certificate alone.
fn client(certificate: &str) -> reqwest::Client {
    let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_speaks_tls_and_takes_a_new_certificate_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = issue(folder.path());
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let port = free_port();
    let file = |name: &str| folder.path().join(name);
    let environment = [
        (
            "BELLWIRE__SERVER__TLS_CERTIFICATE_FILE",
            file("certificate.pem"),
        ),
        ("BELLWIRE__SERVER__TLS_KEY_FILE", file("key.pem")),
    ];
    let process = Process::spawn(world.command(port).envs(environment.clone()));
    let url = format!("https://localhost:{port}");

    let apps = format!("{url}/v1/PushNotifications/Apps/demo");
    let patched = eventually("the service to answer", async || {
        let request = client(&first)
            .patch(&apps)
            .basic_auth(&key, Some(&secret))
            .json(&serde_json::json!({"isDefault": true}));
        request.send().await.ok()
    })
    .await;
    assert_eq!(patched.status(), StatusCode::ACCEPTED, "{}", process.log());
    assert_eq!(patched.version(), Version::HTTP_2);
    assert_eq!(patched.headers()["location"], apps.as_str());
    assert!(patched.headers().contains_key("strict-transport-security"));

    // Probes need no certificate.
    for arguments in [vec!["health"], vec!["health", "--ready"]] {
        let mut command = world.command(port);
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let program = command.get_program().to_owned();
        let status = std::process::Command::new(program)
            .args(arguments)
            .envs(
                command
                    .envs(environment.clone())
                    .get_envs()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
            )
            .status()
            .unwrap();
        assert!(status.success());
    }

    let second = issue(folder.path());
    eventually("the new certificate", async || {
        client(&second)
            .get(format!("{url}/openapi.json"))
            .send()
            .await
            .ok()
    })
    .await;
    process.logged("the server has a new certificate").await;
    assert!(client(&first).get(&url).send().await.is_err());

    // What can't be used is not taken.
    fs::write(file("key.pem"), "nonsense").unwrap();
    process.logged("the previous one stays in use").await;
    let answer = client(&second).get(format!("{url}/healthz")).send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);

    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await.code(), Some(0));
    world.simulator.stop().await;
}
