//! Receipts: what the app on a device reports of a message.

use time::OffsetDateTime;

use crate::model::id::{OperationId, PushNotificationId};

/// The key in the message's data under which the app finds the token that a receipt names.
pub const RECEIPT_DATA_KEY: &str = "bw_receipt";

/// What happened to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptEvent {
    /// It arrived on the device.
    Delivered,
    /// A person opened it.
    Opened,
    /// A person removed it without opening it.
    Dismissed,
}

impl ReceiptEvent {
    /// Each by its name on the wire.
    pub const ALL: [(&'static str, Self); 3] = [
        ("DELIVERED", Self::Delivered),
        ("OPENED", Self::Opened),
        ("DISMISSED", Self::Dismissed),
    ];
}

/// One event of one notification of this installation.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    pub event: ReceiptEvent,
    /// When it happened.
    pub at: OffsetDateTime,
}

impl Receipt {
    /// `at` as the device's clock has it, which may be wrong: it is moved to between the Operation's
    /// acceptance and `now`. `None`: `id` is no notification's.
    pub fn new(
        id: PushNotificationId,
        event: ReceiptEvent,
        at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let (operation_id, position) = id.locate()?;
        let at = at.unwrap_or(now).max(operation_id.created_at()).min(now);

        Some(Self {
            operation_id,
            position: i32::try_from(position).ok()?,
            event,
            at,
        })
    }
}

/// When the events of a notification happened; `None`: they did not, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiptTimes {
    pub delivered_at: Option<OffsetDateTime>,
    pub opened_at: Option<OffsetDateTime>,
    pub dismissed_at: Option<OffsetDateTime>,
}

impl ReceiptTimes {
    /// Adds an event. The first of a kind counts. What was opened or dismissed has arrived.
    pub fn add(&mut self, event: ReceiptEvent, at: OffsetDateTime) {
        match event {
            ReceiptEvent::Delivered => {}
            ReceiptEvent::Opened => {
                self.opened_at.get_or_insert(at);
            }
            ReceiptEvent::Dismissed => {
                self.dismissed_at.get_or_insert(at);
            }
        }
        // The receipt of the arrival may be lost, or come later.
        self.delivered_at.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn what_was_opened_or_dismissed_has_arrived() {
        let now = OffsetDateTime::now_utc();
        let of = |event| {
            let mut times = ReceiptTimes::default();
            times.add(event, now);
            (
                times.delivered_at.is_some(),
                times.opened_at.is_some(),
                times.dismissed_at.is_some(),
            )
        };

        assert_eq!(of(ReceiptEvent::Delivered), (true, false, false));
        assert_eq!(of(ReceiptEvent::Opened), (true, true, false));
        assert_eq!(of(ReceiptEvent::Dismissed), (true, false, true));
    }

    #[test]
    fn the_first_event_of_a_kind_counts() {
        let now = OffsetDateTime::now_utc();
        let later = now + Duration::MINUTE;
        let mut times = ReceiptTimes::default();
        times.add(ReceiptEvent::Opened, now);
        let first = times;

        times.add(ReceiptEvent::Opened, later);
        times.add(ReceiptEvent::Delivered, later);
        assert_eq!(times, first);
    }

    #[test]
    fn a_wrong_clock_is_corrected() {
        let operation_id = OperationId::generate();
        let created_at = operation_id.created_at();
        let now = created_at + Duration::HOUR;
        let at = |at: Option<OffsetDateTime>| {
            let id = operation_id.push_notification(7);
            let receipt = Receipt::new(id, ReceiptEvent::Opened, at, now).unwrap();
            assert_eq!((receipt.operation_id, receipt.position), (operation_id, 7));
            receipt.at - created_at
        };

        assert_eq!(at(None), Duration::HOUR);
        assert_eq!(at(Some(created_at + Duration::MINUTE)), Duration::MINUTE);
        assert_eq!(at(Some(now + Duration::DAY)), Duration::HOUR);
        assert_eq!(at(Some(OffsetDateTime::UNIX_EPOCH)), Duration::ZERO);
    }
}
