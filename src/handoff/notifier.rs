//! Wakes a task at once, or at the earliest of several times.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::handoff::due_queues::DueQueues;

/// Wakes one waiting task: at once by [`Self::notify`], later by [`Self::notify_after`].
///
/// Any number of tasks own it and notify; one task alone waits. It has no task of its own and lives
/// as long as its owners.
#[derive(Default)]
pub(crate) struct Notifier {
    notified: Notify,
    /// The earliest time of all calls to [`Self::notify_after`] that has not passed.
    timer: Mutex<Option<Instant>>,
    timer_changed: Notify,
}

impl Notifier {
    /// Wakes the waiting task now, or its next wait if it is not waiting.
    pub(crate) fn notify(&self) {
        self.notified.notify_one();
    }

    /// Wakes the waiting task after `delay`, unless an earlier time is set.
    pub(crate) fn notify_after(&self, delay: Duration) {
        let Some(at) = Instant::now().checked_add(delay) else {
            return;
        };

        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        if timer.is_none_or(|earlier| at < earlier) {
            *timer = Some(at);
            self.timer_changed.notify_one();
        }
    }

    /// Waits until the task is notified or the timer fires, at most `longest`.
    pub(crate) async fn wait(&self, longest: Duration) {
        let longest = Instant::now() + longest;

        loop {
            let timer = *self.timer.lock().unwrap_or_else(PoisonError::into_inner);
            let until = timer.map_or(longest, |timer| timer.min(longest));

            tokio::select! {
                () = self.notified.notified() => break,
                () = tokio::time::sleep_until(until) => break,
                // The timer may fire earlier now.
                () = self.timer_changed.notified() => {}
            }
        }

        // A timer that has fired must not end the next wait.
        let now = Instant::now();
        self.timer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|timer| *timer <= now);
    }
}

/// How this process's delivery is notified of new work, by code that learns of it before Postgres
/// announces it.
#[derive(Clone, Default)]
pub(crate) struct Notifiers {
    /// Which queues have batches due; wakes the claim loop.
    pub queues: Arc<DueQueues>,
    /// Wakes the fan-out: an audience is due.
    pub fan_out: Arc<Notifier>,
    /// Wakes the pacer: an Operation has a pace, or another.
    pub pacer: Arc<Notifier>,
}

impl Notifiers {
    /// Work may be due in any queue.
    pub(crate) fn notify_all(&self) {
        self.queues.search.notify_one();
        self.fan_out.notify();
        self.pacer.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_notification_before_the_wait_is_not_lost() {
        let notifier = Notifier::default();
        notifier.notify();

        let before = Instant::now();
        notifier.wait(LONG).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_timer_fires_once() {
        let notifier = Notifier::default();
        notifier.notify_after(Duration::from_secs(20));
        notifier.notify_after(Duration::from_secs(5));
        notifier.notify_after(Duration::from_secs(10));

        let before = Instant::now();
        notifier.wait(LONG).await;
        assert_eq!(before.elapsed().as_secs(), 5);

        notifier.wait(Duration::from_secs(60)).await;
        assert_eq!(before.elapsed().as_secs(), 65);
    }
}
