//! Recall: a lane that had no room for a batch has it claimed again as soon as there is room, and not
//! only when the delay is over that was guessed when it was put back. Postgres knows which lane a
//! batch waits for, so the lanes of another process, or of this one after a restart, recall it too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::handoff::due_queues::DueQueues;
use crate::model::id::CredentialId;
use crate::store::batches;
use crate::store::pool::Pool;

/// Most batches of one recall.
const MAX_BATCHES: i64 = 200;
/// How long a recall may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The least time between two recalls of a lane that has put something back. A batch can be recalled
/// only after its other notifications have been recorded, so a recall may find nothing at first.
const INTERVAL: Duration = Duration::from_millis(50);
/// The least time between two recalls of a lane that knows of nothing. Another process may have put
/// something back.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How long a lane that has put something back expects to find it. It covers the longest delay.
const EXPECTED_FOR: Duration = Duration::from_secs(35);

const _: () = assert!(INTERVAL.as_millis() < LOOK_INTERVAL.as_millis());

/// Recalls batches for all lanes.
///
/// Delivery owns the task that [`Self::run`] is. The request of a lane wakes it. It ends when delivery
/// stops; what it has not recalled by then is claimed when its delay is over, or recalled by another
/// process.
pub(crate) struct Recaller {
    requests: mpsc::UnboundedReceiver<Request>,
    sender: mpsc::UnboundedSender<Request>,
}

struct Request {
    lane: Arc<Mutex<RecallState>>,
    credential_id: CredentialId,
    /// How many notifications the lane has room for.
    room: usize,
}

/// Makes the [`LaneRecall`] of each lane.
#[derive(Clone)]
pub(crate) struct Recalls(mpsc::UnboundedSender<Request>);

/// One lane's side of the recall. The lane's handle and its worker share it: both note what they put
/// back, and the worker asks.
#[derive(Clone)]
pub(crate) struct LaneRecall {
    credential_id: CredentialId,
    state: Arc<Mutex<RecallState>>,
    requests: mpsc::UnboundedSender<Request>,
}

/// Decides when a lane asks again.
struct RecallState {
    is_under_way: bool,
    /// Until when something is expected to be found.
    expected_until: Instant,
    /// When the last recall ended; `None`: there was none.
    last: Option<Instant>,
}

impl RecallState {
    fn new(now: Instant) -> Self {
        Self {
            is_under_way: false,
            expected_until: now,
            last: None,
        }
    }

    fn note_put_back(&mut self, now: Instant) {
        self.expected_until = now + EXPECTED_FOR;
    }

    /// Whether to ask now. If so, the recall is under way.
    fn begin(&mut self, now: Instant) -> bool {
        let interval = if now < self.expected_until {
            INTERVAL
        } else {
            LOOK_INTERVAL
        };

        let is_due = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= interval);
        if self.is_under_way || !is_due {
            return false;
        }

        self.is_under_way = true;
        true
    }

    /// Ends the recall that is under way. `found`: whether it recalled anything, so that there may be
    /// more.
    fn end(&mut self, found: bool, now: Instant) {
        self.is_under_way = false;
        self.last = Some(now);

        if found {
            self.expected_until = self.expected_until.max(now + EXPECTED_FOR);
        }
    }
}

impl LaneRecall {
    /// Notes that the lane puts a notification back.
    pub(crate) fn note_put_back(&self) {
        lock(&self.state).note_put_back(Instant::now());
    }

    /// Asks for what the lane put back, as many notifications as it has `room` for, unless it has just
    /// asked.
    pub(crate) fn ask(&self, room: usize) {
        if !lock(&self.state).begin(Instant::now()) {
            return;
        }

        // The recaller ends before the lanes, at a shutdown. Then nothing is to be recalled.
        let _ = self.requests.send(Request {
            lane: Arc::clone(&self.state),
            credential_id: self.credential_id,
            room,
        });
    }
}

impl Recalls {
    pub(crate) fn for_lane(&self, credential_id: CredentialId) -> LaneRecall {
        LaneRecall {
            credential_id,
            state: Arc::new(Mutex::new(RecallState::new(Instant::now()))),
            requests: self.0.clone(),
        }
    }
}

impl Recaller {
    pub(crate) fn new() -> Self {
        let (sender, requests) = mpsc::unbounded_channel();

        Self { requests, sender }
    }

    pub(crate) fn recalls(&self) -> Recalls {
        Recalls(self.sender.clone())
    }

    /// Recalls until `stop`. `queues` wakes the claim loop.
    pub(crate) async fn run(mut self, pool: Pool, queues: Arc<DueQueues>, stop: CancellationToken) {
        let pool = pool.limited_to(LIMIT);

        while let Some(Some(request)) = stop.run_until_cancelled(self.requests.recv()).await {
            let Request {
                credential_id,
                room,
                ..
            } = request;
            let recalling = batches::recall(&pool, credential_id, MAX_BATCHES, room as i64);
            let recalled = recalling.await.unwrap_or_else(|error| {
                // The batches come back when their delay is over, so this is no error to act on.
                tracing::debug!(%error, "batches can't be recalled");
                Vec::new()
            });

            lock(&request.lane).end(!recalled.is_empty(), Instant::now());
            let due = recalled.into_iter().map(|queue| (queue, Duration::ZERO));
            queues.announce_all(due);
        }
    }
}

/// No code panics while it holds the lock, so a poisoned one is still consistent.
fn lock(state: &Mutex<RecallState>) -> MutexGuard<'_, RecallState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_lane_looks_once_for_what_others_put_back() {
        let now = Instant::now();
        let mut state = RecallState::new(now);

        assert!(state.begin(now));
        assert!(!state.begin(now), "it is under way");

        state.end(false, now);
        assert!(!state.begin(now + INTERVAL));
        assert!(state.begin(now + LOOK_INTERVAL));
    }

    #[test]
    fn a_lane_that_has_put_something_back_asks_often() {
        let now = Instant::now();
        let mut state = RecallState::new(now);
        state.note_put_back(now);

        assert!(state.begin(now));
        state.end(false, now);
        assert!(!state.begin(now));
        assert!(state.begin(now + INTERVAL), "it may have been released now");

        let later = now + EXPECTED_FOR;
        state.end(false, later);
        assert!(!state.begin(later + INTERVAL), "it came back by itself");
    }

    #[test]
    fn there_may_be_more_where_something_was_found() {
        let now = Instant::now();
        let mut state = RecallState::new(now);

        assert!(state.begin(now));
        state.end(true, now);
        assert!(state.begin(now + INTERVAL));
    }
}
