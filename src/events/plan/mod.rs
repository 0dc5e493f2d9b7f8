//! Which webhooks get which messages: decided from rows of the outbox and what they are about.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::model::id::{AccountId, CredentialId, OperationId, WebhookDeliveryId, WebhookId};
use crate::model::webhook::{
    DeliveryContent, EventType, MAX_ENTRIES, Part, PausedOperation, ReceiptPart, RemovedDevice,
    ReportedCredential,
};
use crate::store::events::{
    AccountApps, Event, NewDelivery, OperationFacts, Progress, SettledBatch, Subscriber,
};

/// All that a plan depends on.
#[derive(Default)]
pub(super) struct Facts {
    /// The enabled webhooks of all accounts concerned, oldest first.
    pub subscribers: Vec<Subscriber>,
    pub operations: HashMap<OperationId, OperationFacts>,
    pub progress: HashMap<OperationId, Progress>,
    pub batches: HashMap<(OperationId, i32), SettledBatch>,
    pub callbacks: HashMap<OperationId, Callback>,
    pub apps: AccountApps,
}

/// Where the events of an Operation go.
#[derive(Debug, Clone)]
pub(super) struct Callback {
    pub url: String,
    /// Scheme, host and port of the URL.
    pub origin: String,
}

/// What the entries of one message have in common: webhook, event and callback URL.
type MessageKey = (WebhookId, EventType, Option<String>);

/// The messages that `events` make. An event that no webhook wants makes none.
pub(super) fn plan(events: &[Event], facts: &Facts) -> Vec<NewDelivery> {
    let mut subscribers: HashMap<AccountId, Vec<&Subscriber>> = HashMap::new();
    for subscriber in &facts.subscribers {
        let of_account = subscribers.entry(subscriber.account_id).or_default();
        of_account.push(subscriber);
    }

    let mut plan = Plan {
        facts,
        subscribers,
        planned: HashSet::new(),
        deliveries: Vec::new(),
        open: HashMap::new(),
        last_part: HashMap::new(),
    };

    for event in events {
        plan.add(event);
    }
    // After all events: only now is it known which part of an Operation is its last.
    plan.mark_final_parts();

    plan.deliveries
}

