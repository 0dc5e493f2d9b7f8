//! Secrets are sealed at rest with keys that can be rotated, and appear nowhere in plain text.

use std::str::FromStr;

use bellwire::crypto::{MasterKeys, generate_master_key};
use bellwire::maintenance::key_rotation::{self, Rotated};
use bellwire::model::provider::CredentialType;
use bellwire::model::provider_token::TokenKey;
use nix::sys::signal::Signal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::process::Process;
use crate::support::service::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_opens_everything_until_all_is_sealed_with_the_new_one() {
    let mut world = World::new().await;
    let (key, secret) = world.demo().await;
    world.register_many(1_500).await;
    let config = &world.config;
    register_webhook(&world).await;
    keep_provider_token(&world).await;
    let first = config.secrets.master_key.expose_secret().to_owned();
    let second = generate_master_key();
    let both = MasterKeys::with_old("2", &second, &format!("1:{first}")).unwrap();
    let alone = MasterKeys::new("2", &second).unwrap();
    let pool = &world.database.connections;
    assert!(
        key_rotation::run(pool, &alone)
            .await
            .unwrap_err()
            .to_string()
            .contains("Credential"),
        "the old key is needed"
    );
    assert_eq!(
        key_rotation::run(pool, &both).await.unwrap(),
        Rotated {
            credentials: 2,
            devices: 1_500,
            webhooks: 1,
            provider_tokens: 1,
        }
    );
    assert_eq!(
        key_rotation::run(pool, &alone).await.unwrap(),
        Rotated {
            credentials: 0,
            devices: 0,
            webhooks: 0,
            provider_tokens: 0,
        }
    );

    world.config.secrets.master_key = SecretString::from(second);
    world.config.secrets.master_key_id = "2".to_owned();
    let service = world.start_for(&key, &secret).await;
    let id = service
        .client
        .send(&message(&[json!({"audience": {}})]))
        .await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1_500);
    service.stop().await;
}

/// Keeps a provider token that is sealed with the current key.
async fn keep_provider_token(world: &World) {
    let key = TokenKey {
        team_id: "TEAM123456".to_owned(),
        key_id: "KEY1234567".to_owned(),
        key_hash: vec![7; 32],
    };
    let sealed = bellwire::app::master_keys(&world.config)
        .unwrap()
        .seal_provider_token(&key, "a provider token")
        .unwrap();

    sqlx::query("insert into provider_tokens (team_id, key_id, key_hash, token, issued_at) values ($1, $2, $3, $4, now())")
        .bind(key.team_id)
        .bind(key.key_id)
        .bind(key.key_hash)
        .bind(sealed)
        .execute(&world.database.pool)
        .await
        .unwrap();
}

