//! What the transport does alone: the same payloads to the same simulator through the same client,
//! without a database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bellwire::model::message::{Message, Sound};
use bellwire::model::outcome::Outcome;
use bellwire::model::provider::Provider;
use bellwire::provider::{Client, Endpoint, Endpoints, Payload, https_authority};
use bellwire::store::senders::{self, AskedApp};
use bellwire::transport::{ConnectionBudget, Proxies, Roots};
use uuid::Uuid;

use crate::api::token;
use crate::world::World;

/// Requests in flight, the best of several values.
const WINDOW: usize = 500;

/// Sent a second.
pub async fn run(world: &World, provider: Provider, count: usize) -> anyhow::Result<f64> {
    let client = Arc::new(client(world, provider).await?);
    let payload = Arc::new(payload(provider)?);
    let name = if provider == Provider::Apn {
        "APN"
    } else {
        "FCM"
    };

    let tokens: Arc<Vec<String>> = Arc::new(
        (0..count)
            .map(|number| token(name, "raw", number))
            .collect(),
    );

    anyhow::ensure!(
        is_accepted(&client, &payload, &tokens[0]).await,
        "the simulator refuses"
    );

    let next = Arc::new(AtomicUsize::new(0));
    let accepted = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let senders: Vec<_> = (0..WINDOW)
        .map(|_| {
            let client = Arc::clone(&client);
            let payload = Arc::clone(&payload);
            let tokens = Arc::clone(&tokens);

            let next = Arc::clone(&next);
            let accepted = Arc::clone(&accepted);
            tokio::spawn(async move {
                while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = is_accepted(&client, &payload, token).await;
                    accepted.fetch_add(usize::from(sent), Ordering::Relaxed);
                }
            })
        })
        .collect();

    for sender in senders {
        sender.await?;
    }

    let seconds = started.elapsed().as_secs_f64();
    anyhow::ensure!(
        accepted.load(Ordering::Relaxed) == count,
        "not all were accepted"
    );
    Ok(count as f64 / seconds)
}

async fn is_accepted(client: &Client, payload: &Payload, token: &str) -> bool {
    let answer = client.send(payload, token, Uuid::now_v7()).await;
    answer.is_ok_and(|answer| answer.outcome == Outcome::Accepted)
}

fn payload(provider: Provider) -> anyhow::Result<Payload> {
    let message = Message {
        title: Some("Boarding time @ TLL".to_owned()),
        body: Some("You have 1 hour until boarding time".to_owned()),
        sound: Some(Sound::Same("ring".to_owned())),
        ..Message::default()
    };

    Payload::render(provider, &message, None)
        .map_err(|problem| anyhow::anyhow!("{}", problem.message))
}

async fn client(world: &World, provider: Provider) -> anyhow::Result<Client> {
    let asked = AskedApp {
        account_id: world.account_id,
        name: None,
    };
    let apps = senders::defaults(&world.pool, &[asked]).await?;
    let app = apps.into_values().next().context("no App")?;
    let by_provider: HashMap<Provider, _> = app
        .credentials
        .into_iter()
        .map(|(credential_type, id)| (credential_type.provider(), id))
        .collect();
    let stored = senders::by_ids(&world.pool, &[by_provider[&provider]]).await?;

    Client::for_stored(
        stored.first().context("no Credential")?,
        &world.master_keys,
        &endpoints(world)?,
    )
    .map_err(|problem| anyhow::anyhow!(problem))
}

fn endpoints(world: &World) -> anyhow::Result<Endpoints> {
    let roots = Roots::load(world.config.fcm.ca_file.as_deref())?;
    let endpoint = |url: &str, max_connections| {
        let (host, port) = https_authority(url).context("no address")?;
        anyhow::Ok(Endpoint {
            host,
            port,
            roots: roots.clone(),
            timeout: Duration::from_secs(10),
            max_connections,
            proxies: Proxies::none(),
            budget: ConnectionBudget::unlimited(),
        })
    };

    Ok(Endpoints {
        fcm: endpoint(&world.config.fcm.endpoint, world.config.fcm.max_connections)?,
        fcm_token_uris: world.config.fcm.token_uris.clone(),
        apns: endpoint(
            &world.config.apns.endpoint,
            world.config.apns.max_connections,
        )?,
        apns_tokens: None,
        apns_sandbox: endpoint(
            &world.config.apns.endpoint,
            world.config.apns.max_connections,
        )?,
    })
}
