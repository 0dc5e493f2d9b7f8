//! Looks: what one request for a page of a list reads.
//!
//! A filter may match one row of millions. So a look ends when it has looked at so many rows, or for
//! so long, whatever it has found by then, and says where it ended: the next page goes on there.

use std::time::{Duration, Instant};

/// Rows that one look looks at, of all tables together.
const MAX_ROWS: usize = 10_000;
/// How long a look goes on.
const MAX_TIME: Duration = Duration::from_millis(500);

/// What a look has found.
pub(crate) struct Found<T, C> {
    pub records: Vec<T>,
    /// Where the next page begins; `None`: the list ends with this page.
    pub next: Option<C>,
}

impl<T, C> Found<T, C> {
    pub(super) fn nothing() -> Self {
        Self {
            records: Vec::new(),
            next: None,
        }
    }
}

/// What is left of a look.
pub(super) struct Budget {
    rows: usize,
    until: Instant,
}

impl Budget {
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
        self.rows == 0 || Instant::now() >= self.until
    }
}
