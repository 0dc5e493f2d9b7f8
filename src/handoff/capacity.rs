//! How many notifications a process may have claimed at a time, which bounds the memory of
//! delivery. `ingest/group_commit.rs` bounds the memory of what is being accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the notifications that this process has claimed, from claim to record.
///
/// Group commit, which hands small Operations over, the claim loop and the lanes own it together.
/// The claim loop alone waits on [`Self::freed`]. It lives as long as its owners and permits.
pub(crate) struct Capacity {
    limit: usize,
    claimed: AtomicUsize,
    /// Requests of stalled lanes, which do not count against the limit: their concurrency limits
    /// bound them, and one provider's outage must not stop the others.
    exempt: AtomicUsize,
    /// Notified when the process has room again.
    pub freed: Notify,
}

impl Capacity {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            claimed: AtomicUsize::new(0),
            exempt: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// How many more notifications may be claimed.
    pub(crate) fn free(&self) -> usize {
        (self.limit + self.exempt.load(Ordering::Relaxed)).saturating_sub(self.claimed())
    }

    /// Whether at least half of the capacity is free, so that a large claim is worth its cost.
    pub(crate) fn is_roomy(&self) -> bool {
        self.free() >= self.limit / 2
    }

    /// How many notifications are claimed.
    pub(crate) fn claimed(&self) -> usize {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Counts `count` notifications as claimed until the permit is dropped. It does not wait and may
    /// exceed the limit: callers ask [`Self::free`] before they claim.
    pub(crate) fn permit(self: &Arc<Self>, count: usize) -> Permit {
        self.claimed.fetch_add(count, Ordering::Relaxed);

        Permit {
            capacity: Arc::clone(self),
            count,
        }
    }

    /// Exempts `count` requests of a stalled lane from the limit until the exemption is dropped.
    pub(crate) fn exempt(self: &Arc<Self>, count: usize) -> Exemption {
        self.exempt.fetch_add(count, Ordering::Relaxed);
        self.freed.notify_one();

        Exemption {
            capacity: Arc::clone(self),
            count,
        }
    }

    fn release(&self, count: usize) {
        let before = self.claimed.fetch_sub(count, Ordering::Relaxed);
        let after = before - count;

        // A claim is worth its cost when half of the capacity is free. The last release wakes the
        // claim loop too, because with a small limit the count may never cross the half.
        let half = self.limit / 2;
        let crossed_half = before > half && after <= half;
        if crossed_half || (count > 0 && after == 0) {
            self.freed.notify_one();
        }
    }
}

/// Claimed notifications in [`Capacity`]; dropping it returns them.
pub(crate) struct Permit {
    capacity: Arc<Capacity>,
    count: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.capacity.release(self.count);
    }
}

/// Requests of a stalled lane that do not count against [`Capacity`] while this lives.
pub(crate) struct Exemption {
    capacity: Arc<Capacity>,
    count: usize,
}

impl Drop for Exemption {
    fn drop(&mut self) {
        self.capacity
            .exempt
            .fetch_sub(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_stalled_lanes_leave_room_for_others() {
        let capacity = Capacity::new(10);
        let permits: Vec<Permit> = (0..10).map(|_| capacity.permit(1)).collect();
        assert_eq!(capacity.free(), 0);

        let exemption = capacity.exempt(6);
        assert_eq!(capacity.free(), 6);

        drop(permits);
        drop(exemption);
        assert_eq!(capacity.free(), 10);
        assert_eq!(capacity.claimed(), 0);
    }
}
