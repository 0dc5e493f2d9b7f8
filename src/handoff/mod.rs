//! Where ingest and delivery meet in the memory of a process, beside Postgres: what is due and
//! who is notified, the hand-off of small Operations, and the capacity of delivery. Nothing here depends on
//! either side.

pub(crate) mod capacity;
pub(crate) mod delivery_stats;
pub(crate) mod due_queues;
pub(crate) mod local;
pub(crate) mod notifier;
