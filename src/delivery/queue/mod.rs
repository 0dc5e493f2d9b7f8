//! The queue: which batches this process works on, and what is in them.

pub(super) mod claim;
pub(super) mod deferred_batches;
pub(super) mod fan_out;
pub(super) mod handed_over;
pub(super) mod lease;
pub(super) mod load;
pub(super) mod user_devices;
