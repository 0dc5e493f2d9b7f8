use serde_json::json;

use super::*;

/// An account with one Operation of `batches`: for each, the numbers of sent, failed and canceled notifications.
struct Case {
    facts: Facts,
    account_id: AccountId,
    operation_id: OperationId,
}

impl Case {
    fn of(batches: &[[i32; 3]]) -> Self {
        let account_id = AccountId::generate();
        let operation_id = OperationId::generate();
        let mut facts = Facts::default();
        facts.operations.insert(
            operation_id,
            OperationFacts {
                account_id,
                sender: None,
                app_name: Some("shop".to_owned()),
                tags: Some(json!({"team": "crm", "run": "7"})),
                is_canceled: false,
            },
        );
        facts.progress.insert(
            operation_id,
            Progress {
                has_ended: true,
                is_all_canceled: false,
            },
        );
        for (number, [sent, failed, canceled]) in (0..).zip(batches) {
            facts.batches.insert(
                (operation_id, number),
                SettledBatch {
                    first_position: number * 500,
                    size: sent + failed + canceled,
                    sent: *sent,
                    failed: *failed,
                    canceled: *canceled,
                },
            );
        }

        Self {
            facts,
            account_id,
            operation_id,
        }
    }

    fn subscribe(&mut self, events: &[EventType]) -> &mut Subscriber {
        self.facts.subscribers.push(Subscriber {
            id: WebhookId::generate(),
            account_id: self.account_id,
            origin: "https://hooks.example.com:443".to_owned(),
            events: events.to_vec(),
            app_name: None,
            tags: None,
        });
        self.facts.subscribers.last_mut().unwrap()
    }