struct Plan<'a> {
    facts: &'a Facts,
    /// Those of each account, oldest first.
    subscribers: HashMap<AccountId, Vec<&'a Subscriber>>,
    /// The events of Operations that are in the plan.
    planned: HashSet<(WebhookId, EventType, OperationId)>,
    deliveries: Vec<NewDelivery>,
    /// The message that may take more entries, by what they have in common: its index, and how many it has.
    open: HashMap<MessageKey, (usize, usize)>,
    /// Where the last part of an Operation is, for each webhook and event: message and part.
    last_part: HashMap<(WebhookId, EventType, OperationId), (usize, usize)>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, event: &Event) {
        match (event.kind.as_str(), event.operation_id) {
            ("batch", Some(operation_id)) => {
                if let Some(number) = event.batch_number {
                    self.add_batch(operation_id, number);
                }
                self.add_end(operation_id);
            }
            ("operation", Some(operation_id)) => self.add_end(operation_id),
            (kind, Some(operation_id)) => match kind.parse() {
                Ok(EventType::OperationPaused) => self.add_pause(operation_id, event),
                Ok(kind @ (EventType::NotificationDelivered | EventType::NotificationOpened)) => {
                    self.add_receipts(operation_id, kind, event);
                }
                Ok(event_type) => self.add_start(operation_id, event_type),
                // It was not taken: a kind that a later release has added is left to its processes.
                Err(_) => {}
            },
            (kind, None) => {
                if let (Ok(event_type), Some(data)) = (kind.parse(), &event.data) {
                    self.add_data(event.account_id, event_type, data);
                }
            }
        }
    }

    /// The notifications of a batch, by what became of them.
    fn add_batch(&mut self, operation_id: OperationId, number: i32) {
        let Some(batch) = self.facts.batches.get(&(operation_id, number)).copied() else {
            return;
        };

        for (event, count) in [
            (EventType::NotificationFailed, batch.failed),
            (EventType::NotificationCanceled, batch.canceled),
            (EventType::NotificationSent, batch.sent),
        ] {
            if count == 0 {
                continue;
            }
            for recipient in self.recipients(operation_id, event) {
                // All positions of the batch. The body has those with the event's status at the
                // time of the attempt.
                let part = Part {
                    operation_id,
                    sequence: number,
                    first_position: batch.first_position,
                    size: batch.size,
                    // Another batch of the Operation may follow in this plan.
                    is_final: false,
                };
                self.add_part(&recipient, event, part, count as usize);
            }
        }
    }

    fn add_part(&mut self, recipient: &Recipient, event: EventType, part: Part, count: usize) {
        let operation_id = part.operation_id;
        let key = (recipient.webhook_id, event, recipient.callback_url.clone());

        // A batch that is in this plan already has changed again: once is enough. Only the open
        // message is searched. A batch in an earlier message is sent twice, because webhooks
        // promise delivery at least once.
        let is_repeated = self.open.get(&key).is_some_and(|(index, _)| {
            let content = self
                .deliveries
                .get(*index)
                .map(|delivery| &delivery.content);
            matches!(content, Some(DeliveryContent::Notifications(parts)) if parts.contains(&part))
        });
        if is_repeated {
            return;
        }

        let place = match self.open.get(&key).copied() {
            Some((index, entries)) if entries + count <= MAX_ENTRIES => {
                self.open.insert(key, (index, entries + count));
                index
            }
            _ => {
                let content = DeliveryContent::Notifications(Vec::new());
                let index = self.push(recipient, event, None, content);
                self.open.insert(key, (index, count));
                index
            }
        };

        if let Some(delivery) = self.deliveries.get_mut(place)
            && let DeliveryContent::Notifications(parts) = &mut delivery.content
        {
            parts.push(part);
            let part_of = (recipient.webhook_id, event, operation_id);
            self.last_part.insert(part_of, (place, parts.len() - 1));
        }
    }

    /// Marks the last part of each Operation that has ended.
    fn mark_final_parts(&mut self) {
        for ((_, _, operation_id), (place, index)) in &self.last_part {
            let has_ended = self
                .facts
                .progress
                .get(operation_id)
                .is_some_and(|progress| progress.has_ended);
            if !has_ended {
                continue;
            }

            if let Some(delivery) = self.deliveries.get_mut(*place)
                && let DeliveryContent::Notifications(parts) = &mut delivery.content
                && let Some(part) = parts.get_mut(*index)
            {
                part.is_final = true;
            }
        }
    }

    /// The end of an Operation, if it has come. The database keeps each message of this kind once.
    fn add_end(&mut self, operation_id: OperationId) {
        let (Some(operation), Some(progress)) = (
            self.facts.operations.get(&operation_id),
            self.facts.progress.get(&operation_id),
        ) else {
            return;
        };

        // Cancels of single notifications that leave nothing end the Operation as a cancel of it
        // does.
        let event = if operation.is_canceled || progress.has_ended && progress.is_all_canceled {
            EventType::OperationCanceled
        } else if progress.has_ended {
            EventType::OperationCompleted
        } else {
            return;
        };
        self.add_operation(operation_id, event);
    }

    /// One that was canceled before its time never began.
    fn add_start(&mut self, operation_id: OperationId, event: EventType) {
        let operation = self.facts.operations.get(&operation_id);

        if operation.is_some_and(|operation| !operation.is_canceled) {
            self.add_operation(operation_id, event);
        }
    }

    /// An Operation may be paused several times, so each pause makes a message.
    fn add_pause(&mut self, operation_id: OperationId, event: &Event) {
        let reason = event.data.as_ref().and_then(|data| data.get("reason"));
        let reason = reason.and_then(Value::as_str).unwrap_or_default();

        for recipient in self.recipients(operation_id, EventType::OperationPaused) {
            let content = DeliveryContent::PausedOperation(PausedOperation {
                operation_id,
                reason: reason.to_owned(),
            });
            // Without the Operation's id: the unique key would drop every pause but the first.
            self.push(&recipient, EventType::OperationPaused, None, content);
        }
    }

    /// Notifications for which receipts arrived.
    fn add_receipts(&mut self, operation_id: OperationId, kind: EventType, event: &Event) {
        let positions = event.data.as_ref().and_then(|data| data.get("positions"));
        let positions: Vec<i32> = positions
            .and_then(|positions| serde_json::from_value(positions.clone()).ok())
            .unwrap_or_default();

        for recipient in self.recipients(operation_id, kind) {
            let mut left = positions.as_slice();
            // A row may name more positions than a message holds.
            while !left.is_empty() {
                let (index, room) = self.open_receipts(&recipient, kind);
                let (positions, rest) = left.split_at(room.min(left.len()));
                left = rest;

                let key = (recipient.webhook_id, kind, recipient.callback_url.clone());
                let entries = MAX_ENTRIES - room + positions.len();
                self.open.insert(key, (index, entries));
                let part = ReceiptPart {
                    operation_id,
                    sequence: event.id,
                    positions: positions.to_vec(),
                };
                if let Some(delivery) = self.deliveries.get_mut(index)
                    && let DeliveryContent::Receipts(parts) = &mut delivery.content
                {
                    parts.push(part);
                }
            }
        }
    }

    /// A message that may take more receipts, and how many.
    fn open_receipts(&mut self, recipient: &Recipient, kind: EventType) -> (usize, usize) {
        let key = (recipient.webhook_id, kind, recipient.callback_url.clone());

        match self.open.get(&key).copied() {
            Some((index, entries)) if entries < MAX_ENTRIES => (index, MAX_ENTRIES - entries),
            _ => {
                let content = DeliveryContent::Receipts(Vec::new());
                (self.push(recipient, kind, None, content), MAX_ENTRIES)
            }
        }
    }

    fn add_operation(&mut self, operation_id: OperationId, event: EventType) {
        for recipient in self.recipients(operation_id, event) {
            // Several batches of one plan may have the same end.
            if self
                .planned
                .insert((recipient.webhook_id, event, operation_id))
            {
                let content = DeliveryContent::Operation(operation_id);
                // With the Operation's id: another plan may find the same end, and the unique key
                // drops its message.
                self.push(&recipient, event, Some(operation_id), content);
            }
        }
    }

    fn add_data(&mut self, account_id: AccountId, event: EventType, data: &Value) {
        match event {
            EventType::DeviceRemoved => {
                // A later release may have written fields that this one can't read.
                let Ok(device) = serde_json::from_value::<RemovedDevice>(data.clone()) else {
                    return;
                };
                for subscriber in self.subscribed(account_id, event, &[&device.app_name]) {
                    self.add_device(&Recipient::of(subscriber), &device);
                }
            }
            EventType::CredentialRefused | EventType::CredentialRecovered => {
                let Ok(credential) = serde_json::from_value::<ReportedCredential>(data.clone())
                else {
                    return;
                };
                for subscriber in self.subscribed(account_id, event, &[&credential.app_name]) {
                    let content = DeliveryContent::Credential(credential.clone());
                    self.push(&Recipient::of(subscriber), event, None, content);
                }
            }
            // These are about Operations.
            _ => {}
        }
    }

    fn add_device(&mut self, recipient: &Recipient, device: &RemovedDevice) {
        let event = EventType::DeviceRemoved;
        // A device belongs to no Operation, so it has no callback.
        let key = (recipient.webhook_id, event, None);

        let place = match self.open.get(&key).copied() {
            Some((index, entries)) if entries < MAX_ENTRIES => {
                self.open.insert(key, (index, entries + 1));
                index
            }
            _ => {
                let content = DeliveryContent::Devices(Vec::new());
                let index = self.push(recipient, event, None, content);
                self.open.insert(key, (index, 1));
                index
            }
        };

        if let Some(delivery) = self.deliveries.get_mut(place)
            && let DeliveryContent::Devices(devices) = &mut delivery.content
        {
            devices.push(device.clone());
        }
    }

    /// Returns the index of the new message.
    fn push(
        &mut self,
        recipient: &Recipient,
        event: EventType,
        operation_id: Option<OperationId>,
        content: DeliveryContent,
    ) -> usize {
        self.deliveries.push(NewDelivery {
            id: WebhookDeliveryId::generate(),
            account_id: recipient.account_id,
            webhook_id: recipient.webhook_id,
            event: event.as_str().to_owned(),
            operation_id,
            callback_url: recipient.callback_url.clone(),
            content,
        });

        self.deliveries.len() - 1
    }

    /// The webhooks that get an event of an Operation.
    fn recipients(&self, operation_id: OperationId, event: EventType) -> Vec<Recipient> {
        // Retention has dropped the Operation since, and nothing about it can be read any more.
        let Some(operation) = self.facts.operations.get(&operation_id) else {
            return Vec::new();
        };
        let apps = apps_of(operation, &self.facts.apps);
        let apps: Vec<&str> = apps.iter().map(String::as_str).collect();

        let callback = self.facts.callbacks.get(&operation_id);
        // The oldest webhook with the callback's origin sends to it.
        let called_back = callback.and_then(|callback| {
            let mut subscribers = self.of_account(operation.account_id);
            // Only the origin of a webhook is called: the webhook's secret signs what is sent
            // there.
            let first = subscribers.find(|subscriber| subscriber.origin == callback.origin)?;
            Some((first.id, callback))
        });

        let subscribed = self.subscribed(operation.account_id, event, &apps);
        let wanting = subscribed.into_iter().filter(|subscriber| {
            let wanted = subscriber.tags.as_ref();
            wanted.is_none_or(|wanted| has_tags(operation.tags.as_ref(), wanted))
        });
        wanting
            .map(|subscriber| Recipient {
                callback_url: called_back
                    .filter(|(webhook_id, _)| *webhook_id == subscriber.id)
                    .map(|(_, callback)| callback.url.clone()),
                ..Recipient::of(subscriber)
            })
            .collect()
    }

    fn of_account(&self, account_id: AccountId) -> impl Iterator<Item = &'a Subscriber> {
        let subscribers = self.subscribers.get(&account_id);

        subscribers.into_iter().flatten().copied()
    }

    /// The account's webhooks that want `event` of one of `apps`.
    fn subscribed(
        &self,
        account_id: AccountId,
        event: EventType,
        apps: &[&str],
    ) -> Vec<&'a Subscriber> {
        self.of_account(account_id)
            .filter(|subscriber| subscriber.events.contains(&event))
            .filter(|subscriber| {
                let wanted = subscriber.app_name.as_deref();
                wanted.is_none_or(|wanted| apps.contains(&wanted))
            })
            .collect()
    }
}

