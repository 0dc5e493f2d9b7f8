//! Many Credentials on few file descriptors: connections that are idle make way for others, and the API
//! and Postgres keep theirs.

use bellwire::model::provider::CredentialType;

use crate::support::client::{Client, apn, fcm, message};
use crate::support::process::Process;
use crate::support::service::World;

#[tokio::test(flavor = "multi_thread")]
async fn many_credentials_send_on_256_file_descriptors() {
    const ACCOUNTS: usize = 150;

    let world = World::new().await;
    let mut callers = Vec::new();
    for number in 0..ACCOUNTS {
        let (account_id, key, secret) = world.account(&format!("account{number}")).await;
        let credentials = [
            (CredentialType::Fcm, world.simulator.fcm_credential()),
            (CredentialType::Apn, world.simulator.apn_credential()),
        ];
        for (credential_type, content) in credentials {
            world
                .credential(account_id, credential_type, &content)
                .await;
        }
        callers.push((key, secret));
    }
    let (process, client) = Process::serve_with_descriptors(&world, &callers[0], 256).await;

    // Each lane needs a connection, and those to FCM another one to the token endpoint.
    let mut operations = Vec::new();
    // A caller's connection ends with it: the API has few, too.
    let caller = |(key, secret): &(String, String)| Client::new(client.url(), key, secret);
    for (number, credentials) in callers.iter().enumerate() {
        let client = caller(credentials);
        let to = [fcm(&format!("d{number}")), apn(&format!("aa{number:06x}"))];
        let id = client.send(&message(&to)).await;
        operations.push((credentials, id));
    }

    for (credentials, id) in &operations {
        assert_eq!(caller(credentials).completed(id).await["stats"]["sent"], 2);
    }
    let arrived = world.arrived().await;
    assert_eq!(arrived["duplicates"], 0);
    assert!(arrived["openConnections"].as_u64().unwrap() <= 131);

    let log = process.log();
    assert!(!log.to_lowercase().contains("too many open files"), "{log}");
    assert!(log.contains("few file descriptors"), "{log}");
    drop(process);
    world.simulator.stop().await;
}
