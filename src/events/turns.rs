//! Which webhooks are served next: those with due messages take turns, in the order of their ids and
//! around, so that none waits for the others for ever, however many there are.

use std::collections::HashMap;

use crate::model::id::WebhookId;
use crate::store::webhook_queue::{Turn, WaitingWebhook};

/// What a process may take more, of webhooks that do not fail or of those that do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Messages in all.
    pub total: usize,
    /// Most messages that the process may hold of one webhook.
    pub of_webhook: usize,
}

/// The room of both kinds of webhooks, and what the process holds already.
pub(super) struct Rooms<'a> {
    pub working: Room,
    pub failing: Room,
    /// How many messages of each webhook it holds.
    pub held: &'a HashMap<WebhookId, usize>,
}

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub turns: Vec<Turn>,
    /// The webhook after which the next search begins; `None`: there was none.
    pub last: Option<WebhookId>,
    /// Whether webhooks were left out because the room was used up.
    pub is_cut: bool,
}

/// Gives turns to the due webhooks of `waiting`, in the order of the search, until the room is used up.
/// Webhooks of one kind share its room evenly.
pub(super) fn turns(waiting: &[WaitingWebhook], rooms: &Rooms<'_>) -> Turns {
    let mut given = Turns::default();
    let mut counts = [0, 0];

    for webhook in waiting {
        let room = rooms.of(webhook.is_failing);
        let count = &mut counts[usize::from(webhook.is_failing)];

        // If there is no room for its kind, webhooks of the other kind may still get a turn.
        if let Some(since) = webhook.due_since
            && room.total > 0
            && rooms.free(webhook) > 0
        {
            if *count == room.total {
                // `last` stays at the webhook before this one, so the next search begins with it.
                given.is_cut = true;
                break;
            }
            *count += 1;
            given.turns.push(Turn {
                webhook_id: webhook.id,
                is_failing: webhook.is_failing,
                room: rooms.free(webhook) as i32,
                since,
            });
        }
        given.last = Some(webhook.id);
    }

    for turn in &mut given.turns {
        let room = rooms.of(turn.is_failing);
        let count = counts[usize::from(turn.is_failing)];
        let share = (room.total / count).max(1);
        turn.room = turn.room.min(share as i32);
    }
    given
}

impl Rooms<'_> {
    fn of(&self, is_failing: bool) -> Room {
        if is_failing {
            self.failing
        } else {
            self.working
        }
    }

    /// How many more messages of a webhook the process may hold.
    fn free(&self, webhook: &WaitingWebhook) -> usize {
        let held = self.held.get(&webhook.id).copied().unwrap_or(0);

        self.of(webhook.is_failing).of_webhook.saturating_sub(held)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn due(is_failing: bool) -> WaitingWebhook {
        WaitingWebhook {
            id: WebhookId::generate(),
            is_failing,
            due_since: Some(OffsetDateTime::UNIX_EPOCH),
            looked_at: Some(OffsetDateTime::UNIX_EPOCH),
        }
    }

    fn given(waiting: &[WaitingWebhook], total: usize, held: &HashMap<WebhookId, usize>) -> Turns {
        let room = |of_webhook| Room { total, of_webhook };
        let rooms = Rooms {
            working: room(8),
            failing: room(1),
            held,
        };

        turns(waiting, &rooms)
    }

    fn rooms_of(turns: &Turns) -> Vec<i32> {
        turns.turns.iter().map(|turn| turn.room).collect()
    }

    #[test]
    fn those_of_one_kind_share_its_room() {
        let waiting: Vec<WaitingWebhook> = (0..4).map(|_| due(false)).collect();
        let none = HashMap::new();

        assert_eq!(rooms_of(&given(&waiting[..1], 12, &none)), [8]);
        assert_eq!(rooms_of(&given(&waiting, 12, &none)), [3, 3, 3, 3]);
        assert_eq!(rooms_of(&given(&[due(true)], 12, &none)), [1]);

        let held = HashMap::from([(waiting[0].id, 8), (waiting[1].id, 7)]);
        assert_eq!(rooms_of(&given(&waiting[..2], 12, &held)), [1]);
    }

    #[test]
    fn one_that_got_no_room_is_the_first_of_the_next_search() {
        let waiting: Vec<WaitingWebhook> = (0..4).map(|_| due(false)).collect();

        let turns = given(&waiting, 2, &HashMap::new());
        assert_eq!(rooms_of(&turns), [1, 1]);
        assert!(turns.is_cut);
        assert_eq!(turns.last, Some(waiting[1].id));
    }

    #[test]
    fn a_kind_without_room_does_not_stop_the_other() {
        let waiting = [due(true), due(true), due(false)];
        let none = HashMap::new();
        let rooms = Rooms {
            working: Room {
                total: 3,
                of_webhook: 8,
            },
            failing: Room {
                total: 0,
                of_webhook: 1,
            },
            held: &none,
        };

        let turns = turns(&waiting, &rooms);
        assert_eq!(turns.turns.len(), 1);
        assert!(!turns.is_cut);
        assert_eq!(turns.last, Some(waiting[2].id));
    }

    #[test]
    fn one_that_is_not_due_is_passed() {
        let resting = WaitingWebhook {
            due_since: None,
            ..due(false)
        };
        let last = resting.id;

        let turns = given(&[resting], 5, &HashMap::new());
        assert!(turns.turns.is_empty());
        assert_eq!(turns.last, Some(last));
        assert_eq!(given(&[], 5, &HashMap::new()).last, None);
    }
}