/// A webhook that gets a message.
struct Recipient {
    account_id: AccountId,
    webhook_id: WebhookId,
    callback_url: Option<String>,
}

impl Recipient {
    fn of(subscriber: &Subscriber) -> Self {
        Self {
            account_id: subscriber.account_id,
            webhook_id: subscriber.id,
            callback_url: None,
        }
    }
}

/// Whether `tags` have all of `wanted`.
fn has_tags(tags: Option<&Value>, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else {
        return true;
    };

    wanted
        .iter()
        .all(|(key, value)| tags.and_then(|tags| tags.get(key)) == Some(value))
}

/// The Apps that an Operation is sent from: that of its Users, or of the sender that it names.
fn apps_of(operation: &OperationFacts, apps: &AccountApps) -> Vec<String> {
    if let Some(name) = &operation.app_name {
        return vec![name.clone()];
    }
    let Some(sender) = &operation.sender else {
        let default = apps.defaults.get(&operation.account_id);
        return default.cloned().into_iter().collect();
    };
    if let Some(name) = sender.get("appName").and_then(Value::as_str) {
        return vec![name.to_owned()];
    }

    ["fcm", "apn"]
        .iter()
        .filter_map(|field| sender.get(field)?.as_str()?.parse::<CredentialId>().ok())
        .filter_map(|id| apps.of_credentials.get(&id).cloned())
        .collect()
}

#[cfg(test)]
mod tests;
