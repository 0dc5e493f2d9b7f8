//! Where HTTP and delivery meet within a process, beside Postgres: who wakes delivery, what is handed
//! to it in memory, and how much room it has. Nothing here knows either side.

pub(crate) mod capacity;
pub(crate) mod delivery_stats;
pub(crate) mod local;
pub(crate) mod notifier;