/// Stores a webhook whose secret is sealed with the current key.
async fn register_webhook(world: &World) {
    let id = uuid::Uuid::now_v7();
    let pool = &world.database.pool;
    let account_id: uuid::Uuid = sqlx::query_scalar("select id from accounts")
        .fetch_one(pool)
        .await
        .unwrap();
    let secret = bellwire::app::master_keys(&world.config)
        .unwrap()
        .seal_webhook_secret(account_id, id, b"a webhook's secret")
        .unwrap();
    let insert = "insert into webhooks (id, account_id, url, origin, events, secret) values ($1, $2, 'u', 'o', '{e}', $3)";
    sqlx::query(insert)
        .bind(id)
        .bind(account_id)
        .bind(secret)
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_moved_to_another_row_does_not_open() {
    let world = World::new().await;
    let (victim, key, secret) = world.account("demo").await;
    let content = world.simulator.apn_credential();
    let stolen = world
        .credential(victim, CredentialType::Apn, &content)
        .await;
    let pool = &world.database.pool;

    // Whoever writes to the database gives the victim's Credential to an account of theirs.
    let (attacker, attackers_key, attackers_secret) = world.account("attacker").await;
    sqlx::query("insert into apps (account_id, name, is_default) values ($1, 'demo', true)")
        .bind(attacker.as_uuid())
        .execute(pool)
        .await
        .unwrap();
    let copy = "
        insert into credentials (id, account_id, app_name, credential_type, is_default, master_key_id, content)
        select gen_random_uuid(), $1, app_name, credential_type, true, master_key_id, content
        from credentials where id = $2";
    sqlx::query(copy)
        .bind(attacker.as_uuid())
        .bind(stolen.as_uuid())
        .execute(pool)
        .await
        .unwrap();

    let service = world.start_for(&key, &secret).await;
    let attacker = Client::new(&service.url, &attackers_key, &attackers_secret);
    let preview = message(&[apn("abcdef")]);
    let (_, shown) = attacker.post("/Preview", &preview).await;
    assert!(shown.to_string().contains("can't be decrypted"), "{shown}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_moved_to_another_device_does_not_open() {
    let service = Service::start().await;
    let mut users = Vec::new();
    for token in ["token-of-one", "token-of-another"] {
        let register = json!({"appName": "demo", "token": token, "provider": "FCM"});
        let (_, registered) = service.client.post("/DeviceRegistrations", &register).await;
        let path = format!(
            "/DeviceRegistrations/{}",
            registered["resourceId"].as_str().unwrap()
        );
        users.push(service.client.read(&path).await["userId"].clone());
    }

    let swap =
        "update devices set token = other.token from devices as other where other.id <> devices.id";
    sqlx::query(swap)
        .execute(&service.world.database.pool)
        .await
        .unwrap();
    let to = json!({"userId": users[0]});
    let (_, shown) = service.client.post("/Preview", &message(&[to])).await;
    assert!(shown.to_string().contains("can't be decrypted"), "{shown}");

    // Registered again, it is sealed anew for its device.
    let register =
        json!({"appName": "demo", "token": "token-of-one", "provider": "FCM", "userId": users[0]});
    service.client.post("/DeviceRegistrations", &register).await;
    let id = service
        .client
        .send(&message(&[json!({"userId": users[0]})]))
        .await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_form_is_written_while_an_older_release_is_connected() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let pool = world.database.pool.clone();
    let options = PgConnectOptions::from_str(&world.database.url)
        .unwrap()
        .application_name("bellwire");
    let older = PgConnection::connect_with(&options).await.unwrap();

    let service = world.start_for(&key, &secret).await;
    let register = json!({"appName": "demo", "token": "a-token", "provider": "FCM"});
    let (_, registered) = service.client.post("/DeviceRegistrations", &register).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = service.client.read(&path).await["userId"].clone();
    let mark = async || -> Vec<u8> {
        sqlx::query_scalar("select substring(token for 2) from devices")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    assert_eq!(mark().await, b"\x011", "as release 0.1 reads it");

    // It is read in both forms. Rotation seals it in the current one.
    older.close().await.unwrap();
    let keys = bellwire::app::master_keys(&service.world.config).unwrap();
    key_rotation::run(&service.world.database.connections, &keys)
        .await
        .unwrap();
    assert_eq!(mark().await, b"\x811");
    let id = service
        .client
        .send(&message(&[json!({"userId": user})]))
        .await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_leaves_no_core_dump() {
    let world = World::new().await;
    let caller = world.demo().await;
    let (process, _client) = Process::serve(&world, &caller).await;

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    drop(process);
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_holds_a_token_or_a_credential_in_plain_text() {
    let service = Service::start().await;
    let token = "a-token-that-nobody-else-may-read";
    let register = json!({"appName": "demo", "token": token, "provider": "FCM"});
    service.client.post("/DeviceRegistrations", &register).await;
    let id = service
        .client
        .send(&message(&[
            fcm(token),
            fcm(&format!("{token}~UNREGISTERED")),
        ]))
        .await;
    service.client.completed(&id).await;
    let pool = &service.world.database.pool;

    for table in [
        "devices",
        "push_notifications",
        "delivery_attempts",
        "operations",
        "credentials",
        "idempotency_keys",
    ] {
        let query = format!("select coalesce(string_agg({table}::text, ' '), '') from {table}");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(pool)
            .await
            .unwrap();
        // As text, and as bytea is shown.
        let hexadecimal = token
            .bytes()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert!(
            !rows.contains(token) && !rows.contains(&hexadecimal),
            "{table}"
        );
        assert!(!rows.contains("PRIVATE KEY"), "{table}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_holds_a_secret_at_any_level() {
    let world = World::new().await;
    let caller = world.demo().await;
    let level = [("BELLWIRE__LOG__LEVEL", "trace".to_owned())];
    let (process, client) = Process::serve_with(&world, &caller, &level).await;
    let tokens = [
        "fcm-token-of-somebody",
        "fcm-dead-token-of-somebody~UNREGISTERED",
        "0a1b2c3d4e5f6071",
        "token-of-a-user",
    ];
    let register = json!({"appName": "demo", "token": tokens[3], "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &register).await;
    let registration = registered["resourceId"].as_str().unwrap();
    let user = client
        .read(&format!("/DeviceRegistrations/{registration}"))
        .await["userId"]
        .clone();
    let fcm_credential = world.simulator.fcm_credential();
    let credential = json!({"credentialType": "FCM", "appName": "more", "content": fcm_credential});
    client.post("/Credentials", &credential).await;
    client
        .post(
            "",
            &json!({"to": [{"token": "bad token of somebody", "provider": "FCM"}]}),
        )
        .await;
    let to = [
        fcm(tokens[0]),
        fcm(tokens[1]),
        apn(tokens[2]),
        json!({"userId": user}),
    ];
    client.completed(&client.send(&message(&to)).await).await;
    client.post("/Preview", &message(&to)).await;
    process.signal(Signal::SIGTERM);
    let text = process.log_to_the_end().await;
    assert!(text.contains("TRACE"), "the most detailed level is on");

    let content =
        |credential: &Value| credential["privateKey"].as_str().unwrap()[100..140].to_owned();
    let secrets = [
        caller.1,
        content(&fcm_credential),
        content(&world.simulator.apn_credential()),
    ];
    let master_key = world.config.secrets.master_key.expose_secret().to_owned();

    for secret in tokens
        .map(str::to_owned)
        .into_iter()
        .chain(secrets)
        .chain([master_key, "bad token of".to_owned()])
    {
        let found = text.lines().find(|line| line.contains(&secret));
        assert_eq!(found, None, "{secret}");
    }
    world.simulator.stop().await;
}
