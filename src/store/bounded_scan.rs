//! Bounded scans: how much one request for a page of a list reads.
//!
//! A filter may match one row of millions. So a scan ends after a number of rows, or after
//! some time, even if it has found nothing. It returns where it ended, and the next page continues there.

use std::time::{Duration, Instant};

/// Rows that one scan reads, of all tables together.
const MAX_ROWS: usize = 10_000;
/// How long a scan takes at most.
const MAX_TIME: Duration = Duration::from_millis(500);

/// What a scan has found.
pub(crate) struct ScanPage<T, C> {
    pub records: Vec<T>,
    /// Where the next page begins; `None`: the list ends with this page.
    pub next: Option<C>,
}

impl<T, C> ScanPage<T, C> {
    pub(super) fn empty() -> Self {
        Self {
            records: Vec::new(),
            next: None,
        }
    }
}

/// What is left of a scan's limits.
pub(super) struct ScanBudget {
    rows: usize,
    until: Instant,
}

impl ScanBudget {
    pub(super) fn new() -> Self {
        Self {
            rows: MAX_ROWS,
            until: Instant::now() + MAX_TIME,
        }
    }

    pub(super) fn spend(&mut self, rows: usize) {
        self.rows = self.rows.saturating_sub(rows);
    }

    pub(super) fn is_spent(&self) -> bool {
        // Rows alone are no bound of the time: a few of them take long while the database is busy.
        self.rows == 0 || Instant::now() >= self.until
    }
}
