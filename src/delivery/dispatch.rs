//! From what was loaded to the lanes: every notification gets its ticket, its content and its lane, or its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::delivery::content::{ContentProblem, RecipientContent};
use crate::delivery::devices::Pending;
use crate::delivery::duty::{self, Duty, Gathering};
use crate::delivery::lane::{self, Job};
use crate::delivery::lanes::Lanes;
use crate::delivery::lease::{Capacity, Ticket};
use crate::delivery::load::Loaded;
use crate::delivery::parked::Parked;
use crate::id::CredentialId;
use crate::provider::Provider;
use crate::store::outcomes::TriedDevice;
use crate::store::recipients::Recipient;
use crate::token::masked;

/// What notifications are handed to.
pub struct Dispatch {
    pub(super) lanes: Lanes,
    pub(super) capacity: Arc<Capacity>,
    pub(super) parked: Parked,
}

impl Dispatch {
    /// Hands what batches have to send to its lanes.
    pub fn hand_out(&mut self, loaded: Loaded) {
        let Loaded { openings, notifications, mut contents, mut pending } = loaded;
        let mut lane_of: HashMap<usize, Option<(CredentialId, Instant)>> = HashMap::new();
        for (index, notification) in notifications.into_iter().enumerate() {
            let opening = &openings[notification.batch];
            if !notification.due_in.is_zero() {
                opening.lease().due_again_in(notification.due_in);
                continue;
            }
            let operation_id = opening.lease().key().operation_id;
            let Some(recipient) = notification.recipient else {
                tracing::error!(%operation_id, position = notification.position, "a notification can't be read");
                opening.lease().due_again_in(self.lanes.policy.max);
                continue;
            };
            let ticket = opening.ticket(notification.position, notification.attempts, &self.capacity);
            let Some(content) = contents.get_mut(&operation_id) else {
                let message = "Its Operation is no longer on record".to_owned();
                lane::fail(Duty::Whole(ticket), "OPERATION_GONE", message);
                continue;
            };
            let mut content = content.for_recipient(notification.variables);
            let lane = match recipient {
                Recipient::Device { provider, credential_id, token } => {
                    self.send(Duty::Whole(ticket), provider, credential_id, &token, &mut content);
                    Some((credential_id, content.deadline()))
                }
                Recipient::User(_) => {
                    self.send_to_user(ticket, pending.remove(&index).unwrap_or_default(), &mut content);
                    None
                }
            };
            // Another lane, or a User: there is more than one to wait for.
            lane_of.entry(notification.batch).and_modify(|all| *all = all.filter(|_| *all == lane)).or_insert(lane);
        }
        for (batch, lane) in lane_of {
            if let Some((credential_id, deadline)) = lane
                && self.lanes.closed_for(credential_id, Instant::now()).is_some()
            {
                self.parked.park(openings[batch].lease().key(), credential_id, deadline);
            }
        }
    }

    fn send(
        &self,
        duty: Duty,
        provider: Provider,
        credential_id: CredentialId,
        token: &[u8],
        content: &mut RecipientContent<'_>,
    ) {
        if let Some(delay) = self.lanes.closed_for(credential_id, Instant::now())
            && content.deadline() > Instant::now()
        {
            return lane::postpone(duty, content.deadline(), delay);
        }
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
            Err(ContentProblem::Message { code, message }) => lane::fail(duty, code, message),
            Err(ContentProblem::Unreadable(obstacle)) => lane::wait(duty, deadline, &obstacle, self.lanes.policy.base),
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
