//! The queue: which batches this process works on, and what they have to send.

pub(super) mod claim;
pub(super) mod claim_policy;
pub(super) mod deferred_batches;
pub(super) mod fan_out;
pub(super) mod handed_over;
pub(super) mod lease;
pub(super) mod listen;
pub(super) mod load;
pub(super) mod lower_bounds;
pub(super) mod operation_guards;
pub(super) mod pace_plan;
pub(super) mod pacer;
mod push_caps;
pub(super) mod recall;
pub(super) mod renew;
pub(super) mod search;
pub(super) mod user_devices;
