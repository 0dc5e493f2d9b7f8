//! Random interleavings of send, delivery, failure, cancel, pause, resume, pace, resend and crash. Every
//! count is right at every read. In the end every recipient is settled, and every message that is on
//! record as sent has arrived.
//!
//! `BELLWIRE_TEST_SEED` repeats the choices of one run. Without it, several runs choose at random.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bellwire::dev::simulator::Options;
use bellwire::dev::simulator::behaviour::{Behaviour, Faults, Outage};
use bellwire::model::id::OperationId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::support::client::{Client, apn, assert_adds_up, fcm, message};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::{Device, World, assert_tallies};

const SEED: &str = "BELLWIRE_TEST_SEED";
const RUNS: usize = 3;
/// Steps of one run.
const STEPS: usize = 25;
const SLOW: Faults = Faults {
    latency: 5,
    jitter: 40,
    goaway_after: 0,
    lose_answer_every: 0,
    retry_after: 0,
    outage: Outage::None,
};

/// A provider and one of its tokens.
type Token = (String, String);

/// An Operation. No two of them share a token, so that the loss of one message cannot hide behind a
/// second copy of another.
struct Sent {
    id: String,
    /// The tokens in the request, by position. Empty for an audience.
    recipients: Vec<Token>,
    /// The tokens that must get the message, unless it is canceled.
    must_arrive: BTreeSet<Token>,
    /// Whether any of its notifications was canceled.
    canceled: bool,
}

struct Run {
    world: World,
    caller: (String, String),
    client: Client,
    /// `None` between a crash and the next start.
    process: Option<Process>,
    random: StdRng,
    operations: Vec<Sent>,
    /// The devices of Users, by their ids.
    devices: HashMap<Uuid, Token>,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let options = Options {
            behaviour: Behaviour::new(100, 1000, SLOW),
            ..Options::default()
        };
        let mut world = World::with(options).await;
        world.config.fcm.timeout = Duration::from_secs(1);
        world.config.apns.timeout = Duration::from_secs(1);
        world.config.delivery.lease = Duration::from_secs(2);

        // So many that nothing is given up, however long an outage takes on a busy machine.
        world.config.delivery.max_attempts = 1000;

