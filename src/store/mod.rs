//! All SQL, one noun per file. Functions take a pool or a connection, return rows as types, and decide nothing.

pub mod accounts;
pub mod api_keys;
pub mod apps;
pub mod batches;
pub mod cancel;
pub mod citus;
pub mod credentials;
pub mod delivery_attempts;
pub mod device_registrations;
pub mod devices;
pub mod due;
pub mod errors;
pub mod fanouts;
pub mod idempotency_keys;
pub mod operations;
pub mod outcomes;
pub mod partitions;
pub mod push_notifications;
pub mod queue;
pub mod recipients;
pub mod schema;
pub mod sealed;
pub mod senders;
pub mod stats;
pub mod tries;
pub mod users;