    fn event(&self, kind: &str, batch_number: Option<i32>) -> Event {
        Event {
            id: 1,
            account_id: self.account_id,
            kind: kind.to_owned(),
            operation_id: Some(self.operation_id),
            batch_number,
            data: None,
            due_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn plan_batches(&self) -> Vec<NewDelivery> {
        let count = self.facts.batches.len() as i32;
        let events: Vec<Event> = (0..count)
            .map(|number| self.event("batch", Some(number)))
            .collect();
        plan(&events, &self.facts)
    }
}

/// The sequences of each message's parts; a final one is negative.
fn sequences(deliveries: &[NewDelivery]) -> Vec<Vec<i32>> {
    deliveries
        .iter()
        .map(|delivery| match &delivery.content {
            DeliveryContent::Notifications(parts) => parts
                .iter()
                .map(|part| {
                    if part.is_final {
                        -part.sequence
                    } else {
                        part.sequence
                    }
                })
                .collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn batches_share_a_message_up_to_a_thousand_entries() {
    let mut case = Case::of(&[[0, 500, 0], [0, 500, 0], [0, 500, 0], [490, 10, 0]]);
    case.subscribe(&[EventType::NotificationFailed]);

    assert_eq!(sequences(&case.plan_batches()), [vec![0, 1], vec![2, -3]]);
}

#[test]
fn a_batch_makes_no_message_about_nothing() {
    let mut case = Case::of(&[[500, 0, 0], [499, 0, 1]]);
    case.subscribe(&[
        EventType::NotificationFailed,
        EventType::NotificationCanceled,
    ]);

    let deliveries = case.plan_batches();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].event, "notification.canceled");
    assert_eq!(sequences(&deliveries), [vec![-1]]);
}

#[test]
fn an_end_is_reported_once_and_only_when_it_has_come() {
    let mut case = Case::of(&[[1, 0, 0], [1, 0, 0]]);
    case.subscribe(&[EventType::OperationCompleted, EventType::OperationCanceled]);
    let events = |case: &Case| -> Vec<String> {
        let deliveries = case.plan_batches();
        deliveries
            .into_iter()
            .map(|delivery| delivery.event)
            .collect()
    };
    assert_eq!(events(&case), ["operation.completed"]);

    let progress = case.facts.progress.get_mut(&case.operation_id).unwrap();
    progress.is_all_canceled = true;
    assert_eq!(events(&case), ["operation.canceled"]);

    let progress = case.facts.progress.get_mut(&case.operation_id).unwrap();
    progress.has_ended = false;
    progress.is_all_canceled = false;
    assert_eq!(events(&case), [""; 0]);

    let operation = case.facts.operations.get_mut(&case.operation_id).unwrap();
    operation.is_canceled = true;
    assert_eq!(
        events(&case),
        ["operation.canceled"],
        "as a whole, though some is in flight"
    );
}

#[test]
fn a_plan_does_not_search_the_webhooks_of_all_accounts_for_each_event() {
    let mut case = Case::of(&[]);
    case.subscribe(&[EventType::OperationProcessing]);
    for _ in 0..20_000 {
        case.subscribe(&[EventType::OperationProcessing]).account_id = AccountId::generate();
    }
    let operation = case.facts.operations[&case.operation_id].clone();
    let events: Vec<Event> = (0..5_000)
        .map(|_| {
            let id = OperationId::generate();
            case.facts.operations.insert(id, operation.clone());
            Event {
                operation_id: Some(id),
                ..case.event("operation.processing", None)
            }
        })
        .collect();

    let began = std::time::Instant::now();
    assert_eq!(plan(&events, &case.facts).len(), 5_000);
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_canceled_operation_never_began() {
    let mut case = Case::of(&[]);
    case.subscribe(&[EventType::OperationProcessing]);
    let start = [case.event("operation.processing", None)];
    assert_eq!(plan(&start, &case.facts).len(), 1);

    let operation = case.facts.operations.get_mut(&case.operation_id).unwrap();
    operation.is_canceled = true;
    assert!(plan(&start, &case.facts).is_empty());
}

#[test]
fn receipts_share_a_message_up_to_a_thousand_entries() {
    let mut case = Case::of(&[]);
    case.subscribe(&[EventType::NotificationOpened]);
    let opened = |positions: std::ops::Range<i32>| Event {
        data: Some(json!({"positions": positions.collect::<Vec<i32>>()})),
        ..case.event("notification.opened", None)
    };

    let events = [opened(0..600), opened(600..1_500), opened(7..8)];
    let deliveries = plan(&events, &case.facts);
    let counts: Vec<Vec<usize>> = deliveries
        .iter()
        .map(|delivery| match &delivery.content {
            DeliveryContent::Receipts(parts) => {
                parts.iter().map(|part| part.positions.len()).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(counts, [vec![600, 400], vec![500, 1]]);

    let delivered = case.event("notification.delivered", None);
    assert!(plan(&[delivered], &case.facts).is_empty(), "not asked for");
}

#[test]
fn each_pause_is_reported() {
    let mut case = Case::of(&[]);
    case.subscribe(&[EventType::OperationPaused]);
    let pause = |reason: &str| Event {
        data: Some(json!({"reason": reason})),
        ..case.event("operation.paused", None)
    };

    let deliveries = plan(&[pause("GUARD"), pause("REQUESTED")], &case.facts);
    let planned: Vec<_> = deliveries
        .iter()
        .map(|delivery| (delivery.operation_id, &delivery.content))
        .collect();
    let content = |reason: &str| {
        DeliveryContent::PausedOperation(PausedOperation {
            operation_id: case.operation_id,
            reason: reason.to_owned(),
        })
    };
    assert_eq!(
        planned,
        [(None, &content("GUARD")), (None, &content("REQUESTED"))]
    );
}

#[test]
fn a_webhook_gets_events_of_its_app_and_tags_alone() {
    for (app_name, tags, is_wanted) in [
        (None, None, true),
        (Some("shop"), None, true),
        (Some("other"), None, false),
        (None, Some(json!({"team": "crm"})), true),
        (None, Some(json!({"team": "crm", "run": "8"})), false),
        (None, Some(json!({"season": "winter"})), false),
    ] {
        let mut case = Case::of(&[[1, 0, 0]]);
        let subscriber = case.subscribe(&[EventType::NotificationSent]);
        subscriber.app_name = app_name.map(str::to_owned);
        subscriber.tags = tags.clone();

        assert_eq!(
            case.plan_batches().len(),
            usize::from(is_wanted),
            "{app_name:?} {tags:?}"
        );
    }

    let mut case = Case::of(&[[1, 0, 0]]);
    case.subscribe(&[EventType::NotificationSent]).account_id = AccountId::generate();
    assert!(case.plan_batches().is_empty(), "another account's");
}

#[test]
fn the_app_of_an_operation_follows_from_its_sender() {
    let account_id = AccountId::generate();
    let credential = CredentialId::generate();
    let mut apps = AccountApps::default();
    apps.of_credentials
        .insert(credential, "of-credential".to_owned());
    apps.defaults.insert(account_id, "default".to_owned());
    let apps_from = |sender: Value| {
        let operation = OperationFacts {
            account_id,
            sender: Some(sender).filter(|sender| !sender.is_null()),
            app_name: None,
            tags: None,
            is_canceled: false,
        };
        apps_of(&operation, &apps)
    };

    assert_eq!(apps_from(Value::Null), ["default"]);
    assert_eq!(apps_from(json!({"appName": "named"})), ["named"]);
    assert_eq!(apps_from(json!({"apn": credential})), ["of-credential"]);
    assert_eq!(apps_from(json!({"fcm": CredentialId::generate()})), [""; 0]);
}

#[test]
fn a_callback_replaces_the_url_of_the_first_webhook_with_its_origin() {
    let mut case = Case::of(&[[1, 0, 0]]);
    case.subscribe(&[EventType::NotificationSent]).origin = "https://other:443".to_owned();
    let first = case.subscribe(&[EventType::NotificationSent]).id;
    case.subscribe(&[EventType::NotificationSent]);
    case.facts.callbacks.insert(
        case.operation_id,
        Callback {
            url: "https://hooks.example.com/run/7".to_owned(),
            origin: "https://hooks.example.com:443".to_owned(),
        },
    );

    for delivery in case.plan_batches() {
        let expected =
            (delivery.webhook_id == first).then(|| "https://hooks.example.com/run/7".to_owned());
        assert_eq!(delivery.callback_url, expected);
    }
}

#[test]
fn devices_share_a_message() {
    let mut case = Case::of(&[]);
    case.subscribe(&[EventType::DeviceRemoved]);
    let device = json!({"deviceId": uuid::Uuid::nil(), "deviceRegistrationId": uuid::Uuid::nil(),
        "userId": uuid::Uuid::nil(), "appName": "shop", "provider": "FCM", "token": "",
        "removedAt": "2026-11-26T00:00:00+00:00"});
    let event = Event {
        operation_id: None,
        data: Some(device),
        ..case.event("device.removed", None)
    };

    let deliveries = plan(&vec![event; MAX_ENTRIES + 1], &case.facts);
    let counts: Vec<usize> = deliveries
        .iter()
        .map(|delivery| match &delivery.content {
            DeliveryContent::Devices(devices) => devices.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(counts, [MAX_ENTRIES, 1]);
}
