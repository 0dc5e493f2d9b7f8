//! Panics: logged as lines like any other, except where a caller expects and handles them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

thread_local! {
    static UNLOGGED: Cell<bool> = const { Cell::new(false) };
}

/// Logs every panic of this process from now on, except those inside [`catch_unlogged`].
pub(super) fn log() {
    set_hook(Box::new(|panic| {
        // In place of the hook of Rust, whose lines have neither a time nor the form that is
        // configured.
        if !UNLOGGED.get() {
            tracing::error!(%panic, "a task panicked");
        }
    }));
}

/// Runs `work` on this thread and catches its panic without a log line: for code that might panic on
/// input of tenants, who could fill the disk with such lines.
pub(crate) fn catch_unlogged<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    UNLOGGED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    UNLOGGED.set(false);

    result
}
