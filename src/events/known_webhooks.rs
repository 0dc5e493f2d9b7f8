//! The webhooks that are known to have messages, each with the time from which its queue is read. All
//! earlier messages, as far as this process knows, are delivered or were moved.
//!
//! While any transaction in the database is older, vacuum keeps the index entries of messages that were
//! claimed and delivered. The search for webhooks with messages passes all of them, and each claim did
//! too: with 200,000 messages, they took 100 ms and 30 ms. So a slow search rests, and until the next
//! one, only the known webhooks are looked at, from their bounds on.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::model::id::WebhookId;
use crate::store::webhook_queue::WaitingWebhook;

/// Longer than a statement that makes messages due takes: it writes the time at which it began.
const MARGIN: Duration = Duration::from_secs(5);
/// A search that takes no longer than this costs so little that the next one need not wait.
const CHEAP: Duration = Duration::from_millis(5);
/// For what a search takes beyond that, the next one waits this many times as long.
const REST_FACTOR: u32 = 50;
/// The longest wait, so that the messages of a webhook that is not known do not wait for long.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The sender alone owns it. Its times are by the database's clock. It must be forgotten after an error:
/// another Postgres may have another clock.
#[derive(Default)]
pub(super) struct KnownWebhooks {
    since: BTreeMap<WebhookId, OffsetDateTime>,
    /// No search before this time.
    rests_until: Option<Instant>,
}

impl KnownWebhooks {
    /// How long the next search waits; `None`: it may come now.
    pub(super) fn search_in(&self, now: Instant) -> Option<Duration> {
        self.rests_until
            .map(|until| until.saturating_duration_since(now))
            .filter(|left| !left.is_zero())
    }

    /// The known webhooks after `last` and around, at most `limit`, with the times from which to read.
    pub(super) fn after(
        &self,
        last: Option<WebhookId>,
        limit: usize,
    ) -> Vec<(WebhookId, OffsetDateTime)> {
        let Some(last) = last else {
            return listed(self.since.range(..), limit);
        };

        let behind = self.since.range((Bound::Excluded(last), Bound::Unbounded));
        listed(behind.chain(self.since.range(..=last)), limit)
    }

    /// Notes a search that ended at `now`. `is_whole`: whether no other webhook has messages.
    pub(super) fn note_search(
        &mut self,
        found: &[WaitingWebhook],
        is_whole: bool,
        took: Duration,
        now: Instant,
    ) {
        let rest = (took.saturating_sub(CHEAP) * REST_FACTOR).min(LONGEST_REST);
        self.rests_until = Some(now + rest);

        if is_whole {
            self.since
                .retain(|id, _| found.iter().any(|found| found.id == *id));
        }
        self.note_look(found);
    }

    /// Notes where the messages of webhooks begin.
    pub(super) fn note_look(&mut self, found: &[WaitingWebhook]) {
        for webhook in found {
            match webhook.due_since.or(webhook.looked_at) {
                // It may move back: a search has read the queue from its beginning.
                Some(earliest) => {
                    self.since.insert(webhook.id, earliest - MARGIN);
                }
                // The webhook rests or is disabled, so its messages were not read, and its bound
                // stays.
                None => {
                    let beginning = OffsetDateTime::UNIX_EPOCH;
                    self.since.entry(webhook.id).or_insert(beginning);
                }
            }
        }
    }
}

fn listed<'a>(
    webhooks: impl Iterator<Item = (&'a WebhookId, &'a OffsetDateTime)>,
    limit: usize,
) -> Vec<(WebhookId, OffsetDateTime)> {
    webhooks
        .take(limit)
        .map(|(id, since)| (*id, *since))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(id: WebhookId) -> WaitingWebhook {
        WaitingWebhook {
            id,
            is_failing: false,
            due_since: None,
            looked_at: None,
        }
    }

    fn ids() -> [WebhookId; 3] {
        let mut ids = std::array::from_fn(|_| WebhookId::generate());
        ids.sort();
        ids
    }

    #[test]
    fn a_slow_search_rests_and_a_quick_one_does_not() {
        let mut known = KnownWebhooks::default();
        let now = Instant::now();
        assert_eq!(known.search_in(now), None);

        known.note_search(&[], true, Duration::from_millis(3), now);
        assert_eq!(known.search_in(now), None);

        known.note_search(&[], true, Duration::from_millis(105), now);
        assert_eq!(known.search_in(now), Some(Duration::from_secs(5)));

        known.note_search(&[], true, Duration::from_secs(60), now);
        assert_eq!(known.search_in(now), Some(LONGEST_REST));
        assert_eq!(known.search_in(now + LONGEST_REST), None);
    }

    #[test]
    fn a_queue_is_read_from_a_little_before_its_oldest_message_on() {
        let mut known = KnownWebhooks::default();
        let at = OffsetDateTime::now_utc();
        let [backlog, idle, resting] = ids();
        let found = [
            WaitingWebhook {
                due_since: Some(at - 9 * LONGEST_REST),
                looked_at: Some(at),
                ..webhook(backlog)
            },
            WaitingWebhook {
                looked_at: Some(at),
                ..webhook(idle)
            },
            webhook(resting),
        ];
        let bounds = [
            (backlog, at - 9 * LONGEST_REST - MARGIN),
            (idle, at - MARGIN),
            (resting, OffsetDateTime::UNIX_EPOCH),
        ];

        known.note_search(&found, false, Duration::ZERO, Instant::now());
        assert_eq!(known.after(None, 10), bounds);

        // A webhook that was disabled since keeps its bound.
        known.note_look(&[webhook(idle)]);
        assert_eq!(known.after(None, 10), bounds);

        let late = WaitingWebhook {
            due_since: Some(at - LONGEST_REST),
            looked_at: Some(at),
            ..webhook(idle)
        };
        known.note_look(&[late]);
        assert_eq!(
            known.after(Some(backlog), 1),
            [(idle, at - LONGEST_REST - MARGIN)]
        );
    }

    #[test]
    fn known_webhooks_take_turns_and_those_without_messages_are_forgotten() {
        let mut known = KnownWebhooks::default();
        let [a, b, c] = ids();
        let order = |known: &KnownWebhooks, last, limit| -> Vec<WebhookId> {
            known.after(last, limit).iter().map(|(id, _)| *id).collect()
        };

        known.note_search(
            &[webhook(a), webhook(c)],
            false,
            Duration::ZERO,
            Instant::now(),
        );
        known.note_search(&[webhook(b)], false, Duration::ZERO, Instant::now());
        assert_eq!(order(&known, None, 10), [a, b, c]);
        assert_eq!(order(&known, Some(a), 10), [b, c, a]);
        assert_eq!(order(&known, Some(c), 2), [a, b]);

        known.note_search(&[webhook(b)], true, Duration::ZERO, Instant::now());
        assert_eq!(order(&known, Some(a), 10), [b]);
    }
}
