//! Where requests share the database: accepted Operations share a transaction, and lookups share a
//! query.

pub(crate) mod coalescing;
pub(crate) mod group_commit;
