//! A send that is under way when something goes wrong.

use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};
use serde_json::Value;

use super::client::{Client, apn, fcm, message};
use super::database::Database;
use super::eventually;
use super::process::Process;
use super::service::{World, assert_tallies};

/// Recipients of the send.
pub const RECIPIENTS: u64 = 6_000;

/// A world with providers slow enough to be caught in the middle, and a send that is under way.
pub struct Drill {
    pub world: World,
    pub caller: (String, String),
}

impl Drill {
    pub async fn new() -> Self {
        Self::on(Database::new().await).await
    }

    pub async fn on(database: Database) -> Self {
        Self::with(
            database,
            Faults {
                latency: 50,
                jitter: 50,
                ..Faults::default()
            },
            Duration::from_secs(1),
        )
        .await
    }

    /// With providers so slow that a send takes some four seconds.
    pub async fn slow(database: Database) -> Self {
        Self::with(
            database,
            Faults {
                latency: 250,
                jitter: 100,
                ..Faults::default()
            },
            Duration::from_secs(2),
        )
        .await
    }

    async fn with(database: Database, faults: Faults, timeout: Duration) -> Self {
        let options = Options {
            behaviour: Behaviour::new(100, 1000, faults),
            ..Options::default()
        };
        let mut world = World::on(database, options).await;
        world.config.fcm.timeout = timeout;
        world.config.apns.timeout = timeout;
        world.config.delivery.lease = 3 * timeout;
        // So little that a send takes a while.
        world.config.delivery.max_claimed = 500;
        let caller = world.demo().await;
        Self { world, caller }
    }

    pub async fn process(&self) -> (Process, Client) {
        Process::serve(&self.world, &self.caller).await
    }

    pub async fn send(&self, client: &Client) -> String {
        let recipient = |index| match index % 2 {
            0 => fcm(&format!("device-{index}")),
            _ => apn(&format!("aa{index:08x}")),
        };
        client
            .send(&message(
                &(0..RECIPIENTS).map(recipient).collect::<Vec<_>>(),
            ))
            .await
    }

    pub async fn summary(&self) -> Value {
        reqwest::get(format!("{}/summary", self.world.simulator.control_url))
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Waits until this many have arrived.
    pub async fn arrived(&self, count: u64) {
        let enough =
            async || (self.summary().await["accepted"].as_u64() >= Some(count)).then_some(());
        eventually("a part to arrive", enough).await;
    }

    /// Waits until nothing more arrives: what the simulator has taken from a process that was
    /// killed, it goes on to accept.
    pub async fn quiet(&self) {
        let mut before = None;
        let unchanged = async || {
            let accepted = self.summary().await["accepted"].as_u64();
            let quiet = std::mem::replace(&mut before, accepted) == accepted;
            tokio::time::sleep(Duration::from_millis(400)).await;
            quiet.then_some(())
        };
        eventually("the simulator to be done", unchanged).await;
    }

    /// What is on record as sent.
    pub async fn recorded(&self) -> u64 {
        let sent: i64 = sqlx::query_scalar("select coalesce(sum(sent), 0) from batches")
            .fetch_one(&self.world.database.pool)
            .await
            .unwrap();
        sent as u64
    }

    /// What arrived and is not on record as sent: what may arrive twice.
    pub async fn unrecorded(&self) -> u64 {
        self.summary().await["accepted"].as_u64().unwrap() - self.recorded().await
    }

    /// Waits for the end, and holds everything against everything.
    pub async fn ends_well(self, client: &Client, id: &str, most_duplicates: u64) {
        let operation = client.completed(id).await;
        assert_eq!(operation["stats"]["sent"], RECIPIENTS);
        let summary = self.summary().await;
        assert_eq!(summary["tokens"], RECIPIENTS);
        let duplicates = summary["duplicates"].as_u64().unwrap();
        assert!(
            duplicates <= most_duplicates,
            "{duplicates} duplicates, {most_duplicates} were under way"
        );
        assert_tallies(&self.world.database).await;
        self.world.simulator.stop().await;
    }
}
