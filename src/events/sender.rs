//! The sender: claims due messages, delivers them, and records each attempt.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::events::known_webhooks::KnownWebhooks;
use crate::events::outage::Outage;
use crate::events::request::{Attempted, Requester};
use crate::events::turns::{Room, Rooms, turns};
use crate::events::verdict::{Before, Outcome, Verdict, decide};
use crate::handoff::notifier::Notifier;
use crate::model::id::WebhookId;
use crate::store::pool::Pool;
use crate::store::webhook_queue::{self, AttemptRecord, ClaimedDelivery, WaitingWebhook};
use crate::telemetry::metrics;

/// Most messages that a process has in flight; a body takes up to about 400 kB.
const MAX_IN_FLIGHT: usize = 64;
/// Most of them to webhooks that fail, so that those never take the room of others.
const MAX_FAILING: usize = 16;
/// Most messages in flight to one webhook.
const OF_WEBHOOK: usize = 8;
/// The same to one that fails: a single one finds out whether it still does.
const OF_FAILING_WEBHOOK: usize = 1;
/// Webhooks that one search for due messages examines.
const MAX_EXAMINED: i64 = 200;
/// How long the sender rests before it examines the next ones.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How long a message is held. A request and its record take far less.
const LEASE: Duration = Duration::from_secs(60);
/// How long the sender rests after Postgres failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often an attempt is recorded again before its lease runs out.
const RECORD_ATTEMPTS: u32 = 20;

const _: () = assert!(MAX_FAILING < MAX_IN_FLIGHT);

/// Delivers messages.
///
/// One task owns it, with a task for each message in flight. The planner and its own poll wake it, and so
/// does the end of a message. It ends with the token that [`Self::run`] is given, after its messages in
/// flight have ended.
pub(super) struct Sender {
    pub requester: Arc<Requester>,
    pub pool: Pool,
    /// Wakes the sender: there are new messages.
    pub notifier: Arc<Notifier>,
    /// The longest time between two searches for due messages.
    pub poll_interval: Duration,
    /// Of Postgres, as its tasks see it.
    pub outage: Arc<Outage>,
}

/// What the sender knows from its earlier looks into the queue.
#[derive(Default)]
struct Looks {
    known: KnownWebhooks,
    /// The webhook that was examined last.
    last: Option<WebhookId>,
}

/// What a search has claimed.
struct Claimed {
    deliveries: Vec<ClaimedDelivery>,
    /// Whether every webhook with messages to deliver was examined.
    is_complete: bool,
}

/// The messages in flight.
#[derive(Default)]
struct InFlight {
    tasks: JoinSet<()>,
    /// The webhook of each task, and whether it fails.
    of: HashMap<Id, (WebhookId, bool)>,
}

impl InFlight {
    fn count(&self, is_failing: bool) -> usize {
        self.of
            .values()
            .filter(|(_, failing)| *failing == is_failing)
            .count()
    }

    fn by_webhook(&self) -> HashMap<WebhookId, usize> {
        let mut counts = HashMap::new();
        for (webhook_id, _) in self.of.values() {
            *counts.entry(*webhook_id).or_insert(0) += 1;
        }

        counts
    }

    /// How many more messages may be claimed.
    fn room(&self, is_failing: bool) -> usize {
        if is_failing {
            MAX_FAILING.saturating_sub(self.count(true))
        } else {
            (MAX_IN_FLIGHT - MAX_FAILING).saturating_sub(self.count(false))
        }
    }

    /// Waits until a message has ended; for ever if none is in flight.
    async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.remove(ended),
            None => std::future::pending().await,
        }
    }

    /// Takes away the messages that have ended.
    fn remove_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.remove(ended);
        }
    }

    /// A panic has been logged where it happened. Its message is sent again when the lease runs out.
    fn remove(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.of.remove(&id);
    }
}

impl Sender {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut in_flight = InFlight::default();
        let mut has_failed = false;
        let mut looks = Looks::default();

