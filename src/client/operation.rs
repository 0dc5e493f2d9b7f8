//! What is read of an Operation.

use std::fmt::Write as _;

use serde_json::Value;

use crate::client::text::{counted, grouped, printable};

/// An Operation as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub id: String,
    /// As the API names it, or `PAUSED`.
    pub status: String,
    pub stats: Stats,
}

/// How many of an Operation's notifications are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stats {
    pub total: u64,
    pub scheduled: u64,
    pub queued: u64,
    pub sent: u64,
    pub failed: u64,
    pub canceled: u64,
    pub unaddressable: u64,
}

impl Operation {
    pub(super) fn of(operation: &Value) -> Self {
        let text = |name: &str| printable(operation[name].as_str().unwrap_or_default());
        // The status says PROCESSING or SCHEDULED during a pause, which a field of its own shows.
        let is_paused = operation["paused"].as_bool() == Some(true);

        Self {
            id: text("id"),
            status: if is_paused {
                "PAUSED".to_owned()
            } else {
                text("status")
            },
            stats: Stats::of(&operation["stats"]),
        }
    }

    /// Whether nothing of it changes any more.
    pub(super) fn has_ended(&self) -> bool {
        ["COMPLETED", "CANCELED"].contains(&self.status.as_str())
    }

    /// Its end in a line.
    pub(super) fn summary(&self) -> String {
        let Stats {
            total,
            sent,
            failed,
            canceled,
            unaddressable,
            ..
        } = self.stats;

        let mut line = format!(
            "{}  {}  {}: {} sent",
            self.id,
            self.status,
            counted(total, "recipient"),
            grouped(sent)
        );
        for (count, name) in [
            (failed, "failed"),
            (unaddressable, "unaddressable"),
            (canceled, "canceled"),
        ] {
            if count > 0 {
                let _ = write!(line, ", {} {name}", grouped(count));
            }
        }
        line
    }
}

impl Stats {
    pub(super) fn of(stats: &Value) -> Self {
        // `watch` makes an Operation of null before its first answer.
        let count = |name: &str| stats[name].as_u64().unwrap_or_default();

        Self {
            total: count("total"),
            scheduled: count("scheduled"),
            queued: count("queued"),
            sent: count("sent"),
            failed: count("failed"),
            canceled: count("canceled"),
            unaddressable: count("unaddressable"),
        }
    }

    /// How many have their result.
    pub(super) fn settled(self) -> u64 {
        self.sent + self.failed + self.canceled + self.unaddressable
    }

    /// Whether each recipient was sent to.
    pub(super) fn is_all_sent(self) -> bool {
        self.sent == self.total
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            scheduled: self.scheduled + other.scheduled,
            queued: self.queued + other.queued,
            sent: self.sent + other.sent,
            failed: self.failed + other.failed,
            canceled: self.canceled + other.canceled,
            unaddressable: self.unaddressable + other.unaddressable,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_summary_leaves_out_what_did_not_happen() {
        let stats =
            json!({"total": 1200, "sent": 1199, "failed": 1, "canceled": 0, "unaddressable": 0});
        let operation = Operation::of(&json!({"id": "op", "status": "COMPLETED", "stats": stats}));

        assert_eq!(
            operation.summary(),
            "op  COMPLETED  1,200 recipients: 1,199 sent, 1 failed"
        );
        assert!(operation.has_ended());
        assert!(!operation.stats.is_all_sent());
    }

    #[test]
    fn what_is_not_known_is_zero() {
        let operation = Operation::of(&json!({"status": "PROCESSING"}));

        assert_eq!(operation.stats, Stats::default());
        assert!(!operation.has_ended());
    }
}
