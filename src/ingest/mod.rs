//! Where HTTP requests share the database: accepted Operations share a transaction, as do receipts, and
//! lookups share a query.

pub(crate) mod coalescing;
mod commit_plan;
pub(crate) mod group_commit;
pub(crate) mod receipts;
