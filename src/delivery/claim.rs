//! The claiming loop: takes due batches in hand as far as there is room, and loads what they have to send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::delivery::content::{Content, ContentProblem, RecipientContent};
use crate::delivery::devices::{self, Pending};
use crate::delivery::duty::{self, Duty, Gathering};
use crate::delivery::lane::{self, Job};
use crate::delivery::lanes::Lanes;
use crate::delivery::lease::{Capacity, Leases, Opening, Ticket};
use crate::delivery::wake::Wake;
use crate::id::{CredentialId, OperationId};
use crate::provider::Provider;
use crate::store::batches::{self, ClaimedBatch};
use crate::store::due::{self, DueNotification};
use crate::store::outcomes::TriedDevice;
use crate::store::recipients::Recipient;
use crate::token::masked;

/// Most batches that one statement claims.
const MOST_BATCHES: i64 = 200;
/// The least time from one look to the next, so that single sends in a busy time are claimed and loaded together.
const CLAIM_EVERY: Duration = Duration::from_millis(5);
/// How long the loop rests after Postgres refused it.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often to look again for notifications of which more seem unsettled than can be, and the time in between.
const LOOKS_AGAIN: u32 = 10;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What the claiming loop works with.
pub struct Claimer {
    pub(super) pool: PgPool,
    pub(super) leases: Arc<Leases>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) lanes: Lanes,
    pub(super) wake: Arc<Wake>,
    /// Whether the recorder can't write: nothing more is claimed then.
    pub(super) stalled: Arc<AtomicBool>,
    /// The longest time between two looks; the safety net for a ring that got lost.
    pub(super) poll_interval: Duration,
}

