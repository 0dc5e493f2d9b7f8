//! When to look for due batches: at once, when somebody rings; else at the earliest moment that is
//! known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// An alarm clock for the claiming task, which alone waits on it.
#[derive(Default)]
pub struct Wake {
    rung: Notify,
    alarm: Mutex<Option<Instant>>,
    alarm_changed: Notify,
}

impl Wake {
    /// Something is due now.
    pub fn now(&self) {
        self.rung.notify_one();
    }

    /// Something is due after `delay`.
    pub fn after(&self, delay: Duration) {
        let Some(at) = Instant::now().checked_add(delay) else {
            return;
        };
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.is_none_or(|earlier| at < earlier) {
            *alarm = Some(at);
            self.alarm_changed.notify_one();
        }
    }

    /// Waits until somebody rings or the alarm goes off, but no longer than `longest`.
    pub async fn wait(&self, longest: Duration) {
        let longest = Instant::now() + longest;
        loop {
            let alarm = *self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
            let until = alarm.map_or(longest, |alarm| alarm.min(longest));
            tokio::select! {
                () = self.rung.notified() => break,
                () = tokio::time::sleep_until(until) => break,
                () = self.alarm_changed.notified() => {}
            }
        }
        let now = Instant::now();
        self.alarm
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|alarm| *alarm <= now);
    }
}

/// Wakes the delivery of this process: for those who know sooner than Postgres tells.
#[derive(Clone, Default)]
pub struct Bell {
    /// Batches are due.
    pub batches: Arc<Wake>,
    /// An audience is to be fanned out.
    pub fanouts: Arc<Wake>,
}

impl Bell {
    /// Anything may be due.
    pub fn ring(&self) {
        self.batches.now();
        self.fanouts.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_ring_is_not_lost_on_somebody_who_was_busy() {
        let wake = Wake::default();
        wake.now();
        let before = Instant::now();
        wake.wait(LONG).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_alarm_counts_and_goes_off_once() {
        let wake = Wake::default();
        wake.after(Duration::from_secs(20));
        wake.after(Duration::from_secs(5));
        wake.after(Duration::from_secs(10));
        let before = Instant::now();
        wake.wait(LONG).await;
        assert_eq!(before.elapsed().as_secs(), 5);
        wake.wait(Duration::from_secs(60)).await;
        assert_eq!(before.elapsed().as_secs(), 65);
    }
}
