//! What becomes of a notification: resolved, recorded, and dead tokens pruned.

pub(super) mod dead_tokens;
pub(super) mod recorder;
pub(super) mod resolution;
