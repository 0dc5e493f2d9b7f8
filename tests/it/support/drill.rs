//! A send during which something goes wrong.

use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults};

use super::client::{Client, apn, fcm, message};
use super::database::Database;
use super::process::Process;
use super::service::{World, assert_tallies};
use super::{eventually, steady};

/// Recipients of the send.
pub const RECIPIENTS: u64 = 6_000;
/// Notifications that a process claims at a time.
pub const CLAIMED: u64 = 500;

/// A world with slow providers, so that a send can be caught in the middle, however fast or busy
/// the machine is: at most [`CLAIMED`] requests are in flight, and each takes its latency.
pub struct Drill {
    pub world: World,
    pub caller: (String, String),
}

impl Drill {
    /// A send takes at least 2.4 seconds.
    pub async fn new() -> Self {
        Self::on(Database::new().await).await
    }

    /// The same with this database.
    pub async fn on(database: Database) -> Self {
        Self::with_latency(database, 200).await
    }

    /// A send takes at least 9.6 seconds. For faults that take time to cause.
    pub async fn slow(database: Database) -> Self {
        Self::with_latency(database, 800).await
    }

    async fn with_latency(database: Database, latency: u64) -> Self {
        let faults = Faults {
            latency,
            jitter: 100,
            ..Faults::default()
        };
        let options = Options {
            behaviour: Behaviour::new(100, 1000, faults),
            ..Options::default()
        };
        let mut world = World::on(database, options).await;
        world.config.delivery.max_claimed = CLAIMED as usize;
        let caller = world.demo().await;
        Self { world, caller }
    }

    /// Shortens leases and timeouts, for drills that wait until leases run out.
    pub fn set_lease(&mut self, lease: Duration) {
        let config = &mut self.world.config;
        config.delivery.lease = lease;
        config.fcm.timeout = lease / 2;
        config.apns.timeout = lease / 2;
    }

    pub async fn process(&self) -> (Process, Client) {
        Process::serve(&self.world, &self.caller).await
    }

    pub async fn send(&self, client: &Client) -> String {
        let recipient = |index| match index % 2 {
            0 => fcm(&format!("device-{index}")),
            _ => apn(&format!("aa{index:08x}")),
        };
        let recipients: Vec<_> = (0..RECIPIENTS).map(recipient).collect();
        client.send(&message(&recipients)).await
    }

    /// One of the sums of what arrived at the simulator.
    async fn sum(&self, name: &str) -> u64 {
        self.world.arrived().await[name].as_u64().unwrap()
    }

    /// How many notifications the providers have accepted.
    pub async fn accepted(&self) -> u64 {
        self.sum("accepted").await
    }

    /// Waits until the providers have accepted this many.
    pub async fn arrived(&self, count: u64) {
        let enough = async || (self.accepted().await >= count).then_some(());
        eventually("a part to arrive", enough).await;
    }

    /// Waits until the simulator has closed its connections. It goes on to accept what a killed
    /// process has sent.
    pub async fn disconnected(&self) {
        let done = async || {
            let arrived = self.world.arrived().await;
            (arrived["openConnections"] == 0 && arrived["inFlight"] == 0).then_some(())
        };
        eventually("the simulator to be done", done).await;
    }

    /// Waits until a process that can't claim more has sent what it has claimed.
    pub async fn idle(&self) {
        let sums = async || (self.accepted().await, self.sum("inFlight").await);
        let done = async || {
            let (_, in_flight) = steady("what arrives", Duration::from_secs(1), sums).await;
            (in_flight == 0).then_some(())
        };
        eventually("every request to be answered", done).await;
    }

    /// How many notifications are on record as sent.
    pub async fn recorded(&self) -> u64 {
        let sent: i64 = sqlx::query_scalar("select coalesce(sum(sent), 0) from batches")
            .fetch_one(&self.world.database.pool)
            .await
            .unwrap();
        sent as u64
    }

    /// How many arrived and are not on record as sent. Those may arrive twice.
    pub async fn unrecorded(&self) -> u64 {
        // In this order: a notification that is sent in between only makes the result larger.
        let recorded = self.recorded().await;
        self.accepted().await - recorded
    }

    /// Ends all leases, as time would. No process may be running.
    pub async fn end_leases(&self) {
        sqlx::query("update batches set due_at = now() where queued > 0")
            .execute(&self.world.database.pool)
            .await
            .unwrap();
    }

    /// Waits for the end of the send, and checks what has arrived and what is on record.
    pub async fn ends_well(self, client: &Client, id: &str, most_duplicates: u64) {
        let operation = client.completed(id).await;
        assert_eq!(operation["stats"]["sent"], RECIPIENTS);

        let arrived = self.world.arrived().await;
        assert_eq!(arrived["tokens"], RECIPIENTS);

        let duplicates = arrived["duplicates"].as_u64().unwrap();
        assert!(
            duplicates <= most_duplicates,
            "{duplicates} duplicates, {most_duplicates} were not on record"
        );

        assert_tallies(&self.world.database).await;
        self.world.simulator.stop().await;
    }
}
