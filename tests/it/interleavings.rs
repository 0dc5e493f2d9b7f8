//! Random interleavings of send, delivery, failure, cancel and crash: every count is true at every
//! read, and in the end every recipient is settled, none that was accepted without having arrived.

use std::net::TcpListener;
use std::process::Child;
use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{Client, apn, assert_adds_up, fcm, message};
use crate::support::eventually;
use crate::support::service::{World, assert_tallies};

/// What happens in one run.
const STEPS: usize = 40;
const SLOW: Faults = Faults {
    latency: 5,
    jitter: 40,
    goaway_after: 0,
    lose_answer_every: 0,
    retry_after: 0,
    outage: Outage::None,
};

struct Run {
    world: World,
    client: Client,
    port: u16,
    process: Child,
    random: StdRng,
    operations: Vec<String>,
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Run {
    async fn start(seed: u64) -> Self {
        let options = Options {
            behaviour: Behaviour::new(100, 1000, SLOW),
            ..Options::default()
        };
        let mut world = World::with(options).await;
        world.config.fcm.timeout = Duration::from_millis(500);
        world.config.apns.timeout = Duration::from_millis(500);
        world.config.delivery.lease = Duration::from_secs(1);
        let (key, secret) = world.demo().await;
        world.register_many(700).await;
        world.add_second_devices().await;
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let client = Client::new(&format!("http://127.0.0.1:{port}"), &key, &secret);
        let process = world.process(port);
        let random = StdRng::seed_from_u64(seed);
        let run = Self {
            world,
            client,
            port,
            process,
            random,
            operations: Vec::new(),
        };
        run.ready().await;
        run
    }

    async fn ready(&self) {
        let listens = async || self.client.request(Method::GET, "/Apps").send().await.ok();
        eventually("the service to listen", listens).await;
    }

    async fn step(&mut self) {
        match self.random.random_range(0..10) {
            0..4 => self.send().await,
            4..6 => self.cancel_operation().await,
            6 => self.cancel_notification().await,
            7 => self.set_faults().await,
            8 => self.crash().await,
            _ => tokio::time::sleep(Duration::from_millis(self.random.random_range(0..200))).await,
        }
    }

    async fn send(&mut self) {
        let count = self.random.random_range(1..900);
        let mut recipient = |index: usize| match self.random.random_range(0..8) {
            0 => fcm(&format!("{index}~UNREGISTERED")),
            1 => fcm(&format!("{index}~UNAVAILABLE-2")),
            2 | 3 => apn(&format!("aa{index:08x}")),
            _ => fcm(&format!("device-{index}")),
        };
        let to: Vec<Value> = match count {
            0..100 => vec![json!({"audience": {}})],
            _ => (0..count).map(&mut recipient).collect(),
        };
        let mut body = message(&to);
        if self.random.random_ratio(1, 4) {
            let at = OffsetDateTime::now_utc()
                + Duration::from_millis(self.random.random_range(0..3000));
            body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
        }
        self.operations.push(self.client.send(&body).await);
    }

    async fn cancel_operation(&mut self) {
        let Some(id) = self.pick() else { return };
        self.cancel(&format!("/Operations/{id}/Cancel")).await;
    }

    async fn cancel_notification(&mut self) {
        let Some(id) = self.pick() else { return };
        let queued = self
            .client
            .read(&format!("?operationId={id}&status=QUEUED&pageSize=1"))
            .await;
        if let Some(id) = queued["pushNotifications"][0]["id"].as_str() {
            self.cancel(&format!("/{id}/Cancel")).await;
        }
    }

    async fn cancel(&self, path: &str) {
        let (status, answer) = self.client.post(path, &Value::Null).await;
        assert!(
            matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT),
            "{path}: {answer}"
        );
    }

    async fn set_faults(&mut self) {
        let faults = match self.random.random_range(0..4) {
            0 => Faults {
                outage: Outage::Unavailable,
                ..SLOW
            },
            1 => Faults {
                lose_answer_every: 50,
                ..SLOW
            },
            2 => Faults {
                goaway_after: 100,
                ..SLOW
            },
            _ => SLOW,
        };
        self.put_faults(faults).await;
    }

    async fn put_faults(&self, faults: Faults) {
        let url = format!("{}/faults", self.world.simulator.control_url);
        assert!(
            reqwest::Client::new()
                .put(url)
                .json(&faults)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }

    async fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = self.world.process(self.port);
        self.ready().await;
    }

    fn pick(&mut self) -> Option<String> {
        let count = self.operations.len();
        (count > 0).then(|| self.operations[self.random.random_range(0..count)].clone())
    }

    /// Reads everything, and holds it against what must be true at every moment.
    async fn check(&self) -> bool {
        let list = self.client.read("/Operations?pageSize=1000").await;
        let operations = list["operations"].as_array().unwrap();
        assert_eq!(
            operations.len(),
            self.operations.len(),
            "an Operation was lost or invented"
        );
        for operation in operations {
            assert_adds_up(&operation["stats"]);
        }
        assert_tallies(&self.world.database).await;
        operations.iter().all(|operation| {
            operation["status"] == "COMPLETED" || operation["status"] == "CANCELED"
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_count_is_true_whatever_happens_in_whatever_order() {
    let seed = rand::random();
    // What a failure is repeated with.
    eprintln!("seed {seed}");
    let mut run = Run::start(seed).await;
    for _ in 0..STEPS {
        run.step().await;
        run.check().await;
    }
    run.put_faults(SLOW).await;
    eventually("everything to be settled", async || {
        run.check().await.then_some(())
    })
    .await;
    let sent: i64 = sqlx::query_scalar("select coalesce(sum(sent), 0)::bigint from batches")
        .fetch_one(&run.world.database.pool)
        .await
        .unwrap();
    let url = format!("{}/summary", run.world.simulator.control_url);
    let accepted = reqwest::get(url)
        .await
        .unwrap()
        .json::<Value>()
        .await
        .unwrap()["accepted"]
        .as_i64()
        .unwrap();
    assert!(
        accepted >= sent,
        "{sent} are told to be sent, {accepted} arrived"
    );
}
