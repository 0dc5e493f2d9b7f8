//! All processes send to APNs with one provider token of a signing key, and one of them renews it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bellwire::app::{App, master_keys};
use bellwire::model::provider::CredentialType;
use bellwire::model::provider_token::TokenKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::client::{Client, apn, message};
use crate::support::eventually;
use crate::support::service::World;

/// Starts processes that share the world's database, each with a client.
async fn processes<const N: usize>(world: &World, key: &str, secret: &str) -> [(App, Client); N] {
    let starts = (0..N).map(|_| App::start(&world.config));
    let apps = futures_util::future::join_all(starts).await;

    let processes: Vec<_> = apps
        .into_iter()
        .map(|app| {
            let app = app.unwrap();
            let url = format!("http://{}", app.addresses[0]);
            (app, Client::new(&url, key, secret))
        })
        .collect();
    processes.try_into().ok().unwrap()
}

/// Sends from each process at the same time, and waits until all is sent.
async fn send_from_each(processes: &[(App, Client)]) {
    let sends = processes
        .iter()
        .enumerate()
        .map(async |(number, (_, client))| {
            let id = client
                .send(&message(&[apn(&format!("ab{number:062}"))]))
                .await;
            let operation = client.completed(&id).await;
            assert_eq!(operation["stats"]["sent"], 1, "{operation}");
        });

    futures_util::future::join_all(sends).await;
}

async fn make_older(world: &World, minutes: i32) {
    sqlx::query("update provider_tokens set issued_at = issued_at - make_interval(mins => $1)")
        .bind(minutes)
        .execute(&world.database.pool)
        .await
        .unwrap();
}

async fn kept_tokens(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from provider_tokens")
        .fetch_one(&world.database.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_send_with_one_token_and_one_of_them_renews_it() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;

    let first: [_; 2] = processes(&world, &key, &secret).await;
    send_from_each(&first).await;
    assert_eq!(world.arrived().await["providerTokens"], 1);
    for (app, _) in first {
        app.stop().await;
    }

    // Too old to be sent any more: one of the next processes renews it, and the other takes that over.
    make_older(&world, 51).await;
    let next: [_; 2] = processes(&world, &key, &secret).await;
    send_from_each(&next).await;
    send_from_each(&next).await;
    assert_eq!(world.arrived().await["providerTokens"], 2);
    assert_eq!(kept_tokens(&world).await, 1);

    for (app, _) in next {
        app.stop().await;
    }
}

/// Replaces the kept token by one that APNs refuses as expired.
async fn keep_an_expired_token(world: &World) {
    let content = world.simulator.apn_credential();
    let text = |field: &str| content[field].as_str().unwrap().to_owned();
    let pem = STANDARD.decode(text("privateKey")).unwrap();

    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(text("keyId"));
    let iat = OffsetDateTime::now_utc().unix_timestamp() - 3 * 3600;
    let token = jsonwebtoken::encode(
        &header,
        &json!({"iss": text("teamId"), "iat": iat}),
        &EncodingKey::from_ec_pem(&pem).unwrap(),
    )
    .unwrap();

    let pool = &world.database.pool;
    let key_hash: Vec<u8> = sqlx::query_scalar("select key_hash from provider_tokens")
        .fetch_one(pool)
        .await
        .unwrap();
    let key = TokenKey {
        team_id: text("teamId"),
        key_id: text("keyId"),
        key_hash,
    };
    let sealed = master_keys(&world.config)
        .unwrap()
        .seal_provider_token(&key, &token)
        .unwrap();
    sqlx::query("update provider_tokens set token = $1")
        .bind(sealed)
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_but_not_within_apples_20_minutes() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let first: [_; 1] = processes(&world, &key, &secret).await;
    send_from_each(&first).await;
    for (app, _) in first {
        app.stop().await;
    }

    keep_an_expired_token(&world).await;
    make_older(&world, 10).await;
    let [(app, client)] = processes(&world, &key, &secret).await;
    let id = client.send(&message(&[apn(&"cd".repeat(32))])).await;
    let waiting = eventually("the notification to wait", async || {
        let operation = client.read(&format!("/Operations/{id}")).await;
        operation.get("waitingFor").cloned()
    })
    .await;
    let reason = waiting["reason"].as_str().unwrap();
    assert!(reason.contains("ExpiredProviderToken"), "{reason}");
    // The simulator counts the one that it refused.
    assert_eq!(world.arrived().await["providerTokens"], 2);

    make_older(&world, 11).await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["stats"]["sent"], 1);
    assert_eq!(world.arrived().await["providerTokens"], 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_of_one_account_does_not_spoil_another_accounts_token() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;

    let (account_id, wrong_key, wrong_secret) = world.account("wrong").await;
    let mut content = world.simulator.apn_credential();
    let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    content["privateKey"] = Value::String(other.serialize_pem());
    world
        .credential(account_id, CredentialType::Apn, &content)
        .await;

    let [(app, client)] = processes(&world, &wrong_key, &wrong_secret).await;
    let id = client.send(&message(&[apn(&"ef".repeat(32))])).await;
    eventually("the wrong key to be refused", async || {
        let operation = client.read(&format!("/Operations/{id}")).await;
        let reason = operation["waitingFor"]["reason"].as_str()?.to_owned();
        reason.contains("InvalidProviderToken").then_some(())
    })
    .await;

    let right = Client::new(client.url(), &key, &secret);
    let id = right.send(&message(&[apn(&"ab".repeat(32))])).await;
    assert_eq!(right.completed(&id).await["stats"]["sent"], 1);
    assert_eq!(kept_tokens(&world).await, 2);
    app.stop().await;
}