impl Claimer {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut last = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            tokio::time::sleep_until(last + CLAIM_EVERY).await;
            last = tokio::time::Instant::now();
            let full = match self.claim().await {
                Ok(full) => full,
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    let _ = tokio::time::timeout(AFTER_ERROR, stop.cancelled()).await;
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // More is due than there was room for: go on as soon as there is, not when somebody rings.
                () = self.capacity.freed.notified(), if full => {}
                () = self.wake.wait(self.jittered_poll_interval()), if !full => {}
            }
        }
    }

    /// Replicas that started together should not look together.
    fn jittered_poll_interval(&self) -> Duration {
        self.poll_interval.mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }

    /// Claims and loads until nothing more is due (`false`) or there is no room (`true`).
    async fn claim(&mut self) -> sqlx::Result<bool> {
        loop {
            if self.stalled.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let room = self.capacity.free();
            if room == 0 {
                return Ok(true);
            }
            // Before the statement, so that the lease that is counted here ends before the one in the database.
            let claimed_at = Instant::now();
            let claimed = batches::claim(&self.pool, MOST_BATCHES, room as i64, self.leases.term()).await?;
            if claimed.is_empty() {
                return Ok(false);
            }
            self.load(&claimed, claimed_at).await?;
            if !self.capacity.is_roomy() {
                return Ok(true);
            }
        }
    }

    /// Hands what claimed batches have to send to its lanes. On an error the leases go back at once.
    async fn load(&mut self, claimed: &[ClaimedBatch], claimed_at: Instant) -> sqlx::Result<()> {
        let openings: Vec<Opening> = claimed.iter().map(|batch| self.leases.open(batch, claimed_at)).collect();
        let notifications = self.unsettled(claimed).await?;
        let mut contents = self.contents(claimed).await?;
        let max_attempts = self.lanes.policy.max_attempts;
        let mut pending = devices::pending(&self.pool, claimed, &notifications, &contents, max_attempts).await?;
        self.lanes.refresh(credentials(&notifications, &pending)).await?;
        for (index, notification) in notifications.into_iter().enumerate() {
            let opening = &openings[notification.batch];
            if !notification.due_in.is_zero() {
                opening.lease().due_again_in(notification.due_in);
                continue;
            }
            let ticket = opening.ticket(notification.position, notification.attempts, &self.capacity);
            let operation_id = claimed[notification.batch].key.operation_id;
            let Some(content) = contents.get_mut(&operation_id) else {
                let message = "Its Operation is no longer on record".to_owned();
                lane::fail(Duty::Whole(ticket), "OPERATION_GONE", message);
                continue;
            };
            let mut content = content.for_recipient(notification.variables);
            match notification.recipient {
                Recipient::Device { provider, credential_id, token } => {
                    self.send(Duty::Whole(ticket), provider, credential_id, &token, &mut content);
                }
                Recipient::User(_) => {
                    self.send_to_user(ticket, pending.remove(&index).unwrap_or_default(), &mut content);
                }
            }
        }
        Ok(())
    }

    /// What is unsettled of claimed batches. On Citus a commit is seen in batches a moment before it is seen in notifications,
    /// so that what was just sent and recorded may still seem to wait: it isn't sent again. Should it stay so, it is sent,
    /// since twice is better than never.
    async fn unsettled(&self, claimed: &[ClaimedBatch]) -> sqlx::Result<Vec<DueNotification>> {
        let mut notifications = due::notifications(&self.pool, claimed).await?;
        for _ in 0..LOOKS_AGAIN {
            if !are_too_many(claimed, &notifications) {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            notifications = due::notifications(&self.pool, claimed).await?;
        }
        Ok(notifications)
    }

    async fn contents(&self, claimed: &[ClaimedBatch]) -> sqlx::Result<HashMap<OperationId, Content>> {
        let mut ids: Vec<OperationId> = claimed.iter().map(|batch| batch.key.operation_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let operations = due::operations(&self.pool, &ids).await?;
        let now = Instant::now();
        Ok(operations.into_iter().map(|operation| (operation.id, Content::new(operation, now))).collect())
    }

    fn send(
        &self,
        duty: Duty,
        provider: Provider,
        credential_id: CredentialId,
        token: &[u8],
        content: &mut RecipientContent<'_>,
    ) {
        match self.lanes.master_keys.open_token(content.operation().account_id.as_uuid(), token) {
            Ok(token) => self.submit(duty, provider, credential_id, token, content),
            Err(error) => {
                let obstacle = format!("its token can't be decrypted: {error}");
                lane::wait(duty, content.deadline(), &obstacle, self.lanes.policy.base);
            }
        }
    }

    fn submit(
        &self,
        duty: Duty,
        provider: Provider,
        credential_id: CredentialId,
        token: String,
        content: &mut RecipientContent<'_>,
    ) {
        let deadline = content.deadline();
        match content.payload(provider) {
            Err(ContentProblem { code, message }) => lane::fail(duty, code, message),
            Ok(payload) => self.lanes.submit(credential_id, Job { duty, token, payload, deadline }),
        }
    }

    fn send_to_user(&self, ticket: Ticket, pending: Pending, content: &mut RecipientContent<'_>) {
        if pending.devices.is_empty() && !pending.accepted && ticket.attempts_before == 0 {
            let app_name = content.operation().senders.app_name.as_deref().unwrap_or_default();
            let message = format!("The User has no device in the App {app_name} for the Credentials in use");
            return duty::unaddressable(ticket, message);
        }
        if pending.devices.is_empty() && !pending.accepted {
            let message = "The User's devices have been removed since the last try".to_owned();
            return lane::fail(Duty::Whole(ticket), "DEVICE_GONE", message);
        }
        let gathering = Gathering::new(ticket, pending.accepted);
        for (device, credential_id, tries) in pending.devices {
            let account_id = content.operation().account_id.as_uuid();
            let token = self.lanes.master_keys.open_token(account_id, &device.token);
            let masked_token = token.as_deref().map(masked).unwrap_or_default();
            let Some(duty) = gathering.part(TriedDevice { id: device.id, masked_token }, tries) else { return };
            match token {
                Ok(token) => self.submit(duty, device.provider, credential_id, token, content),
                Err(error) => {
                    let obstacle = format!("a token can't be decrypted: {error}");
                    lane::wait(duty, content.deadline(), &obstacle, self.lanes.policy.base);
                }
            }
        }
    }
}

/// Whether of any batch more is unsettled than was when it was claimed. Fewer may be: some were canceled since.
fn are_too_many(claimed: &[ClaimedBatch], notifications: &[DueNotification]) -> bool {
    let mut found = vec![0; claimed.len()];
    for notification in notifications {
        found[notification.batch] += 1;
    }
    claimed.iter().zip(found).any(|(batch, found)| found > batch.queued)
}

/// The Credentials that are sent with.
fn credentials(
    notifications: &[DueNotification],
    pending: &HashMap<usize, Pending>,
) -> impl Iterator<Item = CredentialId> {
    let of_devices = notifications.iter().filter_map(|notification| match notification.recipient {
        Recipient::Device { credential_id, .. } => Some(credential_id),
        Recipient::User(_) => None,
    });
    let of_users = pending.values().flat_map(|pending| &pending.devices).map(|(_, credential_id, _)| *credential_id);
    of_devices.chain(of_users)
}