        let caller = world.demo().await;
        let (process, client) = Process::serve(&world, &caller).await;
        Self {
            world,
            caller,
            client,
            process: Some(process),
            random: StdRng::seed_from_u64(seed),
            operations: Vec::new(),
            devices: HashMap::new(),
        }
    }

    async fn step(&mut self) {
        match self.random.random_range(0..15) {
            0..4 => self.send().await,
            4..6 => self.cancel_operation().await,
            6 => self.cancel_notification().await,
            7 => self.set_faults().await,
            8 => self.crash().await,
            9 | 10 => self.pause_or_resume().await,
            11 | 12 => self.change_pace().await,
            13 => self.resend().await,
            _ => {
                let pause = self.random.random_range(0..200);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }

    async fn send(&mut self) {
        let count = self.random.random_range(1..900);
        let (to, recipients, must_arrive) = match count {
            0..100 => self.audience(count).await,
            _ => self.recipients(count),
        };
        let mut body = message(&to);
        if self.random.random_ratio(1, 4) {
            let at = OffsetDateTime::now_utc()
                + Duration::from_millis(self.random.random_range(0..3000));
            body["schedule"] = json!({"sendAt": [at.format(&Rfc3339).unwrap()]});
        }
        if self.random.random_ratio(1, 3) {
            body["pace"] = self.pace();
        }
        let id = self.client.send(&body).await;
        self.operations.push(Sent {
            id,
            recipients,
            must_arrive,
            canceled: false,
        });
    }

    /// Returns recipients, of which some are dead and some fail twice, and what is expected of
    /// them.
    fn recipients(&mut self, count: usize) -> (Vec<Value>, Vec<Token>, BTreeSet<Token>) {
        let number = self.operations.len();
        let mut must_arrive = BTreeSet::new();
        let mut recipients = Vec::new();
        for index in 0..count {
            let (provider, token) = match self.random.random_range(0..8) {
                0 => ("FCM", format!("{number}-{index}~UNREGISTERED")),
                1 => ("FCM", format!("{number}-{index}~UNAVAILABLE-2")),
                2 | 3 => ("APN", format!("aa{number:04x}{index:08x}")),
                _ => ("FCM", format!("{number}-{index}")),
            };
            let recipient = (provider.to_owned(), token);
            if !recipient.1.ends_with("~UNREGISTERED") {
                must_arrive.insert(recipient.clone());
            }
            recipients.push(recipient);
        }

        let to = |(provider, token): &Token| match provider.as_str() {
            "FCM" => fcm(token),
            _ => apn(token),
        };
        (recipients.iter().map(to).collect(), recipients, must_arrive)
    }

    /// Registers `count` Users with a device of each provider, one of which fails twice. Returns
    /// the audience, and what is expected of it.
    async fn audience(&mut self, count: usize) -> (Vec<Value>, Vec<Token>, BTreeSet<Token>) {
        let number = self.operations.len();
        let tags = json!({"group": number.to_string()});
        let users: Vec<Vec<Device>> = (0..count)
            .map(|user| {
                let device = |provider, token| Device {
                    provider,
                    token,
                    tags: Some(tags.clone()),
                };
                vec![
                    device("APN", format!("ab{number:04x}{user:08x}")),
                    device("FCM", format!("{number}-user-{user}~UNAVAILABLE-2")),
                ]
            })
            .collect();

        let registered = self.world.register_users(&users).await;
        let devices: HashMap<Uuid, Token> = registered
            .into_iter()
            .zip(users.iter().flatten())
            .map(|(id, device)| (id, (device.provider.to_owned(), device.token.clone())))
            .collect();
        let must_arrive = devices.values().cloned().collect();
        self.devices.extend(devices);
        let to = json!({"audience": {"tags": tags}});
        (vec![to], Vec::new(), must_arrive)
    }

    async fn cancel_operation(&mut self) {
        let Some(index) = self.pick() else { return };
        let path = format!("/Operations/{}/Cancel", self.operations[index].id);
        self.operations[index].canceled |= self.cancel(&path).await;
    }

    async fn pause_or_resume(&mut self) {
        let Some(index) = self.pick() else { return };
        let what = if self.random.random_ratio(1, 2) {
            "Pause"
        } else {
            "Resume"
        };
        let path = format!("/Operations/{}/{what}", self.operations[index].id);
        self.cancel(&path).await;
    }

    /// 1 to 170 a second.
    fn pace(&mut self) -> Value {
        json!({"perMinute": self.random.random_range(60..10_000)})
    }

    async fn change_pace(&mut self) {
        let Some(index) = self.pick() else { return };
        let pace = if self.random.random_ratio(1, 4) {
            Value::Null
        } else {
            self.pace()
        };
        self.set_pace(&self.operations[index].id, &pace).await;
    }

    async fn set_pace(&self, id: &str, pace: &Value) {
        let request = self
            .client
            .request(Method::PATCH, &format!("/Operations/{id}"));
        let response = request.json(&json!({"pace": pace})).send().await.unwrap();
        let status = response.status();
        assert!(
            matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT),
            "{pace}: {status}"
        );
    }

    /// Sends the dead tokens of an Operation again, which are refused again.
    async fn resend(&mut self) {
        let Some(index) = self.pick() else { return };
        let path = format!("/Operations/{}/Resend", self.operations[index].id);
        let body = json!({"codes": ["UNREGISTERED"]});
        let (status, answer) = self.client.post(&path, &body).await;
        assert!(
            matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT),
            "{answer}"
        );

        if let Some(id) = answer["operationId"].as_str() {
            self.operations.push(Sent {
                id: id.to_owned(),
                recipients: Vec::new(),
                must_arrive: BTreeSet::new(),
                canceled: false,
            });
        }
    }

    /// So that everything is settled in the end.
    async fn let_all_go(&self) {
        for sent in &self.operations {
            self.cancel(&format!("/Operations/{}/Resume", sent.id))
                .await;
            let fast = json!({"perMinute": 1_000_000});
            self.set_pace(&sent.id, &fast).await;
        }
    }

    async fn cancel_notification(&mut self) {
        let Some(index) = self.pick() else { return };
        let id = &self.operations[index].id;
        let queued = self
            .client
            .read(&format!("?operationId={id}&status=QUEUED&pageSize=1"))
            .await;
        if let Some(id) = queued["pushNotifications"][0]["id"].as_str() {
            let canceled = self.cancel(&format!("/{id}/Cancel")).await;
            self.operations[index].canceled |= canceled;
        }
    }

    /// Posts a change. Returns whether there was anything to change.
    async fn cancel(&self, path: &str) -> bool {
        let (status, answer) = self.client.post(path, &Value::Null).await;
        assert!(
            matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT),
            "{path}: {answer}"
        );
        status == StatusCode::ACCEPTED
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
        self.world.set_faults(faults).await;
    }

    async fn crash(&mut self) {
        // Killed before the next one starts.
        self.process = None;
        let (process, client) = Process::serve(&self.world, &self.caller).await;
        self.process = Some(process);
        self.client = client;
    }

    fn pick(&mut self) -> Option<usize> {
        let count = self.operations.len();
        (count > 0).then(|| self.random.random_range(0..count))
    }

    /// Checks what must be true at every moment. Returns whether everything is settled.
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

    /// Compares the tokens that the providers accepted messages for with those on record and with
    /// those that were sent to.
    async fn check_tokens(&self) {
        let arrived: BTreeSet<Token> = self
            .world
            .messages()
            .await
            .into_iter()
            .filter(|(_, arrival)| arrival["accepted"] != 0)
            .map(|(token, arrival)| (arrival["provider"].as_str().unwrap().to_owned(), token))
            .collect();
        let recorded = self.recorded().await;
        let whole = self.operations.iter().filter(|sent| !sent.canceled);
        let must_arrive: BTreeSet<Token> =
            whole.flat_map(|sent| &sent.must_arrive).cloned().collect();
        let everything = self.operations.iter().flat_map(|sent| &sent.must_arrive);

        let asked_for: BTreeSet<Token> = everything.cloned().collect();

        for (some, others, problem) in [
            (&must_arrive, &arrived, "accepted, and never sent"),
            (&must_arrive, &recorded, "sent, and not on record"),
            (&recorded, &arrived, "on record as sent, and never sent"),
            (&arrived, &asked_for, "sent, and never asked for"),
        ] {
            let missing: Vec<&Token> = some.difference(others).collect();
            assert!(missing.is_empty(), "{problem}: {missing:?}");
        }
    }

    /// The tokens with an accepted attempt on record.
    async fn recorded(&self) -> BTreeSet<Token> {
        let attempts: Vec<(Uuid, i32, Option<Uuid>)> = sqlx::query_as(
            "select operation_id, position, device_id from delivery_attempts where outcome = 'ACCEPTED'",
        )
        .fetch_all(&self.world.database.pool)
        .await
        .unwrap();
        let by_id: HashMap<Uuid, &Sent> = self
            .operations
            .iter()
            .map(|sent| (sent.id.parse::<OperationId>().unwrap().as_uuid(), sent))
            .collect();

        let token = |(operation_id, position, device_id): (Uuid, i32, Option<Uuid>)| match device_id
        {
            Some(id) => self.devices[&id].clone(),
            None => by_id[&operation_id].recipients[position as usize].clone(),
        };
        attempts.into_iter().map(token).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_count_is_right_and_nothing_is_lost_in_any_order() {
    let seeds: Vec<u64> = match std::env::var(SEED) {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..RUNS).map(|_| rand::random()).collect(),
    };
    for seed in seeds {
        // Shown when a run fails. The last seed is that run's.
        eprintln!("{SEED}={seed}");
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let mut run = Run::start(seed).await;
    for _ in 0..STEPS {
        run.step().await;
        run.check().await;
    }

    run.world.set_faults(SLOW).await;
    run.let_all_go().await;
    eventually("everything to be settled", async || {
        run.check().await.then_some(())
    })
    .await;

    run.check_tokens().await;
}
