//! The official libraries of Standard Webhooks verify what Bellwire sends.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::service::World;
use crate::webhooks::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the packages standardwebhooks of npm and PyPI: make standardwebhooks"]
async fn the_official_libraries_verify_requests() {
    let mut world = World::new().await;
    world.config.webhooks.allow_private = true;
    let service = world.start().await;
    let receiver = Receiver::start().await;
    let body = json!({"url": receiver.url("/hook"), "events": ["operation.completed"]});
    let (_, created) = service.client.post("/Webhooks", &body).await;
    let path = format!("/Webhooks/{}", created["id"].as_str().unwrap());
    let (_, rotated) = service
        .client
        .post(&format!("{path}/RotateSecret"), &json!({}))
        .await;
    service
        .client
        .post(&format!("{path}/Test"), &json!({}))
        .await;
    let received = receiver.wait_for(1).await.remove(0);

    // The secret before the rotation verifies as well as the new one.
    for secret in [&created["secret"], &rotated["secret"]] {
        let request = json!({"secret": secret, "headers": received.headers, "body": received.body});
        for (program, script) in [
            ("node", "tests/standardwebhooks/verify.mjs"),
            ("python3", "tests/standardwebhooks/verify.py"),
        ] {
            assert_eq!(
                verify(program, script, &request.to_string()),
                "webhook.test\n"
            );
        }
    }
    service.stop().await;
}

/// What `script` prints.
fn verify(program: &str, script: &str, request: &str) -> String {
    let mut process = Command::new(program)
        .arg(script)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();

    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {script}");
    String::from_utf8(output.stdout).unwrap()
}