        while !stop.is_cancelled() {
            let claimed = match self.claim(&in_flight, &mut looks).await {
                Ok(claimed) => {
                    has_failed = false;
                    claimed
                }
                Err(error) => {
                    // Once for each outage.
                    if !has_failed {
                        tracing::error!(%error, "messages to webhooks can't be claimed; trying again until Postgres answers");
                    }
                    has_failed = true;
                    looks = Looks::default();
                    stop.run_until_cancelled(tokio::time::sleep(AFTER_ERROR))
                        .await;
                    continue;
                }
            };

            // While a search finds messages, the next one follows at once.
            let is_idle = claimed.deliveries.is_empty();
            for delivery in claimed.deliveries {
                self.start(delivery, &mut in_flight);
            }

            if is_idle {
                let rest = if claimed.is_complete {
                    // The next search may find webhooks that are not known yet.
                    let next_search = looks.known.search_in(Instant::now());
                    next_search.map_or(self.poll_interval, |left| left.min(self.poll_interval))
                } else {
                    // Webhooks that were not examined may have due messages.
                    BETWEEN_LOOKS.min(self.poll_interval)
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = in_flight.ended() => {}
                    () = self.notifier.wait(rest) => {}
                }
            }

            // Those that have ended meanwhile make room at once.
            in_flight.remove_ended();
            // Without room, a search would find messages that it can't claim.
            if in_flight.room(false) == 0 {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = in_flight.ended() => {}
                }
            }
        }

        // Their attempts must be recorded: a message that was taken without a record is sent again.
        while in_flight.tasks.join_next().await.is_some() {}
    }

    /// The next webhooks with messages, as far as a search or a look at the known ones shows them.
    async fn waiting(&self, looks: &mut Looks) -> sqlx::Result<Vec<WaitingWebhook>> {
        let began = Instant::now();
        if looks.known.search_in(began).is_some() {
            let asked = looks.known.after(looks.last, MAX_EXAMINED as usize);
            let waiting = webhook_queue::look_at(&self.pool, &asked).await?;
            looks.known.note_look(&waiting);
            return Ok(waiting);
        }

        let waiting = webhook_queue::waiting_webhooks(&self.pool, looks.last, MAX_EXAMINED).await?;
        let is_whole = (waiting.len() as i64) < MAX_EXAMINED;
        let took = began.elapsed();
        looks
            .known
            .note_search(&waiting, is_whole, took, Instant::now());
        Ok(waiting)
    }

    /// Examines the webhooks after the last one that was examined.
    async fn claim(&self, in_flight: &InFlight, looks: &mut Looks) -> sqlx::Result<Claimed> {
        let waiting = self.waiting(looks).await?;
        let rooms = Rooms {
            working: Room {
                total: in_flight.room(false),
                of_webhook: OF_WEBHOOK,
            },
            failing: Room {
                total: in_flight.room(true),
                of_webhook: OF_FAILING_WEBHOOK,
            },
            held: &in_flight.by_webhook(),
        };
        let given = turns(&waiting, &rooms);

        let deliveries = if given.turns.is_empty() {
            Vec::new()
        } else {
            webhook_queue::claim(&self.pool, &given.turns, LEASE).await?
        };
        looks.last = given.last;

        Ok(Claimed {
            deliveries,
            // Fewer than asked for: the search has come round to where it began.
            is_complete: !given.is_cut && (waiting.len() as i64) < MAX_EXAMINED,
        })
    }

    fn start(&self, delivery: ClaimedDelivery, in_flight: &mut InFlight) {
        // As of the claim: it counts in the room that it was claimed from, whatever becomes of the
        // webhook.
        let webhook = (delivery.webhook_id, delivery.failures > 0);
        let requester = Arc::clone(&self.requester);
        let pool = self.pool.clone();
        let outage = Arc::clone(&self.outage);

        let task = in_flight.tasks.spawn(async move {
            match requester.attempt(&delivery).await {
                Ok(attempted) => record(&pool, &outage, &delivery, &attempted).await,
                Err(error) => {
                    // Once for each outage, and not for each message.
                    if outage.begins() {
                        tracing::warn!(%error, delivery_id = %delivery.id, "messages to webhooks can't be made; trying again until Postgres answers");
                    }
                    // Its place stays taken meanwhile, so an outage of Postgres does not claim
                    // again and again.
                    tokio::time::sleep(AFTER_ERROR).await;
                    // If that fails too, the lease runs out.
                    let _ = webhook_queue::give_back(&pool, &[(delivery.id, delivery.claims)]).await;
                }
            }
        });
        in_flight.of.insert(task.id(), webhook);
    }
}

/// Writes an attempt, and says so if it was the last one to its webhook.
async fn record(pool: &Pool, outage: &Outage, delivery: &ClaimedDelivery, attempted: &Attempted) {
    // By two clocks, which may differ. A negative time says that the webhook has just begun to
    // fail.
    let before = Before {
        attempts: delivery.attempts,
        failures: delivery.failures,
        failing_for: delivery
            .failing_since
            .and_then(|since| (OffsetDateTime::now_utc() - since).try_into().ok()),
    };
    let Verdict {
        retry_in,
        block_for,
        disable,
    } = decide(&attempted.outcome, before, rand::random());
    // A 410 needs no explanation. Any other error helps the operator of the receiver.
    let disable = disable.map(|reason| match &attempted.error {
        Some(error) if attempted.http_status != Some(410) => {
            format!("{reason}; the last error: {error}")
        }
        _ => reason,
    });

    let attempt = AttemptRecord {
        id: delivery.id,
        claims: delivery.claims,
        failures: delivery.failures,
        http_status: attempted.http_status.map(|status| status as i16),
        is_taken: match attempted.outcome {
            Outcome::Taken => Some(true),
            Outcome::ContentGone => None,
            Outcome::Gone | Outcome::Failed { .. } => Some(false),
        },
        error: attempted.error.as_deref(),
        answer: attempted.answer.as_deref(),
        duration: attempted.duration,
        started_at: attempted.started_at,
        retry_in,
        block_for,
        disable: disable.as_deref(),
    };
    if attempted.outcome.is_of_request() {
        metrics::webhook_attempted(attempted.error.is_none());
    }

    let Some(is_disabled) = write(pool, outage, &attempt).await else {
        return;
    };
    if is_disabled {
        metrics::webhook_disabled();
        tracing::warn!(
            webhook_id = %delivery.webhook_id,
            reason = disable.as_deref(),
            "webhook disabled",
        );
    } else if attempted.outcome.begins_failure(before.failures)
        && let Some(error) = &attempted.error
    {
        // Only the first failure in a row is logged: a receiver that is down fails for hours.
        tracing::warn!(
            webhook_id = %delivery.webhook_id,
            error,
            "webhook fails; it gets a pause, and its messages are retried",
        );
    }
}

/// Writes until Postgres answers. `None`: it did not; the message is sent again when its lease runs out.
async fn write(pool: &Pool, outage: &Outage, attempt: &AttemptRecord<'_>) -> Option<bool> {
    for _ in 0..RECORD_ATTEMPTS {
        match webhook_queue::record(pool, attempt).await {
            Ok(is_disabled) => {
                if outage.ends() {
                    tracing::info!("attempts to deliver to webhooks are recorded again");
                }
                return Some(is_disabled);
            }
            Err(error) => {
                // Once for each outage, and not for each message.
                if outage.begins() {
                    tracing::error!(%error, delivery_id = %attempt.id, "attempts to deliver to webhooks can't be recorded; trying again, and messages whose leases run out are sent again");
                }
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    None
}
